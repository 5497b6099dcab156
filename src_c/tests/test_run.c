/* SPDX-License-Identifier: Apache-2.0 */
/* fastrnn_run: states left out, states in place, cut sequences, one scratch for all; and a stack
 * that lives on without its weights. */
#include "model.h"

static const fastrnn_dtype dtype = FASTRNN_F64;

static void states_left_out(const fastrnn_spec *spec, const char *name) {
    fastrnn_stack *stack = random_stack(spec, BIAS_BOTH);
    sequence zeros = random_sequence(spec, 4, 3), none = zeros;
    for (ptrdiff_t i = 0; i < zeros.h_size; i++) set(dtype, zeros.h0, i, 0);
    for (ptrdiff_t i = 0; i < zeros.c_size; i++) set(dtype, zeros.c0, i, 0);
    run(stack, &zeros);
    new_results(spec, &none);
    none.h0 = none.c0 = none.h_n = none.c_n = NULL;
    run(stack, &none);
    CHECK(same_bytes(dtype, zeros.y, none.y, none.y_size), "%s", name);
    free_all();
}

static void states_in_place(const fastrnn_spec *spec, const char *name) {
    fastrnn_stack *stack = random_stack(spec, BIAS_BOTH);
    sequence apart = random_sequence(spec, 4, 3), same = apart;
    run(stack, &apart);
    new_results(spec, &same);
    same.h_n = same.h0;
    same.c_n = same.c0;
    run(stack, &same);
    CHECK(same_bytes(dtype, apart.y, same.y, same.y_size), "%s: y", name);
    CHECK(same_bytes(dtype, apart.h_n, same.h_n, same.h_size), "%s: h", name);
    if (same.c_n) CHECK(same_bytes(dtype, apart.c_n, same.c_n, same.c_size), "%s: c", name);
    free_all();
}

/* The state of the first part continues in the second. */
static void cut(const fastrnn_spec *spec, const char *name) {
    fastrnn_stack *stack = random_stack(spec, BIAS_BOTH);
    sequence whole = random_sequence(spec, 7, 3), first = whole, second = whole;
    run(stack, &whole);
    ptrdiff_t y_step = whole.y_size / 7, x_step = whole.x_size / 7;
    first.T = 3, second.T = 4;
    first.y_size = 3 * y_step, second.y_size = 4 * y_step;
    new_results(spec, &first);
    new_results(spec, &second);
    run(stack, &first);
    second.x = (double *)whole.x + 3 * x_step;
    second.h0 = first.h_n;
    second.c0 = first.c_n;
    run(stack, &second);
    CHECK(same_bytes(dtype, first.y, whole.y, first.y_size), "%s: first part", name);
    CHECK(same_bytes(dtype, second.y, (double *)whole.y + first.y_size, second.y_size),
          "%s: second part", name);
    CHECK(same_bytes(dtype, second.h_n, whole.h_n, whole.h_size), "%s: h", name);
    free_all();
}

/* Scratch for more steps and rows serves for fewer. */
static void larger_scratch(const fastrnn_spec *spec, const char *name) {
    fastrnn_stack *stack = random_stack(spec, BIAS_BOTH);
    sequence q = random_sequence(spec, 4, 3), again = q;
    size_t small = 0, large = 0;
    run(stack, &q);
    new_results(spec, &again);
    CHECK(!fastrnn_run_bytes(stack, 4, 3, &small), "%s", name);
    CHECK(!fastrnn_run_bytes(stack, 5, 9, &large), "%s", name);
    CHECK(small <= large, "%s: %zu, %zu", name, small, large);
    CHECK(!fastrnn_run(stack, 4, 3, again.x, again.y, again.h0, again.c0, NULL, NULL,
                       new_bytes(large), large),
          "%s", name);
    CHECK(same_bytes(dtype, q.y, again.y, q.y_size), "%s", name);
    free_all();
}

/* Missing biases are zeros, and the arrays may go once the stack is made. */
static void biases(const fastrnn_spec *spec, const char *name) {
    for (int bias = BIAS_NONE; bias <= BIAS_BOTH; bias++) {
        fastrnn_weights given[MAX_LAYERS], full[MAX_LAYERS];
        ptrdiff_t count = spec->num_layers * directions_of(spec);
        ptrdiff_t n = fastrnn_describe(spec->cell)->gates * spec->hidden_size;
        random_weights(spec, bias, given);
        void *zeros = memset(new_array(dtype, n), 0, (size_t)n * sizeof(double));
        for (ptrdiff_t i = 0; i < count; i++) {
            full[i] = given[i];
            if (!(bias & BIAS_IH)) full[i].b_ih = zeros;
            if (!(bias & BIAS_HH)) full[i].b_hh = zeros;
        }
        fastrnn_stack *some = new_stack(spec, given), *all = new_stack(spec, full);
        for (ptrdiff_t i = 0; i < count; i++) memset((void *)given[i].w_ih, 0xff, sizeof(double));
        memset(given, 0, sizeof given);
        sequence q = random_sequence(spec, 3, 2), other = q;
        run(some, &q);
        new_results(spec, &other);
        run(all, &other);
        CHECK(same_bytes(dtype, q.y, other.y, q.y_size), "%s: biases %d", name, bias);
        CHECK(!isnan(get(dtype, q.y, 0)), "%s: weights are copied", name);
        free_all();
    }
}

int main(void) {
    FOR_EACH_VARIANT(v)
    for (ptrdiff_t L = 1; L <= 3; L++)
        for (int bidirectional = 0; bidirectional <= 1; bidirectional++) {
            fastrnn_spec spec = spec_of(v, dtype, 4, 9, L, bidirectional);
            states_left_out(&spec, v->name);
            states_in_place(&spec, v->name);
            larger_scratch(&spec, v->name);
            biases(&spec, v->name);
            if (!bidirectional) cut(&spec, v->name);
        }
    return report("runs with and without states, cut, in any scratch");
}
