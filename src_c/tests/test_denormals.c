/* SPDX-License-Identifier: Apache-2.0 */
/* Denormals count as zero inside a call, and the caller's floating-point mode is put back. */
#include "model.h"

static uint64_t floating_point_mode(void) {
#if defined(__x86_64__)
    return _mm_getcsr();
#elif defined(__aarch64__)
    uint64_t mode;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(mode));
    return mode;
#else
    return 0;
#endif
}

/* weight * x by a stack of one unit, for x >= 0. */
static double scale(fastrnn_dtype dtype, double weight, double x) {
    void *w = new_array(dtype, 1), *zero = new_array(dtype, 1);
    set(dtype, w, 0, weight);
    set(dtype, zero, 0, 0);
    fastrnn_spec spec = {.cell = FASTRNN_RNN,
                         .activation = FASTRNN_RELU,
                         .dtype = dtype,
                         .input_size = 1,
                         .hidden_size = 1,
                         .num_layers = 1};
    fastrnn_weights weights = {.w_ih = w, .w_hh = zero};
    fastrnn_stack *stack = new_stack(&spec, &weights);
    fastrnn_stream *stream = new_stream(stack, 1);
    void *a = new_array(dtype, 1);
    set(dtype, a, 0, x);
    uint64_t before = floating_point_mode();
    CHECK(!fastrnn_stream_step(stream, a, a), "step");
    CHECK(floating_point_mode() == before, "step");

    void *y = new_array(dtype, 1);
    size_t bytes = 0;
    set(dtype, y, 0, x);
    CHECK(!fastrnn_run_bytes(stack, 1, 1, &bytes), "run");
    CHECK(!fastrnn_run(stack, 1, 1, y, a, NULL, NULL, NULL, NULL, new_bytes(bytes), bytes), "run");
    CHECK(floating_point_mode() == before, "run");
    return get(dtype, a, 0);
}

int main(void) {
    FOR_EACH_DTYPE(dtype) {
        double smallest = dtype == FASTRNN_F32 ? (double)FLT_MIN : DBL_MIN;
        CHECK(scale(dtype, 1, smallest) == smallest, "the smallest normal number stays");
        CHECK(scale(dtype, 8, smallest / 4) == 0, "a denormal operand is zero");
        CHECK(scale(dtype, 0.25, smallest) == 0, "a denormal result is zero");
        free_all();
    }
    return report("denormals are flushed inside and the mode is put back");
}
