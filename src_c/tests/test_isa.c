/* SPDX-License-Identifier: Apache-2.0 */
/* Every instruction set of the machine against plain C, at awkward sizes. */
#include "model.h"

#include "../stack.h"

static const ptrdiff_t sizes[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 50, 64, 65};
#define SIZE_COUNT (sizeof sizes / sizeof sizes[0])

/* Only the ISA differs: same weights, same sequence. */
static void compare(const char *name, const fastrnn_spec *spec, fastrnn_stack *const *stacks,
                    ptrdiff_t N) {
    double tolerance = spec->dtype == FASTRNN_F32 ? 2e-5 : 1e-13;
    sequence wanted = random_sequence(spec, 3, N), got = wanted;
    run(stacks[FASTRNN_ISA_SCALAR], &wanted);
    for (fastrnn_isa isa = FASTRNN_ISA_NEON; isa <= FASTRNN_ISA_AVX512; isa++) {
        if (!stacks[isa]) continue;
        new_results(spec, &got);
        run(stacks[isa], &got);
        const char *form = "%s %s I %td H %td N %td: %g";
        ptrdiff_t I = spec->input_size, H = spec->hidden_size;
        double y = distance(spec->dtype, got.y, wanted.y, got.y_size);
        double h = distance(spec->dtype, got.h_n, wanted.h_n, got.h_size);
        double c = got.c_size ? distance(spec->dtype, got.c_n, wanted.c_n, got.c_size) : 0;
        CHECK(y < tolerance, form, fastrnn_isa_name(isa), name, I, H, N, y);
        CHECK(h < tolerance, form, fastrnn_isa_name(isa), name, I, H, N, h);
        CHECK(c < tolerance, form, fastrnn_isa_name(isa), name, I, H, N, c);
    }
}

/* Only fused cells have code for some numbers of rows; products alone are test_product's. */
static ptrdiff_t next_rows(const fastrnn_stack *stack) {
    fastrnn_layer_view view;
    fastrnn_layer_view_of(stack, 0, &view);
    return view.fused ? 1 : 6;
}

static void try_size(const variant *v, fastrnn_dtype dtype, size_t at) {
    ptrdiff_t H = sizes[at], I = sizes[(5 * at + 3) % SIZE_COUNT];
    if (v->projected && H == 1) return;
    fastrnn_spec spec = spec_of(v, dtype, I, H, 1 + (ptrdiff_t)at % 2, at % 3 == 0);
    fastrnn_weights weights[MAX_LAYERS];
    fastrnn_stack *stacks[FASTRNN_ISA_AVX512 + 1] = {NULL};
    random_weights(&spec, BIAS_BOTH, weights);
    FOR_EACH_KERNELS(kernels, dtype) {
        spec.isa = kernels->isa;
        stacks[kernels->isa] = new_stack(&spec, weights);
    }
    const ptrdiff_t next = next_rows(stacks[FASTRNN_ISA_SCALAR]);
    for (ptrdiff_t N = 1; N <= 20; N += next) compare(v->name, &spec, stacks, N);
    free_all();
}

int main(void) {
    FOR_EACH_DTYPE(dtype)
    FOR_EACH_VARIANT(v)
    for (size_t at = 0; at < SIZE_COUNT; at++) try_size(v, dtype, at);
    return report("every instruction set gives what plain C gives");
}
