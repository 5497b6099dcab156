/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedded library: fastrnn.h on top of the kernel table. A step of a layer is two kernel
 * calls, gates = W x + b and the cell step on them, three with projection.
 *
 * Memory is measured and laid out by the same functions: an area without memory only counts.
 */
#include <string.h>

#include "internal.h"

/* ---- memory ---- */

#define MAX_BYTES ((size_t)PTRDIFF_MAX / FASTRNN_ALIGNMENT * FASTRNN_ALIGNMENT)

/* Sizes up to here can be added to each other and multiplied by the number of gates. */
#define MAX_SIZE (PTRDIFF_MAX / 64)

typedef struct {
    char *base; /* NULL: only count */
    size_t used;
    int overflow;
} area;

static size_t multiply(area *a, size_t x, size_t y) {
    if (y && x > MAX_BYTES / y) {
        a->overflow = 1;
        return 0;
    }
    return x * y;
}

/* An array of rows x columns elements, aligned. */
static void *take(area *a, ptrdiff_t rows, ptrdiff_t columns, size_t itemsize) {
    char *at = a->base ? a->base + a->used : NULL;
    size_t bytes = multiply(a, multiply(a, (size_t)rows, (size_t)columns), itemsize);
    if (bytes > MAX_BYTES - a->used)
        a->overflow = 1;
    else
        a->used += (bytes + FASTRNN_ALIGNMENT - 1) / FASTRNN_ALIGNMENT * FASTRNN_ALIGNMENT;
    return at;
}

static int aligned(const void *p, size_t to) { return (uintptr_t)p % to == 0; }

static fastrnn_status check_memory(const void *memory, size_t bytes, size_t wanted) {
    if (!memory) return FASTRNN_ERROR_NULL;
    if (!aligned(memory, FASTRNN_ALIGNMENT)) return FASTRNN_ERROR_ALIGNMENT;
    return bytes < wanted ? FASTRNN_ERROR_MEMORY : FASTRNN_OK;
}

/* ---- stack ---- */

/* One layer in one direction: its kernel calls, complete in a stack but for the arrays of a
 * batch, which a stream or a run adds to a copy. */
typedef struct {
    fastrnn_product input;
    fastrnn_forward_step cell;
    fastrnn_product projection; /* pack NULL: none */
    ptrdiff_t input_panels, cell_panels, projection_panels;
    ptrdiff_t rows;
    char *h;     /* the state; a step writes the new one to `next` and swaps the two */
    char *next;
} layer;

struct fastrnn_stack {
    fastrnn_spec spec;
    const fastrnn_kernels *kernels;
    size_t itemsize;
    ptrdiff_t outputs;    /* P */
    ptrdiff_t directions; /* D */
    int gates;            /* G */
    layer *layers;        /* L x D */
};

static ptrdiff_t layer_inputs(const fastrnn_stack *s, ptrdiff_t index) {
    return index == 0 ? s->spec.input_size : s->directions * s->outputs;
}

static int has_enum(int value, int last) { return value >= 0 && value <= last; }

static fastrnn_status check_spec(const fastrnn_spec *spec) {
    if (!has_enum((int)spec->cell, FASTRNN_GRU) || !has_enum((int)spec->dtype, FASTRNN_F64) ||
        !has_enum((int)spec->activation, FASTRNN_SIGMOID) ||
        !has_enum((int)spec->isa, FASTRNN_ISA_AVX512))
        return FASTRNN_ERROR_ENUM;
    if (spec->cell != FASTRNN_RNN && spec->activation != FASTRNN_TANH) return FASTRNN_ERROR_UNUSED;
    if (spec->input_size <= 0 || spec->hidden_size <= 0 || spec->num_layers <= 0 ||
        spec->proj_size < 0)
        return FASTRNN_ERROR_SIZE;
    if (spec->proj_size > 0 &&
        (spec->cell != FASTRNN_LSTM || spec->proj_size >= spec->hidden_size))
        return FASTRNN_ERROR_PROJECTION;
    if (spec->input_size > MAX_SIZE || spec->hidden_size > MAX_SIZE ||
        spec->num_layers > MAX_SIZE)
        return FASTRNN_ERROR_OVERFLOW;
    return FASTRNN_OK;
}

/* Everything of a stack but its layers. */
static fastrnn_status plan_stack(const fastrnn_spec *spec, fastrnn_stack *s) {
    static const int gates[] = {[FASTRNN_RNN] = 1, [FASTRNN_LSTM] = 4, [FASTRNN_GRU] = 3};
    fastrnn_status status = check_spec(spec);
    if (status) return status;
    s->spec = *spec;
    s->kernels = fastrnn_kernels_get(spec->isa, spec->dtype);
    if (!s->kernels) return FASTRNN_ERROR_ISA;
    s->spec.isa = s->kernels->isa;
    s->itemsize = (size_t)s->kernels->itemsize;
    s->outputs = spec->proj_size ? spec->proj_size : spec->hidden_size;
    s->directions = spec->bidirectional ? 2 : 1;
    s->gates = gates[spec->cell];
    return FASTRNN_OK;
}

static void *take_pack(area *a, const fastrnn_stack *s, const fastrnn_shape *shape) {
    size_t padded = (size_t)(shape->units + s->kernels->lanes);
    multiply(a, multiply(a, (size_t)shape->depth, (size_t)shape->gates),
             multiply(a, padded, s->itemsize));
    return take(a, 1, 1, a->overflow ? 0 : fastrnn_pack_bytes(s->kernels, shape));
}

static void place_product(area *a, const fastrnn_stack *s, fastrnn_product *product,
                          ptrdiff_t *panels, fastrnn_shape shape) {
    product->shape = shape;
    product->pack = take_pack(a, s, &shape);
    product->a.step = product->c.step = 1;
    product->a.stride = shape.depth * (ptrdiff_t)s->itemsize;
    product->c.stride = shape.units * shape.gates * (ptrdiff_t)s->itemsize;
    *panels = fastrnn_panel_count(s->kernels, &shape);
}

static fastrnn_shape recurrent_shape(const fastrnn_stack *s) {
    fastrnn_shape shape = {s->spec.hidden_size, s->gates, s->outputs};
    return shape;
}

static void place_layer(area *a, const fastrnn_stack *s, ptrdiff_t inputs, layer *l) {
    ptrdiff_t H = s->spec.hidden_size, P = s->outputs, itemsize = (ptrdiff_t)s->itemsize;
    fastrnn_shape input = {H, s->gates, inputs}, projection = {P, 1, H};
    fastrnn_shape recurrent = recurrent_shape(s);
    memset(l, 0, sizeof *l);
    place_product(a, s, &l->input, &l->input_panels, input);
    l->input.bias = take(a, s->gates, H, s->itemsize);

    l->cell.hidden = H;
    l->cell.depth = P;
    l->cell.activation = (int)s->spec.activation;
    l->cell.pack = take_pack(a, s, &recurrent);
    l->cell.bias = s->spec.cell == FASTRNN_GRU ? take(a, 1, H, s->itemsize) : NULL;
    l->cell.h_prev_stride = P * itemsize;
    l->cell.gates_stride = s->gates * H * itemsize;
    l->cell.c_prev_stride = l->cell.c_stride = l->cell.h_stride = H * itemsize;
    l->cell_panels = fastrnn_panel_count(s->kernels, &recurrent);

    if (s->spec.proj_size)
        place_product(a, s, &l->projection, &l->projection_panels, projection);
}

/* Fails where the bytes of one layer, or of all, cannot be addressed; layers above the first are
 * alike, so the work does not grow with their number. */
static fastrnn_status measure_stack(const fastrnn_stack *s, size_t *bytes) {
    area first = {NULL, 0, 0}, above = {NULL, 0, 0}, all = {NULL, 0, 0};
    layer unused;
    place_layer(&first, s, layer_inputs(s, 0), &unused);
    place_layer(&above, s, layer_inputs(s, 1), &unused);
    take(&all, 1, 1, sizeof *s);
    take(&all, s->spec.num_layers, s->directions, sizeof(layer));
    take(&all, 1, s->directions, first.used);
    take(&all, s->spec.num_layers - 1, s->directions, above.used);
    if (first.overflow || all.overflow || (s->spec.num_layers > 1 && above.overflow))
        return FASTRNN_ERROR_OVERFLOW;
    *bytes = all.used;
    return FASTRNN_OK;
}

static fastrnn_status check_weights(const fastrnn_stack *s, const fastrnn_weights *weights) {
    ptrdiff_t count = s->spec.num_layers * s->directions;
    for (const fastrnn_weights *w = weights; w < weights + count; w++) {
        const void *arrays[] = {w->w_ih, w->w_hh, w->b_ih, w->b_hh, w->w_hr};
        if (!w->w_ih || !w->w_hh || (s->spec.proj_size && !w->w_hr)) return FASTRNN_ERROR_NULL;
        if (!s->spec.proj_size && w->w_hr) return FASTRNN_ERROR_UNUSED;
        for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
            if (!aligned(arrays[i], s->itemsize)) return FASTRNN_ERROR_ALIGNMENT;
    }
    return FASTRNN_OK;
}

/* order[g]: torch's gate in slot g. */
static void pack(const fastrnn_stack *s, const fastrnn_shape *shape, const void *weight,
                 const int *order, const void *to) {
    fastrnn_source source = {weight, 1, shape->depth, shape->units * shape->depth, {0}};
    for (int g = 0; g < shape->gates; g++) source.gate_order[g] = order[g];
    fastrnn_pack(s->kernels, shape, &source, 0, shape->depth, (void *)to);
}

static const void *element(const fastrnn_stack *s, const void *array, ptrdiff_t index) {
    return array ? (const char *)array + index * (ptrdiff_t)s->itemsize : NULL;
}

#define ADD(real)                                                                                 \
    static void add_##real(const real *a, const real *b, ptrdiff_t n, real *sum) {                \
        for (ptrdiff_t j = 0; j < n; j++) sum[j] = (a ? a[j] : 0) + (b ? b[j] : 0);               \
    }
ADD(float)
ADD(double)

/* sum = a + b, where NULL stands for zeros */
static void add(const fastrnn_stack *s, const void *a, const void *b, ptrdiff_t n,
                const void *sum) {
    if (s->spec.dtype == FASTRNN_F32)
        add_float(a, b, n, (float *)sum);
    else
        add_double(a, b, n, (double *)sum);
}

static void fill_layer(const fastrnn_stack *s, const fastrnn_weights *w, layer *l) {
    static const int torch_order[FASTRNN_MAX_GATES] = {0, 1, 2, 3};
    static const int gru_order[FASTRNN_MAX_GATES] = {2, 0, 1, 3}; /* slots n r z */
    const int is_gru = s->spec.cell == FASTRNN_GRU;
    const int *order = is_gru ? gru_order : torch_order;
    const ptrdiff_t H = s->spec.hidden_size;
    const fastrnn_shape recurrent = recurrent_shape(s);
    pack(s, &l->input.shape, w->w_ih, order, l->input.pack);
    pack(s, &recurrent, w->w_hh, torch_order, l->cell.pack);
    if (s->spec.proj_size)
        pack(s, &l->projection.shape, w->w_hr, torch_order, l->projection.pack);

    for (int slot = 0; slot < s->gates; slot++) {
        const void *b_ih = element(s, w->b_ih, order[slot] * H);
        const void *b_hh = element(s, w->b_hh, order[slot] * H);
        /* n = tanh(W_n x + b_in + r * (R_n h' + b_hn)): b_hn is no part of the input's bias. */
        add(s, b_ih, is_gru && slot == 0 ? NULL : b_hh, H, element(s, l->input.bias, slot * H));
    }
    if (is_gru) add(s, NULL, element(s, w->b_hh, 2 * H), H, l->cell.bias);
}

fastrnn_status fastrnn_stack_bytes(const fastrnn_spec *spec, size_t *bytes) {
    fastrnn_stack s;
    if (!spec || !bytes) return FASTRNN_ERROR_NULL;
    fastrnn_status status = plan_stack(spec, &s);
    return status ? status : measure_stack(&s, bytes);
}

fastrnn_status fastrnn_stack_init(void *memory, size_t bytes, const fastrnn_spec *spec,
                                  const fastrnn_weights *weights, fastrnn_stack **stack) {
    fastrnn_stack plan;
    size_t wanted;
    if (!spec || !weights || !stack) return FASTRNN_ERROR_NULL;
    fastrnn_status status = plan_stack(spec, &plan);
    if (!status) status = measure_stack(&plan, &wanted);
    if (!status) status = check_weights(&plan, weights);
    if (!status) status = check_memory(memory, bytes, wanted);
    if (status) return status;

    area a = {memory, 0, 0};
    fastrnn_stack *s = take(&a, 1, 1, sizeof *s);
    *s = plan;
    s->layers = take(&a, s->spec.num_layers, s->directions, sizeof(layer));
    for (ptrdiff_t i = 0; i < s->spec.num_layers * s->directions; i++) {
        place_layer(&a, s, layer_inputs(s, i / s->directions), &s->layers[i]);
        fill_layer(s, &weights[i], &s->layers[i]);
    }
    *stack = s;
    return FASTRNN_OK;
}

fastrnn_status fastrnn_stack_spec(const fastrnn_stack *stack, fastrnn_spec *spec) {
    if (!stack || !spec) return FASTRNN_ERROR_NULL;
    *spec = stack->spec;
    return FASTRNN_OK;
}

/* ---- steps ---- */

/* What the layers of a batch share during a step. */
typedef struct {
    char *gates;  /* N x G*H */
    char *hidden; /* N x H, o * tanh(c) before a projection, else unused */
} scratch;

static scratch place_scratch(area *a, const fastrnn_stack *s, ptrdiff_t rows) {
    scratch shared = {take(a, rows, s->gates * s->spec.hidden_size, s->itemsize), NULL};
    if (s->spec.proj_size) shared.hidden = take(a, rows, s->spec.hidden_size, s->itemsize);
    return shared;
}

static void place_state(area *a, const fastrnn_stack *s, ptrdiff_t rows, layer *l) {
    l->rows = rows;
    l->h = take(a, rows, s->outputs, s->itemsize);
    l->next = take(a, rows, s->outputs, s->itemsize);
    if (s->spec.cell == FASTRNN_LSTM)
        l->cell.c_prev = l->cell.c = take(a, rows, s->spec.hidden_size, s->itemsize);
}

static void attach_scratch(layer *l, const scratch *shared) {
    l->input.c.base = l->cell.gates = shared->gates;
    l->cell.h = l->projection.a.base = shared->hidden;
}

/* Reads x (N x K) and moves the layer's state on; returns it. */
static const char *step_layer(const fastrnn_stack *s, layer *l, const char *x) {
    char *h = l->next;
    l->input.a.base = (char *)x;
    s->kernels->product(&l->input, 0, l->rows, 0, l->input_panels);
    l->cell.h_prev = l->h;
    if (l->projection.pack)
        l->projection.c.base = h;
    else
        l->cell.h = h;
    s->kernels->forward[s->spec.cell](&l->cell, 0, l->rows, 0, l->cell_panels);
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
    area all = {NULL, 0, 0}, state = {NULL, 0, 0};
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

    area a = {memory, 0, 0};
    fastrnn_stream *s = take(&a, 1, 1, sizeof *s);
    s->stack = stack;
    s->rows = batch;
    s->layers = take(&a, stack->spec.num_layers, 1, sizeof(layer));
    const scratch shared = place_scratch(&a, stack, batch);
    for (ptrdiff_t k = 0; k < stack->spec.num_layers; k++) {
        s->layers[k] = stack->layers[k];
        place_state(&a, stack, batch, &s->layers[k]);
        attach_scratch(&s->layers[k], &shared);
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
    scratch shared;
    char *between; /* T x N x D*P, or NULL with one layer */
} run_memory;

static run_memory place_run(area *a, const fastrnn_stack *s, ptrdiff_t T, ptrdiff_t N) {
    run_memory m;
    memset(&m, 0, sizeof m);
    m.shared = place_scratch(a, s, N);
    place_state(a, s, N, &m.state);
    ptrdiff_t outputs = s->directions * s->outputs;
    size_t row = multiply(a, (size_t)outputs, s->itemsize);
    if (s->spec.num_layers > 1) m.between = take(a, T, N, row);
    return m;
}

static fastrnn_status measure_run(const fastrnn_stack *s, ptrdiff_t T, ptrdiff_t N,
                                  size_t *bytes) {
    area all = {NULL, 0, 0}, arrays = {NULL, 0, 0};
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
    size_t x_step = (size_t)(l->rows * l->input.shape.depth) * s->itemsize;
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
    area a = {scratch_memory, 0, 0};
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
            attach_scratch(&l, &m.shared);
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

/* ---- names ---- */

const char *fastrnn_status_text(fastrnn_status status) {
    switch (status) {
    case FASTRNN_OK:
        return "no error";
    case FASTRNN_ERROR_NULL:
        return "a pointer is NULL that must not be";
    case FASTRNN_ERROR_ENUM:
        return "cell, activation, dtype or isa is not a value of its enum";
    case FASTRNN_ERROR_SIZE:
        return "a size is not positive, or proj_size is negative";
    case FASTRNN_ERROR_OVERFLOW:
        return "the sizes are too large to address";
    case FASTRNN_ERROR_PROJECTION:
        return "proj_size is for LSTM only and must be less than hidden_size";
    case FASTRNN_ERROR_UNUSED:
        return "an argument was given that this kind of stack does not have";
    case FASTRNN_ERROR_ISA:
        return "the instruction set is not to be had on this machine";
    case FASTRNN_ERROR_ALIGNMENT:
        return "memory must start at a multiple of 64 bytes, an array at one of its element size";
    case FASTRNN_ERROR_MEMORY:
        return "the memory has fewer bytes than asked for";
    case FASTRNN_ERROR_BIDIRECTIONAL:
        return "a bidirectional stack cannot be stepped, only run";
    case FASTRNN_ERROR_ROW:
        return "there is no such row in the batch";
    }
    return "unknown status";
}

const char *fastrnn_version(void) { return FASTRNN_VERSION; }
