/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cells: what happens to a unit once the recurrent product of its gates is known,
 * forward and backward, and the loops that fuse it to that product.
 *
 * A unit function handles `n` neighbouring units of one row; `sum` is the recurrent
 * product of each gate (forward) or of dh (backward).
 *
 * Expects: panel.h, product.h (panels), math.h.
 */

INLINE real *row_at(const char *base, ptrdiff_t stride, ptrdiff_t row, ptrdiff_t unit) {
    return (real *)(void *)(base + row * stride) + unit;
}

INLINE vec one_minus(vec a) { return v_sub(v_set1(1), a); }

INLINE void put_output(const fastrnn_forward_step *s, ptrdiff_t row, ptrdiff_t unit, vec h,
                       ptrdiff_t n) {
    store_lanes(row_at(s->h, s->h_stride, row, unit), h, n);
    if (s->y.base) store_lanes((real *)(void *)fastrnn_row(&s->y, row) + unit, h, n);
}

/* h = act(R h' + (W x + b)) */
INLINE void rnn_forward_units(const fastrnn_forward_step *s, ptrdiff_t row, ptrdiff_t unit,
                              const real *sum, ptrdiff_t n) {
    real *gate = row_at(s->gates, s->gates_stride, row, unit);
    vec a = v_add(v_load(sum), load_lanes(gate, n));
    vec h;
    if (s->activation == FASTRNN_TANH)
        h = v_tanh(a);
    else if (s->activation == FASTRNN_SIGMOID)
        h = v_sigmoid(a);
    else
        h = v_select_lt(a, v_zero(), v_zero(), a);
    if (s->keep) store_lanes(gate, h, n);
    put_output(s, row, unit, h, n);
}

/* c = f c' + i g,  h = o tanh(c) */
INLINE void lstm_forward_units(const fastrnn_forward_step *s, ptrdiff_t row, ptrdiff_t unit,
                               const real *sum, ptrdiff_t n) {
    ptrdiff_t H = s->hidden;
    real *gate = row_at(s->gates, s->gates_stride, row, unit);
    vec i = v_sigmoid(v_add(v_load(sum), load_lanes(gate, n)));
    vec f = v_sigmoid(v_add(v_load(sum + VW), load_lanes(gate + H, n)));
    vec g = v_tanh(v_add(v_load(sum + 2 * VW), load_lanes(gate + 2 * H, n)));
    vec o = v_sigmoid(v_add(v_load(sum + 3 * VW), load_lanes(gate + 3 * H, n)));
    vec c_prev = load_lanes(row_at(s->c_prev, s->c_prev_stride, row, unit), n);
    vec c = v_fma(f, c_prev, v_mul(i, g));
    store_lanes(row_at(s->c, s->c_stride, row, unit), c, n);
    if (s->keep) {
        store_lanes(gate, i, n);
        store_lanes(gate + H, f, n);
        store_lanes(gate + 2 * H, g, n);
        store_lanes(gate + 3 * H, o, n);
    }
    put_output(s, row, unit, v_mul(o, v_tanh(c)), n);
}

/* q = R_n h' + b_hn,  n = tanh(W_n x + b_in + r q),  h = (1 - z) n + z h' */
INLINE void gru_forward_units(const fastrnn_forward_step *s, ptrdiff_t row, ptrdiff_t unit,
                              const real *sum, ptrdiff_t n) {
    ptrdiff_t H = s->hidden;
    real *gate = row_at(s->gates, s->gates_stride, row, unit);
    vec r = v_sigmoid(v_add(v_load(sum), load_lanes(gate + H, n)));
    vec z = v_sigmoid(v_add(v_load(sum + VW), load_lanes(gate + 2 * H, n)));
    vec q = v_load(sum + 2 * VW);
    if (s->bias) q = v_add(q, load_lanes((const real *)s->bias + unit, n));
    vec new = v_tanh(v_fma(r, q, load_lanes(gate, n)));
    vec h_prev = load_lanes(row_at(s->h_prev, s->h_prev_stride, row, unit), n);
    if (s->keep) {
        store_lanes(gate, new, n);
        store_lanes(gate + H, r, n);
        store_lanes(gate + 2 * H, z, n);
        store_lanes(gate + 3 * H, q, n);
    }
    put_output(s, row, unit, v_fma(z, v_sub(h_prev, new), new), n);
}

/* da = dh act'(a), with act' from h itself */
INLINE void rnn_backward_units(const fastrnn_backward_step *s, ptrdiff_t row, ptrdiff_t unit,
                               vec dh, ptrdiff_t n) {
    real *gate = row_at(s->gates, s->gates_stride, row, unit);
    vec h = load_lanes(gate, n);
    vec da;
    if (s->activation == FASTRNN_TANH)
        da = v_mul(dh, v_fnma(h, h, v_set1(1)));
    else if (s->activation == FASTRNN_SIGMOID)
        da = v_mul(dh, v_mul(h, one_minus(h)));
    else
        da = v_select_lt(v_zero(), h, dh, v_zero());
    store_lanes(gate, da, n);
}

/* do = dh tanh(c) o(1-o),  dc += dh o (1 - tanh(c)^2),  di = dc g i(1-i),
 * df = dc c' f(1-f),  dg = dc i (1-g^2),  dc' = dc f */
INLINE void lstm_backward_units(const fastrnn_backward_step *s, ptrdiff_t row, ptrdiff_t unit,
                                vec dh, ptrdiff_t n) {
    ptrdiff_t H = s->hidden;
    real *gate = row_at(s->gates, s->gates_stride, row, unit);
    real *dc_at = row_at(s->dc, s->dc_stride, row, unit);
    vec i = load_lanes(gate, n);
    vec f = load_lanes(gate + H, n);
    vec g = load_lanes(gate + 2 * H, n);
    vec o = load_lanes(gate + 3 * H, n);
    vec tanh_c = v_tanh(load_lanes(row_at(s->c, s->c_stride, row, unit), n));
    vec c_prev = load_lanes(row_at(s->c_prev, s->c_prev_stride, row, unit), n);
    vec dho = v_mul(dh, o);
    vec dc = v_fma(dho, v_fnma(tanh_c, tanh_c, v_set1(1)), load_lanes(dc_at, n));
    store_lanes(gate, v_mul(v_mul(dc, g), v_mul(i, one_minus(i))), n);
    store_lanes(gate + H, v_mul(v_mul(dc, c_prev), v_mul(f, one_minus(f))), n);
    store_lanes(gate + 2 * H, v_mul(v_mul(dc, i), v_fnma(g, g, v_set1(1))), n);
    store_lanes(gate + 3 * H, v_mul(v_mul(dho, tanh_c), one_minus(o)), n);
    store_lanes(dc_at, v_mul(dc, f), n);
}

/* dn = dh (1-z) (1-n^2),  dz = dh (h' - n) z(1-z),  dr = dn q r(1-r),  dq = dn r;
 * z dh passes on to h' directly */
INLINE vec gru_backward_units(const fastrnn_backward_step *s, ptrdiff_t row, ptrdiff_t unit, vec dh,
                              ptrdiff_t n) {
    ptrdiff_t H = s->hidden;
    real *gate = row_at(s->gates, s->gates_stride, row, unit);
    vec new = load_lanes(gate, n);
    vec r = load_lanes(gate + H, n);
    vec z = load_lanes(gate + 2 * H, n);
    vec q = load_lanes(gate + 3 * H, n);
    vec h_prev = load_lanes(row_at(s->h_prev, s->h_prev_stride, row, unit), n);
    vec z_dh = v_mul(z, dh);
    vec dn = v_mul(v_sub(dh, z_dh), v_fnma(new, new, v_set1(1)));
    store_lanes(gate, dn, n);
    store_lanes(gate + H, v_mul(v_mul(dn, q), v_mul(r, one_minus(r))), n);
    store_lanes(gate + 2 * H, v_mul(v_mul(z_dh, v_sub(h_prev, new)), one_minus(z)), n);
    store_lanes(gate + 3 * H, v_mul(dn, r), n);
    return z_dh;
}

INLINE void forward_units(const fastrnn_cell cell, const fastrnn_forward_step *s, ptrdiff_t row,
                          ptrdiff_t unit, const real *sum, ptrdiff_t n) {
    if (cell == FASTRNN_LSTM)
        lstm_forward_units(s, row, unit, sum, n);
    else if (cell == FASTRNN_GRU)
        gru_forward_units(s, row, unit, sum, n);
    else
        rnn_forward_units(s, row, unit, sum, n);
}

/* dh of the units -> gradients of their pre-activations, in place of the gates. */
INLINE void backward_units(const fastrnn_cell cell, const fastrnn_backward_step *s, ptrdiff_t row,
                           ptrdiff_t unit, const real *sum, ptrdiff_t n) {
    vec dh = v_load(sum);
    vec share = v_zero();
    if (s->dy.base)
        dh = v_add(dh, load_lanes((const real *)(void *)fastrnn_row(&s->dy, row) + unit, n));
    if (s->share) dh = v_add(dh, load_lanes(row_at(s->share, s->share_stride, row, unit), n));
    if (cell == FASTRNN_LSTM)
        lstm_backward_units(s, row, unit, dh, n);
    else if (cell == FASTRNN_GRU)
        share = gru_backward_units(s, row, unit, dh, n);
    else
        rnn_backward_units(s, row, unit, dh, n);
    if (s->share) store_lanes(row_at(s->share, s->share_stride, row, unit), share, n);
}

/* Applies a unit function to the rows and blocks of one panel's tile. Masked accesses are
 * compiled apart, for the last block only. */
#define FOR_TILE(units_function, cell, s, hidden, row, rows, unit, block_count, vectors, tile) \
    for (ptrdiff_t r_ = 0; r_ < (rows); r_++)                                                  \
        for (ptrdiff_t b_ = 0; b_ < (block_count); b_++) {                                     \
            const real *sum_ = (tile) + (r_ * (block_count) + b_) * (vectors)*VW;              \
            ptrdiff_t unit_ = (unit) + b_ * VW;                                                \
            ptrdiff_t left_ = (hidden)-unit_;                                                  \
            if (left_ >= VW)                                                                   \
                units_function(cell, s, (row) + r_, unit_, sum_, VW);                          \
            else                                                                               \
                units_function(cell, s, (row) + r_, unit_, sum_, left_);                       \
        }

INLINE int gate_vectors(const fastrnn_cell cell) {
    return cell == FASTRNN_LSTM ? 4 : cell == FASTRNN_GRU ? 3 : 1;
}

INLINE void forward(const fastrnn_cell cell, const fastrnn_forward_step *s, ptrdiff_t row_begin,
                    ptrdiff_t row_end, ptrdiff_t panel_begin, ptrdiff_t panel_end) {
    const int gates = gate_vectors(cell);
    const panels shape = panels_of(s->hidden, gates, s->depth);
    _Alignas(64) real tile[GROUP_ROWS * MAX_VECTORS * VW];
    const real *a[GROUP_ROWS];
    int together;
    for (ptrdiff_t p = panel_begin; p < panel_end; p += together) {
        together = panels_together(&shape, row_end - row_begin, p, panel_end);
        int nv = together * panel_vectors(&shape, p);
        for (ptrdiff_t row = row_begin; row < row_end; row += GROUP_ROWS) {
            ptrdiff_t n = min_of(GROUP_ROWS, row_end - row);
            for (ptrdiff_t r = 0; r < n; r++)
                a[r] = row_at(s->h_prev, s->h_prev_stride, row + r, 0);
            multiply_panels(a, n, 1, &shape, s->pack, p, together, tile);
            FOR_TILE(forward_units, cell, s, s->hidden, row, n, vector_unit(&shape, p, 0),
                     nv / gates, gates, tile)
        }
    }
}

INLINE void backward(const fastrnn_cell cell, const fastrnn_backward_step *s, ptrdiff_t row_begin,
                     ptrdiff_t row_end, ptrdiff_t panel_begin, ptrdiff_t panel_end) {
    const panels shape = panels_of(s->hidden, 1, s->depth);
    _Alignas(64) real tile[GROUP_ROWS * MAX_VECTORS * VW];
    const real *a[GROUP_ROWS];
    int together;
    for (ptrdiff_t p = panel_begin; p < panel_end; p += together) {
        together = panels_together(&shape, row_end - row_begin, p, panel_end);
        int nv = together * panel_vectors(&shape, p);
        for (ptrdiff_t row = row_begin; row < row_end; row += GROUP_ROWS) {
            ptrdiff_t n = min_of(GROUP_ROWS, row_end - row);
            ptrdiff_t live = s->live <= row ? 0 : min_of(n, s->live - row);
            for (ptrdiff_t r = 0; r < live; r++) a[r] = row_at(s->a, s->a_stride, row + r, 0);
            if (live) multiply_panels(a, live, 1, &shape, s->pack, p, together, tile);
            for (ptrdiff_t j = live * nv; j < n * nv; j++) v_store(tile + j * VW, v_zero());
            FOR_TILE(backward_units, cell, s, s->hidden, row, n, vector_unit(&shape, p, 0), nv, 1,
                     tile)
        }
    }
}

#define CELL(name, cell)                                                                         \
    static void forward_##name(const fastrnn_forward_step *s, ptrdiff_t row_begin,               \
                               ptrdiff_t row_end, ptrdiff_t panel_begin, ptrdiff_t panel_end) {  \
        forward(cell, s, row_begin, row_end, panel_begin, panel_end);                            \
    }                                                                                            \
    static void backward_##name(const fastrnn_backward_step *s, ptrdiff_t row_begin,             \
                                ptrdiff_t row_end, ptrdiff_t panel_begin, ptrdiff_t panel_end) { \
        backward(cell, s, row_begin, row_end, panel_begin, panel_end);                           \
    }
CELL(rnn, FASTRNN_RNN)
CELL(lstm, FASTRNN_LSTM)
CELL(gru, FASTRNN_GRU)
