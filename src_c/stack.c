/* SPDX-License-Identifier: Apache-2.0 */
/* Making a stack of layers from torch's weights: fastrnn_stack_* and the names of statuses. */
#include <string.h>

#include "area.h"
#include "stack.h"

/* Sizes up to here can be added to each other and multiplied by the number of gates. */
#define MAX_SIZE (PTRDIFF_MAX / 64)

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
    if (spec->proj_size > 0 && (spec->cell != FASTRNN_LSTM || spec->proj_size >= spec->hidden_size))
        return FASTRNN_ERROR_PROJECTION;
    if (spec->input_size > MAX_SIZE || spec->hidden_size > MAX_SIZE) return FASTRNN_ERROR_OVERFLOW;
    return FASTRNN_OK;
}

/* Everything of a stack but its layers. */
static fastrnn_status plan_stack(const fastrnn_spec *spec, fastrnn_stack *s) {
    fastrnn_status status = check_spec(spec);
    if (status) return status;
    s->spec = *spec;
    s->kernels = fastrnn_kernels_get(spec->isa, spec->dtype);
    if (!s->kernels) return FASTRNN_ERROR_ISA;
    s->spec.isa = s->kernels->isa;
    s->itemsize = (size_t)s->kernels->itemsize;
    s->outputs = spec->proj_size ? spec->proj_size : spec->hidden_size;
    s->directions = spec->bidirectional ? 2 : 1;
    s->cell = fastrnn_describe((int)spec->cell);
    s->gates = s->cell->gates;
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
    l->cell.w.depth = inputs;
    l->cell.w.pack = take_pack(a, s, &input);
    l->cell.w.bias = take(a, s->gates, H, s->itemsize);
    l->cell.w.x_stride = inputs * itemsize;
    l->cell.hidden = H;
    l->cell.depth = P;
    l->cell.activation = (int)s->spec.activation;
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

/* ---- names ---- */

const char *fastrnn_status_text(fastrnn_status status) {
    switch (status) {
    case FASTRNN_OK:
        return "no error";
    case FASTRNN_ERROR_NULL:
        return "a pointer is NULL that must not be";
    case FASTRNN_ERROR_ENUM:
        return "cell, activation, dtype or isa is not a value that a stack has";
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
