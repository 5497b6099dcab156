/* SPDX-License-Identifier: Apache-2.0 */
/* A stream's state: zero at first, reset as a whole or by row, got and set in torch's shapes. */
#include "model.h"

enum { N = 5, L = 3, I = 4, H = 18 };

typedef struct {
    const variant *v;
    fastrnn_spec spec;
    fastrnn_stack *stack;
    ptrdiff_t P, h_size, c_size;
} example;

static void step(fastrnn_stream *stream, const void *x, void *y) {
    fastrnn_status status = fastrnn_stream_step(stream, x, y);
    CHECK(!status, "%s", fastrnn_status_text(status));
}

static void *h_of(const example *e, const fastrnn_stream *stream) {
    void *h = new_array(e->spec.dtype, e->h_size);
    CHECK(!fastrnn_stream_get_state(stream, h, NULL), "%s", e->v->name);
    return h;
}

static void *c_of(const example *e, const fastrnn_stream *stream) {
    if (!e->c_size) return NULL;
    void *c = new_array(e->spec.dtype, e->c_size);
    CHECK(!fastrnn_stream_get_state(stream, NULL, c), "%s", e->v->name);
    return c;
}

/* state (L x N x width): row `row` of all layers is that of `wanted` (NULL: zero). */
static void check_rows(const example *e, const void *state, const void *wanted, ptrdiff_t width,
                       ptrdiff_t first, ptrdiff_t count, const char *what) {
    for (ptrdiff_t k = 0; state && k < L; k++)
        for (ptrdiff_t i = (k * N + first) * width; i < (k * N + first + count) * width; i++) {
            double want = wanted ? get(e->spec.dtype, wanted, i) : 0;
            CHECK(get(e->spec.dtype, state, i) == want, "%s, %s: layer %td, element %td",
                  e->v->name, what, k, i);
        }
}

static void reset(const example *e, const void *x, void *y) {
    fastrnn_stream *stream = new_stream(e->stack, N);
    check_rows(e, h_of(e, stream), NULL, e->P, 0, N, "new h");
    check_rows(e, c_of(e, stream), NULL, H, 0, N, "new c");
    void *first = new_array(e->spec.dtype, N * e->P);
    step(stream, x, first);
    step(stream, x, y);
    CHECK(!same_bytes(e->spec.dtype, first, y, N * e->P), "%s: the state counts", e->v->name);

    const void *h = h_of(e, stream), *c = c_of(e, stream);
    CHECK(!fastrnn_stream_reset_row(stream, 3), "%s", e->v->name);
    check_rows(e, h_of(e, stream), h, e->P, 0, 3, "h of rows below");
    check_rows(e, c_of(e, stream), c, H, 0, 3, "c of rows below");
    check_rows(e, h_of(e, stream), NULL, e->P, 3, 1, "h of the reset row");
    check_rows(e, c_of(e, stream), NULL, H, 3, 1, "c of the reset row");
    check_rows(e, h_of(e, stream), h, e->P, 4, 1, "h of the row above");
    check_rows(e, c_of(e, stream), c, H, 4, 1, "c of the row above");

    CHECK(!fastrnn_stream_reset(stream), "%s", e->v->name);
    step(stream, x, y);
    CHECK(same_bytes(e->spec.dtype, first, y, N * e->P), "%s: step after reset", e->v->name);
}

static void get_and_set(const example *e, const void *x, void *y) {
    fastrnn_stream *stream = new_stream(e->stack, N), *copy = new_stream(e->stack, N);
    const fastrnn_dtype dtype = e->spec.dtype;
    void *h = random_array(dtype, e->h_size, 1);
    void *c = e->c_size ? random_array(dtype, e->c_size, 1) : NULL;
    CHECK(!fastrnn_stream_set_state(stream, h, c), "%s", e->v->name);
    check_rows(e, h_of(e, stream), h, e->P, 0, N, "set h");
    check_rows(e, c_of(e, stream), c, H, 0, N, "set c");
    CHECK(!fastrnn_stream_set_state(stream, NULL, NULL), "%s", e->v->name);
    check_rows(e, h_of(e, stream), h, e->P, 0, N, "h left alone");
    check_rows(e, c_of(e, stream), c, H, 0, N, "c left alone");

    step(stream, x, y); /* an odd number of steps: the two homes of h have changed places */
    CHECK(!fastrnn_stream_set_state(copy, h_of(e, stream), c_of(e, stream)), "%s", e->v->name);
    void *other = new_array(dtype, N * e->P);
    for (int t = 0; t < 3; t++) {
        step(stream, x, y);
        step(copy, x, other);
        CHECK(same_bytes(dtype, y, other, N * e->P), "%s: copied state, step %d", e->v->name, t);
    }
    check_rows(e, h_of(e, stream), h_of(e, copy), e->P, 0, N, "copied h");
    check_rows(e, c_of(e, stream), c_of(e, copy), H, 0, N, "copied c");
}

int main(void) {
    FOR_EACH_DTYPE(dtype)
    FOR_EACH_VARIANT(v) {
        example e = {.v = v, .spec = spec_of(v, dtype, I, H, L, 0)};
        e.stack = random_stack(&e.spec, BIAS_BOTH);
        e.P = outputs_of(&e.spec);
        e.h_size = L * N * e.P;
        e.c_size = v->spec.cell == FASTRNN_LSTM ? L * N * H : 0;
        void *x = random_array(dtype, N * I, 2), *y = new_array(dtype, N * e.P);
        reset(&e, x, y);
        get_and_set(&e, x, y);
        free_all();
    }
    return report("a stream's state is reset, got and set");
}
