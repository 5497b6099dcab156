/* SPDX-License-Identifier: Apache-2.0 */
#define REAL_IS_DOUBLE
#include "vec_scalar.h"

#include "training.h"
