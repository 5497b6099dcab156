/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loops that fuse a cell to its product, backward.
 *
 * Expects: panels.h, cells_backward.h.
 */

/* The cell of rows [row, row + rows) and `count` blocks from `unit` on; `sum` is a tile, in which a
 * block is one vector. Masked accesses are compiled apart, for the last block only. */
INLINE void backward_tile(const fastrnn_cell cell, const fastrnn_backward_step *s, ptrdiff_t row,
                          ptrdiff_t rows, ptrdiff_t unit, ptrdiff_t count, const real *sum) {
    for (ptrdiff_t r = row; r < row + rows; r++)
        for (ptrdiff_t u = unit; u < unit + count * VW; u += VW, sum += VW) {
            if (s->hidden - u >= VW)
                backward_units(cell, 0, s, r, u, sum, VW);
            else
                backward_units(cell, 0, s, r, u, sum, s->hidden - u);
        }
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

#define FUSED_CELL(name, cell)                                                                   \
    static void backward_##name(const fastrnn_backward_step *s, ptrdiff_t row_begin,             \
                                ptrdiff_t row_end, ptrdiff_t panel_begin, ptrdiff_t panel_end) { \
        backward(cell, s, row_begin, row_end, panel_begin, panel_end);                           \
    }
FASTRNN_EACH_FUSED(FUSED_CELL)
