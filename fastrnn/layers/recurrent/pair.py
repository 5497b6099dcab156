# SPDX-License-Identifier: Apache-2.0
"""Two recurrent layers that read the same sequences from opposite ends, in one call of the loops.

Both directions run side by side where that is faster; the bits are those of one layer after the
other. Sizes: N rows, T steps, I inputs, H units of each layer.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...engine.recurrence import Array, Recurrence, StatePair
from ...graph.tape import FOR_INPUTS, NOTHING
from .base import NO_DROPOUT, Recurrent, state_gradients
from .masked_steps import Steps
from .sequences import step_mask

_Layers = Sequence[Recurrent]


class Kept(NamedTuple):
    """What the forward of a pair leaves for its backward."""

    recurrence: Recurrence
    tapes: Sequence[Any]
    steps: Steps | None
    input_factors: list[Array | None]
    shape: tuple[int, int]                      # N, T
    given: Sequence[list[Array] | None]         # the initial states that each was given
    keep: int


class Joined:
    """The two directions of a pair as one `Recurrence`, made when their weights have changed."""

    def __init__(self) -> None:
        self._made = None, None, None

    def of(self, layers: _Layers) -> Recurrence | None:
        """Return what runs both layers; None where they must run one after the other."""
        if not _allow(layers):
            return None
        one, other = (layer._current_recurrence() for layer in layers)
        if self._made[0] is not one or self._made[1] is not other:
            self._made = one, other, one.joined(other) if one.fits(other) else None
        return self._made[2]

    def __reduce__(self):
        return Joined, ()


def _allow(layers):
    """Whether the time loop is all that the layers do, and the outputs of masked steps are the same
    in both orders of reading."""
    return all(
        type(layer).forward is Recurrent.forward and type(layer).backward is Recurrent.backward
        and layer.activity_regularizer is None
        and layer.zero_output_for_mask == layer.return_sequences
        for layer in layers
    )


def forward(recurrence: Recurrence, layers: _Layers, x: Array,
            given: Sequence[list[Array] | None], mask: Array | None, training: bool, keep: int,
            concatenated: bool) -> tuple[list[list[Array]], Array | None, Kept | None]:
    """Run both layers over x (N, T, I).

    Parameters
    ----------
    recurrence : Recurrence
        What `Joined.of` gave for the layers.
    given : pair of lists of ndarray, or of None
        The initial states of each layer.
    mask : ndarray (N, T) of bool, or None
    training, keep
        As in `Layer.forward`.
    concatenated : bool
        Whether the outputs, sequences, are wanted side by side.

    Returns
    -------
    outputs : list of two lists of ndarray
        Of each layer the output, with steps in the order in which the first one reads, and, with
        return_state, the states.
    concatenated : ndarray (N, T, 2H) or None
        The two outputs, which are views of it.
    kept : Kept or None
        For `backward`.

    Raises
    ------
    ValueError
        If x, a mask or a state does not fit the layers.
    """
    layers[0]._check_sequences(x)
    N, T, _ = x.shape
    if layers[0].go_backwards:
        x = x[:, ::-1]
        mask = None if mask is None else mask[:, ::-1]
    state = _initial_state(layers, given, N)
    drops = [layer._dropout_factors(N) if training else NO_DROPOUT for layer in layers]
    factors = [drop.inputs for drop in drops]
    steps = None
    if mask is not None:
        steps = Steps(step_mask(layers[0], mask, N, T), layers[0].zero_output_for_mask)
        x = steps.gather(x)
    whole, ys = _new_outputs(layers, N, x.shape[1], concatenated)
    final, tapes = recurrence.forward(
        _dropped(x, factors), [y.swapaxes(0, 1) for y in ys], state,
        None if steps is None else steps.lengths, keep != NOTHING,
        [drop.recurrent for drop in drops])
    kept = Kept(recurrence, tapes, steps, factors, (N, T), given, keep) if keep else None
    if steps is not None and layers[0].return_sequences:
        gathered = [whole] if concatenated else ys
        whole, ys = _new_outputs(layers, N, T, concatenated, np.zeros)
        for y, spread in zip(gathered, [whole] if concatenated else ys, strict=True):
            steps.spread_into(y, spread)
        steps = None
    outputs = [layer._outputs(y, states, steps)
               for layer, y, states in zip(layers, ys, final, strict=True)]
    if not layers[0].return_state:
        outputs = [made[:1] for made in outputs]
    return outputs, whole, kept


def _initial_state(layers, given, N):
    states = [layer._initial_state(each, N) for layer, each in zip(layers, given, strict=True)]
    if states[0] is None and states[1] is None:
        return None
    return [(None, None) if state is None else state[0] for state in states]


def _dropped(x, factors):
    """x, time-major, as each layer reads it: one for both where there is no dropout of inputs."""
    if factors[0] is None and factors[1] is None:
        return x.swapaxes(0, 1)
    return [(x if factor is None else x * factor[:, None]).swapaxes(0, 1) for factor in factors]


def _new_outputs(layers, N, T, concatenated, new=np.empty):
    """Arrays for the outputs of both, (N, T, H): and where they lie side by side, else None."""
    H, dtype = layers[0].units, layers[0].dtype
    if concatenated:
        whole = new((N, T, 2 * H), dtype)
        return whole, _halves(whole)
    return None, [_new_steps(k, (N, T, H), dtype, new) for k in range(2)]


def _new_steps(k, shape, dtype, new=np.empty):
    """An array (N, T, ...) for layer k. In memory the steps are in the order in which the layer
    reads: what sums over an array later adds in that order, whether the layers ran at once or not.
    """
    return new(shape, dtype)[:, ::-1] if k else new(shape, dtype)


def _halves(whole):
    H = whole.shape[2] // 2
    return [whole[:, :, :H], whole[:, :, H:]]


def backward(kept: Kept, layers: _Layers,
             doutputs: Sequence[Sequence[Array | None]]) -> list[list[Array | None] | None]:
    """Add the gradients of the weights to them.

    Parameters
    ----------
    kept : Kept
    layers : pair of Recurrent
    doutputs : two lists of ndarray or None
        Gradients of each layer's outputs, as `forward` gave them. A layer with none gets none.

    Returns
    -------
    list of two lists of ndarray, or of None
        Of each layer the gradient of x, None unless it was to be kept for, and of its states.
    """
    live = [k for k in range(2) if any(d is not None for d in doutputs[k])]
    dys, dfinal, dxs = [None, None], [None, None], [None, None]
    for k in live:
        dy, dfinal[k] = layers[k]._loop_gradients(
            doutputs[k] if layers[k].return_state else doutputs[k][0], kept.steps)
        dys[k] = None if dy is None else dy.swapaxes(0, 1)
        if kept.keep == FOR_INPUTS:
            dxs[k] = _new_gradient(kept, layers[k], k)
    dinitial: list[StatePair | None] = [None, None]
    into = [None if dx is None else dx.swapaxes(0, 1) for dx in dxs]
    grads = [layer._gradient_arrays() for layer in layers]
    if len(live) == 2:
        dinitial = kept.recurrence.backward(kept.tapes, dys, dfinal, into, grads)
    for k in live if len(live) == 1 else ():
        dinitial[k], = layers[k]._current_recurrence().backward(
            kept.tapes[k], dys[k], dfinal[k:k + 1], into[k], grads[k:k + 1])
    return [_input_gradients(kept, layers[0], k, dxs[k], dinitial[k]) if k in live else None
            for k in range(2)]


def _new_gradient(kept, layer, k):
    N, T = kept.shape
    steps = T if kept.steps is None else kept.steps.longest
    return _new_steps(k, (N, steps, layer.kernel.shape[0]), layer.dtype)


def _input_gradients(kept, first, k, dx, dinitial):
    """The gradients of what a layer was given, for those of what the time loop read."""
    N, T = kept.shape
    if dx is not None:
        if kept.input_factors[k] is not None:
            dx *= kept.input_factors[k][:, None]
        if kept.steps is not None:
            spread = _new_steps(k, (N, T, dx.shape[2]), dx.dtype, np.zeros)
            dx = kept.steps.spread_into(dx, spread)
        if first.go_backwards:
            dx = dx[:, ::-1]
    given = kept.given[k]
    return [dx] if given is None else [dx, *state_gradients(dinitial, given)]
