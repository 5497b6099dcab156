/* SPDX-License-Identifier: Apache-2.0 */
/* Vector vocabulary for aarch64 NEON; see vec_scalar.h for the words. */
#ifndef FASTRNN_VEC_H
#define FASTRNN_VEC_H

#include "real.h"

#ifndef __aarch64__
#define NOT_BUILT
#endif

#ifndef NOT_BUILT

#define ISA FASTRNN_ISA_NEON
#define ISA_NAME neon

#include <arm_neon.h>

#define ACC_REGISTERS 24

#ifndef REAL_IS_DOUBLE

typedef float32x4_t vec;
#define VW 4

static inline vec v_load(const real *p) { return vld1q_f32(p); }
static inline void v_store(real *p, vec a) { vst1q_f32(p, a); }
static inline vec v_set1(real x) { return vdupq_n_f32(x); }
static inline vec v_zero(void) { return vdupq_n_f32(0); }
static inline vec v_add(vec a, vec b) { return vaddq_f32(a, b); }
static inline vec v_sub(vec a, vec b) { return vsubq_f32(a, b); }
static inline vec v_mul(vec a, vec b) { return vmulq_f32(a, b); }
static inline vec v_div(vec a, vec b) { return vdivq_f32(a, b); }
static inline vec v_select_lt(vec a, vec b, vec x, vec y) {
    return vbslq_f32(vcltq_f32(a, b), x, y);
}
static inline vec v_fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
static inline vec v_fnma(vec a, vec b, vec c) { return vfmsq_f32(c, a, b); }
static inline vec v_abs(vec a) { return vabsq_f32(a); }
static inline vec v_copysign(vec a, vec s) {
    return vbslq_f32(vdupq_n_u32(UINT32_C(0x80000000)), s, a);
}
static inline vec v_bits_shl(vec a, int n) {
    return vreinterpretq_f32_u32(vshlq_u32(vreinterpretq_u32_f32(a), vdupq_n_s32(n)));
}
static inline vec v_exponent(vec a) {
    float32x4_t biased = vcvtq_f32_u32(vshrq_n_u32(vreinterpretq_u32_f32(a), 23));
    return vsubq_f32(biased, vdupq_n_f32(127));
}
static inline vec v_mantissa(vec a) {
    return vbslq_f32(vdupq_n_u32(UINT32_C(0x007fffff)), a, vdupq_n_f32(1));
}

#else

typedef float64x2_t vec;
#define VW 2

static inline vec v_load(const real *p) { return vld1q_f64(p); }
static inline void v_store(real *p, vec a) { vst1q_f64(p, a); }
static inline vec v_set1(real x) { return vdupq_n_f64(x); }
static inline vec v_zero(void) { return vdupq_n_f64(0); }
static inline vec v_add(vec a, vec b) { return vaddq_f64(a, b); }
static inline vec v_sub(vec a, vec b) { return vsubq_f64(a, b); }
static inline vec v_mul(vec a, vec b) { return vmulq_f64(a, b); }
static inline vec v_div(vec a, vec b) { return vdivq_f64(a, b); }
static inline vec v_select_lt(vec a, vec b, vec x, vec y) {
    return vbslq_f64(vcltq_f64(a, b), x, y);
}
static inline vec v_fma(vec a, vec b, vec c) { return vfmaq_f64(c, a, b); }
static inline vec v_fnma(vec a, vec b, vec c) { return vfmsq_f64(c, a, b); }
static inline vec v_abs(vec a) { return vabsq_f64(a); }
static inline vec v_copysign(vec a, vec s) {
    return vbslq_f64(vdupq_n_u64(UINT64_C(0x8000000000000000)), s, a);
}
static inline vec v_bits_shl(vec a, int n) {
    return vreinterpretq_f64_u64(vshlq_u64(vreinterpretq_u64_f64(a), vdupq_n_s64(n)));
}
static inline vec v_exponent(vec a) {
    float64x2_t biased = vcvtq_f64_u64(vshrq_n_u64(vreinterpretq_u64_f64(a), 52));
    return vsubq_f64(biased, vdupq_n_f64(1023));
}
static inline vec v_mantissa(vec a) {
    return vbslq_f64(vdupq_n_u64(UINT64_C(0x000fffffffffffff)), a, vdupq_n_f64(1));
}

#endif

/* NEON's own min and max hand NaN on from either side; the vocabulary wants
 * the second operand then. */
static inline vec v_min(vec a, vec b) { return v_select_lt(a, b, a, b); }
static inline vec v_max(vec a, vec b) { return v_select_lt(b, a, a, b); }

/* NEON has no masked access: part of a vector goes through a small buffer. */
static inline vec v_load_part(const real *p, ptrdiff_t n) {
    real buffer[VW] = {0};
    for (ptrdiff_t i = 0; i < n; i++) buffer[i] = p[i];
    return v_load(buffer);
}
static inline void v_store_part(real *p, vec a, ptrdiff_t n) {
    real buffer[VW];
    v_store(buffer, a);
    for (ptrdiff_t i = 0; i < n; i++) p[i] = buffer[i];
}

#endif
#endif
