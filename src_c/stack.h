/* SPDX-License-Identifier: Apache-2.0 */
/* What a stack is made of, for the files that make it and that run it. */
#ifndef FASTRNN_STACK_H
#define FASTRNN_STACK_H

#include "internal.h"

/* One layer in one direction: its kernel calls, complete in a stack but for the arrays of a
 * batch, which a stream or a run adds to a copy. */
typedef struct {
    fastrnn_forward_step cell;
    fastrnn_product projection; /* pack NULL: none */
    ptrdiff_t cell_panels, projection_panels;
    ptrdiff_t rows;
    char *h; /* the state; a step writes the new one to `next` and swaps the two */
    char *next;
} layer;

struct fastrnn_stack {
    fastrnn_spec spec;
    const fastrnn_kernels *kernels;
    const fastrnn_description *cell;
    size_t itemsize;
    ptrdiff_t outputs;    /* P */
    ptrdiff_t directions; /* D */
    int gates;            /* G */
    layer *layers;        /* L x D */
};

#endif
