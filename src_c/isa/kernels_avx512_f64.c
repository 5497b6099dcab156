/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__x86_64__)

#define REAL_IS_DOUBLE
#define ISA FASTRNN_ISA_AVX512
#define KERNELS fastrnn_kernels_avx512_f64

#include "real.h"

#include "vec_avx512.h"

#include "kernels.h"

#else
typedef int fastrnn_avx512_f64_not_built; /* a translation unit may not be empty */
#endif
