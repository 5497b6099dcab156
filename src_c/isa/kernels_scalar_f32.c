/* SPDX-License-Identifier: Apache-2.0 */
#define ISA FASTRNN_ISA_SCALAR
#define KERNELS fastrnn_kernels_scalar_f32

#include "real.h"

#include "vec_scalar.h"

#include "kernels.h"
