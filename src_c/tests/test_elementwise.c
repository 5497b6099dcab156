/* SPDX-License-Identifier: Apache-2.0 */
/* Activations, softmax and crossentropies of arrays against their formulas, on every instruction
 * set and for every length; tests/engine/test_elementwise.py looks at the last digits. */
#include "matrix.h"

enum { ROWS = 3 };
static const ptrdiff_t lengths[] = {1, 5, 16, 37, 1030};

static double sigmoid(double a) { return 1 / (1 + exp(-a)); }

static double value(int how, const double *k, double a) {
    const double u = 2 * 0.79788456080286535588 * (a + 0.044715 * a * a * a);
    switch (how) {
    case FASTRNN_TANH:
        return tanh(a);
    case FASTRNN_LEAKY_RELU:
        return a > 0 ? a : k[0] * a;
    case FASTRNN_ELU_ALPHA:
        return a > 0 ? a : k[0] * expm1(a);
    case FASTRNN_RECTIFIER:
        return fmin(a > k[2] ? a : k[0] * (a - k[2]), k[1]);
    case FASTRNN_GELU:
        return a * erfc(-a * 0.70710678118654752440) / 2;
    case FASTRNN_GELU_TANH:
        return a * sigmoid(u);
    case FASTRNN_SILU:
        return a * sigmoid(a);
    case FASTRNN_MISH:
        return a * tanh(log1p(exp(a)));
    default:
        return a;
    }
}

/* Of y where the slope follows from it, else the one that forward made. */
static void check_activation(const fastrnn_kernels *kernels, int how, ptrdiff_t n) {
    const fastrnn_dtype dtype = kernels->dtype;
    const double tolerance = dtype == FASTRNN_F32 ? 2e-6 : 1e-14, step = 1e-6;
    char *a = random_array(dtype, ROWS * n, 12), *bias = random_array(dtype, n, 2);
    char *y = new_array(dtype, ROWS * n), *slope = new_array(dtype, ROWS * n);
    char *dy = random_array(dtype, ROWS * n, 2), *dx = new_array(dtype, ROWS * n);
    const fastrnn_array_activation forward = {.how = how,
                                              .k = {0.25, 1.03, 0.41},
                                              .rows = ROWS,
                                              .columns = n,
                                              .a = a,
                                              .bias = bias,
                                              .y = y,
                                              .slope = slope};
    fastrnn_array_slope backward = {FASTRNN_BY_SLOPE, {0.25, 1.03, 0.41}, ROWS * n, slope, dy, dx};
    fastrnn_arrays_of(kernels)->activation_forward(&forward);
    fastrnn_arrays_of(kernels)->activation_backward(&backward);
    for (ptrdiff_t j = 0; j < ROWS * n; j++) {
        double x = get(dtype, a, j) + get(dtype, bias, j % n), d = get(dtype, dy, j);
        double wanted = value(how, forward.k, x);
        double da = (wanted - value(how, forward.k, x - step)) / step;
        CHECK(fabs(get(dtype, y, j) - wanted) <= tolerance * (1 + fabs(wanted)),
              "%s activation %d of %g is %g, wanted %g", kernels_name(kernels), how, x,
              get(dtype, y, j), wanted);
        CHECK(fabs(get(dtype, dx, j) - d * da) <= 3e-5, "%s slope of activation %d at %g is off",
              kernels_name(kernels), how, x);
    }
    free_all();
}

static void check_softmax(const fastrnn_kernels *kernels, int log_of, ptrdiff_t n) {
    const fastrnn_dtype dtype = kernels->dtype;
    const double tolerance = tolerance_of(dtype);
    char *a = random_array(dtype, ROWS * n, 12), *y = new_array(dtype, ROWS * n);
    char *dy = random_array(dtype, ROWS * n, 2), *dx = new_array(dtype, ROWS * n);
    const fastrnn_softmax forward = {log_of, ROWS, n, a, NULL, y, NULL};
    const fastrnn_softmax backward = {log_of, ROWS, n, dy, NULL, y, dx};
    fastrnn_arrays_of(kernels)->softmax_forward(&forward);
    fastrnn_arrays_of(kernels)->softmax_backward(&backward);
    for (ptrdiff_t row = 0; row < ROWS; row++) {
        double sum = 0, along = 0;
        for (ptrdiff_t j = row * n; j < (row + 1) * n; j++) sum += exp(get(dtype, a, j));
        for (ptrdiff_t j = row * n; j < (row + 1) * n; j++)
            along += get(dtype, dy, j) * (log_of ? 1 : exp(get(dtype, a, j)) / sum);
        for (ptrdiff_t j = row * n; j < (row + 1) * n; j++) {
            double p = exp(get(dtype, a, j)) / sum, d = get(dtype, dy, j);
            double wanted = log_of ? log(p) : p, back = log_of ? d - p * along : p * (d - along);
            CHECK(fabs(get(dtype, y, j) - wanted) <= tolerance * (1 + fabs(wanted)) &&
                      fabs(get(dtype, dx, j) - back) <= tolerance * (1 + fabs(along)),
                  "%s softmax, log %d, of %td numbers is off", kernels_name(kernels), log_of, n);
        }
    }
    free_all();
}

/* The gradient by differences of the values, and the values themselves where they are simple. */
static void check_crossentropy(const fastrnn_kernels *kernels, int how, int logits, ptrdiff_t n) {
    const fastrnn_dtype dtype = kernels->dtype;
    const double tolerance = dtype == FASTRNN_F32 ? 2e-3 : 1e-6;
    const double step = dtype == FASTRNN_F32 ? 1e-2 : 1e-6;
    ptrdiff_t labels[ROWS];
    char *t = random_array(dtype, ROWS * n, 1), *z = random_array(dtype, ROWS * n, 1);
    char *values = new_array(dtype, ROWS), *gradient = new_array(dtype, ROWS * n);
    char *scale = new_array(dtype, 1);
    for (ptrdiff_t j = 0; j < ROWS * n; j++) {
        set(dtype, t, j, 0.5 + 0.9 * get(dtype, t, j));
        if (!logits) set(dtype, z, j, 0.5 + 0.6 * get(dtype, z, j));
    }
    for (ptrdiff_t row = 0; row < ROWS; row++) labels[row] = (7 * row + 3) % n;
    set(dtype, scale, 0, 1);
    fastrnn_crossentropy s = {
        how, logits, {1, 0, 1e-7, 1 - 1e-7}, ROWS, n, t, labels, z, values, gradient, scale, 0};
    fastrnn_arrays_of(kernels)->crossentropy(&s);
    s.gradient = NULL;
    for (ptrdiff_t row = 0; row < ROWS; row++) {
        const ptrdiff_t j = row * n + (how == FASTRNN_SPARSE ? labels[row] : n - 1);
        const double middle = get(dtype, z, j);
        double around[2];
        for (int side = 0; side < 2; side++) {
            set(dtype, z, j, middle + (side ? step : -step));
            fastrnn_arrays_of(kernels)->crossentropy(&s);
            around[side] = get(dtype, values, row);
        }
        set(dtype, z, j, middle);
        double wanted = (around[1] - around[0]) / (2 * step);
        /* A sum of a thousand numbers has fewer digits for a difference. */
        double allowed =
            tolerance * (1 + fabs(wanted)) * (n > 100 && dtype == FASTRNN_F32 ? 40 : 1);
        CHECK(fabs(get(dtype, gradient, j) - wanted) <= allowed,
              "%s crossentropy %d, logits %d, of %td: gradient %g, wanted %g",
              kernels_name(kernels), how, logits, n, get(dtype, gradient, j), wanted);
    }
    free_all();
}

int main(void) {
    FOR_EACH_DTYPE(dtype)
    FOR_EACH_KERNELS(kernels, dtype)
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        check_activation(kernels, FASTRNN_TANH, lengths[i]);
        for (int how = FASTRNN_LEAKY_RELU; how < FASTRNN_BY_SLOPE; how++)
            check_activation(kernels, how, lengths[i]);
        for (int flag = 0; flag < 2; flag++) {
            check_softmax(kernels, flag, lengths[i]);
            for (int how = FASTRNN_BINARY; how <= FASTRNN_SPARSE; how++)
                check_crossentropy(kernels, how, flag, lengths[i]);
        }
    }
    return report("activations, softmax and crossentropies of arrays follow their formulas");
}
