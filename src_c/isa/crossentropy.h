/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Crossentropy of rows and its gradient, in as many passes as there are sums: see internal.h.
 *
 *                      value                              gradient
 *     binary           -(t log p + (1 - t) log(1 - p))    (p - t) / (p (1 - p))
 *       of logits      log(1 + exp(z)) - t z              sigmoid(z) - t
 *     categorical      -t log p,  p = y / S,  S = sum y   (sum t - t / p) / S
 *       of logits      t (log S + m - z)                  exp(z - m) / S sum t - t
 *     sparse           the same for t = 1 at one label
 *
 * with m = max z and S = sum exp(z - m) for logits.
 *
 * Expects: softmax.h.
 */

/* log(x) of a positive normal number = k log 2 + log(f), f in [sqrt(1/2), sqrt(2)):
 * log(f) = 2 artanh(s), s = (f - 1) / (f + 1). */
static inline vec v_log(vec x) {
    const vec f = v_mantissa(x), root = v_set1((real)1.4142135623730951);
    const vec half = v_mul(v_set1((real)0.5), f), one = v_set1(1);
    vec k = v_add(v_exponent(x), v_select_lt(root, f, one, v_zero()));
    vec less = v_sub(v_select_lt(root, f, half, f), one);
    vec log_f = v_add(v_log1p_unit(less), v_sub(x, x)); /* a NaN has an exponent and digits, too */
    return v_fma(k, v_set1((real)LN2_HIGH), v_fma(k, v_set1((real)LN2_LOW), log_f));
}

/* log(1 - p) for 0 < p < 1: 1 - p is exact from 1/2 on. */
static inline vec v_log_rest(vec p) {
    vec minus = v_sub(v_zero(), p);
    return v_select_lt(p, v_set1((real)0.5), v_log1p_unit(minus), v_log(one_minus(p)));
}

INLINE vec clipped(const double *k, vec p) {
    return v_min(v_set1((real)k[3]), v_max(v_set1((real)k[2]), p));
}

/* `slope` where p is what it was before it was clipped, else 0. */
INLINE vec where_inside(vec before, vec p, vec slope) {
    return v_select_lt(v_zero(), v_abs(v_sub(before, p)), v_zero(), slope);
}

/* A row, and what is said once for all its numbers. */
typedef struct {
    const double *k;
    ptrdiff_t n;
    const real *target;
    const real *output;
    real *gradient; /* or NULL */
    real scale;
} loss_row;

INLINE vec target_at(const loss_row *r, ptrdiff_t j, ptrdiff_t lanes) {
    vec t = v_fma(load_lanes(r->target + j, lanes), v_set1((real)r->k[0]), v_set1((real)r->k[1]));
    return keep_lanes(t, lanes);
}

INLINE void put_slope(const loss_row *r, ptrdiff_t j, ptrdiff_t lanes, vec slope) {
    store_lanes(r->gradient + j, v_mul(slope, v_set1(r->scale)), lanes);
}

INLINE vec binary_part(const int from_logits, const loss_row *r, ptrdiff_t j, ptrdiff_t lanes) {
    const vec t = target_at(r, j, lanes), y = load_lanes(r->output + j, lanes);
    if (from_logits) {
        if (r->gradient) put_slope(r, j, lanes, v_sub(v_sigmoid(y), t));
        return v_fnma(y, t, v_softplus(y));
    }
    const vec p = clipped(r->k, y), rest = one_minus(p);
    if (r->gradient) {
        vec slope_at = v_div(v_sub(p, t), v_max(v_set1((real)1e-12), v_mul(p, rest)));
        put_slope(r, j, lanes, where_inside(y, p, slope_at));
    }
    return v_fnma(t, v_log(p), v_mul(v_sub(t, v_set1(1)), v_log_rest(p)));
}

static real binary_row(const int from_logits, const loss_row *r) {
    vec total = v_zero();
    for (ptrdiff_t block = 0; block < r->n; block += SUM_BLOCK) {
        const ptrdiff_t end = min_of(r->n, block + SUM_BLOCK);
        vec sum = v_zero();
        for (ptrdiff_t j = block; j < end; j += VW) {
            const ptrdiff_t lanes = min_of(VW, end - j);
            sum = v_add(sum, keep_lanes(binary_part(from_logits, r, j, lanes), lanes));
        }
        total = v_add(total, sum);
    }
    return sum_of_lanes(total);
}

/* Sums over a row of the values and of the targets that the gradient sees. */
typedef struct {
    vec value;
    vec targets;
} category_sums;

INLINE category_sums category_part(const int from_logits, const loss_row *r, real most, real other,
                                   ptrdiff_t j, ptrdiff_t lanes) {
    const vec t = target_at(r, j, lanes), y = load_lanes(r->output + j, lanes);
    category_sums part;
    if (from_logits) { /* `other` is log S */
        vec log_p = v_sub(v_sub(y, v_set1(most)), v_set1(other));
        part.value = v_sub(v_zero(), v_mul(t, log_p));
        part.targets = t;
    } else { /* `other` is S */
        const vec share = v_div(y, v_set1(other)), p = clipped(r->k, share);
        part.value = v_sub(v_zero(), v_mul(t, v_log(p)));
        part.targets = where_inside(share, p, t);
    }
    part.value = keep_lanes(part.value, lanes);
    return part;
}

INLINE category_sums category_pass(const int from_logits, const loss_row *r, real most,
                                   real other) {
    category_sums total = {v_zero(), v_zero()};
    for (ptrdiff_t block = 0; block < r->n; block += SUM_BLOCK) {
        const ptrdiff_t end = min_of(r->n, block + SUM_BLOCK);
        category_sums sum = {v_zero(), v_zero()};
        for (ptrdiff_t j = block; j < end; j += VW) {
            const ptrdiff_t lanes = min_of(VW, end - j);
            category_sums part = category_part(from_logits, r, most, other, j, lanes);
            sum.value = v_add(sum.value, part.value);
            sum.targets = v_add(sum.targets, part.targets);
        }
        total.value = v_add(total.value, sum.value);
        total.targets = v_add(total.targets, sum.targets);
    }
    return total;
}

/* With the exponentials where the gradient will be. */
static real category_row_of_logits(const loss_row *r) {
    const real most = largest_of(r->output, r->n);
    const real sum = sum_of_exp(r->output, most, r->gradient, r->n);
    const category_sums sums = category_pass(1, r, most, (real)log((double)sum));
    if (r->gradient) {
        const vec share = v_set1(sum_of_lanes(sums.targets) / sum);
        for (ptrdiff_t j = 0; j < r->n; j += VW) {
            const ptrdiff_t lanes = min_of(VW, r->n - j);
            vec e = load_lanes(r->gradient + j, lanes);
            put_slope(r, j, lanes, v_sub(v_mul(e, share), target_at(r, j, lanes)));
        }
    }
    return sum_of_lanes(sums.value);
}

static real category_row(const loss_row *r) {
    const real sum = sum_of_row(r->output, NULL, r->n);
    const category_sums sums = category_pass(0, r, 0, sum);
    if (r->gradient) {
        const vec targets = v_set1(sum_of_lanes(sums.targets)), whole = v_set1(sum);
        for (ptrdiff_t j = 0; j < r->n; j += VW) {
            const ptrdiff_t lanes = min_of(VW, r->n - j);
            const vec share = v_div(load_lanes(r->output + j, lanes), whole);
            const vec p = clipped(r->k, share);
            vec inside = where_inside(share, p, v_div(target_at(r, j, lanes), p));
            put_slope(r, j, lanes, v_div(v_sub(targets, inside), whole));
        }
    }
    return sum_of_lanes(sums.value);
}

static real sparse_row_of_logits(const loss_row *r, ptrdiff_t label) {
    const real most = largest_of(r->output, r->n), at_label = r->output[label];
    const real sum = sum_of_exp(r->output, most, r->gradient, r->n);
    if (r->gradient) {
        scale_row(r->gradient, r->scale / sum, 0, r->gradient, r->n);
        r->gradient[label] -= r->scale;
    }
    return (real)log((double)sum) - (at_label - most);
}

static real sparse_row(const loss_row *r, ptrdiff_t label) {
    const real sum = sum_of_row(r->output, NULL, r->n), share = r->output[label] / sum;
    const real low = (real)r->k[2], high = (real)r->k[3];
    const real p = share < low ? low : share > high ? high : share;
    if (r->gradient) {
        const real scale = p == share ? r->scale / sum : 0;
        const vec all = v_set1(scale);
        for (ptrdiff_t j = 0; j < r->n; j += VW)
            store_lanes(r->gradient + j, all, min_of(VW, r->n - j));
        r->gradient[label] -= scale / p;
    }
    return -(real)log((double)p);
}

static real loss_of_row(const fastrnn_crossentropy *s, const loss_row *r, ptrdiff_t row) {
    if (s->how == FASTRNN_BINARY) return s->from_logits ? binary_row(1, r) : binary_row(0, r);
    if (s->how == FASTRNN_CATEGORICAL)
        return s->from_logits ? category_row_of_logits(r) : category_row(r);
    return s->from_logits ? sparse_row_of_logits(r, s->labels[row]) : sparse_row(r, s->labels[row]);
}

static void crossentropy(const fastrnn_crossentropy *s) {
    const ptrdiff_t n = s->columns;
    for (ptrdiff_t row = 0; row < s->rows; row++) {
        const loss_row r = {
            .k = s->k,
            .n = n,
            .target = s->target ? (const real *)s->target + row * n : NULL,
            .output = (const real *)s->output + row * n,
            .gradient = s->gradient ? (real *)s->gradient + row * n : NULL,
            .scale = s->gradient ? ((const real *)s->scale)[row * s->scale_step] : 0,
        };
        ((real *)s->values)[row] = loss_of_row(s, &r, row);
    }
}
