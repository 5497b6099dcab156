# SPDX-License-Identifier: Apache-2.0
"""One step of the Elman RNN: equations (2a), (2b).

Every cell module has the same two functions:

    step(layer, masks, x, *state) -> state, saved                       saved: what backward needs
    step_backward(layer, masks, saved, grads, *dstate) -> dx, dstate    adds into grads

x is (N, I); the state is h (N, P), for the LSTM h and c (N, H); masks are (G, N, P) or None.
"""

from typing import Any

import numpy as np


def step(layer: Any, masks: np.ndarray | None, x: np.ndarray,
         h_prev: np.ndarray) -> tuple[Any, ...]:
    u, v = layer.affine(masks, x, h_prev)
    h, kept = layer.activation.forward(u + v)  # (2a), (2b)
    return (h,), (x, h_prev, kept)


def step_backward(layer: Any, masks: np.ndarray | None, saved: tuple[np.ndarray, ...],
                  grads: dict[str, Any], dh: np.ndarray) -> tuple[Any, ...]:
    x, h_prev, kept = saved
    da = layer.activation.backward(kept, dh)  # (2b)
    dx, dh_prev = layer.affine_backward(masks, x, h_prev, da, da, grads)  # (2a)
    return dx, (dh_prev,)
