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
 *     fastrnn_spec spec = {.size = sizeof spec, .cell = FASTRNN_LSTM, .input_size = 3,
 *                          .hidden_size = 16, .num_layers = 1};
 *     fastrnn_weights weights = {.size = sizeof weights, .w_ih = w_ih, .w_hh = w_hh,
 *                                .b_ih = b_ih, .b_hh = b_hh};
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
 * Equations: those of torch.nn, and with the fields below those of ONNX's RNN, LSTM and GRU
 * (h', c' of the step before; * between vectors by element; f, g, h( ) the activations of the
 * spec; each gate has its own rows of W, R, b_ih and b_hh)
 *     RNN   h = f(W x + b_ih + R h' + b_hh)
 *     LSTM  i, f, o = f(W x + b_ih + R h' + b_hh)    g = g(the same)
 *           c = f * c' + i * g    h = o * h(c), or W_hr (o * h(c)) with projection
 *     GRU   r, z = f(W x + b_ih + R h' + b_hh)
 *           n = g(W x + b_ih + r * (R h' + b_hh))    h = (1 - z) * n + z * h'
 * peepholes (LSTM): the arguments of i and f also get p_i * c' and p_f * c', that of o p_o * c
 * input_forget (LSTM): f = 1 - i; the rows of f in W, R, b and p_f are not used
 * reset_before (GRU): n = g(W x + b_ih + R (r * h') + b_hh)
 * clip: the argument a of f and g becomes min(max(a, -clip), clip); that of h(c) stays
 *
 * Arrays are dense, the last index fastest, of the spec's element type, and aligned as that
 * type asks (4 or 8 bytes); they may lie anywhere. Input arrays are never written to.
 *
 * Memory is the caller's: the library never allocates. A function whose name ends in _bytes
 * says how much another one wants; that memory must start at a multiple of 64 and is never
 * smaller than 64 bytes, always a multiple of 64. It is used from the call that takes it
 * until the caller takes it back. There is nothing to close: free the memory when its last user
 * is done.
 *   A stack holds no addresses and is never written to once made: its bytes may be copied, written
 * to a file, mapped, shared between processes or lie in flash, and fastrnn_stack_open uses them
 * where they are. A stream holds addresses, its own and the stack's: neither may be moved while it
 * is in use.
 *
 * Structs that the caller fills begin with their size, sizeof the struct as the caller was
 * compiled. Zero is the default of every field, so start from zeros and set `size`. So that
 * programs stay valid: fields are only ever added at the end; those that a caller does not know
 * yet are zero; those that the library does not know yet must be zero, else the status is
 * FASTRNN_ERROR_VERSION.
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
 * FPU computes the type; other machines keep them. The caller's mode is put back at the end. NaN and
 * infinities go the way of the equations and stay in their batch row. A row's results do not depend
 * on the other rows nor on how many there are. Results of two instruction sets differ in the last
 * bits.
 *
 * Switches of the library's build, for small targets. They leave this header as it is.
 *   FASTRNN_NO_DOUBLE: float only; FASTRNN_F64 is refused with FASTRNN_ERROR_ISA
 *   FASTRNN_NO_ENVIRONMENT: FASTRNN_ISA_AUTO reads no environment, so that no getenv is linked
 */
#ifndef FASTRNN_H
#define FASTRNN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library, which is that of the Python package: as text, as integers, and as one
 * number that grows from version to version. */
#define FASTRNN_VERSION "0.1.0"
#define FASTRNN_VERSION_MAJOR 0
#define FASTRNN_VERSION_MINOR 1
#define FASTRNN_VERSION_PATCH 0
#define FASTRNN_VERSION_NUMBER \
    (FASTRNN_VERSION_MAJOR * 10000 + FASTRNN_VERSION_MINOR * 100 + FASTRNN_VERSION_PATCH)

/* The version of what this header promises, 10000 major + 100 minor: 1.0. A program works with every
 * library of the same major and no smaller minor version than that of its header. */
#define FASTRNN_API_VERSION 10000

/* Functions that a shared library exports. Define FASTRNN_SHARED where the library is built or
 * used as one (on Windows FASTRNN_BUILD, too, where it is built). */
#if !defined(FASTRNN_SHARED)
#define FASTRNN_API
#elif defined(_WIN32) && defined(FASTRNN_BUILD)
#define FASTRNN_API __declspec(dllexport)
#elif defined(_WIN32)
#define FASTRNN_API __declspec(dllimport)
#else
#define FASTRNN_API __attribute__((visibility("default")))
#endif

/* Where the memory a function asks for must start: a multiple of this. */
#define FASTRNN_ALIGNMENT 64

typedef enum { FASTRNN_RNN = 0, FASTRNN_LSTM = 1, FASTRNN_GRU = 2 } fastrnn_cell;

/* Activations of an argument a, with their ONNX names where they differ; the last ones take
 * parameters. */
typedef enum {
    FASTRNN_DEFAULT = 0, /* the cell's own: see fastrnn_spec */
    FASTRNN_TANH = 1,
    FASTRNN_RELU = 2,
    FASTRNN_SIGMOID = 3,
    FASTRNN_HARD_SIGMOID = 4,      /* max(0, min(1, a / 6 + 1/2)): torch's and Keras' */
    FASTRNN_LINEAR = 5,            /* a */
    FASTRNN_ELU = 6,               /* a where a > 0, else exp(a) - 1 */
    FASTRNN_SOFTPLUS = 7,          /* log(1 + exp(a)) */
    FASTRNN_SOFTSIGN = 8,          /* a / (1 + |a|) */
    FASTRNN_SELU = 9,              /* S a where a > 0, else S A (exp(a) - 1) */
    FASTRNN_EXPONENTIAL = 10,      /* exp(a) */
    FASTRNN_RELU6 = 11,            /* min(max(a, 0), 6) */
    FASTRNN_AFFINE = 12,           /* alpha a + beta */
    FASTRNN_THRESHOLDED_RELU = 13, /* a where a > alpha, else 0 */
    FASTRNN_SCALED_TANH = 14,      /* alpha tanh(beta a) */
    FASTRNN_HARD_SIGMOID_AB = 15,  /* max(0, min(1, alpha a + beta)): ONNX' HardSigmoid */
    FASTRNN_LEAKY_RELU = 16,       /* a where a > 0, else alpha a */
    FASTRNN_ELU_ALPHA = 17         /* a where a > 0, else alpha (exp(a) - 1): ONNX' Elu */
} fastrnn_activation_kind;

/* Fields that hold a value of an enum are int32_t: an enum's own size depends on compiler flags. */
typedef struct {
    int32_t kind;      /* fastrnn_activation_kind */
    float alpha, beta; /* of the kinds that have them, else 0 */
} fastrnn_activation;

/* float and double */
typedef enum { FASTRNN_F32 = 0, FASTRNN_F64 = 1 } fastrnn_dtype;

/* What the packed weights of W, R and W_hr are kept in: the dtype of the arithmetic. */
typedef enum { FASTRNN_WEIGHTS_AS_ARITHMETIC = 0 } fastrnn_weight_type;

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
    FASTRNN_ERROR_ENUM = 2,           /* a field of a spec is none of the values of its enum */
    FASTRNN_ERROR_SIZE = 3,           /* a size is not positive (proj_size: is negative) */
    FASTRNN_ERROR_OVERFLOW = 4,       /* sizes so large that an array could not be addressed */
    FASTRNN_ERROR_PROJECTION = 5,     /* proj_size without LSTM, or not below hidden_size */
    FASTRNN_ERROR_UNUSED = 6,         /* something given that this stack has no use for */
    FASTRNN_ERROR_ISA = 7,            /* this machine or this build lacks the instruction set */
    FASTRNN_ERROR_ALIGNMENT = 8,      /* memory or an array starts where it must not */
    FASTRNN_ERROR_MEMORY = 9,         /* fewer bytes of memory than asked for */
    FASTRNN_ERROR_BIDIRECTIONAL = 10, /* a stream cannot read backwards */
    FASTRNN_ERROR_ROW = 11,           /* no such row in the batch */
    FASTRNN_ERROR_VERSION = 12, /* a struct's size is too small or not set, or it uses fields that
                                 * this library does not know */
    FASTRNN_ERROR_VALUE = 13,   /* clip is negative or NaN, or an alpha or beta is not finite */
    FASTRNN_ERROR_FORMAT = 14   /* the memory to open holds no stack of this library's format */
} fastrnn_status;

/* What a stack looks like. Start from zeros and set `size`. */
typedef struct {
    size_t size;           /* sizeof(fastrnn_spec) */
    int32_t cell;          /* fastrnn_cell */
    int32_t dtype;         /* fastrnn_dtype: of the arithmetic and of all arrays */
    int32_t isa;           /* fastrnn_isa */
    int32_t bidirectional; /* 0 or not */
    ptrdiff_t input_size;  /* I > 0 */
    ptrdiff_t hidden_size; /* H > 0 */
    ptrdiff_t proj_size;   /* LSTM only: 0 < P < H; 0 for none */
    ptrdiff_t num_layers;  /* L > 0 */
    /* The smallest `size` that is valid ends here: FASTRNN_SPEC_SIZE_1. */
    int32_t weight_type;  /* fastrnn_weight_type */
    fastrnn_activation f; /* of the gates, and RNN's only one; DEFAULT: sigmoid, for RNN tanh */
    fastrnn_activation g; /* LSTM's g, GRU's n; DEFAULT: tanh */
    fastrnn_activation h; /* LSTM's of c on its way to h; DEFAULT: tanh */
    float clip;           /* > 0: bound of the arguments of f and g; 0: none */
    int32_t peepholes;    /* LSTM only: 0 or not */
    int32_t input_forget; /* LSTM only: 0 or not; ONNX' input_forget */
    int32_t reset_before; /* GRU only: 0 or not; ONNX' linear_before_reset = 0 */
} fastrnn_spec;

#define FASTRNN_SPEC_SIZE_1 offsetof(fastrnn_spec, weight_type)

/* Weights of one layer in one direction, as torch.nn lays them out: gates one below the other,
 * LSTM i f g o, GRU r z n. K is I in the first layer, D * P in those above. */
typedef struct {
    size_t size;      /* sizeof(fastrnn_weights), the same in all of an array */
    const void *w_ih; /* G*H x K */
    const void *w_hh; /* G*H x P */
    const void *b_ih; /* G*H, or NULL for zeros */
    const void *b_hh; /* G*H, or NULL for zeros */
    const void *w_hr; /* P x H with projection, else NULL */
    /* The smallest `size` that is valid ends here: FASTRNN_WEIGHTS_SIZE_1. */
    const void *peepholes; /* 3*H with peepholes: of i, f and o, else NULL */
} fastrnn_weights;

#define FASTRNN_WEIGHTS_SIZE_1 offsetof(fastrnn_weights, peepholes)

typedef struct fastrnn_stack fastrnn_stack;
typedef struct fastrnn_stream fastrnn_stream;

/* ---- stack ---- */

/* Puts into *bytes the memory that fastrnn_stack_init wants for this spec.
 *
 * The value depends on the instruction set, so with FASTRNN_ISA_AUTO ask on the machine that
 * will run the stack.
 * Errors: NULL, VERSION, ENUM, VALUE, SIZE, OVERFLOW, PROJECTION, ISA, UNUSED (what the cell does
 * not have: g of RNN, h of RNN and GRU, peepholes, input_forget, reset_before; alpha or beta of an
 * activation without them). */
FASTRNN_API fastrnn_status fastrnn_stack_bytes(const fastrnn_spec *spec, size_t *bytes);

/* Makes a stack in `memory` from L * D weights, and puts it into *stack.
 *
 * weights: weights[l * D + d] of layer l, direction d (0 forward, 1 reverse), which is the order
 * of torch's parameters. All are copied: spec, weights and the arrays may go after the call.
 * They must not overlap `memory`.
 * Errors: those of fastrnn_stack_bytes; NULL, VERSION, UNUSED (w_hr without proj_size, peepholes
 * that the spec does not have), ALIGNMENT, MEMORY. */
FASTRNN_API fastrnn_status fastrnn_stack_init(void *memory, size_t bytes, const fastrnn_spec *spec,
                                              const fastrnn_weights *weights,
                                              fastrnn_stack **stack);

/* Uses the stack that lies in `memory`, made by fastrnn_stack_init there or copied from where it was
 * made, and puts it into *stack. Nothing is copied nor written.
 *
 * bytes: of the memory, at least those of the stack. The memory must stay as long as the stack is in
 * use. It depends on the kind of machine (byte order, sizes of C's types) and on the instruction set
 * that the stack was made for. Whatever the memory holds, the stack reads nothing outside it; weights
 * that were changed give other results.
 * Errors: NULL, ALIGNMENT, MEMORY, FORMAT (also where the spec in it is not valid), ISA. */
FASTRNN_API fastrnn_status fastrnn_stack_open(const void *memory, size_t bytes,
                                              const fastrnn_stack **stack);

/* Puts into the spec->size bytes of *spec what the stack was made with.
 *
 * isa is the one it runs on, never AUTO; f, g and h those that the cell uses, DEFAULT only where it
 * has none. Set spec->size before.
 * Errors: NULL, VERSION (spec->size is too small or not set). */
FASTRNN_API fastrnn_status fastrnn_stack_spec(const fastrnn_stack *stack, fastrnn_spec *spec);

/* ---- stream: one step a call ---- */

/* Puts into *bytes the memory that fastrnn_stream_init wants for `batch` rows.
 *
 * Errors: NULL, SIZE, OVERFLOW, BIDIRECTIONAL. */
FASTRNN_API fastrnn_status fastrnn_stream_bytes(const fastrnn_stack *stack, ptrdiff_t batch,
                                                size_t *bytes);

/* Makes a stream of `batch` rows in `memory`, its state zero, and puts it into *stream.
 *
 * The stack must stay as long as the stream is in use.
 * Errors: those of fastrnn_stream_bytes; ALIGNMENT, MEMORY. */
FASTRNN_API fastrnn_status fastrnn_stream_init(void *memory, size_t bytes,
                                               const fastrnn_stack *stack, ptrdiff_t batch,
                                               fastrnn_stream **stream);

/* Reads x (N x I), moves the state on by one step, writes y (N x P), the last layer's h.
 *
 * y may overlap x.
 * Errors: NULL, ALIGNMENT. */
FASTRNN_API fastrnn_status fastrnn_stream_step(fastrnn_stream *stream, const void *x, void *y);

/* Sets the state of all rows to zero, as after fastrnn_stream_init.
 *
 * Errors: NULL. */
FASTRNN_API fastrnn_status fastrnn_stream_reset(fastrnn_stream *stream);

/* Sets the state of one row, 0 <= row < N, to zero: a new sequence begins there.
 *
 * Errors: NULL, ROW. */
FASTRNN_API fastrnn_status fastrnn_stream_reset_row(fastrnn_stream *stream, ptrdiff_t row);

/* Writes the state to h (L x N x P) and c (L x N x H; LSTM only). Either may be NULL: not wanted.
 *
 * Errors: NULL (stream), UNUSED (c of a cell other than LSTM), ALIGNMENT. */
FASTRNN_API fastrnn_status fastrnn_stream_get_state(const fastrnn_stream *stream, void *h, void *c);

/* Reads the state from h and c, shaped as for fastrnn_stream_get_state. A part that is NULL
 * stays as it is.
 *
 * Errors: NULL (stream), UNUSED (c of a cell other than LSTM), ALIGNMENT. */
FASTRNN_API fastrnn_status fastrnn_stream_set_state(fastrnn_stream *stream, const void *h,
                                                    const void *c);

/* ---- whole sequences ---- */

/* Puts into *bytes the scratch memory that fastrnn_run wants for T steps of N rows.
 *
 * It grows with T only where there is more than one layer. More is never wrong: ask for the
 * largest T and N once.
 * Errors: NULL, SIZE, OVERFLOW. */
FASTRNN_API fastrnn_status fastrnn_run_bytes(const fastrnn_stack *stack, ptrdiff_t T, ptrdiff_t N,
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
FASTRNN_API fastrnn_status fastrnn_run(const fastrnn_stack *stack, ptrdiff_t T, ptrdiff_t N,
                                       const void *x, void *y, const void *h0, const void *c0,
                                       void *h_n, void *c_n, void *scratch, size_t scratch_bytes);

/* ---- names ---- */

/* English for a status, without a full stop; never NULL, not to be freed. */
FASTRNN_API const char *fastrnn_status_text(fastrnn_status status);

/* "auto", "scalar", "neon", "avx2", "avx512", or "unknown"; not to be freed. */
FASTRNN_API const char *fastrnn_isa_name(fastrnn_isa isa);

/* FASTRNN_VERSION of the library, which may not be that of the header; not to be freed. */
FASTRNN_API const char *fastrnn_version(void);

/* FASTRNN_VERSION_NUMBER of the library. */
FASTRNN_API int fastrnn_version_number(void);

/* FASTRNN_API_VERSION of the library. */
FASTRNN_API int fastrnn_api_version(void);

#ifdef __cplusplus
}
#endif

#endif
