/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The product of a matrix with a packed one, and nothing fused to it.
 *
 * Expects: panels.h.
 */

static void store_product(const fastrnn_product *s, const panels *shape, ptrdiff_t row, ptrdiff_t n,
                          ptrdiff_t p, int nv, const real *tile) {
    for (int v = 0; v < nv; v++) {
        ptrdiff_t unit = vector_unit(shape, p, v);
        ptrdiff_t column = (shape->gates > 1 ? v * shape->units : 0) + unit;
        ptrdiff_t lanes = min_of(VW, shape->units - unit);
        vec bias = s->bias ? load_lanes((const real *)s->bias + column, lanes) : v_zero();
        for (ptrdiff_t r = 0; r < n; r++) {
            real *c = (real *)(void *)fastrnn_row(&s->c, row + r) + column;
            vec seed = s->accumulate ? load_lanes(c, lanes) : bias;
            store_lanes(c, v_add(v_load(tile + (r * nv + v) * VW), seed), lanes);
        }
    }
}

static void product(const fastrnn_product *s, ptrdiff_t row_begin, ptrdiff_t row_end,
                    ptrdiff_t panel_begin, ptrdiff_t panel_end) {
    panels shape = panels_of(s->shape.units, s->shape.gates, s->shape.depth);
    _Alignas(64) real tile[GROUP_ROWS * MAX_VECTORS * VW];
    const real *a[GROUP_ROWS];
    for (ptrdiff_t row = row_begin; row < row_end; row += GROUP_ROWS) {
        ptrdiff_t n = min_of(GROUP_ROWS, row_end - row);
        for (ptrdiff_t r = 0; r < n; r++) a[r] = (const real *)(void *)fastrnn_row(&s->a, row + r);
        int odd = (row - row_begin) / GROUP_ROWS % 2;
        panel_walk walk = {panel_begin, panel_end, s->descend ^ odd, 0, 0};
        while (walk_on(&walk, &shape, n)) {
            int nv = panel_vectors(&shape, walk.at);
            multiply_panels(a, n, s->a.step, &shape, s->pack, &walk, tile);
            for (int i = 0; i < walk.together; i++)
                store_product(s, &shape, row, n, walk.at + i, nv, tile + i * nv * VW);
        }
    }
}
