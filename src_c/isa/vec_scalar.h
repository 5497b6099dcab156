/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vector vocabulary, width 1: plain C for any machine.
 *
 * Every vec_<isa>.h defines the same names for the element type `real` (float,
 * or double when REAL_IS_DOUBLE is defined):
 *
 *   vec, VW            a vector and its number of lanes
 *   ACC_REGISTERS      how many vectors a product may keep as accumulators
 *   v_load, v_store    unaligned, all lanes; v_load_part, v_store_part: the
 *                      first n lanes (0 < n <= VW), the rest zero or untouched
 *   v_set1, v_zero     one value in all lanes
 *   v_add v_sub v_mul v_div v_min v_max v_abs
 *   v_fma(a,b,c)       a*b + c;  v_fnma(a,b,c)  c - a*b
 *   v_copysign(a,s)    magnitude of a, sign of s
 *   v_select_lt(a,b,x,y)   a < b ? x : y in each lane (NaN chooses y)
 *   v_bits_shl(a,n)    the lanes' bit patterns shifted left by n
 *   v_exponent, v_mantissa   of a positive normal a = mantissa 2^exponent, 1 <= mantissa < 2
 *
 * v_min(a,b) and v_max(a,b) return b when either is NaN, as minps does.
 */
#ifndef FASTRNN_VEC_H
#define FASTRNN_VEC_H

#include "real.h"

#define ISA FASTRNN_ISA_SCALAR
#define ISA_NAME scalar

#include <string.h>

typedef real vec;
#define VW 1
#define ACC_REGISTERS 8

static inline vec v_load(const real *p) { return *p; }
static inline void v_store(real *p, vec a) { *p = a; }
static inline vec v_load_part(const real *p, ptrdiff_t n) {
    (void)n;
    return *p;
}
static inline void v_store_part(real *p, vec a, ptrdiff_t n) {
    (void)n;
    *p = a;
}
static inline vec v_set1(real x) { return x; }
static inline vec v_zero(void) { return 0; }
static inline vec v_add(vec a, vec b) { return a + b; }
static inline vec v_sub(vec a, vec b) { return a - b; }
static inline vec v_mul(vec a, vec b) { return a * b; }
static inline vec v_div(vec a, vec b) { return a / b; }
static inline vec v_min(vec a, vec b) { return a < b ? a : b; }
static inline vec v_max(vec a, vec b) { return a > b ? a : b; }
static inline vec v_fma(vec a, vec b, vec c) { return a * b + c; }
static inline vec v_fnma(vec a, vec b, vec c) { return c - a * b; }
static inline vec v_select_lt(vec a, vec b, vec x, vec y) { return a < b ? x : y; }

#ifdef REAL_IS_DOUBLE
typedef uint64_t v_bits;
#define V_SIGN UINT64_C(0x8000000000000000)
#define V_EXPONENT 52
#define V_BIAS 1023
#else
typedef uint32_t v_bits;
#define V_SIGN UINT32_C(0x80000000)
#define V_EXPONENT 23
#define V_BIAS 127
#endif

static inline v_bits v_to_bits(vec a) {
    v_bits u;
    memcpy(&u, &a, sizeof u);
    return u;
}
static inline vec v_from_bits(v_bits u) {
    vec a;
    memcpy(&a, &u, sizeof a);
    return a;
}
static inline vec v_abs(vec a) { return v_from_bits(v_to_bits(a) & ~V_SIGN); }
static inline vec v_copysign(vec a, vec s) {
    return v_from_bits((v_to_bits(a) & ~V_SIGN) | (v_to_bits(s) & V_SIGN));
}
static inline vec v_bits_shl(vec a, int n) { return v_from_bits(v_to_bits(a) << n); }
static inline vec v_exponent(vec a) { return (vec)((int)(v_to_bits(a) >> V_EXPONENT) - V_BIAS); }
static inline vec v_mantissa(vec a) {
    const v_bits low = ((v_bits)1 << V_EXPONENT) - 1, one = (v_bits)V_BIAS << V_EXPONENT;
    return v_from_bits((v_to_bits(a) & low) | one);
}

#undef V_SIGN
#undef V_EXPONENT
#undef V_BIAS

#endif
