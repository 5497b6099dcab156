/* SPDX-License-Identifier: Apache-2.0 */
/* One step of one layer, which streams and runs have in common. */
#ifndef FASTRNN_STEP_H
#define FASTRNN_STEP_H

#include "arena.h"
#include "stack.h"
#include "unfused.h"

/* What a layer has where its cell is not fused to its products. */
typedef struct {
    fastrnn_product input; /* W x + b */
    ptrdiff_t panels;
    fastrnn_unfused recurrent;
} fastrnn_unfused_layer;

/* A layer with the state of a batch of rows: a stream holds one for each layer, a run one that all
 * layers use in turn. */
typedef struct {
    const fastrnn_kernels *kernels;
    int kind; /* of FASTRNN_CELLS */
    fastrnn_forward_step cell;
    fastrnn_product projection; /* pack NULL: none */
    ptrdiff_t cell_panels, projection_panels;
    fastrnn_unfused_layer *unfused; /* NULL: fused */
    ptrdiff_t rows;
    size_t h_row, c_row; /* bytes of a row of h, and of c */
    char *h;             /* the state; a step writes the next one to `next` and swaps the two */
    char *next;
} fastrnn_layer;

/* What the layers of a batch share during a step. */
typedef struct {
    char *hidden; /* o * h(c) before a projection, N x H, or NULL */
    char *gates;  /* unfused, N rows of the gates buffer, or NULL */
} fastrnn_scratch;

/* Bytes that a row of each of them takes in a layer. */
size_t fastrnn_hidden_row(const fastrnn_layer_view *);
size_t fastrnn_gates_row(const fastrnn_layer_view *);

/* Takes memory for the layer's state; h, c and next are not set to anything. */
void fastrnn_layer_place(arena *, const fastrnn_layer_view *, ptrdiff_t rows, fastrnn_layer *);

/* Makes the layer, whose memory is placed, one with the weights of the view. */
void fastrnn_layer_attach(fastrnn_layer *, const fastrnn_layer_view *, const fastrnn_scratch *);

/* Reads x (N x K) and moves the state on; returns it. */
const char *fastrnn_layer_step(fastrnn_layer *, const char *x);

/* Checks a pair of state arrays, either of which may be NULL. */
fastrnn_status fastrnn_state_check(const fastrnn_description *cell, size_t itemsize, const void *h,
                                   const void *c);

#endif
