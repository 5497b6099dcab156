/* SPDX-License-Identifier: Apache-2.0 */
/* The activations of cells as plain formulas, in double. */
#ifndef FORMULAS_H
#define FORMULAS_H

#include "check.h"

static inline double activation_value(fastrnn_activation act, double a) {
    const double scale = 1.0507009873554805, selu = 1.6732632423543772;
    const double alpha = (double)act.alpha, beta = (double)act.beta;
    switch (act.kind) {
    case FASTRNN_TANH:
        return tanh(a);
    case FASTRNN_RELU:
        return fmax(a, 0);
    case FASTRNN_SIGMOID:
        return 1 / (1 + exp(-a));
    case FASTRNN_HARD_SIGMOID:
        return fmin(fmax(a / 6 + 0.5, 0), 1);
    case FASTRNN_ELU:
        return a > 0 ? a : expm1(a);
    case FASTRNN_SOFTPLUS:
        return fmax(a, 0) + log1p(exp(-fabs(a)));
    case FASTRNN_SOFTSIGN:
        return a / (1 + fabs(a));
    case FASTRNN_SELU:
        return a > 0 ? scale * a : scale * selu * expm1(a);
    case FASTRNN_EXPONENTIAL:
        return exp(a);
    case FASTRNN_RELU6:
        return fmin(fmax(a, 0), 6);
    case FASTRNN_AFFINE:
        return alpha * a + beta;
    case FASTRNN_THRESHOLDED_RELU:
        return a > alpha ? a : 0;
    case FASTRNN_SCALED_TANH:
        return alpha * tanh(beta * a);
    case FASTRNN_HARD_SIGMOID_AB:
        return fmin(fmax(alpha * a + beta, 0), 1);
    case FASTRNN_LEAKY_RELU:
        return a > 0 ? a : alpha * a;
    case FASTRNN_ELU_ALPHA:
        return a > 0 ? a : alpha * expm1(a);
    default:
        return a;
    }
}

#endif
