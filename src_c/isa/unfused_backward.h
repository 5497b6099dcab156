/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unfused cells, backward: see unfused.h.
 *
 * Expects: cells_backward.h.
 */

INLINE void cell_backward(const int cell, const fastrnn_backward_step *s, ptrdiff_t row_begin,
                          ptrdiff_t row_end) {
    const real none[VW] = {0};
    for (ptrdiff_t row = row_begin; row < row_end; row++) {
        ptrdiff_t unit = 0;
        for (; unit + VW <= s->hidden; unit += VW) backward_units(cell, 1, s, row, unit, none, VW);
        if (unit < s->hidden) backward_units(cell, 1, s, row, unit, none, s->hidden - unit);
    }
}

#define UNFUSED_CELL(name, cell)                                                          \
    static void cell_backward_##name(const fastrnn_backward_step *s, ptrdiff_t row_begin, \
                                     ptrdiff_t row_end) {                                 \
        cell_backward(cell, s, row_begin, row_end);                                       \
    }
FASTRNN_EACH_CELL(UNFUSED_CELL)

/* dr = ds h_prev f',  r ds passes on to h_prev */
INLINE void reset_backward_block(const fastrnn_reset_step *s, ptrdiff_t row, ptrdiff_t unit,
                                 ptrdiff_t n) {
    real *gate = row_at(s->gates, s->gates_stride, row, unit) + s->hidden;
    real *d_at = row_at(s->d, s->d_stride, row, unit);
    vec r = load_lanes(gate, n);
    vec ds = load_lanes(d_at, n);
    vec h = load_lanes(row_at(s->h, s->h_stride, row, unit), n);
    store_lanes(gate, v_mul(v_mul(ds, h), any_slope(s->f.kind, r)), n);
    store_lanes(d_at, v_mul(r, ds), n);
}

static void reset_backward(const fastrnn_reset_step *s, ptrdiff_t row_begin, ptrdiff_t row_end) {
    for (ptrdiff_t row = row_begin; row < row_end; row++) {
        ptrdiff_t unit = 0;
        for (; unit + VW <= s->hidden; unit += VW) reset_backward_block(s, row, unit, VW);
        if (unit < s->hidden) reset_backward_block(s, row, unit, s->hidden - unit);
    }
}
