/* SPDX-License-Identifier: Apache-2.0 */
#define REAL_IS_DOUBLE
#define ISA FASTRNN_ISA_SCALAR
#define KERNELS fastrnn_kernels_scalar_f64

#include "real.h"

#include "vec_scalar.h"

#include "kernels.h"
