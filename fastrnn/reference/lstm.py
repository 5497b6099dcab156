# SPDX-License-Identifier: Apache-2.0
"""One step of the LSTM, with or without projection: equations (3a) to (3g)."""

import numpy as np


def step(layer, masks, x, h_prev, c_prev):
    act, rec = layer.activation, layer.recurrent_activation
    u, v = layer.affine(masks, x, h_prev)
    a_i, a_f, a_g, a_o = np.split(u + v, 4, axis=1)
    i, kept_i = rec.forward(a_i)  # (3a)
    f, kept_f = rec.forward(a_f)  # (3b)
    g, kept_g = act.forward(a_g)  # (3c)
    o, kept_o = rec.forward(a_o)  # (3d)
    c = f * c_prev + i * g  # (3e)
    act_c, kept_c = act.forward(c)
    m = o * act_c  # (3f)
    h = m if layer.w_hr is None else m @ layer.w_hr.T  # (3g)
    kept = kept_i, kept_f, kept_g, kept_o, kept_c
    return (h, c), (x, h_prev, c_prev, i, f, g, o, act_c, m, kept)


def step_backward(layer, masks, saved, grads, dh, dc):
    x, h_prev, c_prev, i, f, g, o, act_c, m, kept = saved
    kept_i, kept_f, kept_g, kept_o, kept_c = kept
    act, rec = layer.activation, layer.recurrent_activation
    if layer.w_hr is None:
        dm = dh  # (3g)
    else:
        grads["w_hr"] += dh.T @ m  # (3g)
        dm = dh @ layer.w_hr
    do = dm * act_c  # (3f)
    dc = dc + act.backward(kept_c, dm * o)  # (3f): c is read by h and by the next step
    di, df, dg, dc_prev = dc * g, dc * c_prev, dc * i, dc * f  # (3e)
    da = np.concatenate(
        [
            rec.backward(kept_i, di),  # (3a)
            rec.backward(kept_f, df),  # (3b)
            act.backward(kept_g, dg),  # (3c)
            rec.backward(kept_o, do),  # (3d)
        ],
        axis=1,
    )
    dx, dh_prev = layer.affine_backward(masks, x, h_prev, da, da, grads)
    return dx, (dh_prev, dc_prev)
