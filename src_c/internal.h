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
    ptrdiff_t hidden;         /* H */
    ptrdiff_t depth;          /* K of the recurrent product: P */
    int activation;           /* fastrnn_activation; the fused LSTM and GRU know theirs */
    int recurrent_activation; /* of the gates; not for fused cells */
    int keep;                 /* not RNN: its h is all it needs */
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
} fastrnn_forward_step;

/*
 * One time step of BPTT. `gates` holds what forward kept, nothing for RNN, and is overwritten
 * by the gradients of the pre-activations:
 *     LSTM  di df dg do      GRU  dn dr dz dq      RNN  da
 * dh of a row = share[row] + dy[row] + (row < live ? a[row] * packed : 0); afterwards
 * share[row] is what of dh passes by the product (GRU: z * dh, else 0).
 */
typedef struct {
    ptrdiff_t hidden; /* H */
    ptrdiff_t depth;  /* K of the product */
    int activation;   /* as forward had them */
    int recurrent_activation;
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

/*
 * Cells apart from their products. `gates` holds the whole pre-activations on entry, W x + b plus
 * the recurrent product, with any activations; nothing of a step that serves the products or W is
 * read. FASTRNN_GRU_BEFORE is two calls with a product between them, forward and backward; its slot
 * s is always there. The GRU's slot q is always there, too, and holds R_n h' + b_hn on entry.
 */
typedef struct {
    ptrdiff_t hidden;
    int recurrent_activation;
    char *gates; /* n r z s. Forward: r becomes its activation and s = r h'. Backward: r becomes
                  * dr, from ds. */
    ptrdiff_t gates_stride;
    const char *h; /* N x H: h' as the product sees it */
    ptrdiff_t h_stride;
    char *d; /* backward, N x H, in: ds = R_n^T dn, out: r ds, what of it h' gets */
    ptrdiff_t d_stride;
} fastrnn_reset_step;

/* C[m][j] += sum over rows q of A[q][m] * B[q][j]: a weight gradient. */
typedef struct {
    fastrnn_rows a; /* step 1 */
    fastrnn_rows b;
    ptrdiff_t rows;
    ptrdiff_t columns; /* of B and C */
    char *c;
    ptrdiff_t c_stride;
} fastrnn_outer;

/*
 * Activations of arrays: all fastrnn_activation, and these. What backward wants of each is its
 * value, as in a cell, or its slope, which forward computes beside the value.
 */
enum {
    FASTRNN_LEAKY_RELU = FASTRNN_RELU6 + 1, /* a where a > 0, else k[0] a */
    FASTRNN_ELU_ALPHA,                      /* a where a > 0, else k[0] (exp(a) - 1) */
    FASTRNN_RECTIFIER, /* min(a, k[1]) where a > k[2], else k[0] (a - k[2]), at most k[1] */
    FASTRNN_GELU,      /* a Phi(a), Phi the normal distribution */
    FASTRNN_GELU_TANH, /* a (1 + tanh(sqrt(2 / pi) (a + 0.044715 a^3))) / 2 */
    FASTRNN_SILU,      /* a sigmoid(a) */
    FASTRNN_MISH,      /* a tanh(log(1 + exp(a))) */
    FASTRNN_BY_SLOPE   /* backward: `kept` is the slope of any of them */
};

typedef struct {
    int how;
    double k[3];
    ptrdiff_t rows;
    ptrdiff_t columns;
    const void *a;    /* rows x columns, dense */
    const void *bias; /* added to each row of a; NULL: none */
    void *y;          /* may be a */
    void *slope;      /* NULL: not wanted */
} fastrnn_array_activation;

typedef struct {
    int how;
    double k[3];
    ptrdiff_t n;
    const void *kept; /* the values, or with FASTRNN_BY_SLOPE the slopes */
    const void *dy;
    void *dx; /* may be either */
} fastrnn_array_slope;

/* Along the rows of a dense matrix: softmax, or its logarithm. Outputs may be inputs. */
typedef struct {
    int log;
    ptrdiff_t rows;
    ptrdiff_t columns;
    const void *a;    /* forward: the arguments; backward: dy */
    const void *bias; /* forward: added to each row of a; NULL: none */
    void *y;          /* backward reads it */
    void *dx;         /* backward */
} fastrnn_softmax;

/*
 * Crossentropy of each row: values[row] is the sum over its columns, gradient[row] is
 * scale[row] times the derivative by `output`. t is k[0] target + k[1], or 1 at the label and 0
 * elsewhere; probabilities, those of categories after division by their sum, count as if they
 * were in [k[2], k[3]], where the derivative is 0 outside.
 */
enum {
    FASTRNN_BINARY = 0,      /* -(t log p + (1 - t) log(1 - p)) */
    FASTRNN_CATEGORICAL = 1, /* -t log p */
    FASTRNN_SPARSE = 2       /* -log p[label] */
};

typedef struct {
    int how;
    int from_logits; /* output is z, p = sigmoid(z) or softmax(z) */
    double k[4];
    ptrdiff_t rows;
    ptrdiff_t columns;
    const void *target;      /* rows x columns */
    const ptrdiff_t *labels; /* rows, each a column: for FASTRNN_SPARSE */
    const void *output;      /* rows x columns */
    void *values;            /* rows */
    void *gradient;          /* rows x columns, or NULL: not wanted */
    const void *scale;
    ptrdiff_t scale_step; /* elements from a row's to the next: 0, one for all, or 1 */
} fastrnn_crossentropy;

/* Everything that depends on the instruction set and the element type. */
typedef struct {
    fastrnn_isa isa;
    fastrnn_dtype dtype;
    ptrdiff_t itemsize;
    ptrdiff_t lanes;         /* V */
    ptrdiff_t outer_scratch; /* bytes of 64-byte-aligned scratch one `outer` call wants */

    void (*product)(const fastrnn_product *, ptrdiff_t row_begin, ptrdiff_t row_end,
                    ptrdiff_t panel_begin, ptrdiff_t panel_end);
    void (*forward[3])(const fastrnn_forward_step *, ptrdiff_t row_begin, ptrdiff_t row_end,
                       ptrdiff_t panel_begin, ptrdiff_t panel_end);
    void (*backward[3])(const fastrnn_backward_step *, ptrdiff_t row_begin, ptrdiff_t row_end,
                        ptrdiff_t panel_begin, ptrdiff_t panel_end);
    void (*cell_forward[FASTRNN_CELLS])(const fastrnn_forward_step *, ptrdiff_t row_begin,
                                        ptrdiff_t row_end);
    /* dh of a row = share[row] + dy[row]; else as `backward`. */
    void (*cell_backward[FASTRNN_CELLS])(const fastrnn_backward_step *, ptrdiff_t row_begin,
                                         ptrdiff_t row_end);
    void (*reset_forward)(const fastrnn_reset_step *, ptrdiff_t row_begin, ptrdiff_t row_end);
    void (*reset_backward)(const fastrnn_reset_step *, ptrdiff_t row_begin, ptrdiff_t row_end);
    /* Rows m_begin <= m < m_end of C. */
    void (*outer)(const fastrnn_outer *, ptrdiff_t m_begin, ptrdiff_t m_end, void *scratch);
    /* sums[m] += sum over q of a[q][m], for m_begin <= m < m_end; a.step is 1. */
    void (*column_sums)(const fastrnn_rows *a, ptrdiff_t rows, ptrdiff_t m_begin, ptrdiff_t m_end,
                        void *sums);
    void (*tanh_array)(const void *x, void *y, ptrdiff_t n);
    void (*sigmoid_array)(const void *x, void *y, ptrdiff_t n);
    void (*activation_forward)(const fastrnn_array_activation *);
    void (*activation_backward)(const fastrnn_array_slope *);
    void (*softmax_forward)(const fastrnn_softmax *);
    void (*softmax_backward)(const fastrnn_softmax *);
    void (*crossentropy)(const fastrnn_crossentropy *);
} fastrnn_kernels;

/* dispatch.c: the table for an ISA this machine has, else NULL; AUTO gives the best one,
 * or the one that FASTRNN_ISA in the environment names (NULL if it cannot be had). */
const fastrnn_kernels *fastrnn_kernels_get(fastrnn_isa isa, fastrnn_dtype dtype);

/* cpu.c: whether this machine can run an ISA that this library was built with. */
int fastrnn_cpu_has(fastrnn_isa isa);

extern const fastrnn_kernels fastrnn_kernels_scalar_f32, fastrnn_kernels_scalar_f64;
#if defined(__x86_64__)
extern const fastrnn_kernels fastrnn_kernels_avx2_f32, fastrnn_kernels_avx2_f64;
extern const fastrnn_kernels fastrnn_kernels_avx512_f32, fastrnn_kernels_avx512_f64;
#elif defined(__aarch64__)
extern const fastrnn_kernels fastrnn_kernels_neon_f32, fastrnn_kernels_neon_f64;
#endif

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

/* Flush-to-zero for results and operands: denormals cost 20 times a normal operation and
 * carry nothing that a network needs. Returns what fastrnn_denormals_restore wants back. */
#if defined(__x86_64__)
#include <xmmintrin.h>
static inline uint64_t fastrnn_denormals_flush(void) {
    unsigned saved = _mm_getcsr();
    _mm_setcsr(saved | 0x8040u);
    return saved;
}
static inline void fastrnn_denormals_restore(uint64_t saved) { _mm_setcsr((unsigned)saved); }
#elif defined(__aarch64__)
static inline uint64_t fastrnn_denormals_flush(void) {
    uint64_t saved;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(saved));
    __asm__ __volatile__("msr fpcr, %0" : : "r"(saved | (UINT64_C(1) << 24)));
    return saved;
}
static inline void fastrnn_denormals_restore(uint64_t saved) {
    __asm__ __volatile__("msr fpcr, %0" : : "r"(saved));
}
#else
static inline uint64_t fastrnn_denormals_flush(void) { return 0; }
static inline void fastrnn_denormals_restore(uint64_t saved) { (void)saved; }
#endif

#endif
