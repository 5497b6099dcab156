/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cells: what happens to a unit once the recurrent product of its gates is known,
 * forward and backward, and the loops that fuse it to that product.
 *
 * A unit function handles `n` neighbouring units of one row; `sum` is the recurrent
 * product of each gate (forward) or of dh (backward), `in` is W x + b.
 *
 * Expects: panel.h, product.h (panels), activations.h.
 */

INLINE real *row_at(const char *base, ptrdiff_t stride, ptrdiff_t row, ptrdiff_t unit) {
    return (real *)(void *)(base + row * stride) + unit;
}

INLINE int gate_vectors(const fastrnn_cell cell) {
    return cell == FASTRNN_LSTM ? 4 : cell == FASTRNN_GRU ? 3 : 1;
}

/* The cell's own activations, or, with `any`, those of the step. */
INLINE manner manner_of(const int cell, const int any, int activation, int recurrent_activation) {
    manner m = {any, FASTRNN_TANH, FASTRNN_SIGMOID};
    if (any || cell == FASTRNN_RNN) m.state = activation;
    if (any) m.gate = recurrent_activation;
    return m;
}

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

/* in = W x + b of `n` units as s->gates holds it. */
INLINE void load_gates(const int gates, const fastrnn_forward_step *s, ptrdiff_t row,
                       ptrdiff_t unit, ptrdiff_t n, vec *in) {
    const real *gate = row_at(s->gates, s->gates_stride, row, unit);
    UNROLL
    for (int g = 0; g < gates; g++) in[g] = load_lanes(gate + g * s->hidden, n);
}

/* in += b of `n` units. */
INLINE void add_bias(const int gates, const fastrnn_forward_step *s, ptrdiff_t unit, ptrdiff_t n,
                     vec *in) {
    const real *bias = s->w.bias;
    UNROLL
    for (int g = 0; g < gates; g++)
        in[g] = v_add(in[g], bias ? load_lanes(bias + unit + g * s->hidden, n) : v_zero());
}

/* Masked accesses are compiled apart, for the last block only. */
#define FOR_LANES(left, call)     \
    if ((left) >= VW) {           \
        const ptrdiff_t n = VW;   \
        call;                     \
    } else {                      \
        const ptrdiff_t n = left; \
        call;                     \
    }

/* One block of one row; `in` is W x where it is computed here. */
INLINE void forward_block(const fastrnn_cell cell, const fastrnn_forward_step *s, ptrdiff_t row,
                          ptrdiff_t unit, const vec *sum, vec *in, ptrdiff_t n) {
    const int gates = gate_vectors(cell);
    if (s->w.pack)
        add_bias(gates, s, unit, n, in);
    else
        load_gates(gates, s, row, unit, n, in);
    forward_units(cell, 0, s, row, unit, sum, in, n);
}

/* The cell of rows [row, row + rows) and `count` blocks from `unit` on; `input` is a tile of W x
 * like `tile`, read where W x is computed here. */
INLINE void forward_tile(const fastrnn_cell cell, const fastrnn_forward_step *s, ptrdiff_t row,
                         ptrdiff_t rows, ptrdiff_t unit, ptrdiff_t count, const real *tile,
                         const real *input) {
    const int gates = gate_vectors(cell);
    for (ptrdiff_t r = row; r < row + rows; r++)
        for (ptrdiff_t u = unit; u < unit + count * VW; u += VW, tile += gates * VW) {
            vec sum[MAX_VECTORS], in[MAX_VECTORS];
            UNROLL
            for (int g = 0; g < gates; g++) {
                sum[g] = v_load(tile + g * VW);
                in[g] = s->w.pack ? v_load(input + g * VW) : v_zero();
            }
            if (s->w.pack) input += gates * VW;
            FOR_LANES(s->hidden - u, forward_block(cell, s, r, u, sum, in, n))
        }
}

/* Likewise; a block is one vector. */
INLINE void backward_tile(const fastrnn_cell cell, const fastrnn_backward_step *s, ptrdiff_t row,
                          ptrdiff_t rows, ptrdiff_t unit, ptrdiff_t count, const real *sum) {
    for (ptrdiff_t r = row; r < row + rows; r++)
        for (ptrdiff_t u = unit; u < unit + count * VW; u += VW, sum += VW) {
            FOR_LANES(s->hidden - u, backward_units(cell, 0, s, r, u, sum, n))
        }
}

/* Some rows, through a tile. */
INLINE void forward_rows(const fastrnn_cell cell, const fastrnn_forward_step *s,
                         const panels *shape, ptrdiff_t row_begin, ptrdiff_t row_end,
                         panel_walk walk) {
    const int gates = gate_vectors(cell);
    const panels w_shape = panels_of(s->hidden, gates, s->w.depth);
    _Alignas(64) real tile[GROUP_ROWS * MAX_VECTORS * VW];
    _Alignas(64) real input[GROUP_ROWS * MAX_VECTORS * VW];
    const real *a[GROUP_ROWS];
    while (walk_on(&walk, shape, row_end - row_begin)) {
        ptrdiff_t count = panel_vectors(shape, walk.at) / gates;
        ptrdiff_t unit = vector_unit(shape, walk.at, 0);
        for (ptrdiff_t row = row_begin; row < row_end; row += GROUP_ROWS) {
            ptrdiff_t n = min_of(GROUP_ROWS, row_end - row);
            if (s->w.pack) {
                for (ptrdiff_t r = 0; r < n; r++) a[r] = row_at(s->w.x, s->w.x_stride, row + r, 0);
                multiply_panels(a, n, 1, &w_shape, s->w.pack, &walk, input);
            }
            for (ptrdiff_t r = 0; r < n; r++)
                a[r] = row_at(s->h_prev, s->h_prev_stride, row + r, 0);
            multiply_panels(a, n, 1, shape, s->pack, &walk, tile);
            forward_tile(cell, s, row, n, unit, count, tile, input);
        }
    }
}

/* One row and the `together` panels of nv vectors from `at` on, which never leave the registers:
 * the way through a tile would be a fifth of a small layer's step. */
INLINE void forward_row(const fastrnn_cell cell, const int nv, const int together, const int far,
                        const fastrnn_forward_step *s, const panels *shape, ptrdiff_t row,
                        ptrdiff_t at) {
    const int gates = gate_vectors(cell), count = nv * together / gates;
    const real *h_prev = row_at(s->h_prev, s->h_prev_stride, row, 0);
    vec sum[2 * MAX_VECTORS], in[2 * MAX_VECTORS];
    UNROLL
    for (int v = 0; v < nv * together; v++) in[v] = v_zero();
    if (s->w.pack) {
        const panels w_shape = panels_of(s->hidden, gates, s->w.depth);
        multiply_row(nv, together, far, s->w.depth, row_at(s->w.x, s->w.x_stride, row, 0), 1,
                     panel_at(&w_shape, s->w.pack, at), in);
    }
    multiply_row(nv, together, far, s->depth, h_prev, 1, panel_at(shape, s->pack, at), sum);
    UNROLL
    for (int b = 0; b < count; b++) {
        ptrdiff_t unit = vector_unit(shape, at, 0) + b * VW;
        FOR_LANES(s->hidden - unit,
                  forward_block(cell, s, row, unit, sum + b * gates, in + b * gates, n))
    }
}

/* The panels of one turn of a walk. */
INLINE void forward_turn(const fastrnn_cell cell, const fastrnn_forward_step *s,
                         const panels *shape, ptrdiff_t row, const panel_walk *walk, int far) {
    const int gates = gate_vectors(cell), full = gates > 1 ? gates : FASTRNN_PANEL_BLOCKS;
    int nv = panel_vectors(shape, walk->at);
    if (walk->together == 2)
        forward_row(cell, full, 2, 0, s, shape, row, walk->at);
    else if (far && nv == full)
        forward_row(cell, full, 1, 1, s, shape, row, walk->at);
    else if (gates > 1 || nv == full)
        forward_row(cell, full, 1, 0, s, shape, row, walk->at);
    else if (nv == 3)
        forward_row(cell, 3, 1, 0, s, shape, row, walk->at);
    else if (nv == 2)
        forward_row(cell, 2, 1, 0, s, shape, row, walk->at);
    else
        forward_row(cell, 1, 1, 0, s, shape, row, walk->at);
}

INLINE void forward(const fastrnn_cell cell, const fastrnn_forward_step *s, ptrdiff_t row_begin,
                    ptrdiff_t row_end, ptrdiff_t panel_begin, ptrdiff_t panel_end) {
    const int gates = gate_vectors(cell);
    const panels shape = panels_of(s->hidden, gates, s->depth);
    panel_walk walk = {panel_begin, panel_end, s->descend, 0, 0};
    ptrdiff_t bytes = gates * s->hidden * (s->depth + s->w.depth) * (ptrdiff_t)sizeof(real);
    if (row_end - row_begin != 1)
        forward_rows(cell, s, &shape, row_begin, row_end, walk);
    else
        while (walk_on(&walk, &shape, 1))
            forward_turn(cell, s, &shape, row_begin, &walk, bytes > FAR_BYTES);
}

INLINE void backward(const fastrnn_cell cell, const fastrnn_backward_step *s, ptrdiff_t row_begin,
                     ptrdiff_t row_end, ptrdiff_t panel_begin, ptrdiff_t panel_end) {
    const panels shape = panels_of(s->hidden, 1, s->depth);
    _Alignas(64) real tile[GROUP_ROWS * MAX_VECTORS * VW];
    const real *a[GROUP_ROWS];
    panel_walk walk = {panel_begin, panel_end, s->descend, 0, 0};
    while (walk_on(&walk, &shape, row_end - row_begin)) {
        int nv = walk.together * panel_vectors(&shape, walk.at);
        for (ptrdiff_t row = row_begin; row < row_end; row += GROUP_ROWS) {
            ptrdiff_t n = min_of(GROUP_ROWS, row_end - row);
            ptrdiff_t live = s->live <= row ? 0 : min_of(n, s->live - row);
            for (ptrdiff_t r = 0; r < live; r++) a[r] = row_at(s->a, s->a_stride, row + r, 0);
            if (live) multiply_panels(a, live, 1, &shape, s->pack, &walk, tile);
            for (ptrdiff_t j = live * nv; j < n * nv; j++) v_store(tile + j * VW, v_zero());
            backward_tile(cell, s, row, n, vector_unit(&shape, walk.at, 0), nv, tile);
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
