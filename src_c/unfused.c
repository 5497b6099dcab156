/* SPDX-License-Identifier: Apache-2.0 */
#include "unfused.h"

#include <string.h>

void fastrnn_unfused_init(fastrnn_unfused *u, const fastrnn_kernels *kernels, int kind,
                          const fastrnn_forward_step *step, ptrdiff_t state_size) {
    memset(u, 0, sizeof *u);
    u->kernels = kernels;
    u->kind = kind;
    u->cell = fastrnn_describe(kind);
    u->state_size = state_size;
    u->reset_slot = u->cell->reset_slot * step->hidden * kernels->itemsize;
    u->reset.hidden = step->hidden;
    u->reset.f = step->activations.f;
    u->reset.clip = step->clip;
    u->reset.gates_stride = step->gates_stride;
    u->reset.h_stride = state_size * kernels->itemsize;
}

static const fastrnn_gate_group *group_of(const fastrnn_description *cell, int gate) {
    const fastrnn_gate_group *group = cell->recurrent;
    while (gate < group->gate || gate >= group->gate + group->count) group++;
    return group;
}

void fastrnn_unfused_add(fastrnn_unfused *u, int gate, int count, const void *pack,
                         const void *bias) {
    const fastrnn_gate_group *group = group_of(u->cell, gate);
    fastrnn_gate_product *p = &u->products[u->count++];
    const fastrnn_shape shape = {u->reset.hidden, count, u->state_size};
    p->product.shape = shape;
    p->product.pack = pack;
    p->product.bias = group->fresh ? bias : NULL;
    p->product.accumulate = !group->fresh;
    p->product.a.step = p->product.c.step = 1;
    p->product.a.stride = group->reset ? u->reset.gates_stride : u->reset.h_stride;
    p->product.c.stride = u->reset.gates_stride;
    p->panels = fastrnn_panel_count(u->kernels, &shape);
    p->slot = (group->slot + gate - group->gate) * u->reset.hidden * u->kernels->itemsize;
    p->reset = group->reset;
}

#define MULTIPLY(real)                                                                      \
    static void multiply_##real(const real *a, const real *b, real *product, ptrdiff_t n) { \
        for (ptrdiff_t j = 0; j < n; j++) product[j] = a[j] * b[j];                         \
    }
MULTIPLY(float)
MULTIPLY(double)

/* The state as product `index` reads it. */
static const char *state_seen(const fastrnn_unfused *u, int index, const char *h,
                              ptrdiff_t row_begin, ptrdiff_t row_end) {
    if (!u->masks) return h;
    const ptrdiff_t begin = row_begin * u->reset.h_stride;
    const ptrdiff_t n = (row_end - row_begin) * u->state_size;
    const void *from = h + begin, *mask = u->masks + index * u->masks_stride + begin;
    void *to = u->seen + begin;
    if (fastrnn_is_double(u->kernels->dtype))
        multiply_double(from, mask, to, n);
    else
        multiply_float(from, mask, to, n);
    return u->seen;
}

static void add_product(const fastrnn_unfused *u, int index, const fastrnn_forward_step *step,
                        ptrdiff_t row_begin, ptrdiff_t row_end) {
    const fastrnn_gate_product *p = &u->products[index];
    const char *state = state_seen(u, index, step->h_prev, row_begin, row_end);
    fastrnn_product product = p->product;
    if (p->reset) {
        fastrnn_reset_step reset = u->reset;
        reset.gates = step->gates;
        reset.h = state;
        u->kernels->reset_forward(&reset, row_begin, row_end);
        state = step->gates + u->reset_slot;
    }
    product.a.base = (char *)state;
    product.c.base = step->gates + p->slot;
    u->kernels->product(&product, row_begin, row_end, 0, p->panels);
}

void fastrnn_unfused_forward(const fastrnn_unfused *u, const fastrnn_forward_step *step,
                             ptrdiff_t row_begin, ptrdiff_t row_end) {
    for (int i = 0; i < u->count; i++) add_product(u, i, step, row_begin, row_end);
    u->kernels->cell_forward[u->kind](step, row_begin, row_end);
}
