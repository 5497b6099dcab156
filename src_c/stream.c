/* SPDX-License-Identifier: Apache-2.0 */
/* A batch of rows on its way through a stack, a step a call: fastrnn_stream_*. */
#include "stream.h"

#include <string.h>

#include "step.h"

struct fastrnn_stream {
    const fastrnn_description *cell;
    size_t itemsize;
    ptrdiff_t rows;
    ptrdiff_t count; /* L */
    fastrnn_layer *layers;
};

/* The layers a stream is made of: those of a stack, or an array of views. */
typedef struct {
    const fastrnn_stack *stack;
    const fastrnn_layer_view *views;
    ptrdiff_t count;
} layer_list;

static fastrnn_layer_view view_at(const layer_list *list, ptrdiff_t index) {
    fastrnn_layer_view view;
    if (list->views) return list->views[index];
    fastrnn_layer_view_of(list->stack, index, &view);
    return view;
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static fastrnn_scratch place_scratch(arena *a, const layer_list *list, ptrdiff_t rows) {
    size_t hidden = 0, gates = 0;
    for (ptrdiff_t k = 0; k < list->count; k++) {
        const fastrnn_layer_view view = view_at(list, k);
        hidden = larger(hidden, fastrnn_hidden_row(&view));
        gates = larger(gates, fastrnn_gates_row(&view));
    }
    fastrnn_scratch scratch = {NULL, NULL};
    if (hidden) scratch.hidden = take(a, rows, 1, hidden);
    if (gates) scratch.gates = take(a, rows, 1, gates);
    return scratch;
}

static fastrnn_status measure_stream(const layer_list *list, ptrdiff_t rows, size_t *bytes) {
    arena all = {NULL, 0, 0};
    if (rows <= 0) return FASTRNN_ERROR_SIZE;
    take(&all, 1, 1, sizeof(fastrnn_stream));
    take(&all, list->count, 1, sizeof(fastrnn_layer));
    place_scratch(&all, list, rows);
    for (ptrdiff_t k = 0; k < list->count; k++) {
        const fastrnn_layer_view view = view_at(list, k);
        fastrnn_layer unused;
        fastrnn_layer_place(&all, &view, rows, &unused);
        multiply(&all, multiply(&all, (size_t)rows, (size_t)view.inputs),
                 (size_t)view.kernels->itemsize);
    }
    if (all.overflow) return FASTRNN_ERROR_OVERFLOW;
    *bytes = all.used;
    return FASTRNN_OK;
}

static fastrnn_status init_stream(void *memory, size_t bytes, const layer_list *list,
                                  ptrdiff_t rows, fastrnn_stream **stream) {
    size_t wanted;
    fastrnn_status status = measure_stream(list, rows, &wanted);
    if (!status) status = check_memory(memory, bytes, wanted);
    if (status) return status;

    arena a = {memory, 0, 0};
    const fastrnn_layer_view first = view_at(list, 0);
    fastrnn_stream *s = take(&a, 1, 1, sizeof *s);
    s->cell = first.cell;
    s->itemsize = (size_t)first.kernels->itemsize;
    s->rows = rows;
    s->count = list->count;
    s->layers = take(&a, list->count, 1, sizeof(fastrnn_layer));
    const fastrnn_scratch scratch = place_scratch(&a, list, rows);
    for (ptrdiff_t k = 0; k < list->count; k++) {
        const fastrnn_layer_view view = view_at(list, k);
        fastrnn_layer_place(&a, &view, rows, &s->layers[k]);
        fastrnn_layer_attach(&s->layers[k], &view, &scratch);
    }
    *stream = s;
    return fastrnn_stream_reset(s);
}

static fastrnn_status list_of_stack(const fastrnn_stack *stack, layer_list *list) {
    layer_list all = {stack, NULL, stack->spec.num_layers};
    *list = all;
    return stack->spec.bidirectional ? FASTRNN_ERROR_BIDIRECTIONAL : FASTRNN_OK;
}

fastrnn_status fastrnn_stream_bytes(const fastrnn_stack *stack, ptrdiff_t batch, size_t *bytes) {
    layer_list list;
    if (!stack || !bytes) return FASTRNN_ERROR_NULL;
    fastrnn_status status = list_of_stack(stack, &list);
    return status ? status : measure_stream(&list, batch, bytes);
}

fastrnn_status fastrnn_stream_init(void *memory, size_t bytes, const fastrnn_stack *stack,
                                   ptrdiff_t batch, fastrnn_stream **stream) {
    layer_list list;
    if (!stack || !stream) return FASTRNN_ERROR_NULL;
    fastrnn_status status = list_of_stack(stack, &list);
    return status ? status : init_stream(memory, bytes, &list, batch, stream);
}

fastrnn_status fastrnn_layers_stream_bytes(const fastrnn_layer_view *views, ptrdiff_t count,
                                           ptrdiff_t batch, size_t *bytes) {
    const layer_list list = {NULL, views, count};
    return measure_stream(&list, batch, bytes);
}

fastrnn_status fastrnn_layers_stream_init(void *memory, size_t bytes,
                                          const fastrnn_layer_view *views, ptrdiff_t count,
                                          ptrdiff_t batch, fastrnn_stream **stream) {
    const layer_list list = {NULL, views, count};
    return init_stream(memory, bytes, &list, batch, stream);
}

fastrnn_status fastrnn_stream_step(fastrnn_stream *stream, const void *x, void *y) {
    if (!stream || !x || !y) return FASTRNN_ERROR_NULL;
    if (!aligned(x, stream->itemsize) || !aligned(y, stream->itemsize))
        return FASTRNN_ERROR_ALIGNMENT;

    uint64_t mode = fastrnn_denormals_flush();
    const char *h = x;
    for (ptrdiff_t k = 0; k < stream->count; k++) h = fastrnn_layer_step(&stream->layers[k], h);
    memcpy(y, h, (size_t)stream->rows * stream->layers[stream->count - 1].h_row);
    fastrnn_denormals_restore(mode);
    return FASTRNN_OK;
}

/* Sets `count` rows from row `first` on to zero. */
static void reset_rows(fastrnn_stream *stream, size_t first, size_t count) {
    for (fastrnn_layer *l = stream->layers; l < stream->layers + stream->count; l++) {
        memset(l->h + first * l->h_row, 0, count * l->h_row);
        if (l->cell.c) memset(l->cell.c + first * l->c_row, 0, count * l->c_row);
    }
}

fastrnn_status fastrnn_stream_reset(fastrnn_stream *stream) {
    if (!stream) return FASTRNN_ERROR_NULL;
    reset_rows(stream, 0, (size_t)stream->rows);
    return FASTRNN_OK;
}

fastrnn_status fastrnn_stream_reset_row(fastrnn_stream *stream, ptrdiff_t row) {
    if (!stream) return FASTRNN_ERROR_NULL;
    if (row < 0 || row >= stream->rows) return FASTRNN_ERROR_ROW;
    reset_rows(stream, (size_t)row, 1);
    return FASTRNN_OK;
}

fastrnn_status fastrnn_stream_get_state(const fastrnn_stream *stream, void *h, void *c) {
    if (!stream) return FASTRNN_ERROR_NULL;
    fastrnn_status status = fastrnn_state_check(stream->cell, stream->itemsize, h, c);
    if (status) return status;
    char *h_at = h, *c_at = c;
    for (const fastrnn_layer *l = stream->layers; l < stream->layers + stream->count; l++) {
        const size_t h_size = (size_t)l->rows * l->h_row, c_size = (size_t)l->rows * l->c_row;
        if (h) h_at = (char *)memcpy(h_at, l->h, h_size) + h_size;
        if (c) c_at = (char *)memcpy(c_at, l->cell.c, c_size) + c_size;
    }
    return FASTRNN_OK;
}

fastrnn_status fastrnn_stream_set_state(fastrnn_stream *stream, const void *h, const void *c) {
    if (!stream) return FASTRNN_ERROR_NULL;
    fastrnn_status status = fastrnn_state_check(stream->cell, stream->itemsize, h, c);
    if (status) return status;
    const char *h_at = h, *c_at = c;
    for (fastrnn_layer *l = stream->layers; l < stream->layers + stream->count; l++) {
        const size_t h_size = (size_t)l->rows * l->h_row, c_size = (size_t)l->rows * l->c_row;
        if (h) memcpy(l->h, h_at, h_size), h_at += h_size;
        if (c) memcpy(l->cell.c, c_at, c_size), c_at += c_size;
    }
    return FASTRNN_OK;
}
