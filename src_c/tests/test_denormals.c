/* SPDX-License-Identifier: Apache-2.0 */
/* Denormals count as zero inside a call where the machine can be told so, and the caller's
 * floating-point mode is put back. */
#include "model.h"

static uint64_t floating_point_mode(void) {
#if defined(__x86_64__)
    return _mm_getcsr();
#elif defined(__aarch64__)
    uint64_t mode;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(mode));
    return mode;
#elif defined(__arm__) && defined(__ARM_FP)
    uint32_t mode;
    __asm__ __volatile__("vmrs %0, fpscr" : "=r"(mode));
    return mode;
#else
    return 0;
#endif
}

/* What the header promises: the units that compute a type have a mode that flushes. */
static int flushes(fastrnn_dtype dtype) {
#if defined(__x86_64__) || defined(__aarch64__)
    return dtype <= FASTRNN_F64;
#elif defined(__arm__) && defined(__ARM_FP)
    return __ARM_FP & (dtype == FASTRNN_F32 ? 4 : 8);
#else
    return 0 * dtype;
#endif
}

static void *one_number(fastrnn_dtype dtype, double value) {
    void *a = new_array(dtype, 1);
    set(dtype, a, 0, value);
    return a;
}

/* relu(w x + h), by a step of a stream and by a run. */
static double relu_unit(fastrnn_dtype dtype, double w, double x, double h) {
    fastrnn_spec spec = {.size = sizeof spec,
                         .cell = FASTRNN_RNN,
                         .f = {FASTRNN_RELU, 0, 0},
                         .dtype = dtype,
                         .input_size = 1,
                         .hidden_size = 1,
                         .num_layers = 1};
    fastrnn_weights weights = {
        .size = sizeof weights, .w_ih = one_number(dtype, w), .w_hh = one_number(dtype, 1)};
    fastrnn_stack *stack = new_stack(&spec, &weights);
    fastrnn_stream *stream = new_stream(stack, 1);
    void *from = one_number(dtype, x), *h0 = one_number(dtype, h);
    void *stepped = new_array(dtype, 1);
    uint64_t before = floating_point_mode();
    CHECK(!fastrnn_stream_set_state(stream, h0, NULL), "set");
    CHECK(!fastrnn_stream_step(stream, from, stepped), "step");
    CHECK(floating_point_mode() == before, "step");

    sequence q = {.T = 1, .N = 1, .x = from, .y = new_array(dtype, 1), .h0 = h0};
    run(stack, &q);
    CHECK(floating_point_mode() == before, "run");
    CHECK(same_bytes(dtype, stepped, q.y, 1), "step and run");
    return get(dtype, stepped, 0);
}

int main(void) {
    FOR_EACH_DTYPE(dtype) {
        double tiny = dtype == FASTRNN_F32 ? (double)FLT_MIN : DBL_MIN; /* the smallest normal */
        CHECK(relu_unit(dtype, 1, tiny, 0) == tiny, "the smallest normal number stays");
        double operand = flushes(dtype) ? 0 : 2 * tiny, result = flushes(dtype) ? 0 : 0.5 * tiny;
        CHECK(relu_unit(dtype, 8, tiny / 4, 0) == operand, "a denormal operand");
        CHECK(relu_unit(dtype, 1, -tiny, 1.5 * tiny) == result, "a denormal result");
        free_all();
    }
    return report("denormals are flushed as promised and the mode is put back");
}
