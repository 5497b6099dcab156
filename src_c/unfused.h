/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A step whose cell is not fused to its recurrent products. The fused cells know their activations
 * and read one state for all gates; any other activation, clip, peepholes, coupled gates, a GRU that
 * resets before the product, and masks of the state take this way: a product for each group of
 * gates that reads the same state, added to W x + b where the gates lie, then the cell alone. The
 * sums are those of the fused cells.
 *
 * Recurrent dropout multiplies the state by one mask for each group, the same at every step,
 * before the product (Gal and Ghahramani 2016, with a mask a gate as Keras has it); all other uses
 * of the state, such as a GRU's z h', see it as it is.
 *
 * All that this writes belongs to rows of the batch, so that threads share them without waiting.
 */
#ifndef FASTRNN_UNFUSED_H
#define FASTRNN_UNFUSED_H

#include "internal.h"

/* Neighbouring gates whose product reads the same state. */
typedef struct {
    fastrnn_product product;
    ptrdiff_t panels;
    ptrdiff_t slot; /* bytes from a row of gates to their slots */
    int reset;      /* reads the reset state */
} fastrnn_gate_product;

typedef struct {
    const fastrnn_kernels *kernels;
    const fastrnn_description *cell;
    int kind;             /* of FASTRNN_CELLS */
    ptrdiff_t state_size; /* P */
    int count;
    fastrnn_gate_product products[FASTRNN_MAX_GATES];
    fastrnn_reset_step reset;
    ptrdiff_t reset_slot;   /* bytes from a row of gates to the reset state */
    const char *masks;      /* products x N x P; NULL: none */
    ptrdiff_t masks_stride; /* bytes from product to product */
    char *seen;             /* with masks, N x P: the state as one product reads it */
} fastrnn_unfused;

/* Of a cell without products: one of FASTRNN_CELLS with H units, whose state has P values. `step`
 * has the sizes, the activations and the stride of the gates. */
void fastrnn_unfused_init(fastrnn_unfused *, const fastrnn_kernels *, int kind,
                          const fastrnn_forward_step *step, ptrdiff_t state_size);

/* Adds the product of `count` gates from `gate` on, in torch's order, which must belong to one
 * recurrent group of the cell. bias: the recurrent one, used where the product begins the slots; may be NULL. */
void fastrnn_unfused_add(fastrnn_unfused *, int gate, int count, const void *pack,
                         const void *bias);

/* The step, whose gates hold W x + b; rows [row_begin, row_end). */
void fastrnn_unfused_forward(const fastrnn_unfused *, const fastrnn_forward_step *step,
                             ptrdiff_t row_begin, ptrdiff_t row_end);

#endif
