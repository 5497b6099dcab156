/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cells, forward: what happens to a unit once the recurrent product of its gates is known.
 *
 * A unit function handles `n` neighbouring units of one row; `sum` is the recurrent product of each
 * gate, `in` is W x + b.
 *
 * Expects: lanes.h, cell_activations.h.
 */

INLINE void put_output(const fastrnn_forward_step *s, ptrdiff_t row, ptrdiff_t unit, vec h,
                       ptrdiff_t n) {
    store_lanes(row_at(s->h, s->h_stride, row, unit), h, n);
    if (s->y.base) store_lanes((real *)(void *)fastrnn_row(&s->y, row) + unit, h, n);
}

/* h = act(R h' + (W x + b)) */
INLINE void rnn_forward_units(const manner m, const fastrnn_forward_step *s, ptrdiff_t row,
                              ptrdiff_t unit, const vec *sum, const vec *in, ptrdiff_t n) {
    put_output(s, row, unit, activate(m, m.state, v_add(sum[0], in[0])), n);
}

/* c = f c' + i g,  h = o act(c) */
INLINE void lstm_forward_units(const manner m, const fastrnn_forward_step *s, ptrdiff_t row,
                               ptrdiff_t unit, const vec *sum, const vec *in, ptrdiff_t n) {
    vec i = activate(m, m.gate, v_add(sum[0], in[0]));
    vec f = activate(m, m.gate, v_add(sum[1], in[1]));
    vec g = activate(m, m.state, v_add(sum[2], in[2]));
    vec o = activate(m, m.gate, v_add(sum[3], in[3]));
    vec c_prev = load_lanes(row_at(s->c_prev, s->c_prev_stride, row, unit), n);
    vec c = v_fma(f, c_prev, v_mul(i, g));
    store_lanes(row_at(s->c, s->c_stride, row, unit), c, n);
    if (s->keep) {
        ptrdiff_t H = s->hidden;
        real *gate = row_at(s->gates, s->gates_stride, row, unit);
        store_lanes(gate, i, n);
        store_lanes(gate + H, f, n);
        store_lanes(gate + 2 * H, g, n);
        store_lanes(gate + 3 * H, o, n);
    }
    put_output(s, row, unit, v_mul(o, activate(m, m.state, c)), n);
}

/* q = R_n h' + b_hn,  n = act(W_n x + b_in + r q),  h = (1 - z) n + z h' */
INLINE void gru_forward_units(const manner m, const fastrnn_forward_step *s, ptrdiff_t row,
                              ptrdiff_t unit, const vec *sum, const vec *in, ptrdiff_t n) {
    vec r = activate(m, m.gate, v_add(sum[0], in[1]));
    vec z = activate(m, m.gate, v_add(sum[1], in[2]));
    vec q = sum[2];
    if (s->bias) q = v_add(q, load_lanes((const real *)s->bias + unit, n));
    vec new = activate(m, m.state, v_fma(r, q, in[0]));
    vec h_prev = load_lanes(row_at(s->h_prev, s->h_prev_stride, row, unit), n);
    if (s->keep) {
        ptrdiff_t H = s->hidden;
        real *gate = row_at(s->gates, s->gates_stride, row, unit);
        store_lanes(gate, new, n);
        store_lanes(gate + H, r, n);
        store_lanes(gate + 2 * H, z, n);
        store_lanes(gate + 3 * H, q, n);
    }
    put_output(s, row, unit, v_fma(new, one_minus(z), v_mul(z, h_prev)), n);
}

/* GRU with the reset before the product, after reset_forward: `in` has R_n (r h') too.
 * n = act(in_n),  h = (1 - z) n + z h' */
INLINE void gru_before_forward_units(const manner m, const fastrnn_forward_step *s, ptrdiff_t row,
                                     ptrdiff_t unit, const vec *in, ptrdiff_t n) {
    vec new = activate(m, m.state, in[0]);
    vec z = activate(m, m.gate, in[2]);
    vec h_prev = load_lanes(row_at(s->h_prev, s->h_prev_stride, row, unit), n);
    if (s->keep) {
        real *gate = row_at(s->gates, s->gates_stride, row, unit);
        store_lanes(gate, new, n);
        store_lanes(gate + 2 * s->hidden, z, n);
    }
    put_output(s, row, unit, v_fma(new, one_minus(z), v_mul(z, h_prev)), n);
}

INLINE void forward_units(const int cell, const int any, const fastrnn_forward_step *s,
                          ptrdiff_t row, ptrdiff_t unit, const vec *sum, const vec *in,
                          ptrdiff_t n) {
    const manner m = manner_of(cell, any, s->activation, s->recurrent_activation);
    if (cell == FASTRNN_LSTM)
        lstm_forward_units(m, s, row, unit, sum, in, n);
    else if (cell == FASTRNN_GRU)
        gru_forward_units(m, s, row, unit, sum, in, n);
    else if (cell == FASTRNN_GRU_BEFORE)
        gru_before_forward_units(m, s, row, unit, in, n);
    else
        rnn_forward_units(m, s, row, unit, sum, in, n);
}

/* in = W x + b of `n` units as s->gates holds it. */
INLINE void load_gates(const int gates, const fastrnn_forward_step *s, ptrdiff_t row,
                       ptrdiff_t unit, ptrdiff_t n, vec *in) {
    const real *gate = row_at(s->gates, s->gates_stride, row, unit);
    UNROLL
    for (int g = 0; g < gates; g++) in[g] = load_lanes(gate + g * s->hidden, n);
}
