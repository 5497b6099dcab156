/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__aarch64__)

#define ISA FASTRNN_ISA_NEON
#define KERNELS fastrnn_kernels_neon_f32

#include "real.h"

#include "vec_neon.h"

#include "kernels.h"

#else
typedef int fastrnn_neon_f32_not_built; /* a translation unit may not be empty */
#endif
