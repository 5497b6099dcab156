/* SPDX-License-Identifier: Apache-2.0 */
/* Activations against their formulas; unfused cells: every instruction set
 * against plain C. */
#include "formulas.h"
#include "matrix.h"

enum { ROWS = 3, ACTIVATIONS = FASTRNN_RELU6 };
static const ptrdiff_t hidden_sizes[] = {1, 5, 16, 37};

static void check_values(const fastrnn_kernels *kernels, int how, ptrdiff_t H) {
    const fastrnn_dtype dtype = kernels->dtype;
    const ptrdiff_t row = H * kernels->itemsize;
    const double tolerance = dtype == FASTRNN_F32 ? 1e-6 : 1e-14, step = 1e-6;
    const fastrnn_activation act = {.kind = how};
    char *a = random_array(dtype, ROWS * H, 16), *h = new_array(dtype, ROWS * H);
    char *da = new_array(dtype, ROWS * H);
    const fastrnn_forward_step forward = {.hidden = H,
                                          .activations = {.f = act},
                                          .gates = a,
                                          .gates_stride = row,
                                          .h = h,
                                          .h_stride = row};
    const fastrnn_backward_step backward = {.hidden = H,
                                            .activations = {.f = act},
                                            .gates = da,
                                            .gates_stride = row,
                                            .dy = {random_array(dtype, ROWS * H, 2), row, NULL, 1},
                                            .h = h,
                                            .h_stride = row};
    kernels->cell_forward[FASTRNN_RNN](&forward, 0, ROWS);
    fastrnn_training_of(kernels)->cell_backward[FASTRNN_RNN](&backward, 0, ROWS);
    for (ptrdiff_t j = 0; j < ROWS * H; j++) {
        double x = get(dtype, a, j), wanted = activation_value(act, x), got = get(dtype, h, j);
        CHECK(fabs(got - wanted) <= tolerance * fabs(wanted) + tolerance / 10,
              "%s activation %d of %g is %.17g, wanted %.17g", kernels_name(kernels), how, x, got,
              wanted);
        /* The arguments are multiples of 2^-12 and no corner is within the step of one, or is one:
         * there the slope is that of the left side. */
        double slope = (activation_value(act, x) - activation_value(act, x - step)) / step;
        double d = get(dtype, backward.dy.base, j) * slope;
        CHECK(fabs(get(dtype, da, j) - d) <= 3e-5 * (1 + fabs(d)),
              "%s slope of activation %d at %g is off: %g, wanted %g", kernels_name(kernels), how,
              x, get(dtype, da, j), d);
    }
    free_all();
}

/* Everything that one call of each kernel for a cell writes: 11 arrays of ROWS x H. */
static void run_cell(const fastrnn_kernels *kernels, int cell, int how, ptrdiff_t H, void *out) {
    const fastrnn_dtype dtype = kernels->dtype;
    const ptrdiff_t row = H * kernels->itemsize, n = ROWS * H;
    random_state = (uint64_t)(cell + 5 * how + 100 * H);
    char *gates = random_array(dtype, 4 * n, 3), *state = random_array(dtype, n, 2);
    char *c_prev = random_array(dtype, n, 2), *c = new_array(dtype, n), *h = new_array(dtype, n);
    char *dc = random_array(dtype, n, 2), *share = random_array(dtype, n, 2);
    char *ds = random_array(dtype, n, 2);
    const fastrnn_activations activations = {
        .f = {.kind = 1 + (how + 2) % ACTIVATIONS}, .g = {.kind = how}, .h = {.kind = how}};
    const fastrnn_forward_step forward = {.hidden = H,
                                          .activations = activations,
                                          .keep = cell != FASTRNN_RNN,
                                          .gates = gates,
                                          .gates_stride = 4 * row,
                                          .h_prev = state,
                                          .h_prev_stride = row,
                                          .c_prev = c_prev,
                                          .c_prev_stride = row,
                                          .c = c,
                                          .c_stride = row,
                                          .h = h,
                                          .h_stride = row};
    const fastrnn_backward_step backward = {.hidden = H,
                                            .activations = activations,
                                            .share = share,
                                            .share_stride = row,
                                            .gates = gates,
                                            .gates_stride = 4 * row,
                                            .dc = dc,
                                            .dc_stride = row,
                                            .c_prev = c_prev,
                                            .c_prev_stride = row,
                                            .c = c,
                                            .c_stride = row,
                                            .h_prev = state,
                                            .h_prev_stride = row,
                                            .h = h,
                                            .h_stride = row};
    const fastrnn_reset_step reset = {.hidden = H,
                                      .f = activations.f,
                                      .gates = gates,
                                      .gates_stride = 4 * row,
                                      .h = state,
                                      .h_stride = row,
                                      .d = ds,
                                      .d_stride = row};
    char *to = out;
    if (cell == FASTRNN_GRU_BEFORE) kernels->reset_forward(&reset, 0, ROWS);
    if (cell != FASTRNN_LSTM) memcpy(c, c_prev, (size_t)(n * kernels->itemsize));
    kernels->cell_forward[cell](&forward, 0, ROWS);
    to = (char *)memcpy(to, gates, (size_t)(4 * n * kernels->itemsize)) + 4 * ROWS * row;
    to = (char *)memcpy(to, h, (size_t)(n * kernels->itemsize)) + ROWS * row;
    fastrnn_training_of(kernels)->cell_backward[cell](&backward, 0, ROWS);
    if (cell == FASTRNN_GRU_BEFORE) fastrnn_training_of(kernels)->reset_backward(&reset, 0, ROWS);
    to = (char *)memcpy(to, gates, (size_t)(4 * n * kernels->itemsize)) + 4 * ROWS * row;
    const char *const rest[] = {c, dc, share, ds, h};
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
        to = (char *)memcpy(to, rest[i], (size_t)(n * kernels->itemsize)) + ROWS * row;
}

static void check_cell(const fastrnn_kernels *kernels, int cell, int how, ptrdiff_t H) {
    const fastrnn_dtype dtype = kernels->dtype;
    const ptrdiff_t n = 14 * ROWS * H;
    void *got = new_array(dtype, n), *wanted = new_array(dtype, n);
    run_cell(kernels, cell, how, H, got);
    run_cell(fastrnn_kernels_get(FASTRNN_ISA_SCALAR, dtype), cell, how, H, wanted);
    double off = distance(dtype, got, wanted, n);
    CHECK(off <= (dtype == FASTRNN_F32 ? 1e-5 : 1e-13), "%s cell %d activation %d H %td: %g",
          kernels_name(kernels), cell, how, H, off);
    free_all();
}

int main(void) {
    FOR_EACH_DTYPE(dtype)
    FOR_EACH_KERNELS(kernels, dtype)
    for (int how = FASTRNN_TANH; how <= ACTIVATIONS; how++)
        for (size_t i = 0; i < sizeof hidden_sizes / sizeof hidden_sizes[0]; i++) {
            check_values(kernels, how, hidden_sizes[i]);
            for (int cell = 0; cell < FASTRNN_CELLS; cell++)
                check_cell(kernels, cell, how, hidden_sizes[i]);
        }
    return report("activations follow their formulas, unfused cells are alike everywhere");
}
