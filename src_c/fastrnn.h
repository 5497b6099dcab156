/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fastrnn: recurrent networks (RNN, LSTM, GRU) on CPUs, inference only, to embed anywhere.
 *
 *     static float w_ih[4 * 16 * 3], w_hh[4 * 16 * 16], b_ih[4 * 16], b_hh[4 * 16];
 *     float x[3], y[16];
 *     size_t bytes;
 *     fastrnn_stack *lstm;
 *     fastrnn_stream *stream;
 *     ... fill the weights, as torch.nn.LSTM(3, 16) has them ...
 *
 *     fastrnn_spec spec = {.cell = FASTRNN_LSTM, .input_size = 3, .hidden_size = 16,
 *                          .num_layers = 1};
 *     fastrnn_weights weights = {.w_ih = w_ih, .w_hh = w_hh, .b_ih = b_ih, .b_hh = b_hh};
 *
 *     fastrnn_status status = fastrnn_stack_bytes(&spec, &bytes);
 *     if (!status)
 *         status = fastrnn_stack_init(aligned_alloc(64, bytes), bytes, &spec, &weights, &lstm);
 *     if (!status) status = fastrnn_stream_bytes(lstm, 1, &bytes);
 *     if (!status)
 *         status = fastrnn_stream_init(aligned_alloc(64, bytes), bytes, lstm, 1, &stream);
 *     while (!status && read_sample(x)) {
 *         status = fastrnn_stream_step(stream, x, y);
 *         if (!status) use(y);
 *     }
 *     if (status) fprintf(stderr, "fastrnn: %s\n", fastrnn_status_text(status));
 *
 * A stack holds the weights of all layers, packed for this machine. A stream carries the
 * state of a batch of rows through a stack, one step a call. fastrnn_run takes whole
 * sequences. Both give the same bits.
 *
 * Notation
 *     T steps, N rows of the batch, I inputs, H hidden units, L layers
 *     D directions: 1, or 2 if bidirectional
 *     P values that a layer hands on: proj_size, or H without projection
 *     G gates: RNN 1, LSTM 4, GRU 3
 *
 * Equations (h', c' of the step before; * between vectors by element; those of torch.nn)
 *     RNN   h = act(W x + b_ih + R h' + b_hh)
 *     LSTM  i, f, o = sigmoid(W x + b_ih + R h' + b_hh)    g = tanh(the same)
 *           c = f * c' + i * g    h = o * tanh(c), or W_hr (o * tanh(c)) with projection
 *     GRU   r, z = sigmoid(W x + b_ih + R h' + b_hh)
 *           n = tanh(W x + b_ih + r * (R h' + b_hh))    h = (1 - z) * n + z * h'
 *
 * Arrays are dense, the last index fastest, of the spec's element type, and aligned as that
 * type asks (4 or 8 bytes); they may lie anywhere. Input arrays are never written to.
 *
 * Memory is the caller's: the library never allocates. A function whose name ends in _bytes
 * says how much another one wants; that memory must start at a multiple of 64 and is never
 * smaller than 64 bytes, always a multiple of 64. It is used from the call that takes it
 * until the caller takes it back, and must not be moved or copied meanwhile, for it holds
 * addresses of itself. There is nothing to close: free the memory when its last user is done.
 *
 * Errors: every function that can be used wrongly returns a status and checks its arguments
 * before it does anything. When the status is not FASTRNN_OK nothing was written: not to
 * the state, not to the outputs, not to the memory. Sizes of arrays cannot be checked.
 *
 * Threads: the library has no mutable state of its own and no locks. A stack is read only
 * once made, so any number of threads may use one at the same time. A stream, and the scratch of
 * fastrnn_run, belong to one thread at a time. The library starts no threads.
 *
 * Floating point: denormal numbers count as zero inside a call, on x86-64 and on ARM as far as its
 * FPU computes the type; the caller's mode is put back at its end. Other machines keep them. NaN and infinities go the way of the equations and stay in their batch row.
 * A row's results do not depend on the other rows nor on how many there are. Results of
 * two instruction sets differ in the last bits.
 */
#ifndef FASTRNN_H
#define FASTRNN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FASTRNN_VERSION "0.1.0"

/* Where the memory a function asks for must start: a multiple of this. */
#define FASTRNN_ALIGNMENT 64

typedef enum { FASTRNN_RNN = 0, FASTRNN_LSTM = 1, FASTRNN_GRU = 2 } fastrnn_cell;

/* A stack has the first three; the others are for the Python package's loops. */
typedef enum {
    FASTRNN_TANH = 0,
    FASTRNN_RELU = 1,
    FASTRNN_SIGMOID = 2,
    FASTRNN_HARD_SIGMOID = 3,
    FASTRNN_LINEAR = 4,
    FASTRNN_ELU = 5,
    FASTRNN_SOFTPLUS = 6,
    FASTRNN_SOFTSIGN = 7,
    FASTRNN_SELU = 8,
    FASTRNN_EXPONENTIAL = 9,
    FASTRNN_RELU6 = 10
} fastrnn_activation;

/* float and double */
typedef enum { FASTRNN_F32 = 0, FASTRNN_F64 = 1 } fastrnn_dtype;

/* Instruction sets. AUTO is the best that this machine has, or the one that the environment
 * variable FASTRNN_ISA names: scalar, neon, avx2 (with FMA), avx512 (F, DQ, BW and VL). */
typedef enum {
    FASTRNN_ISA_AUTO = 0,
    FASTRNN_ISA_SCALAR = 1,
    FASTRNN_ISA_NEON = 2,
    FASTRNN_ISA_AVX2 = 3,
    FASTRNN_ISA_AVX512 = 4
} fastrnn_isa;

typedef enum {
    FASTRNN_OK = 0,
    FASTRNN_ERROR_NULL = 1,           /* a pointer that must not be NULL is */
    FASTRNN_ERROR_ENUM = 2,           /* cell, activation, dtype or isa is no value a stack has */
    FASTRNN_ERROR_SIZE = 3,           /* a size is not positive (proj_size: is negative) */
    FASTRNN_ERROR_OVERFLOW = 4,       /* sizes so large that an array could not be addressed */
    FASTRNN_ERROR_PROJECTION = 5,     /* proj_size without LSTM, or not below hidden_size */
    FASTRNN_ERROR_UNUSED = 6,         /* something given that this stack has no use for */
    FASTRNN_ERROR_ISA = 7,            /* this machine or this build lacks the instruction set */
    FASTRNN_ERROR_ALIGNMENT = 8,      /* memory or an array starts where it must not */
    FASTRNN_ERROR_MEMORY = 9,         /* fewer bytes of memory than asked for */
    FASTRNN_ERROR_BIDIRECTIONAL = 10, /* a stream cannot read backwards */
    FASTRNN_ERROR_ROW = 11            /* no such row in the batch */
} fastrnn_status;

/* What a stack looks like. Start from zeros: the first value of each enum and no projection. */
typedef struct {
    fastrnn_cell cell;
    fastrnn_activation activation; /* RNN only, else FASTRNN_TANH */
    fastrnn_dtype dtype;
    fastrnn_isa isa;
    ptrdiff_t input_size;  /* I > 0 */
    ptrdiff_t hidden_size; /* H > 0 */
    ptrdiff_t proj_size;   /* LSTM only: 0 < P < H; 0 for none */
    ptrdiff_t num_layers;  /* L > 0 */
    int bidirectional;     /* 0 or not */
} fastrnn_spec;

/* Weights of one layer in one direction, as torch.nn lays them out: gates one below the other,
 * LSTM i f g o, GRU r z n. K is I in the first layer, D * P in those above. */
typedef struct {
    const void *w_ih; /* G*H x K */
    const void *w_hh; /* G*H x P */
    const void *b_ih; /* G*H, or NULL for zeros */
    const void *b_hh; /* G*H, or NULL for zeros */
    const void *w_hr; /* P x H with projection, else NULL */
} fastrnn_weights;

typedef struct fastrnn_stack fastrnn_stack;
typedef struct fastrnn_stream fastrnn_stream;

/* ---- stack ---- */

/* Puts into *bytes the memory that fastrnn_stack_init wants for this spec.
 *
 * The value depends on the instruction set, so with FASTRNN_ISA_AUTO ask on the machine that
 * will run the stack.
 * Errors: NULL, ENUM, SIZE, OVERFLOW, PROJECTION, UNUSED (activation of a cell other than RNN),
 * ISA. */
fastrnn_status fastrnn_stack_bytes(const fastrnn_spec *spec, size_t *bytes);

/* Makes a stack in `memory` from L * D weights, and puts it into *stack.
 *
 * weights: weights[l * D + d] of layer l, direction d (0 forward, 1 reverse), which is the order
 * of torch's parameters. All are copied: spec, weights and the arrays may go after the call.
 * They must not overlap `memory`.
 * Errors: those of fastrnn_stack_bytes; NULL, UNUSED (w_hr without proj_size), ALIGNMENT, MEMORY. */
fastrnn_status fastrnn_stack_init(void *memory, size_t bytes, const fastrnn_spec *spec,
                                  const fastrnn_weights *weights, fastrnn_stack **stack);

/* Puts into *spec what the stack was made with; isa is the one it runs on, never AUTO.
 *
 * Errors: NULL. */
fastrnn_status fastrnn_stack_spec(const fastrnn_stack *stack, fastrnn_spec *spec);

/* ---- stream: one step a call ---- */

/* Puts into *bytes the memory that fastrnn_stream_init wants for `batch` rows.
 *
 * Errors: NULL, SIZE, OVERFLOW, BIDIRECTIONAL. */
fastrnn_status fastrnn_stream_bytes(const fastrnn_stack *stack, ptrdiff_t batch, size_t *bytes);

/* Makes a stream of `batch` rows in `memory`, its state zero, and puts it into *stream.
 *
 * The stack must stay as long as the stream is in use.
 * Errors: those of fastrnn_stream_bytes; ALIGNMENT, MEMORY. */
fastrnn_status fastrnn_stream_init(void *memory, size_t bytes, const fastrnn_stack *stack,
                                   ptrdiff_t batch, fastrnn_stream **stream);

/* Reads x (N x I), moves the state on by one step, writes y (N x P), the last layer's h.
 *
 * y may overlap x.
 * Errors: NULL, ALIGNMENT. */
fastrnn_status fastrnn_stream_step(fastrnn_stream *stream, const void *x, void *y);

/* Sets the state of all rows to zero, as after fastrnn_stream_init.
 *
 * Errors: NULL. */
fastrnn_status fastrnn_stream_reset(fastrnn_stream *stream);

/* Sets the state of one row, 0 <= row < N, to zero: a new sequence begins there.
 *
 * Errors: NULL, ROW. */
fastrnn_status fastrnn_stream_reset_row(fastrnn_stream *stream, ptrdiff_t row);

/* Writes the state to h (L x N x P) and c (L x N x H; LSTM only). Either may be NULL: not wanted.
 *
 * Errors: NULL (stream), UNUSED (c of a cell other than LSTM), ALIGNMENT. */
fastrnn_status fastrnn_stream_get_state(const fastrnn_stream *stream, void *h, void *c);

/* Reads the state from h and c, shaped as for fastrnn_stream_get_state. A part that is NULL
 * stays as it is.
 *
 * Errors: NULL (stream), UNUSED (c of a cell other than LSTM), ALIGNMENT. */
fastrnn_status fastrnn_stream_set_state(fastrnn_stream *stream, const void *h, const void *c);

/* ---- whole sequences ---- */

/* Puts into *bytes the scratch memory that fastrnn_run wants for T steps of N rows.
 *
 * It grows with T only where there is more than one layer. More is never wrong: ask for the
 * largest T and N once.
 * Errors: NULL, SIZE, OVERFLOW. */
fastrnn_status fastrnn_run_bytes(const fastrnn_stack *stack, ptrdiff_t T, ptrdiff_t N,
                                 size_t *bytes);

/* Runs the stack over T steps of N rows.
 *
 * x (T x N x I) -> y (T x N x D*P): the last layer's h of each step, forward first, then reverse.
 * h0 (L*D x N x P), c0 (L*D x N x H; LSTM only): the state to begin with, in the order of the
 * weights; NULL for zeros.
 * h_n, c_n: the state after the last step read, which in the reverse direction is the first in time,
 * shaped like h0, c0; NULL if not wanted.
 * h_n may be h0 and c_n may be c0; else no array may overlap one that is written.
 * scratch: scratch_bytes bytes that nothing else uses during the call; holds nothing after.
 * Errors: those of fastrnn_run_bytes; NULL (x, y, scratch), UNUSED (c0, c_n of a cell other than
 * LSTM), ALIGNMENT, MEMORY. */
fastrnn_status fastrnn_run(const fastrnn_stack *stack, ptrdiff_t T, ptrdiff_t N, const void *x,
                           void *y, const void *h0, const void *c0, void *h_n, void *c_n,
                           void *scratch, size_t scratch_bytes);

/* ---- names ---- */

/* English for a status, without a full stop; never NULL, not to be freed. */
const char *fastrnn_status_text(fastrnn_status status);

/* "auto", "scalar", "neon", "avx2", "avx512", or "unknown"; not to be freed. */
const char *fastrnn_isa_name(fastrnn_isa isa);

/* FASTRNN_VERSION of the library, which may not be that of the header; not to be freed. */
const char *fastrnn_version(void);

#ifdef __cplusplus
}
#endif

#endif
