/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tanh and the logistic sigmoid of a vector, each with one division.
 *
 * Largest error in ULP; the bound that tests/test_math.c holds them to is 4:
 *                 f32, all 2^32 values       f64, 4e7 samples
 *                 fused v_fma   scalar       fused v_fma   scalar
 *     tanh        3.01          3.41         3.63          3.65
 *     sigmoid     2.43          2.43         2.35          2.35
 * The fused instruction sets (AVX2, AVX-512, NEON) agree bit for bit.
 *
 * NaN gives NaN: the bound is the first operand of v_min and v_max, which return the second then.
 * |tanh| <= 1, 0 <= sigmoid <= 1, the limits are reached exactly; tanh is odd, with tanh(-0) = -0.
 *
 * Each quotient is multiplied above and below by a constant a little under 2. A rounding costs
 * twice as much, relative to its value, just above a power of two as just below the next, and
 * without the constant many of the sums would be just above 1.
 */

/*
 * exp(2 m x) = 2^n (even + odd) / (even - odd),  n an integer, m a power of two up to its sign:
 *
 *     m x = n ln2 / 2 + m r,  |m r| <= ln2 / 4       r = x - n ln2 / (2 m)
 *     odd / even = tanh(m r)                         exp(2 y) = (1 + tanh y) / (1 - tanh y)
 *
 * Adding ROUNDER rounds 2 m x log2(e) to the integer n and leaves n + bias in the low bits of the
 * sum, from where a shift makes it the exponent of 2^n. n = -bias gives 0, n = bias + 1 infinity.
 * ln2 is split so that n * LN2_HIGH is exact also where v_fma rounds the product.
 *
 * The ratio is a minimax rational function for |y| <= ln2 / 4, its constant terms held at 1,
 *     tanh y = y (1 + b1 y^2 + b2 y^4) / (1 + a1 y^2 + a2 y^4)
 * with a relative error of 2^-57; in f32, without a2 and b2, 2^-30.
 */
#ifdef REAL_IS_DOUBLE
#define LOG2_E 0x1.71547652b82fep+0
#define LN2_HIGH 0x1.62e42fep-1 /* 28 bits */
#define LN2_LOW 0x1.f473de6af278fp-30
#define MANTISSA_BITS 52
#define ROUNDER (0x1.8p52 + 1023)
#else
#define LOG2_E 0x1.715476p+0
#define LN2_HIGH 0x1.62e4p-1 /* 16 bits */
#define LN2_LOW 0x1.7f7d1cp-20
#define MANTISSA_BITS 23
#define ROUNDER (0x1.8p23 + 127)
#endif

#define EXP_SCALE (53.0 / 32)

typedef struct {
    vec shifted; /* n + ROUNDER */
    vec power;   /* 2^n */
    vec even;
    vec odd;
} exp_parts;

static inline exp_parts exp_parts_of(vec x, const double m) {
    vec shifted = v_fma(x, v_set1((real)(2 * m * LOG2_E)), v_set1((real)ROUNDER));
    vec n = v_sub(shifted, v_set1((real)ROUNDER));
    vec r = v_fnma(n, v_set1((real)(LN2_HIGH / (2 * m))), x);
    r = v_fnma(n, v_set1((real)(LN2_LOW / (2 * m))), r);
    vec z = v_mul(r, r); /* the powers of m are in the coefficients */
#define EVEN(power, coefficient) v_set1((real)(EXP_SCALE * (power) * (coefficient)))
#define ODD(power, coefficient) v_set1((real)(EXP_SCALE * (power)*m * (coefficient)))
#ifdef REAL_IS_DOUBLE
    vec a = v_fma(z, EVEN(m * m * m * m, 0.015868315777446955), EVEN(m * m, 0.44443269278808287));
    vec b = v_fma(z, ODD(m * m * m * m, 0.0010574181795450545), ODD(m * m, 0.11109935945475533));
#else
    vec a = EVEN(m * m, 0.39992011692250030);
    vec b = ODD(m * m, 0.066587029977339332);
#endif
    exp_parts e;
    e.shifted = shifted;
    e.power = v_bits_shl(shifted, MANTISSA_BITS);
    e.even = v_fma(z, a, EVEN(1, 1));
    e.odd = v_mul(r, v_fma(z, b, ODD(1, 1)));
#undef EVEN
#undef ODD
    return e;
}

/*
 * sigmoid(x) = 1 / (1 + exp(-x)) = (even - odd) / ((even - odd) + 2^n (even + odd)),  m = -1/2
 *
 * No term cancels, so small results keep their relative accuracy. The bounds are where 2^n is
 * infinity, which makes the result 0, and where it is 0, which makes it 1; further out n + bias
 * would leave the exponent's bits.
 */
#ifdef REAL_IS_DOUBLE
#define SIGMOID_LOW -710
#define SIGMOID_HIGH 709
#else
#define SIGMOID_LOW -89
#define SIGMOID_HIGH 88
#endif

static inline vec v_sigmoid(vec x) {
    x = v_max(v_set1(SIGMOID_LOW), v_min(v_set1(SIGMOID_HIGH), x));
    exp_parts e = exp_parts_of(x, -0.5);
    vec low = v_sub(e.even, e.odd);
    return v_div(low, v_fma(e.power, v_add(e.even, e.odd), low));
}

#ifdef REAL_IS_DOUBLE

/*
 * tanh(x) = (2^n (even + odd) - (even - odd)) / (2^n (even + odd) + (even - odd)),  m = 1
 *         = ((2^n - 1) even + (2^n + 1) odd) / ((2^n + 1) even + (2^n - 1) odd)
 *
 * The second form has nothing to cancel where n = 0, that is near zero. From n = 54 on 2^n - 1 and
 * 2^n + 1 both round to 2^n and the quotient is 1.
 */
static inline vec v_tanh(vec x) {
    x = v_max(v_set1(-20), v_min(v_set1(20), x));
    exp_parts e = exp_parts_of(x, 1);
    vec above = v_add(e.power, v_set1(1));
    vec below = v_sub(v_set1(1), e.power); /* so that -0 survives: -0 - 0 * even = -0 */
    return v_div(v_fnma(below, e.even, v_mul(above, e.odd)),
                 v_fnma(below, e.odd, v_mul(above, e.even)));
}

#else

/*
 * tanh(x) = 2 t / (1 + t^2) = 2 u q / (u^2 + q^2),  t = tanh(x / 2) = u / q
 *
 * The doubling damps an error of t by 1 / cosh(x), so that a rational function of low degree
 * serves the whole range:
 *
 *     u = a (1 + u1 a^2 + u2 a^4),  q = 2 + q1 a^2 + q2 a^4 + q3 a^6,  a = min(|x|, TANH_BOUND)
 *
 * minimax for the relative error of tanh, 2^-26.9 on [0, 9.1]. 2 u q <= u^2 + q^2, but rounded
 * they may come to 1 + 2^-23, hence the last v_min. tanh(TANH_BOUND) rounds to 1, and so does the
 * quotient there, with v_fma fused or not: that depends on every constant here.
 */
#define TANH_BOUND 9.015625f
#define TANH_SCALE (1897.0 / 1024)
#define COEFFICIENT(c) v_set1((real)(TANH_SCALE * (c)))

static inline vec v_tanh(vec x) {
    vec a = v_min(v_set1(TANH_BOUND), v_abs(x));
    vec z = v_mul(a, a);
    vec u = v_fma(z, COEFFICIENT(0.00011408427499459094), COEFFICIENT(0.029765579269123283));
    vec q = v_fma(z, COEFFICIENT(2.4512763215002547e-06), COEFFICIENT(0.0024113987949502236));
    u = v_fma(z, u, COEFFICIENT(1));
    q = v_fma(z, q, COEFFICIENT(0.22619772607249235));
    u = v_mul(a, u);
    q = v_fma(z, q, COEFFICIENT(2));
    vec above = v_mul(v_add(u, u), q);
    vec below = v_fma(q, q, v_mul(u, u));
    return v_copysign(v_min(v_set1(1), v_div(above, below)), x);
}

#undef COEFFICIENT

#endif
