/* SPDX-License-Identifier: Apache-2.0 */
/* The element type of this kernel table. */
#include "../internal.h"

/* A product and a sum stay two roundings unless v_fma says otherwise, with every compiler; gcc
 * does so under -std=c11. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

#ifdef REAL_IS_DOUBLE
typedef double real;
#else
typedef float real;
#endif
