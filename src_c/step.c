/* SPDX-License-Identifier: Apache-2.0 */
#include "step.h"

#include <string.h>

size_t fastrnn_hidden_row(const fastrnn_layer_view *v) {
    return v->projection.data ? (size_t)(v->hidden * v->kernels->itemsize) : 0;
}

/* Nothing is kept, but the fourth slot of a GRU is there where the product stands apart. */
size_t fastrnn_gates_row(const fastrnn_layer_view *v) {
    return v->fused ? 0 : (size_t)(v->cell->kept_slots * v->hidden * v->kernels->itemsize);
}

void fastrnn_layer_place(arena *a, const fastrnn_layer_view *v, ptrdiff_t rows, fastrnn_layer *l) {
    const size_t itemsize = (size_t)v->kernels->itemsize;
    memset(l, 0, sizeof *l);
    l->rows = rows;
    l->h = take(a, rows, v->outputs, itemsize);
    l->next = take(a, rows, v->outputs, itemsize);
    if (v->cell->has_c) l->cell.c_prev = l->cell.c = take(a, rows, v->hidden, itemsize);
    if (!v->fused) l->unfused = take(a, 1, 1, sizeof(fastrnn_unfused_layer));
}

static void attach_cell(fastrnn_forward_step *cell, const fastrnn_layer_view *v, char *gates) {
    const ptrdiff_t itemsize = v->kernels->itemsize;
    cell->w.depth = v->inputs;
    cell->w.pack = v->w.data;
    cell->w.bias = v->bias;
    cell->w.x_stride = v->inputs * itemsize;
    cell->hidden = v->hidden;
    cell->depth = v->outputs;
    cell->h_prev_stride = v->outputs * itemsize;
    cell->c_prev_stride = cell->c_stride = cell->h_stride = v->hidden * itemsize;
    cell->gates = gates;
    cell->gates_stride = (ptrdiff_t)fastrnn_gates_row(v);
    cell->activations = v->activations;
    cell->clip = v->clip;
    cell->peepholes = v->peepholes;
    cell->input_forget = v->input_forget;
}

static void attach_product(fastrnn_product *product, const fastrnn_matrix *m, size_t itemsize) {
    product->shape = m->shape;
    product->pack = m->data;
    product->a.step = product->c.step = 1;
    product->a.stride = m->shape.depth * (ptrdiff_t)itemsize;
    product->c.stride = m->shape.units * m->shape.gates * (ptrdiff_t)itemsize;
}

static void attach_unfused(fastrnn_unfused_layer *u, const fastrnn_layer_view *v,
                           const fastrnn_forward_step *cell) {
    memset(u, 0, sizeof *u);
    attach_product(&u->input, &v->w, (size_t)v->kernels->itemsize);
    u->input.c.base = cell->gates;
    u->input.c.stride = cell->gates_stride;
    u->input.bias = v->bias;
    u->panels = v->w.panels;
    fastrnn_unfused_init(&u->recurrent, v->kernels, v->kind, cell, v->outputs);
    for (int i = 0; i < v->cell->recurrent_groups; i++) {
        const fastrnn_gate_group *group = &v->cell->recurrent[i];
        fastrnn_unfused_add(&u->recurrent, group->gate, group->count, v->r[i].data,
                            v->recurrent_bias);
    }
}

void fastrnn_layer_attach(fastrnn_layer *l, const fastrnn_layer_view *v,
                          const fastrnn_scratch *scratch) {
    const size_t itemsize = (size_t)v->kernels->itemsize;
    l->kernels = v->kernels;
    l->kind = v->kind;
    l->h_row = (size_t)v->outputs * itemsize;
    l->c_row = (size_t)v->hidden * itemsize;
    attach_cell(&l->cell, v, scratch->gates);
    if (v->projection.data) {
        attach_product(&l->projection, &v->projection, itemsize);
        l->projection_panels = v->projection.panels;
        l->cell.h = l->projection.a.base = scratch->hidden;
    }
    if (v->fused) {
        l->cell.pack = v->r[0].data;
        l->cell.bias = v->recurrent_bias;
        l->cell_panels = v->r[0].panels;
    } else
        attach_unfused(l->unfused, v, &l->cell);
}

static void step_unfused(fastrnn_layer *l, const char *x) {
    fastrnn_unfused_layer *u = l->unfused;
    u->input.a.base = (char *)x;
    l->kernels->product(&u->input, 0, l->rows, 0, u->panels);
    fastrnn_unfused_forward(&u->recurrent, &l->cell, 0, l->rows);
}

static void project(fastrnn_layer *l, char *h) {
    l->projection.c.base = h;
    l->projection.descend = l->cell.descend;
    l->kernels->product(&l->projection, 0, l->rows, 0, l->projection_panels);
}

const char *fastrnn_layer_step(fastrnn_layer *l, const char *x) {
    char *h = l->next;
    l->cell.w.x = x;
    l->cell.descend = !l->cell.descend;
    l->cell.h_prev = l->h;
    if (!l->projection.pack) l->cell.h = h;
    if (l->unfused)
        step_unfused(l, x);
    else
        l->kernels->forward[l->kind](&l->cell, 0, l->rows, 0, l->cell_panels);
    if (l->projection.pack) project(l, h);
    l->next = l->h;
    l->h = h;
    return h;
}

fastrnn_status fastrnn_state_check(const fastrnn_description *cell, size_t itemsize, const void *h,
                                   const void *c) {
    if (c && !cell->has_c) return FASTRNN_ERROR_UNUSED;
    return aligned(h, itemsize) && aligned(c, itemsize) ? FASTRNN_OK : FASTRNN_ERROR_ALIGNMENT;
}
