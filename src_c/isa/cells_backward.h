/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cells, backward: from dh of a unit to the gradients of its pre-activations.
 *
 * A unit function handles `n` neighbouring units of one row, as in cells.h.
 *
 * Expects: lanes.h, cell_activations.h, slopes.h.
 */

/* Not inlined: see any_activation. */
static __attribute__((noinline)) vec any_slope(int kind, vec y) { return slope_of(kind, y); }

/* act'(a) from y = act(a), not of relu in a fused cell. */
INLINE vec slope(const activation_set set, const fastrnn_activation act, vec y) {
    if (set.any) return any_slope(act.kind, y);
    return act.kind == FASTRNN_TANH ? v_fnma(y, y, v_set1(1)) : v_mul(y, one_minus(y));
}

/* d act'(a): the gradient of the argument from that of the value. */
INLINE vec d_argument(const activation_set set, const fastrnn_activation act, vec y, vec d) {
    if (!set.any && act.kind == FASTRNN_RELU) return v_select_lt(v_zero(), y, d, v_zero());
    return v_mul(d, slope(set, act, y));
}

/* d f'(a) of a gate, where y * d is at hand: a sigmoid saves a product by it. */
INLINE vec d_gate_argument(const activation_set set, vec y, vec d, vec y_d) {
    return set.any ? d_argument(set, set.of.f, y, d) : v_mul(y_d, one_minus(y));
}

/* da = dh f'(a), with f' from h itself */
INLINE void rnn_backward_units(const activation_set set, const fastrnn_backward_step *s,
                               ptrdiff_t row, ptrdiff_t unit, vec dh, ptrdiff_t n) {
    vec h = load_lanes(row_at(s->h, s->h_stride, row, unit), n);
    store_lanes(row_at(s->gates, s->gates_stride, row, unit), d_argument(set, set.of.f, h, dh), n);
}

/* With f' and g' from the gates' values and h' from h(c):
 * do = dh h(c) f',  dc += dh o h'(c),  di = dc g f',  df = dc c_prev f',  dg = dc i g',
 * dc_prev = dc f */
INLINE void lstm_backward_units(const activation_set set, const fastrnn_backward_step *s,
                                ptrdiff_t row, ptrdiff_t unit, vec dh, ptrdiff_t n) {
    ptrdiff_t H = s->hidden;
    real *gate = row_at(s->gates, s->gates_stride, row, unit);
    real *dc_at = row_at(s->dc, s->dc_stride, row, unit);
    vec i = load_lanes(gate, n);
    vec f = load_lanes(gate + H, n);
    vec g = load_lanes(gate + 2 * H, n);
    vec o = load_lanes(gate + 3 * H, n);
    vec h_c = activate(set, set.of.h, load_lanes(row_at(s->c, s->c_stride, row, unit), n));
    vec c_prev = load_lanes(row_at(s->c_prev, s->c_prev_stride, row, unit), n);
    if (s->h) store_lanes(row_at(s->h, s->h_stride, row, unit), v_mul(o, h_c), n);
    vec dho = v_mul(dh, o);
    vec dc = v_fma(dho, slope(set, set.of.h, h_c), load_lanes(dc_at, n));
    store_lanes(gate, d_argument(set, set.of.f, i, v_mul(dc, g)), n);
    store_lanes(gate + H, d_argument(set, set.of.f, f, v_mul(dc, c_prev)), n);
    store_lanes(gate + 2 * H, d_argument(set, set.of.g, g, v_mul(dc, i)), n);
    store_lanes(gate + 3 * H, d_gate_argument(set, o, v_mul(dh, h_c), v_mul(dho, h_c)), n);
    store_lanes(dc_at, v_mul(dc, f), n);
}

/* dn = dh (1-z) g',  dz = dh (h_prev - n) f',  dr = dn q f',  dq = dn r;
 * z dh passes on to h_prev directly */
INLINE vec gru_backward_units(const activation_set set, const fastrnn_backward_step *s,
                              ptrdiff_t row, ptrdiff_t unit, vec dh, ptrdiff_t n) {
    ptrdiff_t H = s->hidden;
    real *gate = row_at(s->gates, s->gates_stride, row, unit);
    vec new = load_lanes(gate, n);
    vec r = load_lanes(gate + H, n);
    vec z = load_lanes(gate + 2 * H, n);
    vec q = load_lanes(gate + 3 * H, n);
    vec h_prev = load_lanes(row_at(s->h_prev, s->h_prev_stride, row, unit), n);
    vec z_dh = v_mul(z, dh);
    vec dn = d_argument(set, set.of.g, new, v_sub(dh, z_dh));
    vec difference = v_sub(h_prev, new);
    store_lanes(gate, dn, n);
    store_lanes(gate + H, d_argument(set, set.of.f, r, v_mul(dn, q)), n);
    store_lanes(gate + 2 * H,
                d_gate_argument(set, z, v_mul(dh, difference), v_mul(z_dh, difference)), n);
    store_lanes(gate + 3 * H, v_mul(dn, r), n);
    return z_dh;
}

/* dn = dh (1-z) g',  dz = dh (h_prev - n) f';  z dh passes on to h_prev directly, the rest by
 * reset_backward. */
INLINE vec gru_before_backward_units(const activation_set set, const fastrnn_backward_step *s,
                                     ptrdiff_t row, ptrdiff_t unit, vec dh, ptrdiff_t n) {
    real *gate = row_at(s->gates, s->gates_stride, row, unit);
    vec new = load_lanes(gate, n);
    vec z = load_lanes(gate + 2 * s->hidden, n);
    vec h_prev = load_lanes(row_at(s->h_prev, s->h_prev_stride, row, unit), n);
    vec z_dh = v_mul(z, dh);
    store_lanes(gate, d_argument(set, set.of.g, new, v_sub(dh, z_dh)), n);
    store_lanes(gate + 2 * s->hidden, d_argument(set, set.of.f, z, v_mul(dh, v_sub(h_prev, new))),
                n);
    return z_dh;
}

/* dh of the units -> gradients of their pre-activations, in place of the gates. */
INLINE void backward_units(const int cell, const int any, const fastrnn_backward_step *s,
                           ptrdiff_t row, ptrdiff_t unit, const real *sum, ptrdiff_t n) {
    const activation_set set = activations_of(cell, any, &s->activations, 0);
    vec dh = v_load(sum);
    vec share = v_zero();
    if (s->dy.base)
        dh = v_add(dh, load_lanes((const real *)(void *)fastrnn_row(&s->dy, row) + unit, n));
    if (s->share) dh = v_add(dh, load_lanes(row_at(s->share, s->share_stride, row, unit), n));
    if (cell == FASTRNN_LSTM)
        lstm_backward_units(set, s, row, unit, dh, n);
    else if (cell == FASTRNN_GRU)
        share = gru_backward_units(set, s, row, unit, dh, n);
    else if (cell == FASTRNN_GRU_BEFORE)
        share = gru_before_backward_units(set, s, row, unit, dh, n);
    else
        rnn_backward_units(set, s, row, unit, dh, n);
    if (s->share) store_lanes(row_at(s->share, s->share_stride, row, unit), share, n);
}
