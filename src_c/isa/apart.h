/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells apart from their products, with any activations: see internal.h. What a unit does stands
 * in cells.h, but for the reset of a GRU that resets before the product.
 *
 * Expects: cells.h.
 */

INLINE void cell_forward_block(const int cell, const fastrnn_forward_step *s, ptrdiff_t row,
                               ptrdiff_t unit, ptrdiff_t n) {
    const int slots = cell == FASTRNN_RNN ? 1 : cell == FASTRNN_GRU_BEFORE ? 3 : 4;
    vec in[MAX_VECTORS], sum[MAX_VECTORS] = {v_zero(), v_zero(), v_zero(), v_zero()};
    load_gates(slots, s, row, unit, n, in);
    if (cell == FASTRNN_GRU) sum[2] = in[3];
    forward_units(cell, 1, s, row, unit, sum, in, n);
}

#define FOR_BLOCKS(s, row_begin, row_end, call)               \
    for (ptrdiff_t row = (row_begin); row < (row_end); row++) \
        for (ptrdiff_t unit = 0; unit < (s)->hidden; unit += VW) FOR_LANES((s)->hidden - unit, call)

#define CELL_APART(name, cell)                                                            \
    static void cell_forward_##name(const fastrnn_forward_step *s, ptrdiff_t row_begin,   \
                                    ptrdiff_t row_end) {                                  \
        FOR_BLOCKS(s, row_begin, row_end, cell_forward_block(cell, s, row, unit, n))      \
    }                                                                                     \
    static void cell_backward_##name(const fastrnn_backward_step *s, ptrdiff_t row_begin, \
                                     ptrdiff_t row_end) {                                 \
        const real none[VW] = {0};                                                        \
        FOR_BLOCKS(s, row_begin, row_end, backward_units(cell, 1, s, row, unit, none, n)) \
    }
CELL_APART(rnn, FASTRNN_RNN)
CELL_APART(lstm, FASTRNN_LSTM)
CELL_APART(gru, FASTRNN_GRU)
CELL_APART(gru_before, FASTRNN_GRU_BEFORE)

/* r = rec(a_r),  s = r h' */
INLINE void reset_forward_block(const fastrnn_reset_step *s, ptrdiff_t row, ptrdiff_t unit,
                                ptrdiff_t n) {
    real *gate = row_at(s->gates, s->gates_stride, row, unit);
    vec h = load_lanes(row_at(s->h, s->h_stride, row, unit), n);
    vec r = any_activation(s->recurrent_activation, load_lanes(gate + s->hidden, n));
    store_lanes(gate + s->hidden, r, n);
    store_lanes(gate + 3 * s->hidden, v_mul(r, h), n);
}

/* dr = ds h' rec',  r ds passes on to h' */
INLINE void reset_backward_block(const fastrnn_reset_step *s, ptrdiff_t row, ptrdiff_t unit,
                                 ptrdiff_t n) {
    real *gate = row_at(s->gates, s->gates_stride, row, unit) + s->hidden;
    real *d_at = row_at(s->d, s->d_stride, row, unit);
    vec r = load_lanes(gate, n);
    vec ds = load_lanes(d_at, n);
    vec h = load_lanes(row_at(s->h, s->h_stride, row, unit), n);
    store_lanes(gate, v_mul(v_mul(ds, h), any_slope(s->recurrent_activation, r)), n);
    store_lanes(d_at, v_mul(r, ds), n);
}

static void reset_forward(const fastrnn_reset_step *s, ptrdiff_t row_begin, ptrdiff_t row_end) {
    FOR_BLOCKS(s, row_begin, row_end, reset_forward_block(s, row, unit, n))
}

static void reset_backward(const fastrnn_reset_step *s, ptrdiff_t row_begin, ptrdiff_t row_end) {
    FOR_BLOCKS(s, row_begin, row_end, reset_backward_block(s, row, unit, n))
}
