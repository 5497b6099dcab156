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

/* h = f(R h' + (W x + b)) */
INLINE void rnn_forward_units(const activation_set set, const fastrnn_forward_step *s,
                              ptrdiff_t row, ptrdiff_t unit, const vec *sum, const vec *in,
                              ptrdiff_t n) {
    put_output(s, row, unit, activate_gate(set, set.of.f, v_add(sum[0], in[0])), n);
}

/* a + p * c, where the step has peepholes; `gate` is the row of p: i f o. */
INLINE vec add_peephole(const activation_set set, const fastrnn_forward_step *s, const int gate,
                        ptrdiff_t unit, vec c, ptrdiff_t n, vec a) {
    if (!set.any || !s->peepholes) return a;
    return v_fma(load_lanes((const real *)s->peepholes + gate * s->hidden + unit, n), c, a);
}

/* c = f c' + i g,  h = o h(c);  with peepholes i and f see c', o sees c. */
INLINE void lstm_forward_units(const activation_set set, const fastrnn_forward_step *s,
                               ptrdiff_t row, ptrdiff_t unit, const vec *sum, const vec *in,
                               ptrdiff_t n) {
    vec c_prev = load_lanes(row_at(s->c_prev, s->c_prev_stride, row, unit), n);
    vec a_i = add_peephole(set, s, 0, unit, c_prev, n, v_add(sum[0], in[0]));
    vec a_f = add_peephole(set, s, 1, unit, c_prev, n, v_add(sum[1], in[1]));
    vec i = activate_gate(set, set.of.f, a_i);
    vec f = set.any && s->input_forget ? one_minus(i) : activate_gate(set, set.of.f, a_f);
    vec g = activate_gate(set, set.of.g, v_add(sum[2], in[2]));
    vec c = v_fma(f, c_prev, v_mul(i, g));
    vec o = activate_gate(set, set.of.f, add_peephole(set, s, 2, unit, c, n, v_add(sum[3], in[3])));
    store_lanes(row_at(s->c, s->c_stride, row, unit), c, n);
    if (s->keep) {
        ptrdiff_t H = s->hidden;
        real *gate = row_at(s->gates, s->gates_stride, row, unit);
        store_lanes(gate, i, n);
        store_lanes(gate + H, f, n);
        store_lanes(gate + 2 * H, g, n);
        store_lanes(gate + 3 * H, o, n);
    }
    put_output(s, row, unit, v_mul(o, activate(set, set.of.h, c)), n);
}

/* q = R_n h' + b_hn,  n = g(W_n x + b_in + r q),  h = (1 - z) n + z h' */
INLINE void gru_forward_units(const activation_set set, const fastrnn_forward_step *s,
                              ptrdiff_t row, ptrdiff_t unit, const vec *sum, const vec *in,
                              ptrdiff_t n) {
    vec r = activate_gate(set, set.of.f, v_add(sum[0], in[1]));
    vec z = activate_gate(set, set.of.f, v_add(sum[1], in[2]));
    vec q = sum[2];
    if (s->bias) q = v_add(q, load_lanes((const real *)s->bias + unit, n));
    vec new = activate_gate(set, set.of.g, v_fma(r, q, in[0]));
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
 * n = g(in_n),  h = (1 - z) n + z h' */
INLINE void gru_before_forward_units(const activation_set set, const fastrnn_forward_step *s,
                                     ptrdiff_t row, ptrdiff_t unit, const vec *in, ptrdiff_t n) {
    vec new = activate_gate(set, set.of.g, in[0]);
    vec z = activate_gate(set, set.of.f, in[2]);
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
    const activation_set set = activations_of(cell, any, &s->activations, s->clip);
    if (cell == FASTRNN_LSTM)
        lstm_forward_units(set, s, row, unit, sum, in, n);
    else if (cell == FASTRNN_GRU)
        gru_forward_units(set, s, row, unit, sum, in, n);
    else if (cell == FASTRNN_GRU_BEFORE)
        gru_before_forward_units(set, s, row, unit, in, n);
    else
        rnn_forward_units(set, s, row, unit, sum, in, n);
}

/* in = W x + b of `n` units as s->gates holds it. */
INLINE void load_gates(const int gates, const fastrnn_forward_step *s, ptrdiff_t row,
                       ptrdiff_t unit, ptrdiff_t n, vec *in) {
    const real *gate = row_at(s->gates, s->gates_stride, row, unit);
    UNROLL
    for (int g = 0; g < gates; g++) in[g] = load_lanes(gate + g * s->hidden, n);
}
