/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Activations of whole arrays, each in a loop of its own: a switch in every vector would cost as
 * much as a cheap activation. A part of a vector, at the end of a row, is computed by the code of a
 * whole one.
 *
 * Expects: array_activations.h.
 */

/* `lanes` numbers at `a`, with those at `bias`, to `y` and `slope`; NULL: none. */
INLINE void activate_lanes(const int kind, const double *k, const real *a, const real *bias,
                           real *y, real *slope, ptrdiff_t lanes) {
    vec x = load_lanes(a, lanes);
    if (bias) x = v_add(x, load_lanes(bias, lanes));
    valued v = array_activation(kind, k, x, slope != NULL);
    store_lanes(y, v.y, lanes);
    if (slope) store_lanes(slope, v.slope, lanes);
}

INLINE void activate_row(const int kind, const double *k, const real *a, const real *bias, real *y,
                         real *slope, ptrdiff_t n) {
    ptrdiff_t j = 0;
    for (; j + VW <= n; j += VW)
        activate_lanes(kind, k, a + j, bias ? bias + j : NULL, y + j, slope ? slope + j : NULL, VW);
    if (j < n)
        activate_lanes(kind, k, a + j, bias ? bias + j : NULL, y + j, slope ? slope + j : NULL,
                       n - j);
}

/* One row of any length where there is no bias. */
INLINE void activate_array(const int kind, const fastrnn_array_activation *s) {
    const ptrdiff_t rows = s->bias ? s->rows : 1, n = s->bias ? s->columns : s->rows * s->columns;
    const real *a = s->a;
    real *y = s->y, *slope = s->slope;
    for (ptrdiff_t row = 0; row < rows; row++) {
        if (slope)
            activate_row(kind, s->k, a + row * n, s->bias, y + row * n, slope + row * n, n);
        else
            activate_row(kind, s->k, a + row * n, s->bias, y + row * n, NULL, n);
    }
}

INLINE void multiply_by_slope(const int kind, const fastrnn_array_slope *s) {
    const real *kept = s->kept, *dy = s->dy;
    real *dx = s->dx;
    ptrdiff_t j = 0;
    for (; j + VW <= s->n; j += VW)
        v_store(dx + j, v_mul(v_load(dy + j), array_slope(kind, s->k, v_load(kept + j))));
    if (j < s->n) {
        vec slope_at = array_slope(kind, s->k, v_load_part(kept + j, s->n - j));
        v_store_part(dx + j, v_mul(v_load_part(dy + j, s->n - j), slope_at), s->n - j);
    }
}

/* Those that are backpropagated from their values, and those from their slopes. */
/* clang-format off */
#define BY_VALUE(_)                                                                        \
    _(TANH) _(RELU) _(SIGMOID) _(HARD_SIGMOID) _(LINEAR) _(ELU) _(SOFTPLUS) _(SOFTSIGN)    \
    _(SELU) _(EXPONENTIAL) _(RELU6) _(LEAKY_RELU) _(ELU_ALPHA)
#define BY_SLOPE(_) _(RECTIFIER) _(GELU) _(GELU_TANH) _(SILU) _(MISH)
/* clang-format on */

/* Here an activation becomes a constant of the loops. */
#define FORWARD(name)                      \
    case FASTRNN_##name:                   \
        activate_array(FASTRNN_##name, s); \
        return;
#define BACKWARD(name)                        \
    case FASTRNN_##name:                      \
        multiply_by_slope(FASTRNN_##name, s); \
        return;

static void activation_forward(const fastrnn_array_activation *s) {
    switch (s->how) {
        BY_VALUE(FORWARD)
        BY_SLOPE(FORWARD)
    }
}

static void activation_backward(const fastrnn_array_slope *s) {
    switch (s->how) {
        BY_VALUE(BACKWARD)
        BACKWARD(BY_SLOPE)
    }
}

#undef BY_VALUE
#undef BY_SLOPE
#undef FORWARD
#undef BACKWARD
