/* SPDX-License-Identifier: Apache-2.0 */
/* The element type of this kernel table. */
#include "../internal.h"

#ifdef REAL_IS_DOUBLE
typedef double real;
#else
typedef float real;
#endif
