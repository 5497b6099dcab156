/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Best first. */
static const struct {
    fastrnn_isa isa;
    const char *name;
    const fastrnn_kernels *kernels[2]; /* by fastrnn_dtype */
} table[] = {
#if defined(__x86_64__)
    {FASTRNN_ISA_AVX512, "avx512", {&fastrnn_kernels_avx512_f32, &fastrnn_kernels_avx512_f64}},
    {FASTRNN_ISA_AVX2, "avx2", {&fastrnn_kernels_avx2_f32, &fastrnn_kernels_avx2_f64}},
#elif defined(__aarch64__)
    {FASTRNN_ISA_NEON, "neon", {&fastrnn_kernels_neon_f32, &fastrnn_kernels_neon_f64}},
#endif
    {FASTRNN_ISA_SCALAR, "scalar", {&fastrnn_kernels_scalar_f32, &fastrnn_kernels_scalar_f64}},
};

#define TABLE_SIZE (sizeof table / sizeof table[0])

const fastrnn_kernels *fastrnn_kernels_get(fastrnn_isa isa, fastrnn_dtype dtype) {
    const char *forced = isa == FASTRNN_ISA_AUTO ? getenv("FASTRNN_ISA") : NULL;
    if (forced && !*forced) forced = NULL;
    for (size_t i = 0; i < TABLE_SIZE; i++) {
        if (isa != FASTRNN_ISA_AUTO && table[i].isa != isa) continue;
        if (forced && strcmp(forced, table[i].name) != 0) continue;
        if (fastrnn_cpu_has(table[i].isa)) return table[i].kernels[dtype];
    }
    return NULL;
}
