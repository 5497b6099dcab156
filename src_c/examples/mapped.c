/* SPDX-License-Identifier: Apache-2.0 */
/* An LSTM of ONNX's kind, with peepholes and a hard sigmoid, packed once into a file and used from
 * there: the file is mapped, so that processes share its pages and nothing is read or copied before
 * the first step. The numbers would come from a trained model; these are a formula's. */
#define _DEFAULT_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "../fastrnn.h"

enum { INPUTS = 2, HIDDEN = 4, GATES = 4, STEPS = 5, BYTES = 8192 };

static _Alignas(FASTRNN_ALIGNMENT) unsigned char stream_memory[BYTES];
static float w_ih[GATES * HIDDEN * INPUTS], w_hh[GATES * HIDDEN * HIDDEN], b_ih[GATES * HIDDEN];
static float peepholes[3 * HIDDEN];

static void fill(float *weight, int n, float seed) {
    for (int i = 0; i < n; i++) weight[i] = sinf(seed + (float)i);
}

/* Packs the weights and writes the stack to the file; its bytes are all there is to keep. */
static fastrnn_status pack_into(FILE *file, size_t *bytes) {
    const fastrnn_spec spec = {.size = sizeof spec,
                               .cell = FASTRNN_LSTM,
                               .input_size = INPUTS,
                               .hidden_size = HIDDEN,
                               .num_layers = 1,
                               .f = {FASTRNN_HARD_SIGMOID_AB, 0.2f, 0.5f},
                               .peepholes = 1};
    const fastrnn_weights weights = {
        .size = sizeof weights, .w_ih = w_ih, .w_hh = w_hh, .b_ih = b_ih, .peepholes = peepholes};
    fastrnn_stack *lstm;
    void *memory = NULL;
    fastrnn_status status = fastrnn_stack_bytes(&spec, bytes);
    if (!status) memory = aligned_alloc(FASTRNN_ALIGNMENT, *bytes);
    if (!status) status = fastrnn_stack_init(memory, *bytes, &spec, &weights, &lstm);
    if (!status && fwrite(memory, 1, *bytes, file) != *bytes) perror("fastrnn");
    fflush(file);
    free(memory);
    return status;
}

static fastrnn_status run_from(FILE *file, size_t bytes) {
    const fastrnn_stack *lstm;
    fastrnn_stream *stream;
    void *mapped = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fileno(file), 0);
    if (mapped == MAP_FAILED) return FASTRNN_ERROR_MEMORY;
    fastrnn_status status = fastrnn_stack_open(mapped, bytes, &lstm);
    if (!status) status = fastrnn_stream_init(stream_memory, BYTES, lstm, 1, &stream);
    for (int t = 0; t < STEPS && !status; t++) {
        const float x[INPUTS] = {1, (float)t};
        float y[HIDDEN];
        status = fastrnn_stream_step(stream, x, y);
        if (!status)
            printf("t %d  y %+.4f %+.4f %+.4f %+.4f\n", t, (double)y[0], (double)y[1], (double)y[2],
                   (double)y[3]);
    }
    munmap(mapped, bytes);
    return status;
}

int main(void) {
    size_t bytes = 0;
    FILE *file = tmpfile();
    if (!file) return 1;
    fill(w_ih, GATES * HIDDEN * INPUTS, 1);
    fill(w_hh, GATES * HIDDEN * HIDDEN, 2);
    fill(b_ih, GATES * HIDDEN, 3);
    fill(peepholes, 3 * HIDDEN, 4);
    fastrnn_status status = pack_into(file, &bytes);
    if (!status) status = run_from(file, bytes);
    if (status) fprintf(stderr, "fastrnn: %s\n", fastrnn_status_text(status));
    fclose(file);
    return status != FASTRNN_OK;
}
