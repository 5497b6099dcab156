/* SPDX-License-Identifier: Apache-2.0 */
/* What backpropagation through time takes beside the kernels of internal.h. */
#ifndef FASTRNN_TRAINING_KERNELS_H
#define FASTRNN_TRAINING_KERNELS_H

#include "internal.h"

/*
 * One time step of BPTT. `gates` holds what forward kept, nothing for RNN, and is overwritten
 * by the gradients of the pre-activations:
 *     LSTM  di df dg do      GRU  dn dr dz dq      RNN  da
 * dh of a row = share[row] + dy[row] + (row < live ? a[row] * packed : 0); afterwards
 * share[row] is what of dh passes by the product (GRU: z * dh, else 0).
 */
typedef struct {
    ptrdiff_t hidden;                /* H */
    ptrdiff_t depth;                 /* K of the product */
    fastrnn_activations activations; /* as forward had them, of the kinds without parameters */
    int descend;
    const void *pack; /* R transposed, or the projection */
    const char *a;    /* N x depth: gradients of the next step's pre-activations */
    ptrdiff_t a_stride;
    ptrdiff_t live; /* rows that have a next step */
    char *share;    /* N x H, or NULL: none */
    ptrdiff_t share_stride;
    fastrnn_rows dy; /* base NULL: none */
    char *gates;
    ptrdiff_t gates_stride;
    char *dc; /* LSTM: N x H, in: d of this step's c, out: of the step before's */
    ptrdiff_t dc_stride;
    const char *c_prev; /* LSTM: N x H */
    ptrdiff_t c_prev_stride;
    const char *c; /* LSTM: N x H */
    ptrdiff_t c_stride;
    const char *h_prev; /* GRU: N x H */
    ptrdiff_t h_prev_stride;
    char *h; /* N x H. RNN, in: of this step. LSTM, out: o tanh(c), which forward did not keep;
              * NULL if not wanted */
    ptrdiff_t h_stride;
} fastrnn_backward_step;

/* C[m][j] += sum over rows q of A[q][m] * B[q][j]: a weight gradient. */
typedef struct {
    fastrnn_rows a; /* step 1 */
    fastrnn_rows b;
    ptrdiff_t rows;
    ptrdiff_t columns; /* of B and C */
    char *c;
    ptrdiff_t c_stride;
} fastrnn_outer;

/* What training takes that depends on the instruction set and the element type. */
typedef struct {
    ptrdiff_t outer_scratch; /* bytes of 64-byte-aligned scratch one `outer` call wants */

    void (*backward[FASTRNN_FUSED_CELLS])(const fastrnn_backward_step *, ptrdiff_t row_begin,
                                          ptrdiff_t row_end, ptrdiff_t panel_begin,
                                          ptrdiff_t panel_end);
    /* dh of a row = share[row] + dy[row]; else as `backward`. */
    void (*cell_backward[FASTRNN_CELLS])(const fastrnn_backward_step *, ptrdiff_t row_begin,
                                         ptrdiff_t row_end);
    void (*reset_backward)(const fastrnn_reset_step *, ptrdiff_t row_begin, ptrdiff_t row_end);
    /* Rows m_begin <= m < m_end of C. */
    void (*outer)(const fastrnn_outer *, ptrdiff_t m_begin, ptrdiff_t m_end, void *scratch);
    /* sums[m] += sum over q of a[q][m], for m_begin <= m < m_end; a.step is 1. */
    void (*column_sums)(const fastrnn_rows *a, ptrdiff_t rows, ptrdiff_t m_begin, ptrdiff_t m_end,
                        void *sums);
} fastrnn_training_kernels;

/* dispatch_training.c: the table of the same instruction set and element type; never NULL. */
const fastrnn_training_kernels *fastrnn_training_of(const fastrnn_kernels *);

#endif
