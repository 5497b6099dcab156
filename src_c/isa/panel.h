/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The product of a few rows with one packed panel: the inner loop of everything.
 *
 * A block of `mr` rows times `nv` vectors keeps mr * nv accumulators in registers for
 * the whole depth. Each accumulator is one chain of fused multiply-adds over ascending k
 * that starts from zero, whatever the block's size: so a row's result does not depend
 * on which rows it was computed with, nor on how the depth was cut.
 *
 * Expects: real, the vector vocabulary.
 */
#define INLINE static inline __attribute__((always_inline))

/* Accumulators live in registers only if every loop over them is unrolled. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#define UNROLL_TWICE _Pragma("clang loop unroll_count(2)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#define UNROLL_TWICE _Pragma("GCC unroll 2")
#endif

/* Registers left aside, eight rows keep the row pointers in general registers. */
#define MAX_ROWS 8
#define MAX_VECTORS 4

#define LINE_BYTES 64

/* Rows that share a panel before the next panel is taken: their tile stays in L1. */
#define GROUP_ROWS 48

/* Depth after which a group of several blocks moves on to the next block, so that the
 * part of the panel they share stays in L1 or near it. */
#define GROUP_DEPTH 256

INLINE void product_block(const int mr, const int nv, const int panels, ptrdiff_t depth,
                          const real *const *a, ptrdiff_t step, const real *panel,
                          ptrdiff_t panel_stride, const char *ahead, real *tile, int resume) {
    vec acc[MAX_ROWS][2 * MAX_VECTORS];
    const int width = nv * panels;
    UNROLL
    for (int r = 0; r < mr; r++) UNROLL
    for (int v = 0; v < width; v++)
        acc[r][v] = resume ? v_load(tile + (r * width + v) * VW) : v_zero();

    ptrdiff_t at = 0;
    /* Loop counters compete with the multiply-adds for the same ports. */
    UNROLL_TWICE
    for (ptrdiff_t k = 0; k < depth; k++) {
        if (mr < width) {
            vec left[MAX_ROWS];
            UNROLL
            for (int r = 0; r < mr; r++) left[r] = v_set1(a[r][at]);
            UNROLL
            for (int v = 0; v < width; v++) {
                vec right = v_load(panel + (v / nv) * panel_stride + (v % nv) * VW);
                UNROLL
                for (int r = 0; r < mr; r++) acc[r][v] = v_fma(left[r], right, acc[r][v]);
            }
        } else {
            vec right[2 * MAX_VECTORS];
            UNROLL
            for (int v = 0; v < width; v++)
                right[v] = v_load(panel + (v / nv) * panel_stride + (v % nv) * VW);
            UNROLL
            for (int r = 0; r < mr; r++) {
                vec left = v_set1(a[r][at]);
                UNROLL
                for (int v = 0; v < width; v++) acc[r][v] = v_fma(left, right[v], acc[r][v]);
            }
        }
        /* A line of what of the pack comes next: the cache that holds a large layer's R is too
         * slow to be asked only then. One row alone streams better by the hardware's own guess. */
        if (mr > 1) __builtin_prefetch(ahead, 0, 2);
        ahead += LINE_BYTES;
        at += step;
        panel += nv * VW;
    }

    UNROLL
    for (int r = 0; r < mr; r++) UNROLL
    for (int v = 0; v < width; v++) v_store(tile + (r * width + v) * VW, acc[r][v]);
}

typedef void block_function(ptrdiff_t depth, const real *const *a, ptrdiff_t step,
                            const real *panel, const char *ahead, real *tile, int resume);

/* Blocks that would not fit the registers are never called and compile to nothing. */
#define BLOCK(mr, nv)                                                                             \
    static void block_##mr##_##nv(ptrdiff_t depth, const real *const *a, ptrdiff_t step,          \
                                  const real *panel, const char *ahead, real *tile, int resume) { \
        if ((mr) * (nv) <= ACC_REGISTERS)                                                         \
            product_block(mr, nv, 1, depth, a, step, panel, 0, ahead, tile, resume);              \
    }
#define BLOCKS(nv) \
    BLOCK(1, nv)   \
    BLOCK(2, nv) BLOCK(3, nv) BLOCK(4, nv) BLOCK(5, nv) BLOCK(6, nv) BLOCK(7, nv) BLOCK(8, nv)
BLOCKS(1)
BLOCKS(2)
BLOCKS(3)
BLOCKS(4)

#define BLOCK_ROW(nv)                                                                       \
    {                                                                                       \
        block_1_##nv, block_2_##nv, block_3_##nv, block_4_##nv, block_5_##nv, block_6_##nv, \
            block_7_##nv, block_8_##nv                                                      \
    }
static block_function *const blocks[MAX_VECTORS][MAX_ROWS] = {BLOCK_ROW(1), BLOCK_ROW(2),
                                                              BLOCK_ROW(3), BLOCK_ROW(4)};

INLINE ptrdiff_t min_of(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

/* tile[n][nv][VW] = rows a[0..n) of `depth` elements times a panel of nv vectors. */
static void multiply(const real *const *a, ptrdiff_t n, ptrdiff_t step, ptrdiff_t depth,
                     const real *panel, int nv, real *tile) {
    ptrdiff_t most = min_of(ACC_REGISTERS / nv, MAX_ROWS);
    ptrdiff_t count = (n + most - 1) / most;
    ptrdiff_t cut = count > 1 ? GROUP_DEPTH : depth;
    ptrdiff_t k = 0;
    do {
        ptrdiff_t length = min_of(cut, depth - k);
        const real *part = panel + k * nv * VW;
        /* Blocks of nearly equal height: 7 rows are 4 + 3, never 6 + 1. */
        for (ptrdiff_t b = 0, row = 0; b < count; b++) {
            ptrdiff_t next = (b + 1) * n / count;
            const real *at[MAX_ROWS];
            for (ptrdiff_t r = row; r < next; r++) at[r - row] = a[r] + k * step;
            const char *ahead = (const char *)(part + length * nv * VW);
            ahead += min_of(b, nv - 1) * length * LINE_BYTES;
            blocks[nv - 1][next - row - 1](length, at, step, part, ahead, tile + row * nv * VW,
                                           k > 0);
            row = next;
        }
        k += length;
    } while (k < depth);
}

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

/* One row alone has too few chains to fill the multipliers' latency with one panel: it takes
 * two where it can. */
#define BLOCK_PAIR(nv)                                                                            \
    static void block_pair_##nv(ptrdiff_t depth, const real *const *a, ptrdiff_t step,            \
                                const real *panel, real *tile) {                                  \
        product_block(1, nv, 2, depth, a, step, panel, depth *(nv)*VW, (const char *)panel, tile, \
                      0);                                                                         \
    }
BLOCK_PAIR(3)
BLOCK_PAIR(4)

/* Panels from p on to multiply together. */
INLINE int panels_together(const panels *s, ptrdiff_t rows, ptrdiff_t p, ptrdiff_t end) {
    ptrdiff_t full = s->gates * s->per_panel;
    return rows == 1 && full >= 3 && p + 1 < end && panel_vectors(s, p + 1) == full ? 2 : 1;
}

/* tile[n][together * nv][VW] = rows a[0..n) times `together` panels from p on. */
INLINE void multiply_panels(const real *const *a, ptrdiff_t n, ptrdiff_t step, const panels *s,
                            const void *pack, ptrdiff_t p, int together, real *tile) {
    const real *panel = panel_at(s, pack, p);
    int nv = panel_vectors(s, p);
    if (together == 1)
        multiply(a, n, step, s->depth, panel, nv, tile);
    else if (nv == 3)
        block_pair_3(s->depth, a, step, panel, tile);
    else
        block_pair_4(s->depth, a, step, panel, tile);
}

INLINE vec load_lanes(const real *p, ptrdiff_t n) {
    return n == VW ? v_load(p) : v_load_part(p, n);
}
INLINE void store_lanes(real *p, vec a, ptrdiff_t n) {
    if (n == VW)
        v_store(p, a);
    else
        v_store_part(p, a, n);
}
