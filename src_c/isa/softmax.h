/* SPDX-License-Identifier: Apache-2.0 */
/*
 * softmax and its logarithm along rows:
 *
 *     m = max a,  S = sum exp(a - m)
 *     softmax       y = exp(a - m) / S        da = y (dy - sum y dy)
 *     log-softmax   y = a - m - log S         da = dy - exp(y) sum dy
 *
 * A row is read again for each sum, from a cache where it fits one. Sums go over blocks of
 * vectors, so that a wide row's have no more rounding than a narrow one's.
 *
 * Expects: elementwise.h.
 */
#include <math.h>

#define SUM_BLOCK (32 * VW)

/* `lanes` numbers, `rest` in the other lanes. */
INLINE vec load_with(const real *p, ptrdiff_t lanes, real rest) {
    real buffer[VW];
    if (lanes == VW) return v_load(p);
    for (int i = 0; i < VW; i++) buffer[i] = i < lanes ? p[i] : rest;
    return v_load(buffer);
}

/* `a` with zeros from lane `lanes` on. */
INLINE vec keep_lanes(vec a, ptrdiff_t lanes) {
    real buffer[VW] = {0};
    if (lanes == VW) return a;
    v_store_part(buffer, a, lanes);
    return v_load(buffer);
}

INLINE real sum_of_lanes(vec a) {
    real lanes[VW], sum = 0;
    v_store(lanes, a);
    for (int i = 0; i < VW; i++) sum += lanes[i];
    return sum;
}

static real largest_of(const real *a, ptrdiff_t n) {
    real lanes[VW];
    vec most = v_set1((real)-HUGE_VAL);
    ptrdiff_t j = 0;
    for (; j + VW <= n; j += VW) most = v_max(v_load(a + j), most);
    if (j < n) most = v_max(load_with(a + j, n - j, (real)-HUGE_VAL), most);
    v_store(lanes, most);
    for (int i = 1; i < VW; i++)
        if (lanes[i] > lanes[0]) lanes[0] = lanes[i];
    return lanes[0];
}

/* The sum of exp(a - most), each number of it also to `y` unless that is NULL. */
INLINE real sum_of_exp(const real *a, real most, real *y, ptrdiff_t n) {
    vec total = v_zero(), shift = v_set1(most);
    for (ptrdiff_t block = 0; block < n; block += SUM_BLOCK) {
        const ptrdiff_t end = min_of(n, block + SUM_BLOCK);
        vec sum = v_zero();
        ptrdiff_t j = block;
        for (; j + VW <= end; j += VW) {
            vec e = v_exp(v_sub(v_load(a + j), shift));
            if (y) v_store(y + j, e);
            sum = v_add(sum, e);
        }
        if (j < end) {
            vec e = v_exp(v_sub(v_load_part(a + j, end - j), shift));
            if (y) v_store_part(y + j, e, end - j);
            sum = v_add(sum, keep_lanes(e, end - j));
        }
        total = v_add(total, sum);
    }
    return sum_of_lanes(total);
}

/* What a pass over a row adds up or writes: y = factor a + shift, sums of a or of a b. */
INLINE void scale_row(const real *a, real factor, real shift, real *y, ptrdiff_t n) {
    const vec by = v_set1(factor), from = v_set1(shift);
    ptrdiff_t j = 0;
    for (; j + VW <= n; j += VW) v_store(y + j, v_fma(v_load(a + j), by, from));
    if (j < n) v_store_part(y + j, v_fma(v_load_part(a + j, n - j), by, from), n - j);
}

INLINE real sum_of_row(const real *a, const real *b, ptrdiff_t n) {
    vec total = v_zero();
    for (ptrdiff_t block = 0; block < n; block += SUM_BLOCK) {
        const ptrdiff_t end = min_of(n, block + SUM_BLOCK);
        vec sum = v_zero();
        ptrdiff_t j = block;
        for (; j + VW <= end; j += VW)
            sum = b ? v_fma(v_load(a + j), v_load(b + j), sum) : v_add(sum, v_load(a + j));
        if (j < end) {
            vec last = v_load_part(a + j, end - j);
            sum = b ? v_fma(last, v_load_part(b + j, end - j), sum) : v_add(sum, last);
        }
        total = v_add(total, sum);
    }
    return sum_of_lanes(total);
}

static void softmax_forward(const fastrnn_softmax *s) {
    const ptrdiff_t n = s->columns;
    for (ptrdiff_t row = 0; row < s->rows; row++) {
        const real *a = (const real *)s->a + row * n;
        real *y = (real *)s->y + row * n;
        if (s->bias) {
            activate_row(FASTRNN_LINEAR, NULL, a, s->bias, y, NULL, n);
            a = y;
        }
        const real most = largest_of(a, n);
        if (s->log) {
            const real sum = sum_of_exp(a, most, NULL, n);
            scale_row(a, 1, -most, y, n);
            scale_row(y, 1, -(real)log((double)sum), y, n);
        } else {
            const real sum = sum_of_exp(a, most, y, n);
            scale_row(y, 1 / sum, 0, y, n);
        }
    }
}

INLINE vec softmax_slope(const int is_log, vec y, vec dy, vec sum) {
    return is_log ? v_fnma(v_exp(y), sum, dy) : v_mul(y, v_sub(dy, sum));
}

INLINE void softmax_back_row(const int is_log, const real *y, const real *dy, real *dx,
                             ptrdiff_t n) {
    const vec sum = v_set1(sum_of_row(dy, is_log ? NULL : y, n));
    ptrdiff_t j = 0;
    for (; j + VW <= n; j += VW)
        v_store(dx + j, softmax_slope(is_log, v_load(y + j), v_load(dy + j), sum));
    if (j < n) {
        vec last = v_load_part(dy + j, n - j);
        v_store_part(dx + j, softmax_slope(is_log, v_load_part(y + j, n - j), last, sum), n - j);
    }
}

static void softmax_backward(const fastrnn_softmax *s) {
    const ptrdiff_t n = s->columns;
    for (ptrdiff_t row = 0; row < s->rows; row++) {
        const real *y = (const real *)s->y + row * n, *dy = (const real *)s->a + row * n;
        real *dx = (real *)s->dx + row * n;
        if (s->log)
            softmax_back_row(1, y, dy, dx, n);
        else
            softmax_back_row(0, y, dy, dx, n);
    }
}
