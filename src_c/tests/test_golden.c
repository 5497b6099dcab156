/* SPDX-License-Identifier: Apache-2.0 */
/* Whole stacks against the results of the NumPy reference, in both types on every table. */
#include "model.h"

#include "golden.h"

static void check_array(const char *name, const char *part, fastrnn_dtype dtype, const void *got,
                        const double *wanted, ptrdiff_t n) {
    double tolerance = dtype == FASTRNN_F32 ? 2e-6 : 1e-14;
    for (ptrdiff_t i = 0; i < n; i++) {
        double error = fabs(get(dtype, got, i) - wanted[i]);
        CHECK(error <= tolerance * (1 + fabs(wanted[i])), "%s %s[%td]: got %.17g, wanted %.17g",
              name, part, i, get(dtype, got, i), wanted[i]);
    }
}

int main(void) {
    FOR_EACH_DTYPE(dtype)
    FOR_EACH_KERNELS(kernels, dtype)
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        fastrnn_spec spec = golden[i].spec;
        spec.dtype = dtype;
        spec.isa = kernels->isa;
        random_state = golden[i].seed;
        fastrnn_weights weights[MAX_LAYERS];
        random_weights(&spec, golden[i].bias, weights);
        fastrnn_stack *stack = new_stack(&spec, weights);
        sequence q = random_sequence(&spec, GOLDEN_T, GOLDEN_N);
        run(stack, &q);
        check_array(golden[i].name, "y", dtype, q.y, golden[i].y, q.y_size);
        check_array(golden[i].name, "h_n", dtype, q.h_n, golden[i].h_n, q.h_size);
        if (q.c_size) check_array(golden[i].name, "c_n", dtype, q.c_n, golden[i].c_n, q.c_size);
        free_all();
    }
    return report("stacks give what the NumPy reference gives");
}
