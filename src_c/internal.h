/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private floor between the loops (Cython, or stream.c) and the kernels.
 *
 * Notation: N rows (batch), I inputs, H hidden units, P outputs of a projected
 * LSTM (else P = H), G gates, K depth of a product, V lanes of a vector.
 * All strides are in bytes unless a comment says elements. Nothing here checks
 * its arguments and nothing allocates: callers have validated, and own all memory.
 *
 * A kernel works on a range of rows and a range of panels, so that threads can
 * split either; no sum ever depends on how a call was split, nor on `descend`: panels are
 * taken from the last to the first then. A step that begins where the one before it ended
 * finds there what that one left in the cache. With the same order each time, a pack a little
 * larger than a cache is never found in it.
 */
#ifndef FASTRNN_INTERNAL_H
#define FASTRNN_INTERNAL_H

#include "cell.h"
#include "denormals.h"

/* A matrix whose rows may lie anywhere: row r starts at base + offset[r], or at
 * base + r * stride where offset is NULL. Elements of a row lie `step` elements apart. */
typedef struct {
    char *base;
    ptrdiff_t stride;
    const ptrdiff_t *offset;
    ptrdiff_t step;
} fastrnn_rows;

static inline char *fastrnn_row(const fastrnn_rows *m, ptrdiff_t r) {
    return m->base + (m->offset ? m->offset[r] : r * m->stride);
}

/*
 * A packed matrix, K rows deep. Its columns are G gates of `units` columns each.
 * One block is V neighbouring units. A panel holds one block of all G gates side by
 * side, or, where there is one gate only, FASTRNN_PANEL_BLOCKS blocks:
 *     [panel][k][vector][lane],  vector = gate (G > 1) or block in the panel (G = 1)
 * The last panel of a one-gate matrix has only the vectors it needs; lanes past
 * `units` are zero.
 */
#define FASTRNN_PANEL_BLOCKS 4

typedef struct {
    ptrdiff_t units;
    int gates;
    ptrdiff_t depth;
} fastrnn_shape;

/* C = A * packed + bias, or C += A * packed. A row of C is [gate][unit]. */
typedef struct {
    fastrnn_shape shape;
    const void *pack;
    fastrnn_rows a;   /* rows x depth */
    fastrnn_rows c;   /* rows x (gates * units), step 1 */
    const void *bias; /* gates * units, or NULL: none */
    int accumulate;   /* add to C instead of overwriting it; bias is not used then */
    int descend;
} fastrnn_product;

/* W x + b of a step: the pack's panels hold the same units as those of R. */
typedef struct {
    ptrdiff_t depth; /* I */
    const void *pack;
    const void *bias; /* G*H values, or NULL: none */
    const char *x;    /* N x I */
    ptrdiff_t x_stride;
} fastrnn_input;

/* The activations of a cell, none of them FASTRNN_DEFAULT: f of the gates, and of the RNN; g of the
 * candidate; h of c on its way out. */
typedef struct {
    fastrnn_activation f, g, h;
} fastrnn_activations;

/*
 * One time step forward. W x + b of each row, in this order of gates,
 *     LSTM  i f g o      GRU  n r z (b_hn left out)      RNN  a
 * is what `gates` holds on entry, or, where `w` has a pack, is computed here, and `gates` is
 * not used. With `keep`, for training, never with `w`, the activated gates replace it; GRU has
 * a fourth slot then, for R_n h + b_hn:
 *     LSTM  i f g o      GRU  n r z q
 * The recurrent pack has the order of torch: i f g o, r z n.
 * h_prev must not overlap h; c may be c_prev; with `w`, x must not overlap h or y.
 */
typedef struct {
    ptrdiff_t hidden; /* H */
    ptrdiff_t depth;  /* K of the recurrent product: P */
    /* The fused LSTM and GRU know theirs, the fused RNN has tanh, relu or sigmoid. */
    fastrnn_activations activations;
    int keep; /* not RNN: its h is all it needs */
    int descend;
    fastrnn_input w;    /* pack NULL: none */
    const void *pack;   /* R */
    const void *bias;   /* GRU: b_hn, H values, or NULL */
    const char *h_prev; /* N x P */
    ptrdiff_t h_prev_stride;
    char *gates;
    ptrdiff_t gates_stride;
    const char *c_prev; /* LSTM: N x H */
    ptrdiff_t c_prev_stride;
    char *c; /* LSTM: N x H */
    ptrdiff_t c_stride;
    char *h; /* N x H, before any projection */
    ptrdiff_t h_stride;
    fastrnn_rows y; /* a second home for h, or base NULL */
    /* For unfused cells only, without `keep`; else 0. */
    float clip;            /* bound of the pre-activations, after the peepholes; 0: none */
    const void *peepholes; /* LSTM: rows i f o of H values, or NULL */
    int input_forget;      /* LSTM: f = 1 - i, whatever the slot of f holds */
} fastrnn_forward_step;

/*
 * The reset of a GRU that resets before the product: FASTRNN_GRU_BEFORE is two calls with a product
 * between them, this and `cell_forward`; backward `cell_backward` and this.
 */
typedef struct {
    ptrdiff_t hidden;
    fastrnn_activation f;
    float clip;  /* forward: as in fastrnn_forward_step */
    char *gates; /* n r z s. Forward: r becomes its activation and s = r h'. Backward: r becomes
                  * dr, from ds. */
    ptrdiff_t gates_stride;
    const char *h; /* N x H: h' as the product sees it */
    ptrdiff_t h_stride;
    char *d; /* backward, N x H, in: ds = R_n^T dn, out: r ds, what of it h' gets */
    ptrdiff_t d_stride;
} fastrnn_reset_step;

/* What a step takes that depends on the instruction set and the element type. Each table is an
 * object file of its own, so that a program is linked with those only that it asks for. */
typedef struct {
    fastrnn_isa isa;
    fastrnn_dtype dtype;
    ptrdiff_t itemsize;
    ptrdiff_t lanes; /* V */

    void (*product)(const fastrnn_product *, ptrdiff_t row_begin, ptrdiff_t row_end,
                    ptrdiff_t panel_begin, ptrdiff_t panel_end);
    void (*forward[FASTRNN_FUSED_CELLS])(const fastrnn_forward_step *, ptrdiff_t row_begin,
                                         ptrdiff_t row_end, ptrdiff_t panel_begin,
                                         ptrdiff_t panel_end);
    /* Unfused cells: their products come before. `gates` holds the whole pre-activations on entry,
     * W x + b plus the recurrent product, with any activations; nothing of a step that serves the
     * products or W is read. The GRU's slot q is always there and holds R_n h' + b_hn on entry, so
     * is the slot s of FASTRNN_GRU_BEFORE. */
    void (*cell_forward[FASTRNN_CELLS])(const fastrnn_forward_step *, ptrdiff_t row_begin,
                                        ptrdiff_t row_end);
    void (*reset_forward)(const fastrnn_reset_step *, ptrdiff_t row_begin, ptrdiff_t row_end);
} fastrnn_kernels;

/* dispatch.c: the table for an ISA that this machine and this build have, else NULL; AUTO gives the
 * best one, or the one that FASTRNN_ISA in the environment names (NULL if it cannot be had). A
 * build with FASTRNN_NO_DOUBLE has none for FASTRNN_F64, one with FASTRNN_NO_ENVIRONMENT reads no
 * environment. */
const fastrnn_kernels *fastrnn_kernels_get(fastrnn_isa isa, fastrnn_dtype dtype);

/* Whether the arithmetic of a table is double: never in a build that has none, which then compiles
 * no arithmetic of double into the branches behind it. */
static inline int fastrnn_is_double(fastrnn_dtype dtype) {
#ifdef FASTRNN_NO_DOUBLE
    return (void)dtype, 0;
#else
    return dtype == FASTRNN_F64;
#endif
}

/* cpu.c: whether this machine can run an ISA that this library was built with. */
int fastrnn_cpu_has(fastrnn_isa isa);

/* pack.c */

/* Where the element (k, gate, unit) of a matrix to pack lies: strides in elements. */
typedef struct {
    const void *base;
    ptrdiff_t k_stride;
    ptrdiff_t unit_stride;
    ptrdiff_t gate_stride;
    int gate_order[FASTRNN_MAX_GATES]; /* gate_order[g]: the source's gate at place g */
} fastrnn_source;

ptrdiff_t fastrnn_panel_count(const fastrnn_kernels *, const fastrnn_shape *);
size_t fastrnn_pack_bytes(const fastrnn_kernels *, const fastrnn_shape *);
/* Packs rows k_begin .. k_begin + k_count of the depth from `source`, whose own rows are
 * counted from 0. */
void fastrnn_pack(const fastrnn_kernels *, const fastrnn_shape *, const fastrnn_source *,
                  ptrdiff_t k_begin, ptrdiff_t k_count, void *pack);
/* The matrix of a pack that was packed whole, gates in the order `gate_order`, as torch has it:
 * (gates * units) x depth, dense. */
void fastrnn_unpack(const fastrnn_kernels *, const fastrnn_shape *, const void *pack,
                    const int gate_order[FASTRNN_MAX_GATES], void *weight);

#endif
