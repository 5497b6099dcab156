/* SPDX-License-Identifier: Apache-2.0 */
/* One step of each cell against its equations: state, output, what training keeps. */
#include "matrix.h"

typedef struct {
    const fastrnn_kernels *kernels;
    fastrnn_cell cell;
    fastrnn_activation_kind activation;
    ptrdiff_t rows, H, P;
    const void *r, *bias;               /* torch's R (G*H x P), GRU's b_hn */
    fastrnn_rows gates, h_prev, c_prev; /* not written to */
} example;

typedef struct {
    fastrnn_rows gates, h, c, y;
} result;

static const int gate_counts[] = {1, 4, 3};

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static double activate(const example *e, double x) {
    if (e->activation == FASTRNN_RELU) return x < 0 ? 0 : x;
    return e->activation == FASTRNN_TANH ? tanh(x) : sigmoid(x);
}

/* Row `gate` * H + unit of R times h'. */
static double recurrent(const example *e, ptrdiff_t row, int gate, ptrdiff_t unit) {
    fastrnn_dtype dtype = e->kernels->dtype;
    double sum = 0;
    for (ptrdiff_t k = 0; k < e->P; k++)
        sum += get(dtype, e->r, (gate * e->H + unit) * e->P + k) * at(dtype, &e->h_prev, row, k);
    return sum;
}

static void near(const example *e, const char *what, const fastrnn_rows *m, ptrdiff_t row,
                 ptrdiff_t j, double wanted) {
    double got = at(e->kernels->dtype, m, row, j);
    CHECK(fabs(got - wanted) <= tolerance_of(e->kernels->dtype) * (1 + fabs(wanted)),
          "%s, cell %d, %td rows, H %td: %s of row %td, %td: got %g, wanted %g",
          kernels_name(e->kernels), (int)e->cell, e->rows, e->H, what, row, j, got, wanted);
}

static void check_unit(const example *e, const result *got, int keep, ptrdiff_t row,
                       ptrdiff_t unit) {
    fastrnn_dtype dtype = e->kernels->dtype;
    ptrdiff_t H = e->H;
    double slot[3 + 1], kept[4], h;
    for (int g = 0; g < gate_counts[e->cell]; g++)
        slot[g] = at(dtype, &e->gates, row, g * H + unit);
    if (e->cell == FASTRNN_LSTM) {
        for (int g = 0; g < 4; g++) {
            double a = slot[g] + recurrent(e, row, g, unit);
            kept[g] = g == 2 ? tanh(a) : sigmoid(a);
        }
        double c = kept[1] * at(dtype, &e->c_prev, row, unit) + kept[0] * kept[2];
        near(e, "c", &got->c, row, unit, c);
        h = kept[3] * tanh(c);
    } else if (e->cell == FASTRNN_GRU) {
        double r = sigmoid(slot[1] + recurrent(e, row, 0, unit));
        double z = sigmoid(slot[2] + recurrent(e, row, 1, unit));
        double q = recurrent(e, row, 2, unit) + (e->bias ? get(dtype, e->bias, unit) : 0);
        double n = tanh(slot[0] + r * q);
        kept[0] = n, kept[1] = r, kept[2] = z, kept[3] = q;
        h = (1 - z) * n + z * at(dtype, &e->h_prev, row, unit);
    } else {
        h = activate(e, slot[0] + recurrent(e, row, 0, unit));
    }
    near(e, "h", &got->h, row, unit, h);
    if (got->y.base) near(e, "y", &got->y, row, unit, h);
    for (int g = 0; keep && e->cell != FASTRNN_RNN && g < 4; g++)
        near(e, "kept", &got->gates, row, g * H + unit, kept[g]);
}

/* Calls the kernel on copies, the rows and panels in one piece or several. */
static result step(const example *e, int keep, int with_y, int in_parts) {
    fastrnn_dtype dtype = e->kernels->dtype;
    int gates = gate_counts[e->cell], slots = e->cell == FASTRNN_RNN ? 1 : keep ? 4 : gates;
    ptrdiff_t H = e->H;
    result got = {.gates = new_rows(dtype, ROWS_STRIDED, e->rows, slots * H, 1, 0),
                  .h = new_rows(dtype, ROWS_STRIDED, e->rows, H, 1, 0),
                  .c = new_rows(dtype, ROWS_STRIDED, e->rows, H, 1, 0)};
    if (with_y) got.y = new_rows(dtype, ROWS_SCATTERED, e->rows, H, 1, 0);
    for (ptrdiff_t row = 0; row < e->rows; row++) {
        memcpy(fastrnn_row(&got.gates, row), fastrnn_row(&e->gates, row),
               (size_t)(gates * H) * size_of(dtype));
        memcpy(fastrnn_row(&got.c, row), fastrnn_row(&e->c_prev, row), (size_t)H * size_of(dtype));
    }
    fastrnn_shape shape = {H, gates, e->P};
    /* c_prev is c when nothing is kept, as in inference */
    const fastrnn_rows *c_prev = keep ? &e->c_prev : &got.c;
    fastrnn_forward_step call = {.hidden = H,
                                 .depth = e->P,
                                 .activations = {.f = {.kind = (int32_t)e->activation}},
                                 .keep = keep,
                                 .pack = new_pack(e->kernels, &shape, e->r),
                                 .bias = e->bias,
                                 .h_prev = e->h_prev.base,
                                 .h_prev_stride = e->h_prev.stride,
                                 .gates = got.gates.base,
                                 .gates_stride = got.gates.stride,
                                 .c_prev = c_prev->base,
                                 .c_prev_stride = c_prev->stride,
                                 .c = got.c.base,
                                 .c_stride = got.c.stride,
                                 .h = got.h.base,
                                 .h_stride = got.h.stride,
                                 .y = got.y};
    ptrdiff_t panels = fastrnn_panel_count(e->kernels, &shape), row = 0, panel = 0;
    if (in_parts) row = e->rows - 1, panel = (panels + 1) / 2;
    e->kernels->forward[e->cell](&call, row, e->rows, 0, panel);
    e->kernels->forward[e->cell](&call, 0, row, 0, panels);
    e->kernels->forward[e->cell](&call, row, e->rows, panel, panels);
    return got;
}

static void try_cell(const fastrnn_kernels *kernels, fastrnn_cell cell,
                     fastrnn_activation_kind activation, ptrdiff_t rows, ptrdiff_t H, ptrdiff_t P) {
    fastrnn_dtype dtype = kernels->dtype;
    int gates = gate_counts[cell];
    example e = {kernels,
                 cell,
                 activation,
                 rows,
                 H,
                 P,
                 random_array(dtype, gates * H * P, 0.5),
                 cell == FASTRNN_GRU && H % 2 ? random_array(dtype, H, 1) : NULL,
                 new_rows(dtype, ROWS_STRIDED, rows, gates * H, 1, 1),
                 new_rows(dtype, ROWS_STRIDED, rows, P, 1, 1),
                 new_rows(dtype, ROWS_STRIDED, rows, H, 1, 1)};
    for (int keep = 0; keep <= 1; keep++) {
        result got = step(&e, keep, keep, 0), parts = step(&e, keep, !keep, 1);
        for (ptrdiff_t row = 0; row < rows; row++) {
            for (ptrdiff_t unit = 0; unit < H; unit++) check_unit(&e, &got, keep, row, unit);
            CHECK(same_bytes(dtype, fastrnn_row(&got.h, row), fastrnn_row(&parts.h, row), H),
                  "%s, cell %d: split", kernels_name(kernels), (int)cell);
        }
    }
    free_all();
}

int main(void) {
    FOR_EACH_DTYPE(dtype)
    FOR_EACH_KERNELS(kernels, dtype)
    for (ptrdiff_t i = 0; i < SIZE_COUNT; i++) {
        ptrdiff_t rows = i % 3 == 0 ? 1 : i % 3 == 1 ? i : 50, H = sizes[i];
        for (fastrnn_activation_kind act = FASTRNN_TANH; act <= FASTRNN_SIGMOID; act++)
            try_cell(kernels, FASTRNN_RNN, act, rows, H, H);
        try_cell(kernels, FASTRNN_LSTM, FASTRNN_TANH, rows, H, H);
        try_cell(kernels, FASTRNN_LSTM, FASTRNN_TANH, rows, H, (H + 1) / 2);
        try_cell(kernels, FASTRNN_GRU, FASTRNN_TANH, rows, H, H);
    }
    return report("forward steps follow their equations");
}
