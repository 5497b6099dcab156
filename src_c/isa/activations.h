/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The activations of a cell, with their derivatives as functions of the value y = act(a), which is
 * what a forward pass keeps; slopes.h has those.
 *
 *     linear        a                                     1
 *     relu          max(a, 0)                             y > 0
 *     relu6         min(max(a, 0), 6)                     0 < y < 6
 *     sigmoid       1 / (1 + exp(-a))                     y (1 - y)
 *     hard_sigmoid  min(max(a / 6 + 1/2, 0), 1)           1/6 where 0 < y < 1
 *     tanh                                                1 - y^2
 *     softsign      a / (1 + |a|)                         (1 - |y|)^2
 *     softplus      log(1 + exp(a))                       1 - exp(-y)
 *     exponential   exp(a)                                y
 *     elu           a where a > 0, else exp(a) - 1        1 where y > 0, else y + 1
 *     selu          S a where a > 0, else S A (exp(a) - 1)    S where y > 0, else y + S A
 *
 * and, with parameters,
 *     affine            alpha a + beta
 *     leaky_relu        a where a > 0, else alpha a
 *     thresholded_relu  a where a > alpha, else 0
 *     scaled_tanh       alpha tanh(beta a)
 *     hard_sigmoid_ab   max(0, min(1, alpha a + beta))
 *     elu_alpha         a where a > 0, else alpha (exp(a) - 1)
 *
 * elu: Clevert et al. 2016; selu: Klambauer et al. 2017, with their constants S and A.
 *
 * Expects: lanes.h, math.h.
 */
#define SELU_SCALE 1.0507009873554805
#define SELU_ALPHA 1.6732632423543772

#ifdef REAL_IS_DOUBLE
#define EXP_LOW -709
#define EXP_HIGH 710
#define LOG_TERMS 17
#else
#define EXP_LOW -88
#define EXP_HIGH 89
#define LOG_TERMS 8
#endif

INLINE vec one_minus(vec a) { return v_sub(v_set1(1), a); }

/* exp(a). The largest results have an n whose 2^n is infinite, so half of it is taken first. */
static inline vec v_exp(vec a) {
    vec x = v_max(v_set1(EXP_LOW), v_min(v_set1(EXP_HIGH), a));
    exp_parts e = exp_parts_of(x, 0.5);
    vec less = v_select_lt(x, v_zero(), v_zero(), v_set1(1));
    vec power = v_bits_shl(v_sub(e.shifted, less), MANTISSA_BITS);
    vec ratio = v_div(v_add(e.even, e.odd), v_sub(e.even, e.odd));
    return v_mul(v_mul(power, ratio), v_add(v_set1(1), less));
}

/* exp(a) - 1 for a <= 0 = ((2^n - 1) even + (2^n + 1) odd) / (even - odd): for small a n is 0 and
 * nothing cancels, as in the double tanh of math.h. */
static inline vec v_expm1_below_zero(vec a) {
    exp_parts e = exp_parts_of(v_max(v_set1(EXP_LOW), a), 0.5);
    vec below = one_minus(e.power);
    vec above = v_add(e.power, v_set1(1));
    return v_div(v_fnma(below, e.even, v_mul(above, e.odd)), v_sub(e.even, e.odd));
}

/* log(1 + u) for -1/2 <= u <= 1 = 2 artanh(s), s = u / (2 + u), |s| <= 1/3, by the series
 * s (2 + 2/3 s^2 + 2/5 s^4 + ...). */
static inline vec v_log1p_unit(vec u) {
    vec s = v_div(u, v_add(v_set1(2), u));
    vec z = v_mul(s, s);
    vec sum = v_zero();
    UNROLL
    for (int k = LOG_TERMS; k >= 0; k--) sum = v_fma(sum, z, v_set1((real)2 / (real)(2 * k + 1)));
    return v_mul(s, sum);
}

INLINE vec v_relu(vec a) { return v_select_lt(a, v_zero(), v_zero(), a); }

static inline vec v_hard_sigmoid(vec a) {
    vec line = v_add(v_div(a, v_set1(6)), v_set1((real)0.5));
    return v_max(v_zero(), v_min(v_set1(1), line));
}

/* log(1 + exp(a)) = max(a, 0) + log(1 + exp(-|a|)) */
static inline vec v_softplus(vec a) {
    return v_add(v_max(v_zero(), a), v_log1p_unit(v_exp(v_sub(v_zero(), v_abs(a)))));
}

/* The bound is so large that adding 1 does not change it, and its quotient is 1. */
static inline vec v_softsign(vec a) {
    vec size = v_min(v_set1(0x1p100f), v_abs(a));
    return v_copysign(v_div(size, v_add(v_set1(1), size)), a);
}

/* `positive` * a where a > 0, else `negative` * (exp(a) - 1) */
INLINE vec exponential_unit(vec a, const real positive, const real negative) {
    vec low = v_mul(v_set1(negative), v_expm1_below_zero(v_min(v_zero(), a)));
    return v_select_lt(v_zero(), a, v_mul(v_set1(positive), a), low);
}

INLINE vec leaky_relu(vec a, const real alpha) {
    return v_select_lt(v_zero(), a, a, v_mul(v_set1(alpha), a));
}

/* Below the threshold a NaN stays one. */
INLINE vec thresholded_relu(vec a, const real alpha) {
    return v_select_lt(v_set1(alpha), a, a, v_min(v_zero(), v_max(v_zero(), a)));
}

INLINE vec affine(vec a, const real alpha, const real beta) {
    return v_fma(v_set1(alpha), a, v_set1(beta));
}

/* An activation by its kind; where that is a constant, only its own code. */
INLINE vec activation_of(const int kind, const real alpha, const real beta, vec a) {
    switch (kind) {
    case FASTRNN_RELU:
        return v_relu(a);
    case FASTRNN_SIGMOID:
        return v_sigmoid(a);
    case FASTRNN_HARD_SIGMOID:
        return v_hard_sigmoid(a);
    case FASTRNN_LINEAR:
        return a;
    case FASTRNN_ELU:
        return exponential_unit(a, 1, 1);
    case FASTRNN_SOFTPLUS:
        return v_softplus(a);
    case FASTRNN_SOFTSIGN:
        return v_softsign(a);
    case FASTRNN_SELU:
        return exponential_unit(a, (real)SELU_SCALE, (real)(SELU_SCALE * SELU_ALPHA));
    case FASTRNN_EXPONENTIAL:
        return v_exp(a);
    case FASTRNN_RELU6:
        return v_min(v_set1(6), v_relu(a));
    case FASTRNN_AFFINE:
        return affine(a, alpha, beta);
    case FASTRNN_LEAKY_RELU:
        return leaky_relu(a, alpha);
    case FASTRNN_THRESHOLDED_RELU:
        return thresholded_relu(a, alpha);
    case FASTRNN_SCALED_TANH:
        return v_mul(v_set1(alpha), v_tanh(v_mul(v_set1(beta), a)));
    case FASTRNN_HARD_SIGMOID_AB:
        return v_max(v_zero(), v_min(v_set1(1), affine(a, alpha, beta)));
    case FASTRNN_ELU_ALPHA:
        return exponential_unit(a, 1, alpha);
    default:
        return v_tanh(a);
    }
}
