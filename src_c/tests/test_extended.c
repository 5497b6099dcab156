/* SPDX-License-Identifier: Apache-2.0 */
/* Unfused cells with what only they have: activations with parameters, clip,
 * peepholes, coupled gates: every instruction set against plain formulas. */
#include "formulas.h"

enum { ROWS = 3, KINDS = FASTRNN_ELU_ALPHA };
static const ptrdiff_t hidden_sizes[] = {1, 5, 16, 37};

typedef struct {
    const fastrnn_kernels *kernels;
    int cell;
    ptrdiff_t H;
    fastrnn_forward_step step;
    char *gates, *c_next, *h_next;
} example;

/* Parameters that no argument comes near to, for a threshold's sake. */
static fastrnn_activation new_activation(int kind) {
    const fastrnn_activation act = {kind, 0.2718f + (float)random_number() / 7,
                                    0.3141f + (float)random_number() / 7};
    return act;
}

static example new_example(const fastrnn_kernels *kernels, int cell, ptrdiff_t H, int kind) {
    const fastrnn_dtype dtype = kernels->dtype;
    const ptrdiff_t row = H * kernels->itemsize, n = ROWS * H;
    example e = {kernels,
                 cell,
                 H,
                 {0},
                 random_array(dtype, 4 * n, 3),
                 new_array(dtype, n),
                 new_array(dtype, n)};
    e.step = (fastrnn_forward_step){.hidden = H,
                                    .activations = {new_activation(kind),
                                                    new_activation(1 + (kind + 4) % KINDS),
                                                    new_activation(1 + (kind + 10) % KINDS)},
                                    .gates_stride = 4 * row,
                                    .h_prev = random_array(dtype, n, 2),
                                    .h_prev_stride = row,
                                    .c_prev = random_array(dtype, n, 2),
                                    .c_prev_stride = row,
                                    .c = e.c_next,
                                    .c_stride = row,
                                    .h = e.h_next,
                                    .h_stride = row};
    return e;
}

static double clipped(const example *e, double a) {
    const double clip = (double)e->step.clip;
    return clip > 0 ? fmin(fmax(a, -clip), clip) : a;
}

static double gate(const example *e, fastrnn_activation act, double a) {
    return activation_value(act, clipped(e, a));
}

/* Row `which` of P times c: i f o. */
static double peephole(const example *e, int which, ptrdiff_t j, double c) {
    const void *p = e->step.peepholes;
    return p ? get(e->kernels->dtype, p, which * e->H + j % e->H) * c : 0;
}

/* What a unit's a[4] in the gates' order become: {h, c}. */
typedef struct {
    double h, c;
} state;

static state lstm(const example *e, const double *a, ptrdiff_t j, double c_prev) {
    const fastrnn_activations *act = &e->step.activations;
    double i = gate(e, act->f, a[0] + peephole(e, 0, j, c_prev));
    double f = e->step.input_forget ? 1 - i : gate(e, act->f, a[1] + peephole(e, 1, j, c_prev));
    double c = f * c_prev + i * gate(e, act->g, a[2]);
    double o = gate(e, act->f, a[3] + peephole(e, 2, j, c));
    return (state){o * activation_value(act->h, c), c};
}

static state wanted(const example *e, const double *a, ptrdiff_t j, double h_prev, double c_prev) {
    const fastrnn_activations *act = &e->step.activations;
    if (e->cell == FASTRNN_LSTM) return lstm(e, a, j, c_prev);
    if (e->cell == FASTRNN_RNN) return (state){gate(e, act->f, a[0]), 0};
    double r = gate(e, act->f, a[1]), z = gate(e, act->f, a[2]);
    double n = gate(e, act->g, e->cell == FASTRNN_GRU ? a[0] + r * a[3] : a[0]);
    return (state){(1 - z) * n + z * h_prev, 0};
}

static void check_close(const example *e, const char *what, double got, double formula) {
    const double tolerance = e->kernels->dtype == FASTRNN_F32 ? 2e-5 : 1e-13;
    CHECK(fabs(got - formula) <= tolerance * (1 + fabs(formula)),
          "%s cell %d, f %d, H %td, clip %g, peepholes %d, coupled %d: %s is %.9g, wanted %.9g",
          kernels_name(e->kernels), e->cell, (int)e->step.activations.f.kind, e->H,
          (double)e->step.clip, e->step.peepholes != NULL, e->step.input_forget, what, got,
          formula);
}

static void check_reset(const example *e, char *gates) {
    const fastrnn_dtype dtype = e->kernels->dtype;
    const fastrnn_reset_step reset = {.hidden = e->H,
                                      .f = e->step.activations.f,
                                      .clip = e->step.clip,
                                      .gates = gates,
                                      .gates_stride = e->step.gates_stride,
                                      .h = e->step.h_prev,
                                      .h_stride = e->step.h_prev_stride};
    e->kernels->reset_forward(&reset, 0, ROWS);
    for (ptrdiff_t j = 0; j < ROWS * e->H; j++) {
        const ptrdiff_t at = j / e->H * 4 * e->H + j % e->H;
        double r = gate(e, reset.f, get(dtype, e->gates, at + e->H));
        check_close(e, "r", get(dtype, gates, at + e->H), r);
        check_close(e, "s", get(dtype, gates, at + 3 * e->H), r * get(dtype, reset.h, j));
    }
}

static void check_step(const example *e) {
    const fastrnn_dtype dtype = e->kernels->dtype;
    fastrnn_forward_step call = e->step;
    call.gates = copy_array(dtype, e->gates, 4 * ROWS * e->H);
    if (e->cell == FASTRNN_GRU_BEFORE) check_reset(e, call.gates);
    e->kernels->cell_forward[e->cell](&call, 1, ROWS);
    e->kernels->cell_forward[e->cell](&call, 0, 1);
    for (ptrdiff_t j = 0; j < ROWS * e->H; j++) {
        double a[4];
        for (int k = 0; k < 4; k++)
            a[k] = get(dtype, e->gates, (j / e->H * 4 + k) * e->H + j % e->H);
        state s = wanted(e, a, j, get(dtype, e->step.h_prev, j), get(dtype, e->step.c_prev, j));
        check_close(e, "h", get(dtype, e->h_next, j), s.h);
        if (e->cell == FASTRNN_LSTM) check_close(e, "c", get(dtype, e->c_next, j), s.c);
    }
}

static void check_cell(const fastrnn_kernels *kernels, int cell, ptrdiff_t H, int kind) {
    for (int options = 0; options < (cell == FASTRNN_LSTM ? 8 : 2); options++) {
        example e = new_example(kernels, cell, H, kind);
        if (options & 1) e.step.clip = 0.37f;
        if (options & 2) e.step.peepholes = random_array(kernels->dtype, 3 * H, 2);
        e.step.input_forget = options & 4;
        check_step(&e);
        free_all();
    }
}

int main(void) {
    FOR_EACH_DTYPE(dtype)
    FOR_EACH_KERNELS(kernels, dtype)
    for (int cell = 0; cell < FASTRNN_CELLS; cell++)
        for (size_t i = 0; i < sizeof hidden_sizes / sizeof hidden_sizes[0]; i++)
            for (int kind = FASTRNN_TANH; kind <= KINDS; kind++)
                check_cell(kernels, cell, hidden_sizes[i], kind);
    return report("unfused cells with parameters, clip, peepholes, coupled gates follow formulas");
}
