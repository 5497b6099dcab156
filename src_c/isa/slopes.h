/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Derivatives of the activations from their values: see activations.h.
 *
 * Expects: activations.h.
 */

/* y where it is linear, else y + `shift`: the derivative of exponential_unit. */
INLINE vec exponential_unit_slope(vec y, const real positive, const real negative) {
    return v_select_lt(v_zero(), y, v_set1(positive), v_add(y, v_set1(negative)));
}

/* An activation's derivative from its value, for the kinds without parameters. */
INLINE vec slope_of(const int kind, vec y) {
    const vec one = v_set1(1);
    switch (kind) {
    case FASTRNN_RELU:
        return v_select_lt(v_zero(), y, one, v_zero());
    case FASTRNN_SIGMOID:
        return v_mul(y, one_minus(y));
    case FASTRNN_HARD_SIGMOID:
        return v_select_lt(v_zero(), v_mul(y, one_minus(y)), v_set1((real)(1.0 / 6)), v_zero());
    case FASTRNN_LINEAR:
        return one;
    case FASTRNN_ELU:
        return exponential_unit_slope(y, 1, 1);
    case FASTRNN_SOFTPLUS:
        return v_sub(v_zero(), v_expm1_below_zero(v_sub(v_zero(), y)));
    case FASTRNN_SOFTSIGN:
        return v_mul(one_minus(v_abs(y)), one_minus(v_abs(y)));
    case FASTRNN_SELU:
        return exponential_unit_slope(y, (real)SELU_SCALE, (real)(SELU_SCALE * SELU_ALPHA));
    case FASTRNN_EXPONENTIAL:
        return y;
    case FASTRNN_RELU6:
        return v_select_lt(v_zero(), v_mul(y, v_sub(v_set1(6), y)), one, v_zero());
    default:
        return v_fnma(y, y, one);
    }
}
