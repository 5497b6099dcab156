# SPDX-License-Identifier: Apache-2.0
"""One step of the Elman RNN: equations (2a), (2b).

Every cell module has the same two functions:

    step(layer, x, *state) -> state, saved                       saved: what backward needs
    step_backward(layer, saved, grads, *dstate) -> dx, dstate    adds into grads

x is (N, I); the state is h (N, P), for the LSTM h and c (N, H).
"""

from .activations import NONLINEARITIES


def step(layer, x, h_prev):
    act, _ = NONLINEARITIES[layer.nonlinearity]
    u, v = layer.affine(x, h_prev)
    h = act(u + v)  # (2a), (2b)
    return (h,), (x, h_prev, h)


def step_backward(layer, saved, grads, dh):
    x, h_prev, h = saved
    _, slope = NONLINEARITIES[layer.nonlinearity]
    da = dh * slope(h)  # (2b)
    dx, dh_prev = layer.affine_backward(x, h_prev, da, da, grads)  # (2a)
    return dx, (dh_prev,)
