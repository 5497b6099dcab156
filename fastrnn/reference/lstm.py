# SPDX-License-Identifier: Apache-2.0
"""One step of the LSTM: equations (3a) to (3g).

Projection, peepholes and the coupling of the input and forget gates are there where the layer has
them.
"""

from typing import Any

import numpy as np


def step(layer: Any, masks: np.ndarray | None, x: np.ndarray, h_prev: np.ndarray,
         c_prev: np.ndarray) -> tuple[Any, ...]:
    act, rec, out = layer.activation, layer.recurrent_activation, layer.cell_activation
    u, v = layer.affine(masks, x, h_prev)
    a_i, a_f, a_g, a_o = np.split(u + v, 4, axis=1)
    i, kept_i = rec.forward(layer.peephole("i", a_i, c_prev))  # (3a)
    if layer.input_forget:
        f, kept_f = 1 - i, None  # (3b)
    else:
        f, kept_f = rec.forward(layer.peephole("f", a_f, c_prev))  # (3b)
    g, kept_g = act.forward(a_g)  # (3c)
    c = f * c_prev + i * g  # (3d)
    o, kept_o = rec.forward(layer.peephole("o", a_o, c))  # (3e)
    act_c, kept_c = out.forward(c)
    m = o * act_c  # (3f)
    h = m if layer.w_hr is None else m @ layer.w_hr.T  # (3g)
    kept = kept_i, kept_f, kept_g, kept_o, kept_c
    return (h, c), (x, h_prev, c_prev, i, f, g, c, o, act_c, m, kept)


def step_backward(layer: Any, masks: np.ndarray | None, saved: tuple[Any, ...],
                  grads: dict[str, Any], dh: np.ndarray, dc: np.ndarray) -> tuple[Any, ...]:
    x, h_prev, c_prev, i, f, g, c, o, act_c, m, kept = saved
    kept_i, kept_f, kept_g, kept_o, kept_c = kept
    act, rec, out = layer.activation, layer.recurrent_activation, layer.cell_activation
    if layer.w_hr is None:
        dm = dh  # (3g)
    else:
        grads["w_hr"] += dh.T @ m  # (3g)
        dm = dh @ layer.w_hr
    do = dm * act_c  # (3f)
    dc = dc + out.backward(kept_c, dm * o)  # (3f): c is read by h, by o and by the next step
    da_o = rec.backward(kept_o, do)  # (3e)
    dc = layer.peephole_backward("o", c, da_o, dc, grads)  # (3e)
    di, df, dg, dc_prev = dc * g, dc * c_prev, dc * i, dc * f  # (3d)
    da_g = act.backward(kept_g, dg)  # (3c)
    if layer.input_forget:
        di, da_f = di - df, np.zeros_like(df)  # (3b)
    else:
        da_f = rec.backward(kept_f, df)  # (3b)
        dc_prev = layer.peephole_backward("f", c_prev, da_f, dc_prev, grads)  # (3b)
    da_i = rec.backward(kept_i, di)  # (3a)
    dc_prev = layer.peephole_backward("i", c_prev, da_i, dc_prev, grads)  # (3a)
    da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)
    dx, dh_prev = layer.affine_backward(masks, x, h_prev, da, da, grads)
    return dx, (dh_prev, dc_prev)
