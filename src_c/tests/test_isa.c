/* SPDX-License-Identifier: Apache-2.0 */
/* Every instruction set of the machine against plain C, at awkward sizes. */
#include "model.h"

static const ptrdiff_t sizes[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 50, 64, 65};
#define SIZE_COUNT (sizeof sizes / sizeof sizes[0])

/* Only the ISA differs: same weights, same sequence. */
static void compare(const variant *v, fastrnn_dtype dtype, size_t at, ptrdiff_t N) {
    double tolerance = dtype == FASTRNN_F32 ? 2e-5 : 1e-13;
    ptrdiff_t H = sizes[at], I = sizes[(5 * at + (size_t)N) % SIZE_COUNT];
    fastrnn_spec spec = spec_of(v, dtype, I, H, 1 + (ptrdiff_t)at % 2, N % 3 == 0);
    if (v->projected && H == 1) return;
    fastrnn_weights weights[MAX_LAYERS];
    random_weights(&spec, BIAS_BOTH, weights);
    spec.isa = FASTRNN_ISA_SCALAR;
    fastrnn_stack *scalar = new_stack(&spec, weights);
    sequence wanted = random_sequence(&spec, 3, N), got = wanted;
    run(scalar, &wanted);
    FOR_EACH_KERNELS(kernels, dtype) {
        if (kernels->isa == FASTRNN_ISA_SCALAR) continue;
        spec.isa = kernels->isa;
        new_results(&spec, &got);
        run(new_stack(&spec, weights), &got);
        const char *form = "%s %s I %td H %td N %td: %g";
        double y = distance(dtype, got.y, wanted.y, got.y_size);
        double h = distance(dtype, got.h_n, wanted.h_n, got.h_size);
        double c = got.c_size ? distance(dtype, got.c_n, wanted.c_n, got.c_size) : 0;
        CHECK(y < tolerance, form, kernels_name(kernels), v->name, I, H, N, y);
        CHECK(h < tolerance, form, kernels_name(kernels), v->name, I, H, N, h);
        CHECK(c < tolerance, form, kernels_name(kernels), v->name, I, H, N, c);
    }
    free_all();
}

int main(void) {
    FOR_EACH_DTYPE(dtype)
    FOR_EACH_VARIANT(v)
    for (size_t at = 0; at < SIZE_COUNT; at++)
        for (ptrdiff_t N = 1; N <= 20; N++) compare(v, dtype, at, N);
    if (!checks_done) CHECK(1, "this machine has plain C only");
    return report("every instruction set gives what plain C gives");
}
