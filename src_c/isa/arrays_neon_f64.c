/* SPDX-License-Identifier: Apache-2.0 */
#define REAL_IS_DOUBLE
#include "vec_neon.h"

#include "arrays.h"
