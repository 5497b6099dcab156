/* SPDX-License-Identifier: Apache-2.0 */
/* Making a stack of layers from torch's weights, and finding it again: fastrnn_stack_*. */
#include "stack.h"

#include <string.h>

#include "arena.h"
#include "spec.h"

/* What follows from a spec. */
typedef struct {
    const fastrnn_spec *spec;
    const fastrnn_kernels *kernels;
    const fastrnn_description *cell;
    int kind;
    int fused;
    size_t itemsize;
    ptrdiff_t outputs;    /* P */
    ptrdiff_t directions; /* D */
} layout;

static int has_activations(const fastrnn_spec *s, int32_t f, int32_t g, int32_t h) {
    return s->f.kind == f && s->g.kind == g && s->h.kind == h;
}

/* Whether the kernels have the cell with its products. */
static int is_fused(const fastrnn_spec *s) {
    const fastrnn_description *cell = fastrnn_describe(s->cell);
    if (s->clip > 0 || s->peepholes || s->input_forget || s->reset_before) return 0;
    if (!cell->has_gate_activation) return s->f.kind <= FASTRNN_SIGMOID;
    return has_activations(s, FASTRNN_SIGMOID, FASTRNN_TANH,
                           cell->has_h_activation ? FASTRNN_TANH : FASTRNN_DEFAULT);
}

/* spec: as fastrnn_spec_read gives it; its isa becomes the one that runs. */
static fastrnn_status lay_out(fastrnn_spec *spec, layout *s) {
    s->kernels = fastrnn_kernels_get((fastrnn_isa)spec->isa, (fastrnn_dtype)spec->dtype);
    if (!s->kernels) return FASTRNN_ERROR_ISA;
    spec->isa = (int32_t)s->kernels->isa;
    s->spec = spec;
    s->kind = fastrnn_spec_cell(spec);
    s->cell = fastrnn_describe(s->kind);
    s->fused = is_fused(spec);
    s->itemsize = (size_t)s->kernels->itemsize;
    s->outputs = spec->proj_size ? spec->proj_size : spec->hidden_size;
    s->directions = spec->bidirectional ? 2 : 1;
    return FASTRNN_OK;
}

static ptrdiff_t layer_inputs(const layout *s, ptrdiff_t index) {
    return index < s->directions ? s->spec->input_size : s->directions * s->outputs;
}

/* ---- places ---- */

static fastrnn_matrix place_matrix(arena *a, const layout *s, fastrnn_shape shape) {
    fastrnn_matrix m = {shape, fastrnn_panel_count(s->kernels, &shape), NULL};
    size_t padded = (size_t)(shape.units + s->kernels->lanes);
    multiply(a, multiply(a, (size_t)shape.depth, (size_t)shape.gates),
             multiply(a, padded, s->itemsize));
    m.data = take(a, 1, 1, a->overflow ? 0 : fastrnn_pack_bytes(s->kernels, &shape));
    return m;
}

static void place_recurrent(arena *a, const layout *s, fastrnn_layer_view *v) {
    const int count = s->fused ? 1 : s->cell->recurrent_groups;
    for (int i = 0; i < count; i++) {
        const int gates = s->fused ? s->cell->gates : s->cell->recurrent[i].count;
        const fastrnn_shape shape = {s->spec->hidden_size, gates, s->outputs};
        v->r[i] = place_matrix(a, s, shape);
    }
}

/* Where the parts of a layer lie in the arena. */
static void place_layer(arena *a, const layout *s, ptrdiff_t inputs, fastrnn_layer_view *v) {
    const ptrdiff_t H = s->spec->hidden_size, P = s->outputs;
    const fastrnn_shape input = {H, s->cell->gates, inputs}, projection = {P, 1, H};
    memset(v, 0, sizeof *v);
    v->kernels = s->kernels;
    v->cell = s->cell;
    v->kind = s->kind;
    v->fused = s->fused;
    v->activations.f = s->spec->f;
    v->activations.g = s->spec->g;
    v->activations.h = s->spec->h;
    v->clip = s->spec->clip;
    v->input_forget = s->spec->input_forget;
    v->inputs = inputs;
    v->hidden = H;
    v->outputs = P;
    v->w = place_matrix(a, s, input);
    v->bias = take(a, s->cell->gates, H, s->itemsize);
    place_recurrent(a, s, v);
    if (s->cell->recurrent_bias_gate >= 0) v->recurrent_bias = take(a, 1, H, s->itemsize);
    if (s->spec->proj_size) v->projection = place_matrix(a, s, projection);
    if (s->spec->peepholes) v->peepholes = take(a, 3, H, s->itemsize);
}

static size_t layer_bytes(const layout *s, ptrdiff_t index, int *overflow) {
    arena a = {NULL, 0, 0};
    fastrnn_layer_view unused;
    place_layer(&a, s, layer_inputs(s, index), &unused);
    *overflow |= a.overflow;
    return a.used;
}

/* Takes the header and the layers below `index`. All layers above the first are alike, so that the
 * work does not grow with their number. */
static void take_layers(arena *a, const layout *s, ptrdiff_t layers, ptrdiff_t directions) {
    take(a, 1, 1, sizeof(fastrnn_stack));
    const size_t first = layer_bytes(s, 0, &a->overflow);
    take(a, 1, layers > 0 ? s->directions : directions, first);
    if (layers == 0) return;
    const size_t above = layer_bytes(s, s->directions, &a->overflow);
    take(a, layers - 1, s->directions, above);
    take(a, 1, directions, above);
}

/* Fails where the bytes of one layer, or of all, cannot be addressed. */
static fastrnn_status measure_stack(const layout *s, size_t *bytes) {
    arena all = {NULL, 0, 0};
    if (s->spec->num_layers == 1)
        take_layers(&all, s, 0, s->directions);
    else
        take_layers(&all, s, s->spec->num_layers - 1, s->directions);
    if (all.overflow) return FASTRNN_ERROR_OVERFLOW;
    *bytes = all.used;
    return FASTRNN_OK;
}

/* Of a stack that lies at `memory`, which is not written to here. */
static void view_layer(const void *memory, const layout *s, ptrdiff_t index,
                       fastrnn_layer_view *view) {
    arena a = {NULL, 0, 0};
    take_layers(&a, s, index / s->directions, index % s->directions);
    a.base = (char *)memory;
    place_layer(&a, s, layer_inputs(s, index), view);
}

/* ---- contents ---- */

static fastrnn_status check_arrays(const layout *s, const fastrnn_weights *w) {
    const void *arrays[] = {w->w_ih, w->w_hh, w->b_ih, w->b_hh, w->w_hr, w->peepholes};
    const int projected = s->spec->proj_size > 0, peepholes = s->spec->peepholes;
    if (!w->w_ih || !w->w_hh || (projected && !w->w_hr) || (peepholes && !w->peepholes))
        return FASTRNN_ERROR_NULL;
    if ((!projected && w->w_hr) || (!peepholes && w->peepholes)) return FASTRNN_ERROR_UNUSED;
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        if (!aligned(arrays[i], s->itemsize)) return FASTRNN_ERROR_ALIGNMENT;
    return FASTRNN_OK;
}

static fastrnn_status check_weights(const layout *s, const fastrnn_weights *weights) {
    fastrnn_status status = FASTRNN_OK;
    for (ptrdiff_t i = 0; i < s->spec->num_layers * s->directions && !status; i++) {
        fastrnn_weights w;
        status = fastrnn_weights_read(weights, i, &w);
        if (!status) status = check_arrays(s, &w);
    }
    return status;
}

/* A view points to its parts as const, which they are but for the functions below. */

/* Zeroes what lies between a part and the next one, so that equal stacks are equal bytes. */
static void clear_end(const void *part, size_t bytes) {
    memset((char *)part + bytes, 0, rounded(bytes) - bytes);
}

/* order[g]: torch's gate at place g. */
static void pack(const fastrnn_matrix *m, const layout *s, const void *weight, const int *order) {
    const fastrnn_shape *shape = &m->shape;
    fastrnn_source source = {weight, 1, shape->depth, shape->units * shape->depth, {0}};
    for (int g = 0; g < shape->gates; g++) source.gate_order[g] = order[g];
    clear_end(m->data, fastrnn_pack_bytes(s->kernels, shape));
    fastrnn_pack(s->kernels, shape, &source, 0, shape->depth, (void *)m->data);
}

static const void *element(const layout *s, const void *array, ptrdiff_t index) {
    return array ? (const char *)array + index * (ptrdiff_t)s->itemsize : NULL;
}

/* A group's gates are neighbours in torch's order too, so it is a matrix of its own. */
static void pack_recurrent(const fastrnn_layer_view *v, const layout *s, const void *w_hh) {
    static const int torch_order[FASTRNN_MAX_GATES] = {0, 1, 2, 3};
    const ptrdiff_t gate_size = v->hidden * v->outputs;
    for (int i = 0; i < FASTRNN_MAX_GROUPS; i++) {
        const int first = s->fused ? 0 : s->cell->recurrent[i].gate;
        if (v->r[i].data) pack(&v->r[i], s, element(s, w_hh, first * gate_size), torch_order);
    }
}

#define ADD(real)                                                                   \
    static void add_##real(const real *a, const real *b, ptrdiff_t n, real *sum) {  \
        for (ptrdiff_t j = 0; j < n; j++) sum[j] = (a ? a[j] : 0) + (b ? b[j] : 0); \
    }
ADD(float)
ADD(double)

/* sum = a + b, where NULL stands for zeros */
static void add(const layout *s, const void *a, const void *b, ptrdiff_t n, const void *sum) {
    if (fastrnn_is_double((fastrnn_dtype)s->kernels->dtype))
        add_double(a, b, n, (double *)sum);
    else
        add_float(a, b, n, (float *)sum);
}

/* The bias of the recurrent side joins that of the input side, but for the gate that adds it to
 * R h'. */
static void fold_biases(const fastrnn_layer_view *v, const layout *s, const fastrnn_weights *w,
                        const int *order) {
    const int gate = s->cell->recurrent_bias_gate;
    const ptrdiff_t H = v->hidden;
    clear_end(v->bias, (size_t)(s->cell->gates * H) * s->itemsize);
    for (int slot = 0; slot < s->cell->gates; slot++) {
        const void *b_ih = element(s, w->b_ih, order[slot] * H);
        const void *b_hh = order[slot] == gate ? NULL : element(s, w->b_hh, order[slot] * H);
        add(s, b_ih, b_hh, H, element(s, v->bias, slot * H));
    }
    if (gate < 0) return;
    clear_end(v->recurrent_bias, (size_t)H * s->itemsize);
    add(s, NULL, element(s, w->b_hh, gate * H), H, v->recurrent_bias);
}

static void fill_layer(const fastrnn_layer_view *v, const layout *s, const fastrnn_weights *w) {
    static const int one[1] = {0};
    int order[FASTRNN_MAX_GATES];
    fastrnn_input_order(s->cell, order);
    pack(&v->w, s, w->w_ih, order);
    pack_recurrent(v, s, w->w_hh);
    if (v->projection.data) pack(&v->projection, s, w->w_hr, one);
    fold_biases(v, s, w, order);
    if (!v->peepholes) return;
    const size_t bytes = 3 * (size_t)v->hidden * s->itemsize;
    clear_end(v->peepholes, bytes);
    memcpy((void *)v->peepholes, w->peepholes, bytes);
}

/* ---- public ---- */

fastrnn_status fastrnn_stack_bytes(const fastrnn_spec *spec, size_t *bytes) {
    fastrnn_spec checked;
    layout s;
    if (!spec || !bytes) return FASTRNN_ERROR_NULL;
    fastrnn_status status = fastrnn_spec_read(spec, &checked);
    if (!status) status = lay_out(&checked, &s);
    return status ? status : measure_stack(&s, bytes);
}

fastrnn_status fastrnn_stack_init(void *memory, size_t bytes, const fastrnn_spec *spec,
                                  const fastrnn_weights *weights, fastrnn_stack **stack) {
    fastrnn_stack header;
    layout s;
    size_t wanted;
    memset(&header, 0, sizeof header); /* padding, too: equal stacks are equal bytes */
    if (!spec || !weights || !stack) return FASTRNN_ERROR_NULL;
    fastrnn_status status = fastrnn_spec_read(spec, &header.spec);
    if (!status) status = lay_out(&header.spec, &s);
    if (!status) status = measure_stack(&s, &wanted);
    if (!status) status = check_weights(&s, weights);
    if (!status) status = check_memory(memory, bytes, wanted);
    if (status) return status;

    memcpy(header.magic, FASTRNN_MAGIC, sizeof header.magic);
    header.format = FASTRNN_FORMAT;
    header.byte_order = FASTRNN_BYTE_ORDER;
    header.bytes = wanted;
    for (ptrdiff_t i = 0; i < s.spec->num_layers * s.directions; i++) {
        fastrnn_weights w;
        fastrnn_layer_view view;
        fastrnn_weights_read(weights, i, &w);
        view_layer(memory, &s, i, &view);
        fill_layer(&view, &s, &w);
    }
    clear_end(memory, sizeof header);
    memcpy(memory, &header, sizeof header);
    *stack = memory;
    return FASTRNN_OK;
}

/* Whether a header is one that fastrnn_stack_init could have written on some machine. */
static int is_header(const fastrnn_stack *header) {
    fastrnn_spec spec;
    return memcmp(header->magic, FASTRNN_MAGIC, sizeof header->magic) == 0 &&
           header->format == FASTRNN_FORMAT && header->byte_order == FASTRNN_BYTE_ORDER &&
           header->spec.size == sizeof spec && !fastrnn_spec_read(&header->spec, &spec) &&
           memcmp(&spec, &header->spec, sizeof spec) == 0 && spec.isa != FASTRNN_ISA_AUTO;
}

fastrnn_status fastrnn_stack_open(const void *memory, size_t bytes, const fastrnn_stack **stack) {
    fastrnn_stack header;
    layout s;
    size_t wanted;
    if (!stack) return FASTRNN_ERROR_NULL;
    fastrnn_status status = check_memory(memory, bytes, sizeof header);
    if (status) return status;
    memcpy(&header, memory, sizeof header);
    if (!is_header(&header)) return FASTRNN_ERROR_FORMAT;
    status = lay_out(&header.spec, &s);
    if (status) return status;
    if (measure_stack(&s, &wanted) || header.bytes != wanted) return FASTRNN_ERROR_FORMAT;
    if (bytes < wanted) return FASTRNN_ERROR_MEMORY;
    *stack = memory;
    return FASTRNN_OK;
}

fastrnn_status fastrnn_stack_spec(const fastrnn_stack *stack, fastrnn_spec *spec) {
    if (!stack || !spec) return FASTRNN_ERROR_NULL;
    return fastrnn_spec_write(&stack->spec, spec);
}

ptrdiff_t fastrnn_layer_count(const fastrnn_stack *stack) {
    return stack->spec.num_layers * (stack->spec.bidirectional ? 2 : 1);
}

void fastrnn_layer_view_of(const fastrnn_stack *stack, ptrdiff_t index, fastrnn_layer_view *view) {
    fastrnn_spec spec = stack->spec;
    layout s;
    lay_out(&spec, &s);
    view_layer(stack, &s, index, view);
}
