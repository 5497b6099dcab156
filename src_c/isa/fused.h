/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loops that fuse a cell to its products, forward.
 *
 * Expects: panels.h, cells.h.
 */

INLINE int gate_vectors(const fastrnn_cell cell) {
    return cell == FASTRNN_LSTM ? 4 : cell == FASTRNN_GRU ? 3 : 1;
}

/* in += b of `n` units. */
INLINE void add_bias(const int gates, const fastrnn_forward_step *s, ptrdiff_t unit, ptrdiff_t n,
                     vec *in) {
    const real *bias = s->w.bias;
    UNROLL
    for (int g = 0; g < gates; g++)
        in[g] = v_add(in[g], bias ? load_lanes(bias + unit + g * s->hidden, n) : v_zero());
}

/* `n` units of one row; `in` is W x where it is computed here. */
INLINE void forward_lanes(const fastrnn_cell cell, const fastrnn_forward_step *s, ptrdiff_t row,
                          ptrdiff_t unit, const vec *sum, vec *in, ptrdiff_t n) {
    const int gates = gate_vectors(cell);
    if (s->w.pack)
        add_bias(gates, s, unit, n, in);
    else
        load_gates(gates, s, row, unit, n, in);
    forward_units(cell, 0, s, row, unit, sum, in, n);
}

/* One block of one row. Masked accesses are compiled apart, for the last block only. */
INLINE void forward_block(const fastrnn_cell cell, const fastrnn_forward_step *s, ptrdiff_t row,
                          ptrdiff_t unit, const vec *sum, vec *in) {
    if (s->hidden - unit >= VW)
        forward_lanes(cell, s, row, unit, sum, in, VW);
    else
        forward_lanes(cell, s, row, unit, sum, in, s->hidden - unit);
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
            forward_block(cell, s, r, u, sum, in);
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
INLINE void forward_row(const fastrnn_cell cell, const int nv, const int together,
                        const int prefetch, const fastrnn_forward_step *s, const panels *shape,
                        ptrdiff_t row, ptrdiff_t at) {
    const int gates = gate_vectors(cell), count = nv * together / gates;
    const real *h_prev = row_at(s->h_prev, s->h_prev_stride, row, 0);
    vec sum[2 * MAX_VECTORS], in[2 * MAX_VECTORS];
    UNROLL
    for (int v = 0; v < nv * together; v++) in[v] = v_zero();
    if (s->w.pack) {
        const panels w_shape = panels_of(s->hidden, gates, s->w.depth);
        multiply_row(nv, together, prefetch, s->w.depth, row_at(s->w.x, s->w.x_stride, row, 0), 1,
                     panel_at(&w_shape, s->w.pack, at), in);
    }
    multiply_row(nv, together, prefetch, s->depth, h_prev, 1, panel_at(shape, s->pack, at), sum);
    UNROLL
    for (int b = 0; b < count; b++) {
        ptrdiff_t unit = vector_unit(shape, at, 0) + b * VW;
        forward_block(cell, s, row, unit, sum + b * gates, in + b * gates);
    }
}

/* The panels of one turn of a walk. */
INLINE void forward_turn(const fastrnn_cell cell, const fastrnn_forward_step *s,
                         const panels *shape, ptrdiff_t row, const panel_walk *walk, int prefetch) {
    const int gates = gate_vectors(cell), full = gates > 1 ? gates : FASTRNN_PANEL_BLOCKS;
    int nv = panel_vectors(shape, walk->at);
    if (walk->together == 2)
        forward_row(cell, full, 2, 0, s, shape, row, walk->at);
    else if (prefetch && nv == full)
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
            forward_turn(cell, s, &shape, row_begin, &walk, bytes > PREFETCH_BYTES);
}

#define FUSED_CELL(name, cell)                                                                  \
    static void forward_##name(const fastrnn_forward_step *s, ptrdiff_t row_begin,              \
                               ptrdiff_t row_end, ptrdiff_t panel_begin, ptrdiff_t panel_end) { \
        forward(cell, s, row_begin, row_end, panel_begin, panel_end);                           \
    }
FASTRNN_EACH_FUSED(FUSED_CELL)
