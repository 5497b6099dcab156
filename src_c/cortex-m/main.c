/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of an LSTM and a GRU on a bare board, weights in flash, against the NumPy reference. */
#include "../fastrnn.h"

#include "board.h"
#include "golden.h"

enum { STACK_BYTES = 4096, STREAM_BYTES = 1024 };
static _Alignas(FASTRNN_ALIGNMENT) unsigned char stack_memory[STACK_BYTES];
static _Alignas(FASTRNN_ALIGNMENT) unsigned char stream_memory[STREAM_BYTES];

typedef struct {
    const char *name;
    fastrnn_cell cell;
    fastrnn_weights weights;
    const float *x, *h0, *c0, *y;
} example;

static const example examples[] = {
    {"LSTM",
     FASTRNN_LSTM,
     {.size = sizeof(fastrnn_weights),
      .w_ih = lstm_w_ih,
      .w_hh = lstm_w_hh,
      .b_ih = lstm_b_ih,
      .b_hh = lstm_b_hh},
     lstm_x,
     lstm_h0,
     lstm_c0,
     lstm_y},
    {"GRU",
     FASTRNN_GRU,
     {.size = sizeof(fastrnn_weights),
      .w_ih = gru_w_ih,
      .w_hh = gru_w_hh,
      .b_ih = gru_b_ih,
      .b_hh = gru_b_hh},
     gru_x,
     gru_h0,
     NULL,
     gru_y},
};

/* Whether all is within 2e-6, the bound of tests/test_golden.c; a NaN is not. */
static int agree(const float *got, const float *wanted) {
    for (int j = 0; j < HIDDEN; j++) {
        float error = got[j] - wanted[j];
        if (!(error < 2e-6f && error > -2e-6f)) return 0;
    }
    return 1;
}

static fastrnn_status start(const example *e, fastrnn_stream **stream) {
    const fastrnn_spec spec = {.size = sizeof spec,
                               .cell = e->cell,
                               .dtype = FASTRNN_F32,
                               .input_size = INPUTS,
                               .hidden_size = HIDDEN,
                               .num_layers = 1};
    fastrnn_stack *stack;
    fastrnn_status status =
        fastrnn_stack_init(stack_memory, STACK_BYTES, &spec, &e->weights, &stack);
    if (!status) status = fastrnn_stream_init(stream_memory, STREAM_BYTES, stack, 1, stream);
    if (!status) status = fastrnn_stream_set_state(*stream, e->h0, e->c0);
    return status;
}

static int run(const example *e) {
    fastrnn_stream *stream = NULL;
    fastrnn_status status = start(e, &stream);
    uint32_t instructions = 0;
    int right = 1;
    for (int t = 0; t < STEPS && !status; t++) {
        float y[HIDDEN];
        uint32_t before = board_instructions();
        status = fastrnn_stream_step(stream, e->x + t * INPUTS, y);
        instructions += board_instructions() - before;
        right = right && agree(y, e->y + t * HIDDEN);
    }
    board_print(status || !right ? "FAILED: " : "ok: ");
    board_print(e->name);
    board_print(status ? ": " : right ? ", instructions a step: " : ", wrong numbers after: ");
    if (status)
        board_print(fastrnn_status_text(status));
    else
        board_print_number(instructions / STEPS);
    board_print("\n");
    return !status && right;
}

int main(void) {
    int right = 1;
    for (unsigned i = 0; i < sizeof examples / sizeof examples[0]; i++)
        right = run(&examples[i]) && right;
    return !right;
}
