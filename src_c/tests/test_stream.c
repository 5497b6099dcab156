/* SPDX-License-Identifier: Apache-2.0 */
/* Stepping a stream gives the bits of fastrnn_run, whose state it then has. */
#include "model.h"

static void compare(const fastrnn_spec *spec, const char *name, ptrdiff_t T, ptrdiff_t N) {
    fastrnn_stack *stack = random_stack(spec, BIAS_BOTH);
    sequence q = random_sequence(spec, T, N);
    run(stack, &q);

    fastrnn_stream *stream = new_stream(stack, N);
    CHECK(!fastrnn_stream_set_state(stream, q.h0, q.c0), "%s", name);
    size_t x_step = (size_t)(N * spec->input_size) * size_of(spec->dtype);
    size_t y_step = (size_t)(N * outputs_of(spec)) * size_of(spec->dtype);
    char *y = new_array(spec->dtype, q.y_size);
    for (ptrdiff_t t = 0; t < T; t++)
        CHECK(
            !fastrnn_stream_step(stream, (char *)q.x + (size_t)t * x_step, y + (size_t)t * y_step),
            "%s", name);
    void *h = new_array(spec->dtype, q.h_size);
    void *c = q.c_size ? new_array(spec->dtype, q.c_size) : NULL;
    CHECK(!fastrnn_stream_get_state(stream, h, c), "%s", name);
    CHECK(same_bytes(spec->dtype, y, q.y, q.y_size), "%s: y, N %td", name, N);
    CHECK(same_bytes(spec->dtype, h, q.h_n, q.h_size), "%s: h, N %td", name, N);
    if (c) CHECK(same_bytes(spec->dtype, c, q.c_n, q.c_size), "%s: c, N %td", name, N);
    free_all();
}

/* y may be where x is. */
static void in_place(const fastrnn_spec *spec, const char *name) {
    const ptrdiff_t N = 9;
    fastrnn_stack *stack = random_stack(spec, BIAS_BOTH);
    fastrnn_stream *apart = new_stream(stack, N), *same = new_stream(stack, N);
    ptrdiff_t n = N * spec->hidden_size;
    void *x = random_array(spec->dtype, n, 1);
    void *y = new_array(spec->dtype, N * outputs_of(spec));
    CHECK(!fastrnn_stream_step(apart, x, y), "%s", name);
    CHECK(!fastrnn_stream_step(same, x, x), "%s", name);
    CHECK(same_bytes(spec->dtype, x, y, N * outputs_of(spec)), "%s", name);
    free_all();
}

int main(void) {
    FOR_EACH_DTYPE(dtype)
    FOR_EACH_VARIANT(v) {
        for (ptrdiff_t N = 1; N <= 9; N += 4)
            for (ptrdiff_t L = 1; L <= 3; L++) {
                fastrnn_spec spec = spec_of(v, dtype, 3, 17, L, 0);
                compare(&spec, v->name, 5, N);
            }
        fastrnn_spec spec = spec_of(v, dtype, 17, 17, 2, 0);
        in_place(&spec, v->name);
    }
    return report("a stream gives the bits of a run");
}
