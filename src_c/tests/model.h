/* SPDX-License-Identifier: Apache-2.0 */
/* A stack of random weights, and a sequence to run through it. */
#ifndef MODEL_H
#define MODEL_H

#include "check.h"

#define MAX_LAYERS 8

enum { BIAS_NONE = 0, BIAS_IH = 1, BIAS_HH = 2, BIAS_BOTH = 3 };

static inline ptrdiff_t directions_of(const fastrnn_spec *s) { return s->bidirectional ? 2 : 1; }
static inline ptrdiff_t outputs_of(const fastrnn_spec *s) {
    return s->proj_size ? s->proj_size : s->hidden_size;
}

static inline void random_weights(const fastrnn_spec *s, int bias, fastrnn_weights *w) {
    ptrdiff_t D = directions_of(s), H = s->hidden_size, P = outputs_of(s);
    ptrdiff_t GH = fastrnn_describe(s->cell)->gates * H;
    for (ptrdiff_t i = 0; i < s->num_layers * D; i++) {
        ptrdiff_t K = i < D ? s->input_size : D * P;
        memset(&w[i], 0, sizeof w[i]);
        w[i].size = sizeof w[i];
        w[i].w_ih = random_array(s->dtype, GH * K, 1);
        w[i].w_hh = random_array(s->dtype, GH * P, H > 8 ? 0.25 : 1);
        w[i].b_ih = bias & BIAS_IH ? random_array(s->dtype, GH, 1) : NULL;
        w[i].b_hh = bias & BIAS_HH ? random_array(s->dtype, GH, 1) : NULL;
        w[i].w_hr = s->proj_size ? random_array(s->dtype, P * H, 1) : NULL;
        w[i].peepholes = s->peepholes ? random_array(s->dtype, 3 * H, 1) : NULL;
    }
}

/* In memory of exactly the size asked for. */
static inline fastrnn_stack *new_stack(const fastrnn_spec *spec, const fastrnn_weights *weights) {
    size_t bytes = 0;
    fastrnn_stack *stack = NULL;
    fastrnn_status status = fastrnn_stack_bytes(spec, &bytes);
    CHECK(status == FASTRNN_OK, "%s", fastrnn_status_text(status));
    status = fastrnn_stack_init(new_bytes(bytes), bytes, spec, weights, &stack);
    CHECK(status == FASTRNN_OK, "%s", fastrnn_status_text(status));
    return stack;
}

static inline fastrnn_stack *random_stack(const fastrnn_spec *spec, int bias) {
    fastrnn_weights weights[MAX_LAYERS];
    random_weights(spec, bias, weights);
    return new_stack(spec, weights);
}

static inline fastrnn_stream *new_stream(const fastrnn_stack *stack, ptrdiff_t batch) {
    size_t bytes = 0;
    fastrnn_stream *stream = NULL;
    fastrnn_status status = fastrnn_stream_bytes(stack, batch, &bytes);
    CHECK(status == FASTRNN_OK, "%s", fastrnn_status_text(status));
    status = fastrnn_stream_init(new_bytes(bytes), bytes, stack, batch, &stream);
    CHECK(status == FASTRNN_OK, "%s", fastrnn_status_text(status));
    return stream;
}

/* Arguments of fastrnn_run and their sizes; c0 and c_n are NULL but for LSTM. */
typedef struct {
    ptrdiff_t T, N, x_size, y_size, h_size, c_size;
    void *x, *h0, *c0, *y, *h_n, *c_n;
} sequence;

static inline void new_results(const fastrnn_spec *s, sequence *q) {
    q->y = new_array(s->dtype, q->y_size);
    q->h_n = new_array(s->dtype, q->h_size);
    q->c_n = q->c_size ? new_array(s->dtype, q->c_size) : NULL;
}

static inline sequence random_sequence(const fastrnn_spec *s, ptrdiff_t T, ptrdiff_t N) {
    ptrdiff_t D = directions_of(s), P = outputs_of(s);
    sequence q = {.T = T, .N = N};
    q.x_size = T * N * s->input_size;
    q.y_size = T * N * D * P;
    q.h_size = s->num_layers * D * N * P;
    q.c_size = s->cell == FASTRNN_LSTM ? s->num_layers * D * N * s->hidden_size : 0;
    q.x = random_array(s->dtype, q.x_size, 2);
    q.h0 = random_array(s->dtype, q.h_size, 1);
    q.c0 = q.c_size ? random_array(s->dtype, q.c_size, 1) : NULL;
    new_results(s, &q);
    return q;
}

static inline void run(const fastrnn_stack *stack, const sequence *q) {
    size_t bytes = 0;
    fastrnn_status status = fastrnn_run_bytes(stack, q->T, q->N, &bytes);
    CHECK(status == FASTRNN_OK, "%s", fastrnn_status_text(status));
    status = fastrnn_run(stack, q->T, q->N, q->x, q->y, q->h0, q->c0, q->h_n, q->c_n,
                         new_bytes(bytes), bytes);
    CHECK(status == FASTRNN_OK, "%s", fastrnn_status_text(status));
}

/* The cells to try, with every field of the spec that is not a size. */
typedef struct {
    const char *name;
    int projected;
    fastrnn_spec spec;
} variant;

static const variant variants[] = {
    {"rnn tanh", 0, {.cell = FASTRNN_RNN, .f = {FASTRNN_TANH, 0, 0}}},
    {"rnn relu", 0, {.cell = FASTRNN_RNN, .f = {FASTRNN_RELU, 0, 0}}},
    {"rnn sigmoid", 0, {.cell = FASTRNN_RNN, .f = {FASTRNN_SIGMOID, 0, 0}}},
    {"rnn scaled, clipped",
     0,
     {.cell = FASTRNN_RNN, .f = {FASTRNN_SCALED_TANH, 0.75f, 1.25f}, .clip = 0.5f}},
    {"lstm", 0, {.cell = FASTRNN_LSTM}},
    {"lstm projected", 1, {.cell = FASTRNN_LSTM}},
    {"lstm with activations",
     0,
     {.cell = FASTRNN_LSTM,
      .f = {FASTRNN_HARD_SIGMOID, 0, 0},
      .g = {FASTRNN_SOFTSIGN, 0, 0},
      .h = {FASTRNN_SCALED_TANH, 0.5f, 1.5f}}},
    {"lstm with peepholes, clipped", 0, {.cell = FASTRNN_LSTM, .clip = 0.75f, .peepholes = 1}},
    {"lstm coupled, with peepholes, projected",
     1,
     {.cell = FASTRNN_LSTM, .peepholes = 1, .input_forget = 1}},
    {"gru", 0, {.cell = FASTRNN_GRU}},
    {"gru with activations, clipped",
     0,
     {.cell = FASTRNN_GRU,
      .f = {FASTRNN_HARD_SIGMOID_AB, 0.25f, 0.5f},
      .g = {FASTRNN_SOFTSIGN, 0, 0},
      .clip = 1}},
    {"gru, reset before", 0, {.cell = FASTRNN_GRU, .reset_before = 1}},
    {"gru, reset before, clipped", 0, {.cell = FASTRNN_GRU, .clip = 0.5f, .reset_before = 1}},
};

#define FOR_EACH_VARIANT(v) \
    for (const variant *v = variants; v < variants + sizeof variants / sizeof variants[0]; v++)

static inline fastrnn_spec spec_of(const variant *v, fastrnn_dtype dtype, ptrdiff_t I, ptrdiff_t H,
                                   ptrdiff_t L, int bidirectional) {
    fastrnn_spec s = v->spec;
    s.size = sizeof s;
    s.dtype = dtype;
    s.input_size = I;
    s.hidden_size = H;
    s.proj_size = v->projected ? (H + 1) / 2 : 0;
    s.num_layers = L;
    s.bidirectional = bidirectional;
    return s;
}

#endif
