/* SPDX-License-Identifier: Apache-2.0 */
/* Whole sequences: fastrnn_run. */
#include <string.h>

#include "stack.h"
#include "step.h"

/* The memory of a run: one state, which all layers use in turn, and the outputs between two
 * layers, which alternate between `between` and y. */
typedef struct {
    fastrnn_layer layer;
    fastrnn_scratch scratch;
    char *between; /* T x N x D*P, or NULL with one layer */
} run_memory;

static ptrdiff_t direction_count(const fastrnn_stack *s) { return s->spec.bidirectional ? 2 : 1; }

static run_memory place_run(arena *a, const fastrnn_stack *s, const fastrnn_layer_view *first,
                            ptrdiff_t T, ptrdiff_t N) {
    run_memory m;
    memset(&m, 0, sizeof m);
    const size_t hidden = fastrnn_hidden_row(first), gates = fastrnn_gates_row(first);
    if (hidden) m.scratch.hidden = take(a, N, 1, hidden);
    if (gates) m.scratch.gates = take(a, N, 1, gates);
    fastrnn_layer_place(a, first, N, &m.layer);
    const ptrdiff_t outputs = direction_count(s) * first->outputs;
    const size_t row = multiply(a, (size_t)outputs, (size_t)first->kernels->itemsize);
    if (s->spec.num_layers > 1) m.between = take(a, T, N, row);
    return m;
}

static fastrnn_status measure_run(const fastrnn_stack *s, const fastrnn_layer_view *first,
                                  ptrdiff_t T, ptrdiff_t N, size_t *bytes) {
    arena all = {NULL, 0, 0}, arrays = {NULL, 0, 0};
    const size_t itemsize = (size_t)first->kernels->itemsize;
    const ptrdiff_t D = direction_count(s);
    if (T <= 0 || N <= 0) return FASTRNN_ERROR_SIZE;
    place_run(&all, s, first, T, N);
    take(&arrays, T, N, (size_t)s->spec.input_size * itemsize);
    take(&arrays, T, N, (size_t)(D * first->outputs) * itemsize);
    take(&arrays, s->spec.num_layers * D, N, (size_t)s->spec.hidden_size * itemsize);
    if (all.overflow || arrays.overflow) return FASTRNN_ERROR_OVERFLOW;
    *bytes = all.used;
    return FASTRNN_OK;
}

fastrnn_status fastrnn_run_bytes(const fastrnn_stack *stack, ptrdiff_t T, ptrdiff_t N,
                                 size_t *bytes) {
    fastrnn_layer_view first;
    if (!stack || !bytes) return FASTRNN_ERROR_NULL;
    fastrnn_layer_view_of(stack, 0, &first);
    return measure_run(stack, &first, T, N, bytes);
}

static void copy_rows(char *to, size_t to_stride, const char *from, size_t bytes, ptrdiff_t rows) {
    for (ptrdiff_t r = 0; r < rows; r++, to += to_stride, from += bytes) memcpy(to, from, bytes);
}

/* All steps of a layer in one direction: x (T x N x K) -> its columns of y (T x N x D*P). */
static void run_direction(fastrnn_layer *l, ptrdiff_t T, const char *x, char *y, ptrdiff_t D,
                          ptrdiff_t direction) {
    const size_t x_step = (size_t)(l->rows * l->cell.w.x_stride), y_row = (size_t)D * l->h_row;
    y += (size_t)direction * l->h_row;
    for (ptrdiff_t i = 0; i < T; i++) {
        size_t t = (size_t)(direction == 0 ? i : T - 1 - i);
        const char *h = fastrnn_layer_step(l, x + t * x_step);
        copy_rows(y + t * (size_t)l->rows * y_row, y_row, h, l->h_row, l->rows);
    }
}

/* The states of all layers as the caller has them, or NULL. */
typedef struct {
    const char *h0, *c0;
    char *h_n, *c_n;
} run_states;

static void load(void *state, const char *from, ptrdiff_t index, size_t bytes) {
    if (from)
        memcpy(state, from + (size_t)index * bytes, bytes);
    else
        memset(state, 0, bytes);
}

static void load_state(const fastrnn_layer *l, const run_states *states, ptrdiff_t index) {
    const size_t rows = (size_t)l->rows;
    load(l->h, states->h0, index, rows * l->h_row);
    if (l->cell.c) load(l->cell.c, states->c0, index, rows * l->c_row);
}

static void store_state(const fastrnn_layer *l, const run_states *states, ptrdiff_t index) {
    const size_t h_size = (size_t)l->rows * l->h_row, c_size = (size_t)l->rows * l->c_row;
    if (states->h_n) memcpy(states->h_n + (size_t)index * h_size, l->h, h_size);
    if (states->c_n) memcpy(states->c_n + (size_t)index * c_size, l->cell.c, c_size);
}

static void run_layers(const fastrnn_stack *s, run_memory *m, ptrdiff_t T, const char *x, char *y,
                       const run_states *states) {
    const ptrdiff_t D = direction_count(s), L = s->spec.num_layers;
    for (ptrdiff_t k = 0; k < L; k++) {
        char *to = (L - 1 - k) % 2 ? m->between : y;
        for (ptrdiff_t d = 0; d < D; d++) {
            fastrnn_layer_view view;
            fastrnn_layer_view_of(s, k * D + d, &view);
            fastrnn_layer_attach(&m->layer, &view, &m->scratch);
            load_state(&m->layer, states, k * D + d);
            run_direction(&m->layer, T, x, to, D, d);
            store_state(&m->layer, states, k * D + d);
        }
        x = to;
    }
}

fastrnn_status fastrnn_run(const fastrnn_stack *stack, ptrdiff_t T, ptrdiff_t N, const void *x,
                           void *y, const void *h0, const void *c0, void *h_n, void *c_n,
                           void *scratch, size_t scratch_bytes) {
    fastrnn_layer_view first;
    size_t wanted;
    if (!stack || !x || !y) return FASTRNN_ERROR_NULL;
    fastrnn_layer_view_of(stack, 0, &first);
    const size_t itemsize = (size_t)first.kernels->itemsize;
    fastrnn_status status = measure_run(stack, &first, T, N, &wanted);
    if (!status) status = fastrnn_state_check(first.cell, itemsize, h0, c0);
    if (!status) status = fastrnn_state_check(first.cell, itemsize, h_n, c_n);
    if (!status) status = check_memory(scratch, scratch_bytes, wanted);
    if (status) return status;
    if (!aligned(x, itemsize) || !aligned(y, itemsize)) return FASTRNN_ERROR_ALIGNMENT;

    uint64_t mode = fastrnn_denormals_flush();
    arena a = {scratch, 0, 0};
    const run_states states = {h0, c0, h_n, c_n};
    run_memory m = place_run(&a, stack, &first, T, N);
    run_layers(stack, &m, T, x, y, &states);
    fastrnn_denormals_restore(mode);
    return FASTRNN_OK;
}
