# SPDX-License-Identifier: Apache-2.0
"""One step of the GRU: equations (4a) to (4d), or (4e) to (4h) with reset before the product."""

from typing import Any

import numpy as np


def step(layer: Any, masks: np.ndarray | None, x: np.ndarray,
         h_prev: np.ndarray) -> tuple[Any, ...]:
    one = step_after if layer.reset_after else step_before
    return one(layer, masks, x, h_prev)


def step_backward(layer: Any, masks: np.ndarray | None, saved: tuple[Any, ...],
                  grads: dict[str, Any], dh: np.ndarray) -> tuple[Any, ...]:
    one = step_after_backward if layer.reset_after else step_before_backward
    return one(layer, masks, saved, grads, dh)


def step_after(layer: Any, masks: np.ndarray | None, x: np.ndarray,
               h_prev: np.ndarray) -> tuple[Any, ...]:
    act, rec = layer.activation, layer.recurrent_activation
    u, v = layer.affine(masks, x, h_prev)
    u_r, u_z, u_n = np.split(u, 3, axis=1)
    v_r, v_z, v_n = np.split(v, 3, axis=1)
    r, kept_r = rec.forward(u_r + v_r)  # (4a)
    z, kept_z = rec.forward(u_z + v_z)  # (4b)
    n, kept_n = act.forward(u_n + r * v_n)  # (4c)
    h = (1 - z) * n + z * h_prev  # (4d)
    return (h,), (x, h_prev, r, z, n, v_n, (kept_r, kept_z, kept_n))


def step_after_backward(layer: Any, masks: np.ndarray | None, saved: tuple[Any, ...],
                        grads: dict[str, Any], dh: np.ndarray) -> tuple[Any, ...]:
    x, h_prev, r, z, n, v_n, (kept_r, kept_z, kept_n) = saved
    act, rec = layer.activation, layer.recurrent_activation
    dn, dz = dh * (1 - z), dh * (h_prev - n)  # (4d)
    du_n = act.backward(kept_n, dn)  # (4c)
    dr, dv_n = du_n * v_n, du_n * r  # (4c)
    da_z = rec.backward(kept_z, dz)  # (4b)
    da_r = rec.backward(kept_r, dr)  # (4a)
    du = np.concatenate([da_r, da_z, du_n], axis=1)
    dv = np.concatenate([da_r, da_z, dv_n], axis=1)
    dx, dh_prev = layer.affine_backward(masks, x, h_prev, du, dv, grads)
    return dx, (dh_prev + dh * z,)  # (4d): h' reaches h through v and directly


def step_before(layer: Any, masks: np.ndarray | None, x: np.ndarray,
                h_prev: np.ndarray) -> tuple[Any, ...]:
    act, rec = layer.activation, layer.recurrent_activation
    u_r, u_z, u_n = np.split(layer.input_affine(x), 3, axis=1)
    r, kept_r = rec.forward(u_r + layer.recurrent_affine(0, masks, h_prev))  # (4e)
    z, kept_z = rec.forward(u_z + layer.recurrent_affine(1, masks, h_prev))  # (4f)
    # (4g); the mask commutes with r, element by element
    n, kept_n = act.forward(u_n + layer.recurrent_affine(2, masks, r * h_prev))
    h = (1 - z) * n + z * h_prev  # (4h)
    return (h,), (x, h_prev, r, z, n, (kept_r, kept_z, kept_n))


def step_before_backward(layer: Any, masks: np.ndarray | None, saved: tuple[Any, ...],
                         grads: dict[str, Any], dh: np.ndarray) -> tuple[Any, ...]:
    x, h_prev, r, z, n, (kept_r, kept_z, kept_n) = saved
    act, rec = layer.activation, layer.recurrent_activation
    dn, dz = dh * (1 - z), dh * (h_prev - n)  # (4h)
    da_n = act.backward(kept_n, dn)  # (4g)
    ds = layer.recurrent_affine_backward(2, masks, r * h_prev, da_n, grads)  # (4g), s = r * h'
    dr, dh_prev = ds * h_prev, ds * r  # (4g)
    da_z = rec.backward(kept_z, dz)  # (4f)
    da_r = rec.backward(kept_r, dr)  # (4e)
    dh_prev = dh_prev + layer.recurrent_affine_backward(1, masks, h_prev, da_z, grads)  # (4f)
    dh_prev = dh_prev + layer.recurrent_affine_backward(0, masks, h_prev, da_r, grads)  # (4e)
    dx = layer.input_affine_backward(x, np.concatenate([da_r, da_z, da_n], axis=1), grads)
    return dx, (dh_prev + dh * z,)  # (4h)
