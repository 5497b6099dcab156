/* SPDX-License-Identifier: Apache-2.0 */
/* A GRU of four units keeps a metronome's beat: one input, which is 1 on every third step, a step a
 * call. The numbers would come from a trained model; these are a formula's. */
#include <math.h>
#include <stdio.h>

#include "../fastrnn.h"

enum { INPUTS = 1, HIDDEN = 4, GATES = 3, STEPS = 9, BYTES = 8192 };

static _Alignas(FASTRNN_ALIGNMENT) unsigned char stack_memory[BYTES], stream_memory[BYTES];
static float w_ih[GATES * HIDDEN * INPUTS], w_hh[GATES * HIDDEN * HIDDEN];
static float b_ih[GATES * HIDDEN], b_hh[GATES * HIDDEN];

static void fill(float *weight, int n, float seed) {
    for (int i = 0; i < n; i++) weight[i] = sinf(seed + (float)i);
}

static fastrnn_status metronome(void) {
    const fastrnn_spec spec = {.size = sizeof spec,
                               .cell = FASTRNN_GRU,
                               .dtype = FASTRNN_F32,
                               .input_size = INPUTS,
                               .hidden_size = HIDDEN,
                               .num_layers = 1};
    const fastrnn_weights weights = {
        .size = sizeof weights, .w_ih = w_ih, .w_hh = w_hh, .b_ih = b_ih, .b_hh = b_hh};
    fastrnn_stack *gru;
    fastrnn_stream *stream;

    /* Memory may be static, as here, or come from anywhere: fastrnn_stack_bytes says how much. */
    fastrnn_status status = fastrnn_stack_init(stack_memory, BYTES, &spec, &weights, &gru);
    if (!status) status = fastrnn_stream_init(stream_memory, BYTES, gru, 1, &stream);
    for (int t = 0; t < STEPS && !status; t++) {
        float x[INPUTS] = {t % 3 == 0 ? 1.0f : 0.0f}, y[HIDDEN];
        status = fastrnn_stream_step(stream, x, y);
        if (!status)
            printf("t %d  x %.0f  y %+.4f %+.4f %+.4f %+.4f\n", t, (double)x[0], (double)y[0],
                   (double)y[1], (double)y[2], (double)y[3]);
    }
    return status;
}

int main(void) {
    fill(w_ih, GATES * HIDDEN * INPUTS, 1);
    fill(w_hh, GATES * HIDDEN * HIDDEN, 2);
    fill(b_ih, GATES * HIDDEN, 3);
    fill(b_hh, GATES * HIDDEN, 4);
    fastrnn_status status = metronome();
    if (status) fprintf(stderr, "fastrnn: %s\n", fastrnn_status_text(status));
    return status != FASTRNN_OK;
}
