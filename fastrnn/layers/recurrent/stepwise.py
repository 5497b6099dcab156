# SPDX-License-Identifier: Apache-2.0
"""The time loop step by step in Python, for activations that the compiled one does not have.

The equations are those of `fastrnn.reference`, in the dtype of the weights; the class is called as
`engine.recurrence.Recurrence` is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...engine.recurrence import HAS_C, Array, Spec, StatePair
from ...reference import Layer
from ...reference import backward as backward_by_steps
from ...reference import forward as forward_by_steps


class StepwiseRecurrence:
    """One recurrent layer in direction "forward" or "reverse"; see `Recurrence`.

    Parameters
    ----------
    spec : Spec
        Its `activations` are a pair of Activation.
    weights : sequence of one mapping of str to ndarray
    version : int
    training : bool
        Not used: nothing is packed.
    """

    def __init__(self, spec: Spec, weights: Sequence[Mapping[str, Array | None]],
                 version: int = 0, training: bool = False) -> None:
        self.spec = spec
        self.version = version
        copied: dict[str, Any] = {role: None if array is None else array.copy()
                  for role, array in weights[0].items()}
        self._layer = Layer(spec.cell, spec.activations, **copied, reset_after=spec.reset_after)
        self._reverse = spec.direction == "reverse"

    def fits(self, other: object) -> bool:
        """Return whether `other` can be the second direction of a layer with this one: never."""
        return False

    def new_state(self, rows: int) -> tuple[StatePair, ...]:
        """Return arrays for the states, ((h (N, H), c (N, H) or None),)."""
        w_hh = self._layer.w_hh
        h, c = (np.empty((rows, w_hh.shape[1]), w_hh.dtype) for _ in range(2))
        return ((h, c if HAS_C[self.spec.cell] else None),)

    def forward(self, x: Array, y: Array, state: Sequence[StatePair] | None = None,
                lengths: Array | None = None, keep: bool = False,
                drop: Sequence[Array | None] | None = None,
                final: Sequence[StatePair] | None = None) -> tuple[Sequence[StatePair], Any]:
        """Run over x (T, N, I), writing y (T, N, H); return the final states and the tape."""
        final = final or self.new_state(x.shape[1])
        initial = state[0] if state else (None, None)
        with np.errstate(all="ignore"):
            outputs, h, c, tape = forward_by_steps(
                self._layer, x, *initial, lengths, self._reverse, drop[0] if drop else None, keep)
        _copy((outputs, h, c), (y, *final[0]))
        return final, tape if keep else None

    def backward(self, tape: Any, dy: Array | None, dstate: Sequence[StatePair] | None,
                 dx: Array | None, grads: Sequence[Mapping[str, Any]],
                 dinitial: Sequence[StatePair] | None = None) -> Sequence[StatePair]:
        """Write dx (T, N, I), add to the gradients of the weights; return those of the states."""
        dinitial = dinitial or self.new_state(tape.x_shape[1])
        dfinal = dstate[0] if dstate else (None, None)
        with np.errstate(all="ignore"):
            *made, of_weights = backward_by_steps(tape, dy, *dfinal)
        _copy(made, (dx, *dinitial[0]))
        for role, gradient in of_weights.items():
            total = grads[0][role]
            if total is not None:
                total += gradient
        return dinitial


def _copy(values, places):
    for value, place in zip(values, places, strict=True):
        if place is not None:
            place[...] = value
