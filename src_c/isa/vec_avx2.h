/* SPDX-License-Identifier: Apache-2.0 */
/* Vector vocabulary for AVX2 with FMA; see vec_scalar.h for the words. */
#ifndef FASTRNN_VEC_H
#define FASTRNN_VEC_H

#include "real.h"

#ifndef __x86_64__
#define NOT_BUILT
#endif

#ifndef NOT_BUILT

#define ISA FASTRNN_ISA_AVX2
#define ISA_NAME avx2

#include <immintrin.h>

#define TARGET_REGION
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#define ACC_REGISTERS 12

#ifndef REAL_IS_DOUBLE

typedef __m256 vec;
#define VW 8

/* The first n lanes set, by a window into a row of ones before zeros. */
static inline __m256i v_part(ptrdiff_t n) {
    static const int32_t window[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
    return _mm256_loadu_si256((const __m256i *)(const void *)(window + VW - n));
}
static inline vec v_load(const real *p) { return _mm256_loadu_ps(p); }
static inline void v_store(real *p, vec a) { _mm256_storeu_ps(p, a); }
static inline vec v_load_part(const real *p, ptrdiff_t n) {
    return _mm256_maskload_ps(p, v_part(n));
}
static inline void v_store_part(real *p, vec a, ptrdiff_t n) {
    _mm256_maskstore_ps(p, v_part(n), a);
}
static inline vec v_set1(real x) { return _mm256_set1_ps(x); }
static inline vec v_zero(void) { return _mm256_setzero_ps(); }
static inline vec v_add(vec a, vec b) { return _mm256_add_ps(a, b); }
static inline vec v_sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
static inline vec v_mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
static inline vec v_div(vec a, vec b) { return _mm256_div_ps(a, b); }
static inline vec v_min(vec a, vec b) { return _mm256_min_ps(a, b); }
static inline vec v_max(vec a, vec b) { return _mm256_max_ps(a, b); }
static inline vec v_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
static inline vec v_fnma(vec a, vec b, vec c) { return _mm256_fnmadd_ps(a, b, c); }
static inline vec v_abs(vec a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
static inline vec v_copysign(vec a, vec s) {
    return _mm256_or_ps(v_abs(a), _mm256_and_ps(_mm256_set1_ps(-0.0f), s));
}
static inline vec v_select_lt(vec a, vec b, vec x, vec y) {
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
static inline vec v_bits_shl(vec a, int n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a), n));
}
static inline vec v_exponent(vec a) {
    __m256 biased = _mm256_cvtepi32_ps(_mm256_srli_epi32(_mm256_castps_si256(a), 23));
    return _mm256_sub_ps(biased, _mm256_set1_ps(127));
}
static inline vec v_mantissa(vec a) {
    __m256 low = _mm256_castsi256_ps(_mm256_set1_epi32(0x007fffff));
    return _mm256_or_ps(_mm256_and_ps(a, low), _mm256_set1_ps(1));
}

#else

typedef __m256d vec;
#define VW 4

static inline __m256i v_part(ptrdiff_t n) {
    static const int64_t window[8] = {-1, -1, -1, -1, 0, 0, 0, 0};
    return _mm256_loadu_si256((const __m256i *)(const void *)(window + VW - n));
}
static inline vec v_load(const real *p) { return _mm256_loadu_pd(p); }
static inline void v_store(real *p, vec a) { _mm256_storeu_pd(p, a); }
static inline vec v_load_part(const real *p, ptrdiff_t n) {
    return _mm256_maskload_pd(p, v_part(n));
}
static inline void v_store_part(real *p, vec a, ptrdiff_t n) {
    _mm256_maskstore_pd(p, v_part(n), a);
}
static inline vec v_set1(real x) { return _mm256_set1_pd(x); }
static inline vec v_zero(void) { return _mm256_setzero_pd(); }
static inline vec v_add(vec a, vec b) { return _mm256_add_pd(a, b); }
static inline vec v_sub(vec a, vec b) { return _mm256_sub_pd(a, b); }
static inline vec v_mul(vec a, vec b) { return _mm256_mul_pd(a, b); }
static inline vec v_div(vec a, vec b) { return _mm256_div_pd(a, b); }
static inline vec v_min(vec a, vec b) { return _mm256_min_pd(a, b); }
static inline vec v_max(vec a, vec b) { return _mm256_max_pd(a, b); }
static inline vec v_fma(vec a, vec b, vec c) { return _mm256_fmadd_pd(a, b, c); }
static inline vec v_fnma(vec a, vec b, vec c) { return _mm256_fnmadd_pd(a, b, c); }
static inline vec v_abs(vec a) { return _mm256_andnot_pd(_mm256_set1_pd(-0.0), a); }
static inline vec v_copysign(vec a, vec s) {
    return _mm256_or_pd(v_abs(a), _mm256_and_pd(_mm256_set1_pd(-0.0), s));
}
static inline vec v_select_lt(vec a, vec b, vec x, vec y) {
    return _mm256_blendv_pd(y, x, _mm256_cmp_pd(a, b, _CMP_LT_OQ));
}
static inline vec v_bits_shl(vec a, int n) {
    return _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(a), n));
}
/* The biased exponent as the low bits of 2^52: there is no conversion from 64-bit integers. */
static inline vec v_exponent(vec a) {
    __m256d biased = _mm256_castsi256_pd(_mm256_srli_epi64(_mm256_castpd_si256(a), 52));
    return _mm256_sub_pd(_mm256_or_pd(biased, _mm256_set1_pd(0x1p52)),
                         _mm256_set1_pd(0x1p52 + 1023));
}
static inline vec v_mantissa(vec a) {
    __m256d low = _mm256_castsi256_pd(_mm256_set1_epi64x(0x000fffffffffffff));
    return _mm256_or_pd(_mm256_and_pd(a, low), _mm256_set1_pd(1));
}

#endif
#endif
#endif
