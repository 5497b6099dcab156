/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a stack: fastrnn_stream_* and fastrnn_run, both loops over step_layer. A step of a layer
 * is one kernel call, two with projection.
 */
#include <string.h>

#include "arena.h"
#include "stack.h"

/* ---- steps ---- */

/* What the layers of a batch share during a step: o * tanh(c) before a projection, N x H, else
 * nothing. */
static char *place_scratch(arena *a, const fastrnn_stack *s, ptrdiff_t rows) {
    return s->spec.proj_size ? take(a, rows, s->spec.hidden_size, s->itemsize) : NULL;
}

static void place_state(arena *a, const fastrnn_stack *s, ptrdiff_t rows, layer *l) {
    l->rows = rows;
    l->h = take(a, rows, s->outputs, s->itemsize);
    l->next = take(a, rows, s->outputs, s->itemsize);
    if (s->spec.cell == FASTRNN_LSTM)
        l->cell.c_prev = l->cell.c = take(a, rows, s->spec.hidden_size, s->itemsize);
}

static void attach_scratch(layer *l, char *hidden) { l->cell.h = l->projection.a.base = hidden; }

/* Reads x (N x K) and moves the layer's state on; returns it. */
static const char *step_layer(const fastrnn_stack *s, layer *l, const char *x) {
    char *h = l->next;
    l->cell.w.x = x;
    l->cell.descend = !l->cell.descend;
    l->cell.h_prev = l->h;
    if (l->projection.pack)
        l->projection.c.base = h;
    else
        l->cell.h = h;
    s->kernels->forward[s->spec.cell](&l->cell, 0, l->rows, 0, l->cell_panels);
    l->projection.descend = l->cell.descend;
    if (l->projection.pack)
        s->kernels->product(&l->projection, 0, l->rows, 0, l->projection_panels);
    l->next = l->h;
    l->h = h;
    return h;
}

static size_t h_bytes(const fastrnn_stack *s, ptrdiff_t rows) {
    return (size_t)(rows * s->outputs) * s->itemsize;
}

static size_t c_bytes(const fastrnn_stack *s, ptrdiff_t rows) {
    return (size_t)(rows * s->spec.hidden_size) * s->itemsize;
}

static void load(void *state, const void *from, size_t bytes) {
    if (from)
        memcpy(state, from, bytes);
    else
        memset(state, 0, bytes);
}

/* Checks a pair of state arrays, either of which may be NULL. */
static fastrnn_status check_state(const fastrnn_stack *s, const void *h, const void *c) {
    if (c && s->spec.cell != FASTRNN_LSTM) return FASTRNN_ERROR_UNUSED;
    return aligned(h, s->itemsize) && aligned(c, s->itemsize) ? FASTRNN_OK
                                                              : FASTRNN_ERROR_ALIGNMENT;
}

/* ---- stream ---- */

struct fastrnn_stream {
    const fastrnn_stack *stack;
    ptrdiff_t rows;
    layer *layers; /* L */
};

static fastrnn_status measure_stream(const fastrnn_stack *s, ptrdiff_t rows, size_t *bytes) {
    arena all = {NULL, 0, 0}, state = {NULL, 0, 0};
    layer unused;
    if (s->directions > 1) return FASTRNN_ERROR_BIDIRECTIONAL;
    if (rows <= 0) return FASTRNN_ERROR_SIZE;
    take(&all, 1, 1, sizeof(fastrnn_stream));
    take(&all, s->spec.num_layers, 1, sizeof(layer));
    place_scratch(&all, s, rows);
    place_state(&state, s, rows, &unused);
    take(&all, s->spec.num_layers, 1, state.used);
    multiply(&all, multiply(&all, (size_t)rows, (size_t)s->spec.input_size), s->itemsize);
    if (all.overflow || state.overflow) return FASTRNN_ERROR_OVERFLOW;
    *bytes = all.used;
    return FASTRNN_OK;
}

fastrnn_status fastrnn_stream_bytes(const fastrnn_stack *stack, ptrdiff_t batch, size_t *bytes) {
    if (!stack || !bytes) return FASTRNN_ERROR_NULL;
    return measure_stream(stack, batch, bytes);
}

fastrnn_status fastrnn_stream_init(void *memory, size_t bytes, const fastrnn_stack *stack,
                                   ptrdiff_t batch, fastrnn_stream **stream) {
    size_t wanted;
    if (!stack || !stream) return FASTRNN_ERROR_NULL;
    fastrnn_status status = measure_stream(stack, batch, &wanted);
    if (!status) status = check_memory(memory, bytes, wanted);
    if (status) return status;

    arena a = {memory, 0, 0};
    fastrnn_stream *s = take(&a, 1, 1, sizeof *s);
    s->stack = stack;
    s->rows = batch;
    s->layers = take(&a, stack->spec.num_layers, 1, sizeof(layer));
    char *shared = place_scratch(&a, stack, batch);
    for (ptrdiff_t k = 0; k < stack->spec.num_layers; k++) {
        s->layers[k] = stack->layers[k];
        place_state(&a, stack, batch, &s->layers[k]);
        attach_scratch(&s->layers[k], shared);
    }
    *stream = s;
    return fastrnn_stream_reset(s);
}

fastrnn_status fastrnn_stream_step(fastrnn_stream *stream, const void *x, void *y) {
    if (!stream || !x || !y) return FASTRNN_ERROR_NULL;
    const fastrnn_stack *s = stream->stack;
    if (!aligned(x, s->itemsize) || !aligned(y, s->itemsize)) return FASTRNN_ERROR_ALIGNMENT;

    uint64_t mode = fastrnn_denormals_flush();
    const char *h = x;
    for (ptrdiff_t k = 0; k < s->spec.num_layers; k++) h = step_layer(s, &stream->layers[k], h);
    memcpy(y, h, h_bytes(s, stream->rows));
    fastrnn_denormals_restore(mode);
    return FASTRNN_OK;
}

/* Sets `count` rows from row `first` on to zero. */
static void reset_rows(fastrnn_stream *stream, ptrdiff_t first, ptrdiff_t count) {
    const fastrnn_stack *s = stream->stack;
    for (ptrdiff_t k = 0; k < s->spec.num_layers; k++) {
        layer *l = &stream->layers[k];
        memset(l->h + h_bytes(s, first), 0, h_bytes(s, count));
        if (l->cell.c) memset(l->cell.c + c_bytes(s, first), 0, c_bytes(s, count));
    }
}

fastrnn_status fastrnn_stream_reset(fastrnn_stream *stream) {
    if (!stream) return FASTRNN_ERROR_NULL;
    reset_rows(stream, 0, stream->rows);
    return FASTRNN_OK;
}

fastrnn_status fastrnn_stream_reset_row(fastrnn_stream *stream, ptrdiff_t row) {
    if (!stream) return FASTRNN_ERROR_NULL;
    if (row < 0 || row >= stream->rows) return FASTRNN_ERROR_ROW;
    reset_rows(stream, row, 1);
    return FASTRNN_OK;
}

fastrnn_status fastrnn_stream_get_state(const fastrnn_stream *stream, void *h, void *c) {
    if (!stream) return FASTRNN_ERROR_NULL;
    const fastrnn_stack *s = stream->stack;
    fastrnn_status status = check_state(s, h, c);
    if (status) return status;
    size_t h_size = h_bytes(s, stream->rows), c_size = c_bytes(s, stream->rows);
    for (ptrdiff_t k = 0; k < s->spec.num_layers; k++) {
        const layer *l = &stream->layers[k];
        if (h) memcpy((char *)h + (size_t)k * h_size, l->h, h_size);
        if (c) memcpy((char *)c + (size_t)k * c_size, l->cell.c, c_size);
    }
    return FASTRNN_OK;
}

fastrnn_status fastrnn_stream_set_state(fastrnn_stream *stream, const void *h, const void *c) {
    if (!stream) return FASTRNN_ERROR_NULL;
    const fastrnn_stack *s = stream->stack;
    fastrnn_status status = check_state(s, h, c);
    if (status) return status;
    size_t h_size = h_bytes(s, stream->rows), c_size = c_bytes(s, stream->rows);
    for (ptrdiff_t k = 0; k < s->spec.num_layers; k++) {
        layer *l = &stream->layers[k];
        if (h) memcpy(l->h, (const char *)h + (size_t)k * h_size, h_size);
        if (c) memcpy(l->cell.c, (const char *)c + (size_t)k * c_size, c_size);
    }
    return FASTRNN_OK;
}

/* ---- whole sequences ---- */

/* The memory of a run: one state, which all layers use in turn, and the outputs between two
 * layers, which alternate between `between` and y. */
typedef struct {
    layer state;
    char *shared;
    char *between; /* T x N x D*P, or NULL with one layer */
} run_memory;

static run_memory place_run(arena *a, const fastrnn_stack *s, ptrdiff_t T, ptrdiff_t N) {
    run_memory m;
    memset(&m, 0, sizeof m);
    m.shared = place_scratch(a, s, N);
    place_state(a, s, N, &m.state);
    ptrdiff_t outputs = s->directions * s->outputs;
    size_t row = multiply(a, (size_t)outputs, s->itemsize);
    if (s->spec.num_layers > 1) m.between = take(a, T, N, row);
    return m;
}

static fastrnn_status measure_run(const fastrnn_stack *s, ptrdiff_t T, ptrdiff_t N, size_t *bytes) {
    arena all = {NULL, 0, 0}, arrays = {NULL, 0, 0};
    if (T <= 0 || N <= 0) return FASTRNN_ERROR_SIZE;
    place_run(&all, s, T, N);
    take(&arrays, T, N, (size_t)s->spec.input_size * s->itemsize);
    take(&arrays, T, N, (size_t)(s->directions * s->outputs) * s->itemsize);
    take(&arrays, s->spec.num_layers * s->directions, N, (size_t)s->spec.hidden_size * s->itemsize);
    if (all.overflow || arrays.overflow) return FASTRNN_ERROR_OVERFLOW;
    *bytes = all.used;
    return FASTRNN_OK;
}

fastrnn_status fastrnn_run_bytes(const fastrnn_stack *stack, ptrdiff_t T, ptrdiff_t N,
                                 size_t *bytes) {
    if (!stack || !bytes) return FASTRNN_ERROR_NULL;
    return measure_run(stack, T, N, bytes);
}

static void copy_rows(char *to, size_t to_stride, const char *from, size_t bytes, ptrdiff_t rows) {
    for (ptrdiff_t r = 0; r < rows; r++, to += to_stride, from += bytes) memcpy(to, from, bytes);
}

/* All steps of one layer in one direction: x (T x N x K) -> its columns of y (T x N x D*P). */
static void run_layer(const fastrnn_stack *s, layer *l, ptrdiff_t T, const char *x, char *y,
                      ptrdiff_t direction) {
    size_t x_step = (size_t)(l->rows * l->cell.w.depth) * s->itemsize;
    size_t h_row = h_bytes(s, 1), y_row = (size_t)s->directions * h_row;
    y += (size_t)direction * h_row;
    for (ptrdiff_t i = 0; i < T; i++) {
        size_t t = (size_t)(direction == 0 ? i : T - 1 - i);
        const char *h = step_layer(s, l, x + t * x_step);
        copy_rows(y + t * (size_t)l->rows * y_row, y_row, h, h_row, l->rows);
    }
}

fastrnn_status fastrnn_run(const fastrnn_stack *stack, ptrdiff_t T, ptrdiff_t N, const void *x,
                           void *y, const void *h0, const void *c0, void *h_n, void *c_n,
                           void *scratch_memory, size_t scratch_bytes) {
    const fastrnn_stack *s = stack;
    size_t wanted;
    if (!s || !x || !y) return FASTRNN_ERROR_NULL;
    fastrnn_status status = measure_run(s, T, N, &wanted);
    if (!status) status = check_state(s, h0, c0);
    if (!status) status = check_state(s, h_n, c_n);
    if (!status) status = check_memory(scratch_memory, scratch_bytes, wanted);
    if (status) return status;
    if (!aligned(x, s->itemsize) || !aligned(y, s->itemsize)) return FASTRNN_ERROR_ALIGNMENT;

    uint64_t mode = fastrnn_denormals_flush();
    arena a = {scratch_memory, 0, 0};
    run_memory m = place_run(&a, s, T, N);
    size_t h_size = h_bytes(s, N), c_size = c_bytes(s, N);
    const char *from = x;
    for (ptrdiff_t k = 0; k < s->spec.num_layers; k++) {
        char *to = (s->spec.num_layers - 1 - k) % 2 ? m.between : y;
        for (ptrdiff_t d = 0; d < s->directions; d++) {
            ptrdiff_t index = k * s->directions + d;
            size_t h_at = (size_t)index * h_size, c_at = (size_t)index * c_size;
            layer l = s->layers[index];
            l.rows = N;
            l.h = m.state.h;
            l.next = m.state.next;
            l.cell.c_prev = l.cell.c = m.state.cell.c;
            attach_scratch(&l, m.shared);
            load(l.h, h0 ? (const char *)h0 + h_at : NULL, h_size);
            if (l.cell.c) load(l.cell.c, c0 ? (const char *)c0 + c_at : NULL, c_size);
            run_layer(s, &l, T, from, to, d);
            if (h_n) memcpy((char *)h_n + h_at, l.h, h_size);
            if (c_n) memcpy((char *)c_n + c_at, l.cell.c, c_size);
        }
        from = to;
    }
    fastrnn_denormals_restore(mode);
    return FASTRNN_OK;
}
