# SPDX-License-Identifier: Apache-2.0
"""Layers on top of one another: through all of them with a sequence, and back with its gradient.

Sizes: T steps, N rows, I inputs, D directions, P values handed on by each, S states: D of each
layer, the first layer's first. Everything is time-major.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._common.quiet import quiet
from .recurrence import Array, Recurrence, StatePair


def _states_of(state, layer, directions):
    """One layer's of the states (h (S, N, P), c (S, N, H)): D pairs of views; None for zeros."""
    h, c = state
    if h is None and c is None:
        return None
    first = layer * directions
    return [(None if h is None else h[row], None if c is None else c[row])
            for row in range(first, first + directions)]


def forward(layers: Sequence[Recurrence], x: Array, y: Array, initial: StatePair, final: StatePair,
            lengths: Array | None, keep: bool,
            draw_mask: Callable[[tuple[int, ...]], Array] | None) -> tuple[list, list]:
    """Run all layers over x (T, N, I).

    Parameters
    ----------
    y : ndarray (T, N, D*P)
        Output: what the last layer gives.
    initial, final : (h (S, N, P), c (S, N, H))
        The states before, either None for zeros, and, as output, after.
    lengths : ndarray (N,) of int64, or None
    keep : bool
        Whether `backward` is to follow.
    draw_mask : callable or None
        Gives for a shape what the outputs of every layer but the last are multiplied with.

    Returns
    -------
    tapes : list
        Of each layer, None where not `keep`.
    masks : list of ndarray
        Of each layer but the last what `draw_mask` gave, if it is there.
    """
    last = len(layers) - 1
    D = layers[0].directions
    tapes, masks, spare = [], [], None
    for k, layer in enumerate(layers):
        out = y
        if k < last and (keep or not _may_write_y(layer, last - k)):
            # Backward reads the inputs of every layer.
            out = spare = _like(y) if keep or spare is None else spare
        tapes.append(layer.forward(x, out, _states_of(initial, k, D), lengths, keep, None,
                                   _states_of(final, k, D))[1])
        if draw_mask is not None and k < last:
            masks.append(draw_mask(out.shape))
            _multiply(out, masks[k])
        x = out
    return tapes, masks


def _may_write_y(layer, above):
    """Whether a layer with so many above it, in evaluation, may write into y, where the last one
    writes. Two directions may not write where they read, so that they take two arrays in turn."""
    return layer.spec.direction == "forward" or above % 2 == 0


def backward(layers: Sequence[Recurrence], tapes: Sequence[Any], masks: Sequence[Array],
             dy: Array | None, dfinal: StatePair, dx: Array, dinitial: StatePair,
             grads: Sequence[Sequence[dict]]) -> None:
    """Backpropagate through all layers, once for one pass forward.

    Parameters
    ----------
    layers, tapes, masks
        As they were in `forward`.
    dy : ndarray (T, N, D*P) or None
        Gradient of the last layer's outputs; None for zeros.
    dfinal, dinitial : (dh (S, N, P), dc (S, N, H))
        Gradients of the states after, either None for zeros, and, as output, before.
    dx : ndarray (T, N, I)
        Output: the gradient of x.
    grads : of each layer, D dicts of ndarray by role
        Gradients of the weights, added to.
    """
    D = layers[0].directions
    spare = [None, None]    # a layer reads one and writes the other
    for k in range(len(layers) - 1, -1, -1):
        if k == 0:
            out = dx
        else:
            out = spare[k & 1]
            if out is None:
                width = layers[k].input_size
                out = spare[k & 1] = np.empty((*dx.shape[:2], width), dx.dtype)
        layers[k].backward(tapes[k], dy, _states_of(dfinal, k, D), out, grads[k],
                           _states_of(dinitial, k, D))
        if masks and k:
            _multiply(out, masks[k - 1])
        dy = out


def _like(y):
    return np.empty(y.shape, y.dtype)


@quiet
def _multiply(array, mask):
    array *= mask
