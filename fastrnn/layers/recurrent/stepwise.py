# SPDX-License-Identifier: Apache-2.0
"""The time loop step by step in Python, for activations that the compiled one does not have.

The equations are those of `fastrnn.reference`, in the dtype of the weights; the arguments and
results are those of the compiled loop, `_core.forward.forward` and `_core.backward.backward`.
"""

import numpy as np

from ...reference import Layer
from ...reference import backward as backward_by_steps
from ...reference import forward as forward_by_steps


def layer_in_steps(cell, activations, w_ih, w_hh, b_ih, b_hh, w_hr, reset_after):
    """Return what `forward` runs, as `PackedLayer` is for the compiled loop.

    Parameters
    ----------
    activations : pair of Activation
    cell, w_ih, w_hh, b_ih, b_hh, w_hr, reset_after
        See `PackedLayer`.
    """
    return Layer(cell, activations, w_ih, w_hh, b_ih, b_hh, w_hr, reset_after)


def forward(layer, x, y, initial, final, lengths, reverse, keep, dropout=None):
    """Run over x (T, N, I), writing y (T, N, H) and the final states; return the tape."""
    with np.errstate(all="ignore"):
        outputs, h, c, tape = forward_by_steps(layer, x, *initial, lengths, reverse, dropout, keep)
    _copy((outputs, h, c), (y, *final))
    return tape if keep else None


def backward(tape, dy, dh, dc, dx, dh_first, dc_first, gradients, packed):
    """Write dx and the gradients of the initial states; add those of the weights, by role."""
    with np.errstate(all="ignore"):
        *made, of_weights = backward_by_steps(tape, dy, dh, dc)
    _copy(made, (dx, dh_first, dc_first))
    for role, gradient in of_weights.items():
        if gradients[role] is not None:
            gradients[role] += gradient


def _copy(values, places):
    for value, place in zip(values, places, strict=True):
        if place is not None:
            place[...] = value
