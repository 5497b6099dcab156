/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The product of a few rows with one packed panel: the inner loop of everything.
 *
 * A block of `mr` rows times `nv` vectors keeps mr * nv accumulators in registers for
 * the whole depth. Each accumulator is one chain of fused multiply-adds over ascending k
 * that starts from zero, whatever the block's size: so a row's result does not depend
 * on which rows it was computed with, nor on how the depth was cut. A short sum is the sum of
 * two such chains, one for each half: a small layer's step is little but latency.
 *
 * Expects: lanes.h.
 */

/* Loop counters compete with the multiply-adds for the same ports. */
#ifdef __clang__
#define UNROLL_TWICE _Pragma("clang loop unroll_count(2)")
#else
#define UNROLL_TWICE _Pragma("GCC unroll 2")
#endif

/* Registers left aside, eight rows keep the row pointers in general registers. */
#define MAX_ROWS 8
#define MAX_VECTORS 4

#define LINE_BYTES 64

/* The longest sum of two chains. */
#define SHORT_DEPTH 16

/* One row waits for its pack only, and hardware alone brings one in from beyond the second-level
 * cache (1 to 2 MiB) too late: where a row takes one panel at a time, those of a larger pack are
 * asked for that far ahead. */
#define PREFETCH_BYTES (3 << 19)
#define PREFETCH_AHEAD 1024

/* Depth after which a group of several blocks moves on to the next block, so that the
 * part of the panel they share stays in L1 or near it. */
#define GROUP_DEPTH 256

typedef vec accumulators[2 * MAX_VECTORS]; /* of one row */

/* acc += rows a[0..mr) of `depth` elements, `stride` apart, times nv neighbouring vectors, of
 * `pitch` a panel has, in each of `together` panels, `panel_stride` apart. */
INLINE void multiply_add(const int mr, const int nv, const int pitch, const int together,
                         ptrdiff_t depth, const real *const *a, ptrdiff_t stride, const real *panel,
                         ptrdiff_t panel_stride, const char *ahead, const int prefetch,
                         accumulators *acc) {
    const int width = nv * together;
    ptrdiff_t at = 0;
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
            accumulators right;
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
         * slow to be asked only then. */
        if (mr > 1) __builtin_prefetch(ahead, 0, 2);
        ahead += LINE_BYTES;
        if (prefetch) {
            UNROLL
            for (int v = 0; v < nv; v++)
                __builtin_prefetch((const char *)(panel + v * VW) + PREFETCH_AHEAD, 0, 3);
        }
        at += stride;
        panel += pitch * VW;
    }
}

/* A block begins a chain of multiply-adds, resumes the one whose sums the tile holds, or begins one
 * and adds it to them. */
typedef enum { BEGIN_CHAIN, RESUME_CHAIN, ADD_CHAIN } chain_start;

INLINE void product_block(const int mr, const int nv, const int pitch, ptrdiff_t depth,
                          const real *const *a, ptrdiff_t stride, const real *panel,
                          const char *ahead, real *tile, chain_start start) {
    accumulators acc[MAX_ROWS];
    UNROLL
    for (int r = 0; r < mr; r++) UNROLL
    for (int v = 0; v < nv; v++)
        acc[r][v] = start == RESUME_CHAIN ? v_load(tile + (r * pitch + v) * VW) : v_zero();
    multiply_add(mr, nv, pitch, 1, depth, a, stride, panel, 0, ahead, 0, acc);
    UNROLL
    for (int r = 0; r < mr; r++) UNROLL
    for (int v = 0; v < nv; v++) {
        real *to = tile + (r * pitch + v) * VW;
        v_store(to, start == ADD_CHAIN ? v_add(v_load(to), acc[r][v]) : acc[r][v]);
    }
}

INLINE int is_short(ptrdiff_t depth) { return depth > 1 && depth <= SHORT_DEPTH; }

/* Steps of a short sum's first chain. */
INLINE ptrdiff_t first_half(ptrdiff_t depth) { return (depth + 1) / 2; }

/* acc[0] += the first half of a short sum, acc[1] += the second, side by side. */
INLINE void multiply_halves(const int nv, const int together, ptrdiff_t depth, const real *a,
                            ptrdiff_t stride, const real *panel, accumulators *acc) {
    const ptrdiff_t half = first_half(depth), panel_size = depth * nv * VW;
    for (ptrdiff_t k = 0; k < half; k++) {
        UNROLL
        for (int part = 0; part < 2; part++) {
            ptrdiff_t at = part ? half + k : k;
            if (at == depth) break;
            vec left = v_set1(a[at * stride]);
            UNROLL
            for (int v = 0; v < nv * together; v++) {
                vec right = v_load(panel + (v / nv) * panel_size + (at * nv + v % nv) * VW);
                acc[part][v] = v_fma(left, right, acc[part][v]);
            }
        }
    }
}

/* sum = one row times `together` neighbouring panels. One row alone has too few chains to fill the
 * multipliers' latency with one panel: it takes two where it can. */
INLINE void multiply_row(const int nv, const int together, const int prefetch, ptrdiff_t depth,
                         const real *a, ptrdiff_t stride, const real *panel, vec *sum) {
    accumulators acc[2];
    UNROLL
    for (int v = 0; v < nv * together; v++) acc[0][v] = acc[1][v] = v_zero();
    if (is_short(depth)) {
        multiply_halves(nv, together, depth, a, stride, panel, acc);
        UNROLL
        for (int v = 0; v < nv * together; v++) sum[v] = v_add(acc[0][v], acc[1][v]);
    } else {
        multiply_add(1, nv, nv, together, depth, &a, stride, panel, depth * nv * VW,
                     (const char *)panel, prefetch, acc);
        UNROLL
        for (int v = 0; v < nv * together; v++) sum[v] = acc[0][v];
    }
}

typedef void block_function(ptrdiff_t depth, const real *const *a, ptrdiff_t stride,
                            const real *panel, const char *ahead, real *tile, chain_start start);

/* Blocks that would not fit the registers are never called and compile to nothing. */
#define BLOCK(name, mr, nv, pitch)                                                                 \
    static void name##_##mr(ptrdiff_t depth, const real *const *a, ptrdiff_t stride,               \
                            const real *panel, const char *ahead, real *tile, chain_start start) { \
        if ((mr) * (nv) <= ACC_REGISTERS)                                                          \
            product_block(mr, nv, pitch, depth, a, stride, panel, ahead, tile, start);             \
    }
#define BLOCKS(name, nv, pitch)                                                            \
    BLOCK(name, 1, nv, pitch)                                                              \
    BLOCK(name, 2, nv, pitch)                                                              \
    BLOCK(name, 3, nv, pitch)                                                              \
    BLOCK(name, 4, nv, pitch)                                                              \
    BLOCK(name, 5, nv, pitch)                                                              \
    BLOCK(name, 6, nv, pitch)                                                              \
    BLOCK(name, 7, nv, pitch)                                                              \
    BLOCK(name, 8, nv, pitch)                                                              \
    static block_function *const name[MAX_ROWS] = {name##_1, name##_2, name##_3, name##_4, \
                                                   name##_5, name##_6, name##_7, name##_8};
BLOCKS(block_1, 1, 1)
BLOCKS(block_2, 2, 2)
BLOCKS(block_3, 3, 3)
BLOCKS(block_4, 4, 4)
BLOCKS(half_block, 2, 4) /* of a panel of 4 vectors */
static block_function *const *const blocks[MAX_VECTORS] = {block_1, block_2, block_3, block_4};

/* How the rows of a product share one panel. */
typedef struct {
    block_function *const *block;
    int parts;       /* of the panel's vectors: 2 halves or 1 */
    ptrdiff_t count; /* of blocks */
} row_split;

INLINE ptrdiff_t row_groups(ptrdiff_t n, int nv) {
    ptrdiff_t most = min_of(ACC_REGISTERS / nv, MAX_ROWS);
    return (n + most - 1) / most;
}

/* A few rows too many for one block of four vectors take the vectors two by two instead: the panel
 * is then still read once. */
INLINE row_split split_rows(ptrdiff_t n, int nv) {
    ptrdiff_t groups = row_groups(n, nv), wide = row_groups(n, 2);
    if (nv == 4 && groups > 1 && wide == 1) return (row_split){half_block, 2, 1};
    return (row_split){blocks[nv - 1], 1, groups};
}

/* tile[n][nv][VW] = rows a[0..n) of `depth` elements times a panel of nv vectors; `next_panel` is
 * wanted after it. */
static void multiply(const real *const *a, ptrdiff_t n, ptrdiff_t stride, ptrdiff_t depth,
                     const real *panel, int nv, const real *next_panel, real *tile) {
    const row_split split = split_rows(n, nv);
    ptrdiff_t cut = is_short(depth) ? first_half(depth) : split.count > 1 ? GROUP_DEPTH : depth;
    chain_start later = is_short(depth) ? ADD_CHAIN : RESUME_CHAIN;
    ptrdiff_t k = 0;
    do {
        ptrdiff_t length = min_of(cut, depth - k);
        const real *part = panel + k * nv * VW;
        /* Blocks of nearly equal height: 9 rows are 5 + 4, never 8 + 1. */
        for (ptrdiff_t b = 0, row = 0; b < split.count; b++) {
            ptrdiff_t next = (b + 1) * n / split.count;
            const real *at[MAX_ROWS];
            for (ptrdiff_t r = row; r < next; r++) at[r - row] = a[r] + k * stride;
            const char *ahead =
                (const char *)(k + length < depth ? part + length * nv * VW : next_panel);
            for (int half = 0; half < split.parts; half++) {
                ptrdiff_t vector = half * (nv / 2) * VW;
                split.block[next - row - 1](
                    length, at, stride, part + vector,
                    ahead + min_of(b * split.parts + half, nv - 1) * length * LINE_BYTES,
                    tile + row * nv * VW + vector, k > 0 ? later : BEGIN_CHAIN);
            }
            row = next;
        }
        k += length;
    } while (k < depth);
}
