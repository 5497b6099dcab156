/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cells, backward: from dh of a unit to the gradients of its pre-activations.
 *
 * A unit function handles `n` neighbouring units of one row, as in cells.h.
 *
 * Expects: lanes.h, cell_activations.h, slopes.h.
 */

/* Not inlined: see any_activation. */
static __attribute__((noinline)) vec any_slope(int how, vec y) { return slope_of(how, y); }

/* act'(a), not of relu where m.any is 0. */
INLINE vec slope(const manner m, const int how, vec y) {
    if (m.any) return any_slope(how, y);
    return how == FASTRNN_TANH ? v_fnma(y, y, v_set1(1)) : v_mul(y, one_minus(y));
}

/* d act'(a) */
INLINE vec undo(const manner m, const int how, vec y, vec d) {
    if (!m.any && how == FASTRNN_RELU) return v_select_lt(v_zero(), y, d, v_zero());
    return v_mul(d, slope(m, how, y));
}

/* d act'(a) of a gate, where y * d is at hand: a sigmoid saves a product by it. */
INLINE vec undo_gate(const manner m, vec y, vec d, vec y_d) {
    return m.any ? undo(m, m.gate, y, d) : v_mul(y_d, one_minus(y));
}

/* da = dh act'(a), with act' from h itself */
INLINE void rnn_backward_units(const manner m, const fastrnn_backward_step *s, ptrdiff_t row,
                               ptrdiff_t unit, vec dh, ptrdiff_t n) {
    vec h = load_lanes(row_at(s->h, s->h_stride, row, unit), n);
    store_lanes(row_at(s->gates, s->gates_stride, row, unit), undo(m, m.state, h, dh), n);
}

/* With rec' and act' from the gates' values and act(c):
 * do = dh act(c) rec',  dc += dh o act'(c),  di = dc g rec',  df = dc c' rec',  dg = dc i act',
 * dc' = dc f */
INLINE void lstm_backward_units(const manner m, const fastrnn_backward_step *s, ptrdiff_t row,
                                ptrdiff_t unit, vec dh, ptrdiff_t n) {
    ptrdiff_t H = s->hidden;
    real *gate = row_at(s->gates, s->gates_stride, row, unit);
    real *dc_at = row_at(s->dc, s->dc_stride, row, unit);
    vec i = load_lanes(gate, n);
    vec f = load_lanes(gate + H, n);
    vec g = load_lanes(gate + 2 * H, n);
    vec o = load_lanes(gate + 3 * H, n);
    vec act_c = activate(m, m.state, load_lanes(row_at(s->c, s->c_stride, row, unit), n));
    vec c_prev = load_lanes(row_at(s->c_prev, s->c_prev_stride, row, unit), n);
    if (s->h) store_lanes(row_at(s->h, s->h_stride, row, unit), v_mul(o, act_c), n);
    vec dho = v_mul(dh, o);
    vec dc = v_fma(dho, slope(m, m.state, act_c), load_lanes(dc_at, n));
    store_lanes(gate, undo(m, m.gate, i, v_mul(dc, g)), n);
    store_lanes(gate + H, undo(m, m.gate, f, v_mul(dc, c_prev)), n);
    store_lanes(gate + 2 * H, undo(m, m.state, g, v_mul(dc, i)), n);
    store_lanes(gate + 3 * H, undo_gate(m, o, v_mul(dh, act_c), v_mul(dho, act_c)), n);
    store_lanes(dc_at, v_mul(dc, f), n);
}

/* dn = dh (1-z) act',  dz = dh (h' - n) rec',  dr = dn q rec',  dq = dn r;
 * z dh passes on to h' directly */
INLINE vec gru_backward_units(const manner m, const fastrnn_backward_step *s, ptrdiff_t row,
                              ptrdiff_t unit, vec dh, ptrdiff_t n) {
    ptrdiff_t H = s->hidden;
    real *gate = row_at(s->gates, s->gates_stride, row, unit);
    vec new = load_lanes(gate, n);
    vec r = load_lanes(gate + H, n);
    vec z = load_lanes(gate + 2 * H, n);
    vec q = load_lanes(gate + 3 * H, n);
    vec h_prev = load_lanes(row_at(s->h_prev, s->h_prev_stride, row, unit), n);
    vec z_dh = v_mul(z, dh);
    vec dn = undo(m, m.state, new, v_sub(dh, z_dh));
    vec way = v_sub(h_prev, new);
    store_lanes(gate, dn, n);
    store_lanes(gate + H, undo(m, m.gate, r, v_mul(dn, q)), n);
    store_lanes(gate + 2 * H, undo_gate(m, z, v_mul(dh, way), v_mul(z_dh, way)), n);
    store_lanes(gate + 3 * H, v_mul(dn, r), n);
    return z_dh;
}

/* dn = dh (1-z) act',  dz = dh (h' - n) rec';  z dh passes on to h' directly, the rest by
 * reset_backward. */
INLINE vec gru_before_backward_units(const manner m, const fastrnn_backward_step *s, ptrdiff_t row,
                                     ptrdiff_t unit, vec dh, ptrdiff_t n) {
    real *gate = row_at(s->gates, s->gates_stride, row, unit);
    vec new = load_lanes(gate, n);
    vec z = load_lanes(gate + 2 * s->hidden, n);
    vec h_prev = load_lanes(row_at(s->h_prev, s->h_prev_stride, row, unit), n);
    vec z_dh = v_mul(z, dh);
    store_lanes(gate, undo(m, m.state, new, v_sub(dh, z_dh)), n);
    store_lanes(gate + 2 * s->hidden, undo(m, m.gate, z, v_mul(dh, v_sub(h_prev, new))), n);
    return z_dh;
}

/* dh of the units -> gradients of their pre-activations, in place of the gates. */
INLINE void backward_units(const int cell, const int any, const fastrnn_backward_step *s,
                           ptrdiff_t row, ptrdiff_t unit, const real *sum, ptrdiff_t n) {
    const manner m = manner_of(cell, any, s->activation, s->recurrent_activation);
    vec dh = v_load(sum);
    vec share = v_zero();
    if (s->dy.base)
        dh = v_add(dh, load_lanes((const real *)(void *)fastrnn_row(&s->dy, row) + unit, n));
    if (s->share) dh = v_add(dh, load_lanes(row_at(s->share, s->share_stride, row, unit), n));
    if (cell == FASTRNN_LSTM)
        lstm_backward_units(m, s, row, unit, dh, n);
    else if (cell == FASTRNN_GRU)
        share = gru_backward_units(m, s, row, unit, dh, n);
    else if (cell == FASTRNN_GRU_BEFORE)
        share = gru_before_backward_units(m, s, row, unit, dh, n);
    else
        rnn_backward_units(m, s, row, unit, dh, n);
    if (s->share) store_lanes(row_at(s->share, s->share_stride, row, unit), share, n);
}
