# SPDX-License-Identifier: Apache-2.0
"""The time loop, backward: backpropagation through time for one layer in one direction.

The steps of the forward loop are taken in the opposite order, whatever its reading order was. A
row that ended early waits with its dh_n, dc_n until the loop comes to its last step.
"""

from typing import Any

import numpy as np

from .._common.quiet import quiet
from .sequence import CELLS


@quiet
def backward(tape: Any, dy: np.ndarray | None = None, dh_n: np.ndarray | None = None,
             dc_n: np.ndarray | None = None) -> Any:
    """Gradients of a loss from its gradients by the results of `forward`.

    Parameters
    ----------
    tape : Tape
        As `forward` returned it.
    dy : ndarray (T, N, P), optional
        Gradient by y; what stands past a row's length is ignored.
    dh_n : ndarray (N, P), optional
    dc_n : ndarray (N, H), optional
        Gradient by the final state. An omitted gradient is zero.

    Returns
    -------
    dx : ndarray (T, N, I)
        Zeros past a row's length.
    dh0 : ndarray (N, P)
    dc0 : ndarray (N, H) or None
    grads : dict of str to ndarray
        Under the names of the layer's weights: w_ih, w_hh, b_ih, b_hh, w_hr, as far as it has them.
    """
    layer = tape.layer
    cell, N, dtype = CELLS[layer.cell], tape.x_shape[1], layer.w_ih.dtype
    grads = layer.zero_grads()
    dx = np.zeros(tape.x_shape, dtype)
    dstate = [
        np.zeros((N, size), dtype) if given is None else given.copy()  # (5c)
        for given, size in zip((dh_n, dc_n), layer.state_sizes, strict=False)
    ]
    for t, rows, saved in reversed(tape.steps):
        if dy is not None:
            dstate[0][rows] += dy[t, rows]  # (5c)
        dx[t, rows], dprev = cell.step_backward(
            layer, tape.masks_of(rows), saved, grads, *(part[rows] for part in dstate)
        )  # (5b)
        for part, value in zip(dstate, dprev, strict=True):
            part[rows] = value
    dh0, dc0 = (*dstate, None)[:2]  # (5a)
    return dx, dh0, dc0, grads
