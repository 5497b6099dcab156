/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

int fastrnn_cpu_has(fastrnn_isa isa) {
    switch (isa) {
    case FASTRNN_ISA_SCALAR:
        return 1;
#if defined(__x86_64__)
    /* The builtin also asks the operating system whether it saves the wide registers. */
    case FASTRNN_ISA_AVX2:
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case FASTRNN_ISA_AVX512:
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#elif defined(__aarch64__)
    case FASTRNN_ISA_NEON:
        return 1;
#endif
    default:
        return 0;
    }
}
