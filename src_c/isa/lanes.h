/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole and part vectors, and what every template uses. Where n is the constant VW, only the code
 * of whole vectors is compiled.
 *
 * Expects: the vector vocabulary.
 */

#define INLINE static inline __attribute__((always_inline))

/* An array of vectors lives in registers only if every loop over it is unrolled. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

INLINE ptrdiff_t min_of(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

INLINE real *row_at(const char *base, ptrdiff_t stride, ptrdiff_t row, ptrdiff_t unit) {
    return (real *)(void *)(base + row * stride) + unit;
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
