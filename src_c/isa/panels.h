/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The panels of a packed matrix, and walks over them: one row takes two panels at a time where it
 * can, many rows one after the other.
 *
 * Expects: block.h.
 */

/* Rows that share a panel before the next panel is taken: their tile stays in L1. */
#define GROUP_ROWS 48

/* Up to this depth one row takes two panels of four wide vectors at a time: see takes_pairs. */
#define PAIR_DEPTH 64

/* The panels of a packed matrix: see fastrnn_shape. */
typedef struct {
    ptrdiff_t units;
    ptrdiff_t blocks;
    ptrdiff_t per_panel; /* blocks in a full panel */
    int gates;
    ptrdiff_t depth;
} panels;

INLINE panels panels_of(ptrdiff_t units, int gates, ptrdiff_t depth) {
    panels s = {units, (units + VW - 1) / VW, gates > 1 ? 1 : FASTRNN_PANEL_BLOCKS, gates, depth};
    return s;
}

/* Vectors in panel p. */
INLINE int panel_vectors(const panels *s, ptrdiff_t p) {
    return (int)(s->gates * min_of(s->per_panel, s->blocks - p * s->per_panel));
}

INLINE const real *panel_at(const panels *s, const void *pack, ptrdiff_t p) {
    return (const real *)pack + p * s->per_panel * s->gates * VW * s->depth;
}

/* First unit of vector v of panel p, and how many lanes of it are used. */
INLINE ptrdiff_t vector_unit(const panels *s, ptrdiff_t p, ptrdiff_t v) {
    return (s->gates > 1 ? p : p * s->per_panel + v) * VW;
}

#define ROW_PAIR(nv)                                                                               \
    static void row_pair_##nv(ptrdiff_t depth, const real *a, ptrdiff_t stride, const real *panel, \
                              real *tile) {                                                        \
        vec sum[2 * MAX_VECTORS];                                                                  \
        multiply_row(nv, 2, 0, depth, a, stride, panel, sum);                                      \
        UNROLL                                                                                     \
        for (int v = 0; v < 2 * (nv); v++) v_store(tile + v * VW, sum[v]);                         \
    }
ROW_PAIR(3)
ROW_PAIR(4)

/* The panels of a call that are still to come. */
typedef struct {
    ptrdiff_t begin;
    ptrdiff_t end;
    int descend;
    int together; /* panels of this turn, from `at` on */
    ptrdiff_t at;
} panel_walk;

/* Whether one row takes two panels at a time. Four wide vectors are as many as a second-level
 * cache gives while one multiply-add goes through, and one stream is then better than two. */
INLINE int takes_pairs(const panels *s) {
    ptrdiff_t full = s->gates * s->per_panel;
    return full == 3 || (full == 4 && (sizeof(vec) < LINE_BYTES || s->depth <= PAIR_DEPTH));
}

/* Takes the next panels; false where there are none left. */
INLINE int walk_on(panel_walk *w, const panels *s, ptrdiff_t rows) {
    ptrdiff_t left = w->end - w->begin, full = s->gates * s->per_panel;
    ptrdiff_t second = w->descend ? w->end - 1 : w->begin + 1;
    if (left == 0) return 0;
    w->together =
        rows == 1 && left > 1 && takes_pairs(s) && panel_vectors(s, second) == full ? 2 : 1;
    if (w->descend)
        w->at = w->end -= w->together;
    else
        w->begin = (w->at = w->begin) + w->together;
    return 1;
}

/* tile[n][together * nv][VW] = rows a[0..n) times the panels of this turn. */
INLINE void multiply_panels(const real *const *a, ptrdiff_t n, ptrdiff_t stride, const panels *s,
                            const void *pack, const panel_walk *walk, real *tile) {
    const real *panel = panel_at(s, pack, walk->at);
    int nv = panel_vectors(s, walk->at);
    ptrdiff_t next = walk->descend ? walk->end - 1 : walk->begin;
    if (walk->together == 1)
        multiply(a, n, stride, s->depth, panel, nv,
                 walk->begin < walk->end ? panel_at(s, pack, next) : panel, tile);
    else if (nv == 3)
        row_pair_3(s->depth, a[0], stride, panel, tile);
    else
        row_pair_4(s->depth, a[0], stride, panel, tile);
}
