/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stack is made of, for the files that make it and that run it, and for the Python package,
 * whose layers hold a stack of one layer each.
 *
 * A stack is one block of memory without an address in it: a header, then the packed matrices and
 * the biases of one layer after the other. Where each lies follows from the spec alone.
 */
#ifndef FASTRNN_STACK_H
#define FASTRNN_STACK_H

#include "internal.h"

struct fastrnn_stack {
    char magic[8]; /* FASTRNN_MAGIC */
    uint32_t format;
    uint32_t byte_order; /* FASTRNN_BYTE_ORDER as the machine that made the stack wrote it */
    uint64_t bytes;      /* of the whole stack */
    fastrnn_spec spec;   /* as fastrnn_spec_read gives it; isa is that of the packs */
};

#define FASTRNN_MAGIC "fastrnn"
#define FASTRNN_BYTE_ORDER UINT32_C(0x01020304)

/* Grows with each change of the header or of what follows it, such as the order within a pack. */
#define FASTRNN_FORMAT 1

/* A packed matrix; data NULL: none. */
typedef struct {
    fastrnn_shape shape;
    ptrdiff_t panels;
    const void *data;
} fastrnn_matrix;

/* One layer in one direction, where it lies. Matrices have their gates in torch's order, but for w,
 * where they have that of their slots. */
typedef struct {
    const fastrnn_kernels *kernels;
    const fastrnn_description *cell;
    int kind;          /* of FASTRNN_CELLS */
    int fused;         /* the kernels have the cell with its products */
    ptrdiff_t inputs;  /* K */
    ptrdiff_t hidden;  /* H */
    ptrdiff_t outputs; /* P */
    fastrnn_matrix w;  /* K deep */
    /* P deep; fused: only the first, else one for each of the cell's recurrent groups. */
    fastrnn_matrix r[FASTRNN_MAX_GROUPS];
    fastrnn_matrix projection;  /* H deep, P columns */
    const void *bias;           /* G*H by slots: what is added to W x; NULL: none */
    const void *recurrent_bias; /* H, of recurrent_bias_gate; NULL: none */
    const void *peepholes;      /* 3*H: of i, f and o; NULL: none */
    fastrnn_activations activations;
    float clip;
    int input_forget;
} fastrnn_layer_view;

/* The view of layer index / D, direction index % D, of a stack that was made or opened. */
void fastrnn_layer_view_of(const fastrnn_stack *stack, ptrdiff_t index, fastrnn_layer_view *view);

/* The number of layers times that of directions. */
ptrdiff_t fastrnn_layer_count(const fastrnn_stack *stack);

#endif
