/* SPDX-License-Identifier: Apache-2.0 */
/* A row's results are the same bits alone and in any batch; a NaN stays in its row. */
#include "model.h"

/* x (T x N x I), rows [first, first + n) of it */
static void *take_rows(fastrnn_dtype dtype, const void *x, ptrdiff_t T, ptrdiff_t N, ptrdiff_t I,
                       ptrdiff_t first, ptrdiff_t n) {
    size_t row = (size_t)I * size_of(dtype);
    char *to = new_array(dtype, T * n * I), *at = to;
    for (ptrdiff_t t = 0; t < T; t++, at += (size_t)n * row)
        memcpy(at, (const char *)x + (size_t)(t * N + first) * row, (size_t)n * row);
    return to;
}

static void split(const fastrnn_spec *spec, const char *name, ptrdiff_t N) {
    const ptrdiff_t T = 3, outputs = directions_of(spec) * outputs_of(spec);
    fastrnn_stack *stack = random_stack(spec, BIAS_BOTH);
    sequence all = random_sequence(spec, T, N);
    all.h0 = all.c0 = NULL;
    run(stack, &all);
    for (ptrdiff_t first = 0, n = 1; first < N; first += n, n = n % 5 + 1) {
        if (n > N - first) n = N - first;
        sequence part = random_sequence(spec, T, n);
        part.h0 = part.c0 = NULL;
        part.x = take_rows(spec->dtype, all.x, T, N, spec->input_size, first, n);
        run(stack, &part);
        void *wanted = take_rows(spec->dtype, all.y, T, N, outputs, first, n);
        CHECK(same_bytes(spec->dtype, part.y, wanted, part.y_size), "%s %s H %td: rows %td + %td",
              name, fastrnn_isa_name(spec->isa), spec->hidden_size, first, n);
    }
    free_all();
}

static void poison(const fastrnn_spec *spec, const char *name, double value) {
    const ptrdiff_t T = 3, N = 13, bad = 6, outputs = directions_of(spec) * outputs_of(spec);
    fastrnn_stack *stack = random_stack(spec, BIAS_BOTH);
    sequence q = random_sequence(spec, T, N);
    run(stack, &q);
    void *clean = q.y;
    set(spec->dtype, q.x, (N + bad) * spec->input_size, value); /* at t = 1 */
    new_results(spec, &q);
    run(stack, &q);
    for (ptrdiff_t t = 0; t < T; t++)
        for (ptrdiff_t r = 0; r < N; r++) {
            size_t at = (size_t)((t * N + r) * outputs) * size_of(spec->dtype);
            if (r != bad)
                CHECK(same_bytes(spec->dtype, (char *)q.y + at, (char *)clean + at, outputs),
                      "%s: row %td changed", name, r);
        }
    for (ptrdiff_t j = 0; isnan(value) && j < N * outputs; j++) {
        double y = get(spec->dtype, q.y, (T - 1) * N * outputs + j);
        CHECK(isnan(y) == (j / outputs == bad), "%s: row %td is %g", name, j / outputs, y);
    }
    free_all();
}

int main(void) {
    FOR_EACH_DTYPE(dtype)
    FOR_EACH_KERNELS(kernels, dtype)
    FOR_EACH_VARIANT(v) {
        for (ptrdiff_t H = 3; H <= 65; H += 31)
            for (ptrdiff_t N = 2; N <= 61; N += 59) { /* more rows than a group has */
                fastrnn_spec spec = spec_of(v, dtype, 300, H, 1, H > 3); /* deeper than a cut */
                spec.isa = kernels->isa;
                split(&spec, v->name, N);
            }
        fastrnn_spec spec = spec_of(v, dtype, 5, 18, 2, 0);
        spec.isa = kernels->isa;
        poison(&spec, v->name, NAN);
        poison(&spec, v->name, INFINITY);
    }
    return report("rows do not see each other");
}
