/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unfused cells, with any activations: see internal.h. What a unit does stands in
 * cells.h, but for the reset of a GRU that resets before the product.
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

INLINE void cell_forward(const int cell, const fastrnn_forward_step *s, ptrdiff_t row_begin,
                         ptrdiff_t row_end) {
    for (ptrdiff_t row = row_begin; row < row_end; row++) {
        ptrdiff_t unit = 0;
        for (; unit + VW <= s->hidden; unit += VW) cell_forward_block(cell, s, row, unit, VW);
        if (unit < s->hidden) cell_forward_block(cell, s, row, unit, s->hidden - unit);
    }
}

#define UNFUSED_CELL(name, cell)                                                        \
    static void cell_forward_##name(const fastrnn_forward_step *s, ptrdiff_t row_begin, \
                                    ptrdiff_t row_end) {                                \
        cell_forward(cell, s, row_begin, row_end);                                      \
    }
FASTRNN_EACH_CELL(UNFUSED_CELL)

INLINE activation_set reset_activation(const fastrnn_reset_step *s) {
    return (activation_set){.any = 1, .clip = s->clip};
}

/* r = f(a_r),  s = r h' */
INLINE void reset_forward_block(const fastrnn_reset_step *s, ptrdiff_t row, ptrdiff_t unit,
                                ptrdiff_t n) {
    real *gate = row_at(s->gates, s->gates_stride, row, unit);
    vec h = load_lanes(row_at(s->h, s->h_stride, row, unit), n);
    vec r = activate_gate(reset_activation(s), s->f, load_lanes(gate + s->hidden, n));
    store_lanes(gate + s->hidden, r, n);
    store_lanes(gate + 3 * s->hidden, v_mul(r, h), n);
}

static void reset_forward(const fastrnn_reset_step *s, ptrdiff_t row_begin, ptrdiff_t row_end) {
    for (ptrdiff_t row = row_begin; row < row_end; row++) {
        ptrdiff_t unit = 0;
        for (; unit + VW <= s->hidden; unit += VW) reset_forward_block(s, row, unit, VW);
        if (unit < s->hidden) reset_forward_block(s, row, unit, s->hidden - unit);
    }
}
