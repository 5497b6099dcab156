/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of two long matrices, and of one with a column of ones: the gradients of weights and of
 * biases.
 *
 * Expects: panels.h.
 */

/* A weight gradient is summed over many rows: cut into parts whose packed operands stay in
 * the second-level cache. Parts are added in ascending order whatever the split. */
#define OUTER_DEPTH 256
#define OUTER_COLUMNS (512 * 4 / (ptrdiff_t)sizeof(real))
#define OUTER_HEIGHT 48
#define OUTER_SCRATCH ((ptrdiff_t)sizeof(real) * OUTER_DEPTH * (OUTER_COLUMNS + OUTER_HEIGHT))

/* Columns [first, first + n) of rows [q, q + depth), `width` (>= n) to a row of `to`. */
static void copy_columns(const fastrnn_rows *from, ptrdiff_t q, ptrdiff_t depth, ptrdiff_t first,
                         ptrdiff_t n, ptrdiff_t width, real *to) {
    for (ptrdiff_t k = 0; k < depth; k++, to += width) {
        const real *row = (const real *)(void *)fastrnn_row(from, q + k) + first * from->step;
        if (from->step == 1) {
            ptrdiff_t j = 0;
            for (; j + VW <= n; j += VW) v_store(to + j, v_load(row + j));
            if (j < n) v_store(to + j, v_load_part(row + j, n - j));
        } else {
            for (ptrdiff_t j = 0; j < width; j++) to[j] = j < n ? row[j * from->step] : 0;
        }
    }
}

/* Adds tile[n][nv][VW] to C from row m and column `column` on. */
static void add_tile(const fastrnn_outer *s, ptrdiff_t m, ptrdiff_t n, ptrdiff_t column, int nv,
                     const real *tile) {
    for (ptrdiff_t r = 0; r < n; r++) {
        real *c = (real *)(void *)(s->c + (m + r) * s->c_stride) + column;
        for (int v = 0; v < nv; v++) {
            ptrdiff_t lanes = min_of(VW, s->columns - column - v * VW);
            vec sum = v_add(load_lanes(c + v * VW, lanes), v_load(tile + (r * nv + v) * VW));
            store_lanes(c + v * VW, sum, lanes);
        }
    }
}

/* One part: rows [q, q + depth) and columns [first, first + n) of B, already packed. */
static void outer_part(const fastrnn_outer *s, ptrdiff_t q, ptrdiff_t depth, ptrdiff_t first,
                       const panels *shape, const real *right, ptrdiff_t m_begin, ptrdiff_t m_end,
                       real *left) {
    _Alignas(64) real tile[OUTER_HEIGHT * MAX_VECTORS * VW];
    const real *a[OUTER_HEIGHT];
    ptrdiff_t count = (shape->blocks + shape->per_panel - 1) / shape->per_panel;
    for (ptrdiff_t m = m_begin; m < m_end; m += OUTER_HEIGHT) {
        ptrdiff_t n = min_of(OUTER_HEIGHT, m_end - m);
        ptrdiff_t stride = OUTER_HEIGHT;
        const real *columns = left;
        if (count == 1 && !s->a.offset && s->a.stride % (ptrdiff_t)sizeof(real) == 0) {
            /* One panel reads each element once: there is nothing to gain from a copy. */
            stride = s->a.stride / (ptrdiff_t)sizeof(real);
            columns = (const real *)(void *)fastrnn_row(&s->a, q) + m;
        } else {
            copy_columns(&s->a, q, depth, m, n, OUTER_HEIGHT, left);
        }
        for (ptrdiff_t r = 0; r < n; r++) a[r] = columns + r;
        for (ptrdiff_t p = 0; p < count; p++) {
            int nv = panel_vectors(shape, p);
            const real *panel = panel_at(shape, right, p);
            multiply(a, n, stride, depth, panel, nv, panel + depth * nv * VW, tile);
            add_tile(s, m, n, first + vector_unit(shape, p, 0), nv, tile);
        }
    }
}

static void outer(const fastrnn_outer *s, ptrdiff_t m_begin, ptrdiff_t m_end, void *scratch) {
    real *right = scratch;
    real *left = right + OUTER_DEPTH * OUTER_COLUMNS;
    for (ptrdiff_t first = 0; first < s->columns; first += OUTER_COLUMNS) {
        ptrdiff_t n = min_of(OUTER_COLUMNS, s->columns - first);
        for (ptrdiff_t q = 0; q < s->rows; q += OUTER_DEPTH) {
            ptrdiff_t depth = min_of(OUTER_DEPTH, s->rows - q);
            panels shape = panels_of(n, 1, depth);
            for (ptrdiff_t p = 0; p * shape.per_panel < shape.blocks; p++) {
                ptrdiff_t column = vector_unit(&shape, p, 0);
                ptrdiff_t width = panel_vectors(&shape, p) * VW;
                copy_columns(&s->b, q, depth, first + column, min_of(width, n - column), width,
                             right + column * depth);
            }
            outer_part(s, q, depth, first, &shape, right, m_begin, m_end, left);
        }
    }
}

/* A few rows at a time, so that memory is read along its rows; each sum still takes them in
 * their order. */
#define SUM_ROWS 8

INLINE void add_rows(const real *const *row, const int n, ptrdiff_t width, real *sums) {
    for (ptrdiff_t m = 0; m < width; m += VW) {
        ptrdiff_t lanes = min_of(VW, width - m);
        vec sum = load_lanes(sums + m, lanes);
        for (int r = 0; r < n; r++) sum = v_add(sum, load_lanes(row[r] + m, lanes));
        store_lanes(sums + m, sum, lanes);
    }
}

static void column_sums(const fastrnn_rows *a, ptrdiff_t rows, ptrdiff_t m_begin, ptrdiff_t m_end,
                        void *sums) {
    const real *row[SUM_ROWS];
    ptrdiff_t q = 0;
    for (; q + SUM_ROWS <= rows; q += SUM_ROWS) {
        for (int r = 0; r < SUM_ROWS; r++)
            row[r] = (const real *)(void *)fastrnn_row(a, q + r) + m_begin;
        add_rows(row, SUM_ROWS, m_end - m_begin, (real *)sums + m_begin);
    }
    for (; q < rows; q++) {
        row[0] = (const real *)(void *)fastrnn_row(a, q) + m_begin;
        add_rows(row, 1, m_end - m_begin, (real *)sums + m_begin);
    }
}
