/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls each hot kernel once from `counted`, the function whose instructions callgrind counts:
 * tests/project/test_instructions.py runs it. Prints the compiler, then the calls' names in order.
 */
#include "matrix.h"
#include "model.h"

#ifdef __clang__
#define COMPILER "clang %d\n", __clang_major__
#else
#define COMPILER "gcc %d\n", __GNUC__
#endif

typedef struct {
    const fastrnn_kernels *kernels;
    fastrnn_cell cell;
    fastrnn_stream *stream;
    const void *x;
    void *y;
    const fastrnn_forward_step *forward;
    const fastrnn_backward_step *backward;
    const fastrnn_product *product;
    const fastrnn_outer *outer;
    ptrdiff_t rows, panels, columns;
    void *scratch;
} call;

void counted(const call *c);

/* Not inlined nor cloned: callgrind knows it by its name. */
__attribute__((noinline)) void counted(const call *c) {
    if (c->stream) fastrnn_stream_step(c->stream, c->x, c->y);
    if (c->forward) c->kernels->forward[c->cell](c->forward, 0, c->rows, 0, c->panels);
    if (c->backward)
        fastrnn_training_of(c->kernels)->backward[c->cell](c->backward, 0, c->rows, 0, c->panels);
    if (c->product) c->kernels->product(c->product, 0, c->rows, 0, c->panels);
    if (c->outer) fastrnn_training_of(c->kernels)->outer(c->outer, 0, c->columns, c->scratch);
}

static const char *const cell_names[] = {"rnn", "lstm", "gru"};
static const fastrnn_dtype dtype = FASTRNN_F32;

static void count_stream(fastrnn_cell cell, ptrdiff_t H) {
    fastrnn_spec spec = {
        .size = sizeof spec, .cell = cell, .input_size = H, .hidden_size = H, .num_layers = 1};
    call c = {.stream = new_stream(random_stack(&spec, BIAS_BOTH), 1),
              .x = random_array(dtype, H, 1),
              .y = new_array(dtype, H)};
    counted(&c);
    printf("stream step, %s, H %td\n", cell_names[cell], H);
    free_all();
}

static void count_forward(const fastrnn_kernels *kernels, fastrnn_cell cell, ptrdiff_t rows,
                          ptrdiff_t H) {
    const fastrnn_shape shape = {H, fastrnn_describe(cell)->gates, H};
    const ptrdiff_t row = H * kernels->itemsize;
    fastrnn_forward_step step = {
        .hidden = H,
        .depth = H,
        .activations = {.f = {.kind = FASTRNN_TANH}},
        .pack = new_pack(kernels, &shape, random_array(dtype, shape.gates * H * H, 0.25)),
        .h_prev = random_array(dtype, rows * H, 1),
        .h_prev_stride = row,
        .gates = random_array(dtype, rows * shape.gates * H, 1),
        .gates_stride = shape.gates * row,
        .c_prev = random_array(dtype, rows * H, 1),
        .c_prev_stride = row,
        .c = new_array(dtype, rows * H),
        .c_stride = row,
        .h = new_array(dtype, rows * H),
        .h_stride = row};
    call c = {.kernels = kernels,
              .cell = cell,
              .forward = &step,
              .rows = rows,
              .panels = fastrnn_panel_count(kernels, &shape)};
    counted(&c);
    printf("forward step, %s, N %td, H %td\n", cell_names[cell], rows, H);
    free_all();
}

static void count_backward(const fastrnn_kernels *kernels, fastrnn_cell cell, ptrdiff_t rows,
                           ptrdiff_t H) {
    const fastrnn_shape shape = {H, 1, fastrnn_describe(cell)->gates * H};
    const ptrdiff_t row = H * kernels->itemsize, slots = cell == FASTRNN_RNN ? 1 : 4;
    const fastrnn_rows dy = {random_array(dtype, rows * H, 1), row, NULL, 1};
    fastrnn_backward_step step = {
        .hidden = H,
        .depth = shape.depth,
        .activations = {.f = {.kind = FASTRNN_TANH}},
        .pack = new_pack(kernels, &shape, random_array(dtype, shape.depth * H, 0.25)),
        .a = random_array(dtype, rows * shape.depth, 1),
        .a_stride = shape.depth * kernels->itemsize,
        .live = rows,
        .share = random_array(dtype, rows * H, 1),
        .share_stride = row,
        .dy = dy,
        .h = random_array(dtype, rows * H, 1),
        .h_stride = row,
        .gates = random_array(dtype, rows * slots * H, 1),
        .gates_stride = slots * row,
        .dc = random_array(dtype, rows * H, 1),
        .dc_stride = row,
        .c_prev = random_array(dtype, rows * H, 1),
        .c_prev_stride = row,
        .c = random_array(dtype, rows * H, 1),
        .c_stride = row,
        .h_prev = random_array(dtype, rows * H, 1),
        .h_prev_stride = row};
    call c = {.kernels = kernels,
              .cell = cell,
              .backward = &step,
              .rows = rows,
              .panels = fastrnn_panel_count(kernels, &shape)};
    counted(&c);
    printf("backward step, %s, N %td, H %td\n", cell_names[cell], rows, H);
    free_all();
}

static void count_product(const fastrnn_kernels *kernels, ptrdiff_t rows, ptrdiff_t H) {
    const fastrnn_shape shape = {H, 4, H};
    fastrnn_product product = {
        .shape = shape,
        .pack = new_pack(kernels, &shape, random_array(dtype, 4 * H * H, 1)),
        .a = {random_array(dtype, rows * H, 1), H * kernels->itemsize, NULL, 1},
        .c = {new_array(dtype, rows * 4 * H), 4 * H * kernels->itemsize, NULL, 1},
        .bias = random_array(dtype, 4 * H, 1)};
    call c = {.kernels = kernels,
              .product = &product,
              .rows = rows,
              .panels = fastrnn_panel_count(kernels, &shape)};
    counted(&c);
    printf("product, N %td, depth %td, 4 gates of %td\n", rows, H, H);
    free_all();
}

static void count_outer(const fastrnn_kernels *kernels, ptrdiff_t rows, ptrdiff_t M, ptrdiff_t J) {
    const ptrdiff_t item = kernels->itemsize;
    fastrnn_outer outer = {.a = {random_array(dtype, rows * M, 1), M * item, NULL, 1},
                           .b = {random_array(dtype, rows * J, 1), J * item, NULL, 1},
                           .rows = rows,
                           .columns = J,
                           .c = random_array(dtype, M * J, 1),
                           .c_stride = J * item};
    call c = {.kernels = kernels,
              .outer = &outer,
              .columns = M,
              .scratch =
                  new_bytes(((size_t)fastrnn_training_of(kernels)->outer_scratch + 63) / 64 * 64)};
    counted(&c);
    printf("outer, N %td, %td x %td\n", rows, M, J);
    free_all();
}

int main(void) {
    const fastrnn_kernels *kernels = fastrnn_kernels_get(FASTRNN_ISA_AUTO, dtype);
    if (!kernels) {
        fprintf(stderr, "FASTRNN_ISA: this machine does not have it\n");
        return 2;
    }
    printf(COMPILER);
    for (fastrnn_cell cell = FASTRNN_RNN; cell <= FASTRNN_GRU; cell++) {
        count_stream(cell, 32);
        count_stream(cell, 128);
        count_forward(kernels, cell, 1, 128);
        count_forward(kernels, cell, 6, 128);
        count_backward(kernels, cell, 1, 128);
        count_backward(kernels, cell, 6, 128);
    }
    count_product(kernels, 6, 128);
    count_product(kernels, 48, 128);
    count_outer(kernels, 64, 128, 128);
    return 0;
}
