/* SPDX-License-Identifier: Apache-2.0 */
/* One step of BPTT of each cell against its equations, from random kept values. */
#include "matrix.h"

typedef struct {
    const fastrnn_kernels *kernels;
    fastrnn_cell cell;
    fastrnn_activation_kind activation;
    ptrdiff_t rows, live, H, K;
    const void *weight; /* H x K: a column of the product for each unit */
    fastrnn_rows a, dy, share, gates, dc, c_prev, c, h_prev, h;
} example;

/* share, dy: base NULL if the call goes without. */
static double dh_of(const example *e, ptrdiff_t row, ptrdiff_t unit) {
    fastrnn_dtype dtype = e->kernels->dtype;
    double dh = 0;
    for (ptrdiff_t k = 0; row < e->live && k < e->K; k++)
        dh += at(dtype, &e->a, row, k) * get(dtype, e->weight, unit * e->K + k);
    if (e->dy.base) dh += at(dtype, &e->dy, row, unit);
    if (e->share.base) dh += at(dtype, &e->share, row, unit);
    return dh;
}

static double slope(const example *e, double h) {
    if (e->activation == FASTRNN_RELU) return h > 0;
    return e->activation == FASTRNN_TANH ? 1 - h * h : h * (1 - h);
}

/* Gradients of a unit's slots, then of the previous c, then what is shared, then h. */
static void plain(const example *e, ptrdiff_t row, ptrdiff_t unit, double *d) {
    fastrnn_dtype dtype = e->kernels->dtype;
    double dh = dh_of(e, row, unit), s[4] = {0};
    for (int g = 0; g < (e->cell == FASTRNN_RNN ? 1 : 4); g++)
        s[g] = at(dtype, &e->gates, row, g * e->H + unit);
    d[4] = d[5] = d[6] = 0;
    if (e->cell == FASTRNN_LSTM) {
        double i = s[0], f = s[1], g = s[2], o = s[3], tc = tanh(at(dtype, &e->c, row, unit));
        double dc = at(dtype, &e->dc, row, unit) + dh * o * (1 - tc * tc);
        d[0] = dc * g * i * (1 - i);
        d[1] = dc * at(dtype, &e->c_prev, row, unit) * f * (1 - f);
        d[2] = dc * i * (1 - g * g);
        d[3] = dh * tc * o * (1 - o);
        d[4] = dc * f;
        d[6] = o * tc;
    } else if (e->cell == FASTRNN_GRU) {
        double n = s[0], r = s[1], z = s[2], q = s[3];
        d[0] = dh * (1 - z) * (1 - n * n);
        d[1] = d[0] * q * r * (1 - r);
        d[2] = dh * (at(dtype, &e->h_prev, row, unit) - n) * z * (1 - z);
        d[3] = d[0] * r;
        d[5] = dh * z;
    } else {
        d[0] = dh * slope(e, at(dtype, &e->h, row, unit));
    }
}

static void near(const example *e, const char *what, const fastrnn_rows *m, ptrdiff_t row,
                 ptrdiff_t j, double wanted) {
    double got = at(e->kernels->dtype, m, row, j);
    CHECK(fabs(got - wanted) <= tolerance_of(e->kernels->dtype) * (1 + fabs(wanted)),
          "%s, cell %d, %td rows, %td live, H %td: %s of row %td, %td: got %g, wanted %g",
          kernels_name(e->kernels), (int)e->cell, e->rows, e->live, e->H, what, row, j, got,
          wanted);
}

static fastrnn_rows copy_rows(fastrnn_dtype dtype, const fastrnn_rows *m, ptrdiff_t rows,
                              ptrdiff_t columns) {
    fastrnn_rows to = *m;
    size_t bytes = (size_t)((rows - 1) * m->stride) + (size_t)columns * size_of(dtype);
    if (m->base) to.base = memcpy(new_bytes(bytes), m->base, bytes);
    return to;
}

/* Calls the kernel on copies of what it changes, which are returned in a copy of the example. */
static example step(const example *e, int in_parts) {
    fastrnn_dtype dtype = e->kernels->dtype;
    example got = *e;
    got.gates = copy_rows(dtype, &e->gates, e->rows, (e->cell == FASTRNN_RNN ? 1 : 4) * e->H);
    got.dc = copy_rows(dtype, &e->dc, e->rows, e->H);
    got.share = copy_rows(dtype, &e->share, e->rows, e->H);
    got.h = copy_rows(dtype, &e->h, e->rows, e->H);
    fastrnn_shape shape = {e->H, 1, e->K};
    fastrnn_backward_step call = {.hidden = e->H,
                                  .depth = e->K,
                                  .activations = {.f = {.kind = (int32_t)e->activation}},
                                  .pack = new_pack(e->kernels, &shape, e->weight),
                                  .a = e->a.base,
                                  .a_stride = e->a.stride,
                                  .live = e->live,
                                  .share = got.share.base,
                                  .share_stride = got.share.stride,
                                  .dy = e->dy,
                                  .gates = got.gates.base,
                                  .gates_stride = got.gates.stride,
                                  .dc = got.dc.base,
                                  .dc_stride = got.dc.stride,
                                  .c_prev = e->c_prev.base,
                                  .c_prev_stride = e->c_prev.stride,
                                  .c = e->c.base,
                                  .c_stride = e->c.stride,
                                  .h_prev = e->h_prev.base,
                                  .h_prev_stride = e->h_prev.stride,
                                  .h = got.h.base,
                                  .h_stride = got.h.stride};
    ptrdiff_t panels = fastrnn_panel_count(e->kernels, &shape), row = 0, panel = 0;
    if (in_parts) row = e->rows / 2, panel = (panels + 1) / 2;
    fastrnn_training_of(e->kernels)->backward[e->cell](&call, row, e->rows, 0, panel);
    fastrnn_training_of(e->kernels)->backward[e->cell](&call, 0, row, 0, panels);
    fastrnn_training_of(e->kernels)->backward[e->cell](&call, row, e->rows, panel, panels);
    return got;
}

static void check_step(const example *e) {
    static const char *const slots[] = {"slot 0", "slot 1", "slot 2", "slot 3"};
    fastrnn_dtype dtype = e->kernels->dtype;
    int slot_count = e->cell == FASTRNN_RNN ? 1 : 4;
    example got = step(e, 0), parts = step(e, 1);
    for (ptrdiff_t row = 0; row < e->rows; row++) {
        CHECK(same_bytes(dtype, fastrnn_row(&got.gates, row), fastrnn_row(&parts.gates, row),
                         slot_count * e->H),
              "%s, cell %d: split", kernels_name(e->kernels), (int)e->cell);
        for (ptrdiff_t unit = 0; unit < e->H; unit++) {
            double d[7];
            plain(e, row, unit, d);
            for (int g = 0; g < slot_count; g++)
                near(e, slots[g], &got.gates, row, g * e->H + unit, d[g]);
            if (e->cell == FASTRNN_LSTM) near(e, "dc", &got.dc, row, unit, d[4]);
            if (e->cell == FASTRNN_LSTM && e->h.base) near(e, "h", &got.h, row, unit, d[6]);
            if (e->share.base) near(e, "share", &got.share, row, unit, d[5]);
        }
    }
}

static void try_cell(const fastrnn_kernels *kernels, fastrnn_cell cell,
                     fastrnn_activation_kind activation, ptrdiff_t rows, ptrdiff_t H, ptrdiff_t K) {
    fastrnn_dtype dtype = kernels->dtype;
    example e = {.kernels = kernels,
                 .cell = cell,
                 .activation = activation,
                 .rows = rows,
                 .H = H,
                 .K = K,
                 .weight = random_array(dtype, H * K, 0.5)};
    e.a = new_rows(dtype, ROWS_STRIDED, rows, K, 1, 1);
    e.gates = new_rows(dtype, ROWS_STRIDED, rows, (cell == FASTRNN_RNN ? 1 : 4) * H, 1, 1);
    e.dc = new_rows(dtype, ROWS_STRIDED, rows, H, 1, 1);
    e.c_prev = new_rows(dtype, ROWS_STRIDED, rows, H, 1, 1);
    e.c = new_rows(dtype, ROWS_STRIDED, rows, H, 1, 1);
    e.h_prev = new_rows(dtype, ROWS_STRIDED, rows, H, 1, 1);
    fastrnn_rows share = new_rows(dtype, ROWS_STRIDED, rows, H, 1, 1);
    fastrnn_rows dy = new_rows(dtype, ROWS_SCATTERED, rows, H, 1, 1), none = {0};
    fastrnn_rows h = new_rows(dtype, ROWS_STRIDED, rows, H, 1, 1);
    const ptrdiff_t lives[] = {0, rows, rows / 2};
    for (int i = 0; i < 4; i++) {
        e.live = lives[i % 3];
        e.share = i == 1 ? none : share;
        e.dy = i == 2 ? none : dy;
        e.h = i == 1 && cell == FASTRNN_LSTM ? none : h;
        check_step(&e);
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
        try_cell(kernels, FASTRNN_LSTM, FASTRNN_TANH, rows, H, 4 * H);
        try_cell(kernels, FASTRNN_GRU, FASTRNN_TANH, rows, H, 3 * H);
    }
    return report("backward steps follow their equations");
}
