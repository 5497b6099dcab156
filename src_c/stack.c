/* SPDX-License-Identifier: Apache-2.0 */
/* Making a stack of layers from torch's weights: fastrnn_stack_*. */
#include <string.h>

#include "arena.h"
#include "spec.h"
#include "stack.h"

static ptrdiff_t layer_inputs(const fastrnn_stack *s, ptrdiff_t index) {
    return index == 0 ? s->spec.input_size : s->directions * s->outputs;
}

static int is_default(const fastrnn_spec *s) {
    return s->f.kind == FASTRNN_SIGMOID && s->g.kind == FASTRNN_TANH &&
           (s->h.kind == FASTRNN_TANH || s->cell != FASTRNN_LSTM);
}

/* Whether the kernels have the cell with its product. */
static int fits_fused(const fastrnn_spec *s) {
    if (s->clip > 0 || s->peepholes || s->input_forget || s->reset_before) return 0;
    return s->cell == FASTRNN_RNN ? s->f.kind <= FASTRNN_SIGMOID : is_default(s);
}

/* Everything of a stack but its layers. */
static fastrnn_status plan_stack(const fastrnn_spec *spec, fastrnn_stack *s) {
    fastrnn_status status = fastrnn_spec_read(spec, &s->spec);
    if (status) return status;
    spec = &s->spec;
    if (!fits_fused(spec)) return FASTRNN_ERROR_UNUSED;
    s->kernels = fastrnn_kernels_get((fastrnn_isa)spec->isa, (fastrnn_dtype)spec->dtype);
    if (!s->kernels) return FASTRNN_ERROR_ISA;
    s->spec.isa = s->kernels->isa;
    s->itemsize = (size_t)s->kernels->itemsize;
    s->outputs = spec->proj_size ? spec->proj_size : spec->hidden_size;
    s->directions = spec->bidirectional ? 2 : 1;
    s->cell = fastrnn_describe((int)spec->cell);
    s->gates = s->cell->gates;
    return FASTRNN_OK;
}

static void *take_pack(arena *a, const fastrnn_stack *s, const fastrnn_shape *shape) {
    size_t padded = (size_t)(shape->units + s->kernels->lanes);
    multiply(a, multiply(a, (size_t)shape->depth, (size_t)shape->gates),
             multiply(a, padded, s->itemsize));
    return take(a, 1, 1, a->overflow ? 0 : fastrnn_pack_bytes(s->kernels, shape));
}

static void place_product(arena *a, const fastrnn_stack *s, fastrnn_product *product,
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

static void place_layer(arena *a, const fastrnn_stack *s, ptrdiff_t inputs, layer *l) {
    ptrdiff_t H = s->spec.hidden_size, P = s->outputs, itemsize = (ptrdiff_t)s->itemsize;
    fastrnn_shape input = {H, s->gates, inputs}, projection = {P, 1, H};
    fastrnn_shape recurrent = recurrent_shape(s);
    memset(l, 0, sizeof *l);
    l->cell.w.depth = inputs;
    l->cell.w.pack = take_pack(a, s, &input);
    l->cell.w.bias = take(a, s->gates, H, s->itemsize);
    l->cell.w.x_stride = inputs * itemsize;
    l->cell.hidden = H;
    l->cell.depth = P;
    l->cell.activations = (fastrnn_activations){s->spec.f, s->spec.g, s->spec.h};
    l->cell.pack = take_pack(a, s, &recurrent);
    l->cell.bias = s->cell->apart_bias >= 0 ? take(a, 1, H, s->itemsize) : NULL;
    l->cell.h_prev_stride = P * itemsize;
    l->cell.c_prev_stride = l->cell.c_stride = l->cell.h_stride = H * itemsize;
    l->cell_panels = fastrnn_panel_count(s->kernels, &recurrent);

    if (s->spec.proj_size) place_product(a, s, &l->projection, &l->projection_panels, projection);
}

/* Fails where the bytes of one layer, or of all, cannot be addressed; layers above the first are
 * alike, so the work does not grow with their number. */
static fastrnn_status measure_stack(const fastrnn_stack *s, size_t *bytes) {
    arena first = {NULL, 0, 0}, above = {NULL, 0, 0}, all = {NULL, 0, 0};
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
    for (ptrdiff_t index = 0; index < count; index++) {
        fastrnn_weights w;
        fastrnn_status status = fastrnn_weights_read(weights, index, &w);
        if (status) return status;
        const void *arrays[] = {w.w_ih, w.w_hh, w.b_ih, w.b_hh, w.w_hr, w.peepholes};
        if (!w.w_ih || !w.w_hh || (s->spec.proj_size && !w.w_hr) ||
            (s->spec.peepholes && !w.peepholes))
            return FASTRNN_ERROR_NULL;
        if ((!s->spec.proj_size && w.w_hr) || (!s->spec.peepholes && w.peepholes))
            return FASTRNN_ERROR_UNUSED;
        for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
            if (!aligned(arrays[i], s->itemsize)) return FASTRNN_ERROR_ALIGNMENT;
    }
    return FASTRNN_OK;
}

/* A layer points to its packs as const, which they are but for the functions below.
 * order[g]: torch's gate in slot g. */
static void pack(const fastrnn_stack *s, const fastrnn_shape *shape, const void *weight,
                 const int *order, const void *to) {
    fastrnn_source source = {weight, 1, shape->depth, shape->units * shape->depth, {0}};
    for (int g = 0; g < shape->gates; g++) source.gate_order[g] = order[g];
    fastrnn_pack(s->kernels, shape, &source, 0, shape->depth, (void *)to);
}

static const void *element(const fastrnn_stack *s, const void *array, ptrdiff_t index) {
    return array ? (const char *)array + index * (ptrdiff_t)s->itemsize : NULL;
}

#define ADD(real)                                                                   \
    static void add_##real(const real *a, const real *b, ptrdiff_t n, real *sum) {  \
        for (ptrdiff_t j = 0; j < n; j++) sum[j] = (a ? a[j] : 0) + (b ? b[j] : 0); \
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
    const int apart = s->cell->apart_bias;
    int order[FASTRNN_MAX_GATES];
    const ptrdiff_t H = s->spec.hidden_size;
    const fastrnn_shape input = {H, s->gates, l->cell.w.depth}, recurrent = recurrent_shape(s);
    fastrnn_input_order(s->cell, order);
    pack(s, &input, w->w_ih, order, l->cell.w.pack);
    pack(s, &recurrent, w->w_hh, torch_order, l->cell.pack);
    if (s->spec.proj_size) pack(s, &l->projection.shape, w->w_hr, torch_order, l->projection.pack);

    for (int slot = 0; slot < s->gates; slot++) {
        const void *b_ih = element(s, w->b_ih, order[slot] * H);
        const void *b_hh = element(s, w->b_hh, order[slot] * H);
        add(s, b_ih, order[slot] == apart ? NULL : b_hh, H, element(s, l->cell.w.bias, slot * H));
    }
    if (apart >= 0) add(s, NULL, element(s, w->b_hh, apart * H), H, l->cell.bias);
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

    arena a = {memory, 0, 0};
    fastrnn_stack *s = take(&a, 1, 1, sizeof *s);
    *s = plan;
    s->layers = take(&a, s->spec.num_layers, s->directions, sizeof(layer));
    for (ptrdiff_t i = 0; i < s->spec.num_layers * s->directions; i++) {
        place_layer(&a, s, layer_inputs(s, i / s->directions), &s->layers[i]);
        fastrnn_weights w;
        fastrnn_weights_read(weights, i, &w);
        fill_layer(s, &w, &s->layers[i]);
    }
    *stack = s;
    return FASTRNN_OK;
}

fastrnn_status fastrnn_stack_spec(const fastrnn_stack *stack, fastrnn_spec *spec) {
    if (!stack || !spec) return FASTRNN_ERROR_NULL;
    return fastrnn_spec_write(&stack->spec, spec);
}
