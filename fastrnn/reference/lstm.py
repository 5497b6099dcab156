# SPDX-License-Identifier: Apache-2.0
"""One step of the LSTM, with or without projection: equations (3a) to (3g)."""

import numpy as np

from .activations import sigmoid, sigmoid_slope, tanh, tanh_slope


def step(layer, x, h_prev, c_prev):
    u, v = layer.affine(x, h_prev)
    a_i, a_f, a_g, a_o = np.split(u + v, 4, axis=1)
    i = sigmoid(a_i)  # (3a)
    f = sigmoid(a_f)  # (3b)
    g = tanh(a_g)  # (3c)
    o = sigmoid(a_o)  # (3d)
    c = f * c_prev + i * g  # (3e)
    tanh_c = tanh(c)
    m = o * tanh_c  # (3f)
    h = m if layer.w_hr is None else m @ layer.w_hr.T  # (3g)
    return (h, c), (x, h_prev, c_prev, i, f, g, o, tanh_c, m)


def step_backward(layer, saved, grads, dh, dc):
    x, h_prev, c_prev, i, f, g, o, tanh_c, m = saved
    if layer.w_hr is None:
        dm = dh  # (3g)
    else:
        grads["w_hr"] += dh.T @ m  # (3g)
        dm = dh @ layer.w_hr
    do = dm * tanh_c  # (3f)
    dc = dc + dm * o * tanh_slope(tanh_c)  # (3f): c is read by h and by the next step
    di, df, dg, dc_prev = dc * g, dc * c_prev, dc * i, dc * f  # (3e)
    da = np.concatenate(
        [
            di * sigmoid_slope(i),  # (3a)
            df * sigmoid_slope(f),  # (3b)
            dg * tanh_slope(g),  # (3c)
            do * sigmoid_slope(o),  # (3d)
        ],
        axis=1,
    )
    dx, dh_prev = layer.affine_backward(x, h_prev, da, da, grads)
    return dx, (dh_prev, dc_prev)
