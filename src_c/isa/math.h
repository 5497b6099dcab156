/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tanh and the logistic sigmoid of a vector.
 *
 * Both end in one division. NaN passes through: the bounds stand first in v_min and v_max.
 */

#ifdef REAL_IS_DOUBLE
#define LOG2_E 0x1.71547652b82fep+0
#define LN2_HIGH 0x1.62e42fep-1
#define LN2_LOW 0x1.efa39ef35793cp-33
#define MANTISSA_BITS 52
#define ROUNDER (0x1.8p52 + 1023)
#define SIGMOID_LOW -710
#define SIGMOID_HIGH 708
#else
#define LOG2_E 0x1.715476p+0f
#define LN2_HIGH 0x1.62e4p-1f
#define LN2_LOW 0x1.7f7d1cp-20f
#define MANTISSA_BITS 23
#define ROUNDER (0x1.8p23f + 127)
#define SIGMOID_LOW -89
#define SIGMOID_HIGH 88
#endif

typedef struct {
    vec scale;
    vec even;
    vec odd;
} exp_parts;

static inline exp_parts v_exp_parts(vec x, const real m) {
    vec shifted = v_fma(x, v_set1(2 * m * LOG2_E), v_set1(ROUNDER));
    vec n = v_sub(shifted, v_set1(ROUNDER));
    vec r = v_fnma(n, v_set1(LN2_HIGH / (2 * m)), x);
    r = v_fnma(n, v_set1(LN2_LOW / (2 * m)), r);
    vec z = v_mul(r, r);
    const real m2 = m * m;
    exp_parts e;
#ifdef REAL_IS_DOUBLE
    vec a = v_fma(z, v_set1((real)0.015868315777446954765 * m2 * m2),
                  v_set1((real)0.44443269278808287492 * m2));
    vec b = v_fma(z, v_set1((real)0.0010574181795450544793 * m2 * m2 * m),
                  v_set1((real)0.11109935945475532588 * m2 * m));
#else
    vec a = v_set1(0.39992011692250029531f * m2);
    vec b = v_set1(0.066587029977339331592f * m2 * m);
#endif
    e.even = v_fma(z, a, v_set1(1));
    e.odd = v_mul(r, v_fma(z, b, v_set1(m)));
    e.scale = v_bits_shl(shifted, MANTISSA_BITS);
    return e;
}

static inline vec v_sigmoid(vec x) {
    x = v_max(v_set1(SIGMOID_LOW), v_min(v_set1(SIGMOID_HIGH), x));
    exp_parts e = v_exp_parts(x, (real)-0.5);
    vec low = v_sub(e.even, e.odd);
    return v_div(low, v_fma(e.scale, v_add(e.even, e.odd), low));
}

#ifdef REAL_IS_DOUBLE

static inline vec v_tanh(vec x) {
    x = v_max(v_set1(-20), v_min(v_set1(20), x));
    exp_parts e = v_exp_parts(x, 1);
    vec sum = v_add(e.scale, v_set1(1));
    vec fall = v_sub(v_set1(1), e.scale);
    return v_div(v_fnma(fall, e.even, v_mul(sum, e.odd)),
                 v_fnma(fall, e.odd, v_mul(sum, e.even)));
}

#else

#ifndef TANH_MAX
#define TANH_MAX 9.02f
#endif
static inline vec v_tanh(vec x) {
    x = v_max(v_set1(-TANH_MAX), v_min(v_set1(TANH_MAX), x));
    vec z = v_mul(x, x);
    vec z2 = v_mul(z, z);
    vec p = v_fma(z, v_set1(2.0583494960846214e-05f), v_set1(0.0034940354833775866f));
    vec q = v_fma(z, v_set1(0.00032830942860547917f), v_set1(0.025871076807614125f));
    p = v_fma(z2, v_set1(1.3319087926631993e-08f), p);
    q = v_fma(z2, v_set1(7.76202662821594e-07f), q);
    p = v_fma(z2, p, v_fma(z, v_set1(0.13379718748745434f), v_set1(1)));
    q = v_fma(z2, q, v_fma(z, v_set1(0.467130339911274f), v_set1(1)));
    return v_div(v_mul(x, p), q);
}

#endif
