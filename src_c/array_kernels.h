/* SPDX-License-Identifier: Apache-2.0 */
/* Activations, softmax and crossentropies of whole arrays. */
#ifndef FASTRNN_ARRAY_KERNELS_H
#define FASTRNN_ARRAY_KERNELS_H

#include "internal.h"

/*
 * Activations of arrays: those of fastrnn_activation_kind without parameters, LEAKY_RELU and
 * ELU_ALPHA with alpha in k[0], and these. What backward wants of each is its value, as in a cell,
 * or its slope, which forward computes beside the value.
 */
enum {
    FASTRNN_RECTIFIER = FASTRNN_ELU_ALPHA + 1, /* min(a, k[1]) where a > k[2], else
                                                * k[0] (a - k[2]), at most k[1] */
    FASTRNN_GELU,                              /* a Phi(a), Phi the normal distribution */
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

/* What arrays take that depends on the instruction set and the element type. */
typedef struct {
    void (*tanh_array)(const void *x, void *y, ptrdiff_t n);
    void (*sigmoid_array)(const void *x, void *y, ptrdiff_t n);
    void (*activation_forward)(const fastrnn_array_activation *);
    void (*activation_backward)(const fastrnn_array_slope *);
    void (*softmax_forward)(const fastrnn_softmax *);
    void (*softmax_backward)(const fastrnn_softmax *);
    void (*crossentropy)(const fastrnn_crossentropy *);
} fastrnn_array_kernels;

/* dispatch_arrays.c: the table of the same instruction set and element type; never NULL. */
const fastrnn_array_kernels *fastrnn_arrays_of(const fastrnn_kernels *);

#endif
