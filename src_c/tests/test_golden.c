/* SPDX-License-Identifier: Apache-2.0 */
/* Whole stacks against the results of the NumPy reference, in both types on every table. */
#include "model.h"

/* Results y, h_n and (LSTM) c_n one after the other. */
typedef struct {
    const char *name;
    uint64_t seed;
    int bias;
    const double *results;
    fastrnn_spec spec;
} golden_case;

#define SPEC(cell_, ...)                                                               \
    {                                                                                  \
        .size = sizeof(fastrnn_spec), .cell = FASTRNN_##cell_, .input_size = GOLDEN_I, \
        .hidden_size = GOLDEN_H, __VA_ARGS__                                           \
    }

#include "golden.h"
#include "golden_onnx.h"

static void check_array(const char *name, const char *part, fastrnn_dtype dtype, const void *got,
                        const double *wanted, ptrdiff_t n) {
    double tolerance = dtype == FASTRNN_F32 ? 2e-6 : 1e-14;
    for (ptrdiff_t i = 0; i < n; i++) {
        double error = fabs(get(dtype, got, i) - wanted[i]);
        CHECK(error <= tolerance * (1 + fabs(wanted[i])), "%s %s[%td]: got %.17g, wanted %.17g",
              name, part, i, get(dtype, got, i), wanted[i]);
    }
}

static void check_case(const golden_case *g, fastrnn_dtype dtype, fastrnn_isa isa) {
    fastrnn_spec spec = g->spec;
    spec.dtype = dtype;
    spec.isa = isa;
    random_state = g->seed;
    fastrnn_weights weights[MAX_LAYERS];
    random_weights(&spec, g->bias, weights);
    fastrnn_stack *stack = new_stack(&spec, weights);
    sequence q = random_sequence(&spec, GOLDEN_T, GOLDEN_N);
    run(stack, &q);
    const double *h_n = g->results + q.y_size, *c_n = h_n + q.h_size;
    check_array(g->name, "y", dtype, q.y, g->results, q.y_size);
    check_array(g->name, "h_n", dtype, q.h_n, h_n, q.h_size);
    if (q.c_size) check_array(g->name, "c_n", dtype, q.c_n, c_n, q.c_size);
    free_all();
}

static void check_cases(const golden_case *cases, size_t count) {
    FOR_EACH_DTYPE(dtype) {
        FOR_EACH_KERNELS(kernels, dtype) {
            for (size_t i = 0; i < count; i++) check_case(&cases[i], dtype, kernels->isa);
        }
    }
}

int main(void) {
    check_cases(golden, sizeof golden / sizeof golden[0]);
    check_cases(golden_onnx, sizeof golden_onnx / sizeof golden_onnx[0]);
    return report("stacks give what the NumPy reference gives");
}
