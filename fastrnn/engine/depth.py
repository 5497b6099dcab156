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


def states_by_layer(h: Array | None, c: Array | None, layers: int,
                    directions: int) -> Sequence[Sequence[StatePair] | None]:
    """Return views of h (S, N, P) and c (S, N, H), either of which may be None, of each layer."""
    if h is None and c is None:
        return [None] * layers
    pairs = [(None if h is None else h[row], None if c is None else c[row])
             for row in range(layers * directions)]
    return [pairs[row:row + directions] for row in range(0, len(pairs), directions)]


def forward(layers: Sequence[Recurrence], x: Array, y: Array,
            initial: Sequence[Sequence[StatePair] | None], final: Sequence[Sequence[StatePair]],
            lengths: Array | None, keep: bool,
            draw_mask: Callable[[tuple[int, ...]], Array] | None) -> Kept:
    """Run all layers over x (T, N, I).

    Parameters
    ----------
    y : ndarray (T, N, D*P)
        Output: what the last layer gives.
    initial, final : of each layer, D pairs (h (N, P), c (N, H))
        The states before (None for zeros) and, as output, after.
    lengths : ndarray (N,) of int64, or None
    keep : bool
        Whether `backward` is to follow.
    draw_mask : callable or None
        Gives for a shape what the outputs of every layer but the last are multiplied with.
    """
    last = len(layers) - 1
    in_place = not keep and layers[0].spec.direction == "forward"
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
        tapes.append(layer.forward(x, out, initial[k], lengths, keep, None, final[k])[1])
        if draw_mask is not None and k < last:
            masks.append(draw_mask(out.shape))
            _multiply(out, masks[k])
        x = out
    return Kept(layers, tapes, masks)


def backward(kept: Kept, dy: Array | None, dfinal: Sequence[Sequence[StatePair] | None], dx: Array,
             dinitial: Sequence[Sequence[StatePair]], grads: Sequence[Sequence[dict]]) -> None:
    """Backpropagate through all layers, once for one pass forward.

    Parameters
    ----------
    kept : Kept
    dy : ndarray (T, N, D*P) or None
        Gradient of the last layer's outputs; None for zeros.
    dfinal, dinitial : of each layer, D pairs (dh (N, P), dc (N, H))
        Gradients of the states after and, as output, before.
    dx : ndarray (T, N, I)
        Output: the gradient of x.
    grads : of each layer, D dicts of ndarray by role
        Gradients of the weights, added to.
    """
    layers, tapes, masks = kept
    spare: list[Array | None] = [None, None]    # a layer reads one and writes the other
    for k in range(len(layers) - 1, -1, -1):
        out = dx if k == 0 else spare[k & 1]
        if out is None:
            width = layers[k].input_size
            out = spare[k & 1] = np.empty((*dx.shape[:2], width), dx.dtype)
        layers[k].backward(tapes[k], dy, dfinal[k], out, grads[k], dinitial[k])
        if masks and k:
            _multiply(out, masks[k - 1])
        dy = out


def _like(y):
    return np.empty(y.shape, y.dtype)


@quiet
def _multiply(array, mask):
    array *= mask
