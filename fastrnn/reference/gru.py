# SPDX-License-Identifier: Apache-2.0
"""One step of the GRU: equations (4a) to (4d)."""

import numpy as np

from .activations import sigmoid, sigmoid_slope, tanh, tanh_slope


def step(layer, x, h_prev):
    u, v = layer.affine(x, h_prev)
    u_r, u_z, u_n = np.split(u, 3, axis=1)
    v_r, v_z, v_n = np.split(v, 3, axis=1)
    r = sigmoid(u_r + v_r)  # (4a)
    z = sigmoid(u_z + v_z)  # (4b)
    n = tanh(u_n + r * v_n)  # (4c)
    h = (1 - z) * n + z * h_prev  # (4d)
    return (h,), (x, h_prev, r, z, n, v_n)


def step_backward(layer, saved, grads, dh):
    x, h_prev, r, z, n, v_n = saved
    dn, dz = dh * (1 - z), dh * (h_prev - n)  # (4d)
    du_n = dn * tanh_slope(n)  # (4c)
    dr, dv_n = du_n * v_n, du_n * r  # (4c)
    da_z = dz * sigmoid_slope(z)  # (4b)
    da_r = dr * sigmoid_slope(r)  # (4a)
    du = np.concatenate([da_r, da_z, du_n], axis=1)
    dv = np.concatenate([da_r, da_z, dv_n], axis=1)
    dx, dh_prev = layer.affine_backward(x, h_prev, du, dv, grads)
    return dx, (dh_prev + dh * z,)  # (4d): h' reaches h through v and directly
