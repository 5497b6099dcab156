# SPDX-License-Identifier: Apache-2.0
"""Layers on top of one another: through all of them with a sequence, and back with its gradient.

Sizes: T steps, N rows, I inputs, D directions, P values handed on by each, S states: D of each
layer, the first layer's first. Everything is time-major.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._common.quiet import quiet
from .recurrence import Array, Recurrence, StatePair


class Kept(NamedTuple):
    """What one pass forward leaves for the one back."""

    layers: Sequence[Recurrence]
    tapes: Sequence[Any]    # of each layer
    masks: Sequence[Array]  # of each layer but the last: what its outputs were multiplied with


def forward(layers: Sequence[Recurrence], x: Array, y: Array,
            initial: StatePair, final: StatePair, lengths: Array | None, keep: bool,
            draw_mask: Callable[[tuple[int, ...]], Array] | None) -> Kept | None:
    """Run all layers over x (T, N, I).

    Parameters
    ----------
    y : ndarray (T, N, D*P)
        Output: what the last layer gives.
    initial, final : h (S, N, P), c (S, N, H)
        The states before (None for zeros) and, as output, after; c is None but for LSTM.
    lengths : ndarray (N,) of int64, or None
    keep : bool
        Whether `backward` is to follow.
    draw_mask : callable or None
        Gives for a shape what the outputs of every layer but the last are multiplied with.

    Returns
    -------
    Kept or None
        Where `keep`.
    """
    last = len(layers) - 1
    both = layers[0].spec.direction == "both"
    in_place = not (keep or both)
    tapes: list[Any] = []
    masks: list[Array] = []
    spare = None
    for k, layer in enumerate(layers):
        if in_place or k == last or (not keep and (last - k) % 2 == 0):
            out = y
        elif keep or spare is None:
            # Backward reads the inputs of every layer; two directions may not write where they
            # read, so that they write to two arrays in turn.
            out = spare = _like(y)
        else:
            out = spare
        tapes.append(layer.forward(x, out, _of_layer(initial, k, both), lengths, keep, None,
                                   _of_layer(final, k, both))[1])
        if draw_mask is not None and k < last:
            masks.append(draw_mask(out.shape))
            _multiply(out, masks[k])
        x = out
    return Kept(layers, tapes, masks) if keep else None


def backward(kept: Kept, dy: Array | None, dfinal: StatePair, dx: Array, dinitial: StatePair,
             grads: Sequence[Sequence[dict]]) -> None:
    """Backpropagate through all layers, once for one pass forward.

    Parameters
    ----------
    kept : Kept
    dy : ndarray (T, N, D*P) or None
        Gradient of the last layer's outputs; None for zeros.
    dfinal, dinitial : dh (S, N, P), dc (S, N, H)
        Gradients of the states after (None for zeros) and, as output, before.
    dx : ndarray (T, N, I)
        Output: the gradient of x.
    grads : of each layer, D dicts of ndarray by role
        Gradients of the weights, added to.
    """
    layers, tapes, masks = kept
    both = layers[0].spec.direction == "both"
    spare: list[Array | None] = [None, None]    # a layer reads one and writes the other
    for k in range(len(layers) - 1, -1, -1):
        if k == 0:
            out: Any = dx
        else:
            out = spare[k & 1]
            if out is None:
                width = layers[k].input_size
                out = spare[k & 1] = np.empty((*dx.shape[:2], width), dx.dtype)
        layers[k].backward(tapes[k], dy, _of_layer(dfinal, k, both), out, grads[k],
                           _of_layer(dinitial, k, both))
        if masks and k:
            _multiply(out, masks[k - 1])
        dy = out


def _of_layer(state, k, both):
    """D pairs of views (N, ...) of layer k, of a pair of arrays (S, N, ...) or None."""
    h, c = state
    if h is None and c is None:
        return None
    if not both:
        return ((None if h is None else h[k], None if c is None else c[k]),)
    return tuple([(None if h is None else h[row], None if c is None else c[row])
                  for row in (2 * k, 2 * k + 1)])


def _like(y):
    return np.empty(y.shape, y.dtype)


@quiet
def _multiply(array, mask):
    array *= mask
