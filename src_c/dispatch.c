/* SPDX-License-Identifier: Apache-2.0 */
#include "dispatch.h"
#include "internal.h"

#ifndef FASTRNN_NO_ENVIRONMENT
#include <stdlib.h>
#include <string.h>

/* The value of FASTRNN_ISA, or NULL. */
static const char *named_isa(void) {
    const char *name = getenv("FASTRNN_ISA");
    return name && *name ? name : NULL;
}

static int is_named(fastrnn_isa isa, const char *name) {
    return !name || strcmp(name, fastrnn_isa_name(isa)) == 0;
}
#else
static const char *named_isa(void) { return NULL; }

static int is_named(fastrnn_isa isa, const char *name) { return (void)isa, !name; }
#endif

DEFINE_DISPATCH(fastrnn_kernels, kernels)

static const fastrnn_isa best_first[] = {FASTRNN_ISA_AVX512, FASTRNN_ISA_AVX2, FASTRNN_ISA_NEON,
                                         FASTRNN_ISA_SCALAR};

const fastrnn_kernels *fastrnn_kernels_get(fastrnn_isa isa, fastrnn_dtype dtype) {
    if (isa != FASTRNN_ISA_AUTO) return fastrnn_cpu_has(isa) ? kernels_tables[isa][dtype] : NULL;
    const char *name = named_isa();
    for (size_t i = 0; i < sizeof best_first / sizeof best_first[0]; i++)
        if (fastrnn_cpu_has(best_first[i]) && is_named(best_first[i], name))
            return kernels_tables[best_first[i]][dtype];
    return NULL;
}
