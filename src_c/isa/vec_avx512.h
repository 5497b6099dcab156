/* SPDX-License-Identifier: Apache-2.0 */
/* Vector vocabulary for AVX-512 (F, DQ, BW, VL); see vec_scalar.h for the words. */
#ifndef FASTRNN_VEC_H
#define FASTRNN_VEC_H

#include "real.h"

#ifndef __x86_64__
#define NOT_BUILT
#endif

#ifndef NOT_BUILT

#define ISA FASTRNN_ISA_AVX512
#define ISA_NAME avx512

#include <immintrin.h>

#define TARGET_REGION
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,fma")
#endif

#define ACC_REGISTERS 24

#ifndef REAL_IS_DOUBLE

typedef __m512 vec;
#define VW 16

static inline __mmask16 v_part(ptrdiff_t n) { return (__mmask16)((1u << n) - 1); }
static inline vec v_load(const real *p) { return _mm512_loadu_ps(p); }
static inline void v_store(real *p, vec a) { _mm512_storeu_ps(p, a); }
static inline vec v_load_part(const real *p, ptrdiff_t n) {
    return _mm512_maskz_loadu_ps(v_part(n), p);
}
static inline void v_store_part(real *p, vec a, ptrdiff_t n) {
    _mm512_mask_storeu_ps(p, v_part(n), a);
}
static inline vec v_set1(real x) { return _mm512_set1_ps(x); }
static inline vec v_zero(void) { return _mm512_setzero_ps(); }
static inline vec v_add(vec a, vec b) { return _mm512_add_ps(a, b); }
static inline vec v_sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
static inline vec v_mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
static inline vec v_div(vec a, vec b) { return _mm512_div_ps(a, b); }
static inline vec v_min(vec a, vec b) { return _mm512_min_ps(a, b); }
static inline vec v_max(vec a, vec b) { return _mm512_max_ps(a, b); }
static inline vec v_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
static inline vec v_fnma(vec a, vec b, vec c) { return _mm512_fnmadd_ps(a, b, c); }
static inline vec v_abs(vec a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
static inline vec v_copysign(vec a, vec s) {
    return _mm512_or_ps(v_abs(a), _mm512_and_ps(_mm512_set1_ps(-0.0f), s));
}
static inline vec v_select_lt(vec a, vec b, vec x, vec y) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}
static inline vec v_bits_shl(vec a, int n) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a), (unsigned)n));
}
static inline vec v_exponent(vec a) { return _mm512_getexp_ps(a); }
static inline vec v_mantissa(vec a) {
    return _mm512_getmant_ps(a, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
}

#else

typedef __m512d vec;
#define VW 8

static inline __mmask8 v_part(ptrdiff_t n) { return (__mmask8)((1u << n) - 1); }
static inline vec v_load(const real *p) { return _mm512_loadu_pd(p); }
static inline void v_store(real *p, vec a) { _mm512_storeu_pd(p, a); }
static inline vec v_load_part(const real *p, ptrdiff_t n) {
    return _mm512_maskz_loadu_pd(v_part(n), p);
}
static inline void v_store_part(real *p, vec a, ptrdiff_t n) {
    _mm512_mask_storeu_pd(p, v_part(n), a);
}
static inline vec v_set1(real x) { return _mm512_set1_pd(x); }
static inline vec v_zero(void) { return _mm512_setzero_pd(); }
static inline vec v_add(vec a, vec b) { return _mm512_add_pd(a, b); }
static inline vec v_sub(vec a, vec b) { return _mm512_sub_pd(a, b); }
static inline vec v_mul(vec a, vec b) { return _mm512_mul_pd(a, b); }
static inline vec v_div(vec a, vec b) { return _mm512_div_pd(a, b); }
static inline vec v_min(vec a, vec b) { return _mm512_min_pd(a, b); }
static inline vec v_max(vec a, vec b) { return _mm512_max_pd(a, b); }
static inline vec v_fma(vec a, vec b, vec c) { return _mm512_fmadd_pd(a, b, c); }
static inline vec v_fnma(vec a, vec b, vec c) { return _mm512_fnmadd_pd(a, b, c); }
static inline vec v_abs(vec a) { return _mm512_andnot_pd(_mm512_set1_pd(-0.0), a); }
static inline vec v_copysign(vec a, vec s) {
    return _mm512_or_pd(v_abs(a), _mm512_and_pd(_mm512_set1_pd(-0.0), s));
}
static inline vec v_select_lt(vec a, vec b, vec x, vec y) {
    return _mm512_mask_blend_pd(_mm512_cmp_pd_mask(a, b, _CMP_LT_OQ), y, x);
}
static inline vec v_bits_shl(vec a, int n) {
    return _mm512_castsi512_pd(_mm512_slli_epi64(_mm512_castpd_si512(a), (unsigned)n));
}
static inline vec v_exponent(vec a) { return _mm512_getexp_pd(a); }
static inline vec v_mantissa(vec a) {
    return _mm512_getmant_pd(a, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
}

#endif
#endif
#endif
