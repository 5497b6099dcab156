/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__x86_64__)

#define ISA FASTRNN_ISA_AVX2
#define KERNELS fastrnn_kernels_avx2_f32

#include "real.h"

#include "vec_avx2.h"

#include "kernels.h"

#else
typedef int fastrnn_avx2_f32_not_built; /* a translation unit may not be empty */
#endif
