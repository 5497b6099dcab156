/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The activations that only arrays have; those of the cells are in activations.h.
 *
 * gelu: Hendrycks and Gimpel 2016; silu: Ramachandran et al. 2017; mish: Misra 2019.
 *
 * Expects: activations.h, slopes.h.
 */

/* An activation's value and slope. */
typedef struct {
    vec y;
    vec slope;
} valued;

/* sum of c[j] x^j, highest first */
INLINE vec polynomial(vec x, const int terms, const real *c) {
    vec sum = v_set1(c[0]);
    UNROLL
    for (int j = 1; j < terms; j++) sum = v_fma(sum, x, v_set1(c[j]));
    return sum;
}

/*
 * Phi(-t) = exp(-t^2 / 2) M(t) for t >= 0, and M = P / Q: a rational function near minimax for its
 * relative error, 2^-27 on [0, 15] in f32, 2^-60 on [0, 39] in f64. All its coefficients are
 * positive, so that nothing cancels. At NORMAL_END exp(-t^2 / 2) is 0.
 */
#ifdef REAL_IS_DOUBLE
#define NORMAL_END 37.65
#define SPLITTER (0x1p27 + 1)
#define MILLS_TERMS 11
static const real mills_above[MILLS_TERMS] = {2.240899737773539609e-7,
                                              6.973545293474838232e-6,
                                              0.0001065416739618590621,
                                              0.001039462154570825314,
                                              0.007121432148648838556,
                                              0.03566186452320727639,
                                              0.1320285875663926426,
                                              0.3573086476076309094,
                                              0.6795615699770532617,
                                              0.8278940314616301565,
                                              0.5};
static const real mills_below[MILLS_TERMS + 1] = {
    5.617102643315060403e-7, 0.00001748008580707391515, 0.0002676220826404695486,
    0.002623025313068004403, 0.01811672012246398274,    0.09196162328839741239,
    0.3482688629477296759,   0.9799948481633585551,     2.001280099998882419,
    2.816870643689832866,    2.453672623726125883,      1};
#else
#define NORMAL_END 13.25
#define SPLITTER (0x1p12 + 1)
#define MILLS_TERMS 5
static const real mills_above[MILLS_TERMS] = {0.0041516513378942735f, 0.040871094769852801f,
                                              0.18394044650444916f, 0.43924644962178771f,
                                              0.50000000317412618f};
static const real mills_below[MILLS_TERMS + 1] = {0.010406534834218824f, 0.102454764652672f,
                                                  0.47133269096659817f,  1.2054318951136877f,
                                                  1.6763779060205333f,   1};
#endif

/*
 * a Phi(a) = max(a, 0) - t Phi(-t),  t = |a|;  its slope is D where a < 0, else 1 - D, with
 * D = Phi(-t) - t exp(-t^2 / 2) / sqrt(2 pi).
 *
 * The rounding of t^2 would cost as many ULP of its exponential as t^2 is large: `rest` is what
 * it left out, by Dekker's product, which is exact with v_fma fused or not.
 */
INLINE valued gelu(vec a, const int want_slope) {
    const vec t = v_min(v_set1((real)NORMAL_END), v_abs(a));
    const vec square = v_mul(t, t);
    const vec shift = v_mul(t, v_set1((real)SPLITTER));
    const vec high = v_sub(shift, v_sub(shift, t)), low = v_sub(t, high);
    vec rest = v_sub(v_mul(high, high), square);
    rest = v_add(rest, v_mul(v_add(high, high), low));
    rest = v_add(rest, v_mul(low, low));
    exp_parts e = exp_parts_of(square, -0.25); /* exp(-square / 2) */
    const vec half = v_set1((real)0.5);
    vec above = v_fnma(v_mul(rest, half), v_add(e.even, e.odd), v_add(e.even, e.odd));
    vec below = polynomial(t, MILLS_TERMS + 1, mills_below);
    vec mills = polynomial(t, MILLS_TERMS, mills_above);
    vec share = v_div(above, v_mul(v_sub(e.even, e.odd), below));
    valued v;
    /* The power of two comes last, so that a small result is not lost before it is made. */
    v.y = v_fnma(v_mul(v_mul(t, mills), share), e.power, v_max(v_zero(), a));
    v.slope = v_zero();
    if (want_slope) {
        const vec density = v_set1((real)0.39894228040143267794);
        vec d = v_mul(v_mul(v_fnma(v_mul(t, density), below, mills), share), e.power);
        v.slope = v_select_lt(a, v_zero(), d, one_minus(d));
    }
    return v;
}

/* a s,  s = sigmoid(b),  and the slope s + a s (1 - s) b'. Beyond `end` s is 0 or 1, and a finite
 * number stands for a: infinity times 0 is none. */
INLINE valued gated(vec a, vec clamped, vec b, vec db) {
    vec s = v_sigmoid(b), rest = v_sigmoid(v_sub(v_zero(), b)); /* 1 - s has no digits near 1 */
    valued v;
    v.y = v_mul(v_max(clamped, a), s);
    v.slope = v_fma(v_mul(clamped, v_mul(s, rest)), db, s);
    return v;
}

INLINE vec within(vec a, const double end) {
    return v_max(v_set1((real)-end), v_min(v_set1((real)end), a));
}

/* tanh(u) and the sigmoid of 2 u are one: (1 + tanh(u)) / 2 = sigmoid(2 u) */
INLINE valued gelu_tanh(vec a) {
    const double first = 1.5957691216057307612, cubic = 0.044715; /* 2 sqrt(2 / pi) */
    const vec x = within(a, 30), square = v_mul(x, x);
    vec b = v_mul(x, v_fma(square, v_set1((real)(first * cubic)), v_set1((real)first)));
    vec db = v_fma(square, v_set1((real)(3 * first * cubic)), v_set1((real)first));
    return gated(a, x, b, db);
}

INLINE valued silu(vec a) {
    const vec x = within(a, -SIGMOID_LOW);
    return gated(a, x, x, v_set1(1));
}

/*
 * tanh(log(1 + u)) = n / (n + 2),  n = u (u + 2),  u = exp(a) = p / q
 *                  = n' / (n' + 2 q^2),  n' = p (p + 2 q)
 * and the slope is that + 4 a p (p + q) q^2 / (n' + 2 q^2)^2. Above MISH_END it is 1.
 */
#ifdef REAL_IS_DOUBLE
#define MISH_END 40
#else
#define MISH_END 14
#endif

INLINE valued mish(vec a) {
    const vec low = v_max(v_set1(EXP_LOW), a), x = v_min(v_set1(MISH_END), low);
    exp_parts e = exp_parts_of(x, 0.5);
    vec p = v_mul(e.power, v_add(e.even, e.odd)), q = v_sub(e.even, e.odd);
    vec square = v_mul(q, q), n = v_mul(p, v_add(p, v_add(q, q)));
    vec share = v_div(v_set1(1), v_add(n, v_add(square, square)));
    vec tanh_of = v_mul(n, share);
    vec more = v_mul(v_mul(v_mul(v_set1(4), x), v_mul(p, share)), v_mul(v_add(p, q), square));
    valued v;
    v.y = v_mul(low, tanh_of);
    v.slope = v_fma(more, share, tanh_of);
    return v;
}

/* See FASTRNN_RECTIFIER. With no slope below, minus infinity must give 0 there. */
INLINE valued rectifier(vec a, double negative_slope, double max_value, double threshold) {
    const vec slope = v_set1((real)negative_slope), top = v_set1((real)max_value);
    const vec from = v_set1((real)threshold);
    vec low = negative_slope != 0 ? a : v_max(v_set1(-0x1p100f), a);
    low = v_fma(slope, v_sub(low, from), v_zero());
    vec y = v_select_lt(from, a, a, low);
    valued v;
    v.slope = v_select_lt(from, a, v_set1(1), slope);
    v.slope = v_select_lt(y, top, v.slope, v_zero());
    v.y = v_select_lt(top, y, top, y);
    return v;
}

/* The slope of these from a number of the sign of a: a itself or the value. */
INLINE vec broken_slope(const int kind, const double *k, vec y) {
    if (kind == FASTRNN_ELU_ALPHA) return exponential_unit_slope(y, 1, (real)k[0]);
    return v_select_lt(v_zero(), y, v_set1(1), v_set1((real)k[0]));
}

/*
 * Near its limits all that a loss or a gradient has of a sigmoid or a tanh is 1 - y, in ULP of 1: a
 * step of a cell has no time for more digits there, an array has.
 *
 *     sigmoid(a) = 1 / (1 + exp(-a)),   tanh(a) = 1 - 2 / (1 + exp(2 a)) for a >= TANH_SWITCH
 */
#define TANH_SWITCH 0.55

INLINE vec array_sigmoid(vec a) {
    return v_div(v_set1(1), v_add(v_set1(1), v_exp(v_sub(v_zero(), a))));
}

INLINE vec array_tanh(vec a) {
    const vec size = v_abs(a), one = v_set1(1);
    vec rest = v_div(v_set1(2), v_add(one, v_exp(v_add(size, size))));
    return v_select_lt(size, v_set1((real)TANH_SWITCH), v_tanh(a), v_copysign(v_sub(one, rest), a));
}

INLINE valued array_activation(const int kind, const double *k, vec a, const int want_slope) {
    valued v = {a, v_zero()};
    switch (kind) {
    case FASTRNN_LEAKY_RELU:
        v.y = leaky_relu(a, (real)k[0]);
        v.slope = broken_slope(kind, k, a);
        return v;
    case FASTRNN_ELU_ALPHA:
        v.y = exponential_unit(a, 1, (real)k[0]);
        v.slope = v_select_lt(v_zero(), a, v_set1(1), v_add(v.y, v_set1((real)k[0])));
        return v;
    case FASTRNN_RECTIFIER:
        return rectifier(a, k[0], k[1], k[2]);
    case FASTRNN_GELU:
        return gelu(a, want_slope);
    case FASTRNN_GELU_TANH:
        return gelu_tanh(a);
    case FASTRNN_SILU:
        return silu(a);
    case FASTRNN_MISH:
        return mish(a);
    default:
        v.y = kind == FASTRNN_SIGMOID ? array_sigmoid(a)
              : kind == FASTRNN_TANH  ? array_tanh(a)
                                      : activation_of(kind, 0, 0, a);
        if (want_slope) v.slope = slope_of(kind, v.y);
        return v;
    }
}

INLINE vec array_slope(const int kind, const double *k, vec kept) {
    if (kind == FASTRNN_BY_SLOPE) return kept;
    if (kind == FASTRNN_LEAKY_RELU || kind == FASTRNN_ELU_ALPHA) return broken_slope(kind, k, kept);
    return slope_of(kind, kept);
}
