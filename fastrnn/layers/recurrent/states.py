# SPDX-License-Identifier: Apache-2.0
"""What programs read of a recurrent layer: its states, and its cell."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...graph.structure import flatten
from ..base import Layer
from ..variable import Variable


class State(Variable):
    """What a stateful layer carries from batch to batch; it is no weight."""

    __slots__ = ()

    def __init__(self, name: str, value: np.ndarray, owner: Layer) -> None:
        super().__init__(name, value, owner, trainable=False)

    def assign(self, value: npt.ArrayLike) -> None:
        # Not written in place: a tape may hold the array.
        self.array = np.array(self.checked(value), self.dtype, order="C")


def set_states(layer: Any, variables: Sequence[State] | None, states: Any) -> None:
    """Set all states of a layer, its `variables`; see `LSTM.reset_states` for the errors."""
    if variables is None:
        why = ("it is not built yet" if layer.stateful else
               "it is not stateful: make it with stateful=True")
        raise ValueError(f"{layer.name} has no states to set: {why}")
    states = flatten(states if isinstance(states, list | tuple) else [states])
    if len(states) != len(variables):
        raise ValueError(f"{layer.name}: states must be {len(variables)} arrays, "
                         f"got {len(states)}")
    states = [v.checked(state) for v, state in zip(variables, states, strict=True)]
    for variable, state in zip(variables, states, strict=True):
        variable.assign(state)


def listed_states(layer: Any, states: Any, count: int) -> list[Any]:
    """Return the states that a layer of `count` of them is called with, as a list.

    Each is an array, a tensor, or nested lists of numbers; one alone needs no list around it.

    Raises
    ------
    ValueError
        If there are others than `count`.
    """
    states = list(states) if isinstance(states, list | tuple) else [states]
    if count == 1 and states and not hasattr(states[0], "shape") and np.ndim(states[0]) < 2:
        states = [states]
    if len(states) != count:
        raise ValueError(f"{layer.name}: initial_state must be {count} arrays, "
                         f"got {len(states)}")
    return states


class Cell:
    """The cell of a recurrent layer: the layer's weights and arguments, by their names there."""

    __slots__ = ("_layer",)

    def __init__(self, layer: Any) -> None:
        object.__setattr__(self, "_layer", layer)

    @property
    def name(self) -> str:
        return f"{self._layer.kind}_cell" if self._layer.kind != "rnn" else "simple_rnn_cell"

    @property
    def output_size(self) -> int:
        return self._layer.units

    def __getattr__(self, name):
        layer = object.__getattribute__(self, "_layer")
        if name.startswith("_") or name in _OF_SEQUENCES:
            raise AttributeError(f"the cell of {layer.name} has no attribute {name!r}")
        return getattr(layer, name)

    def __setattr__(self, name, value):
        setattr(self._layer, name, value)

    def __reduce__(self):
        return Cell, (self._layer,)

    def __repr__(self):
        return f"<Cell of {self._layer.name}, units={self._layer.units}>"


# What a layer has and its cell has not.
_OF_SEQUENCES = {"cell", "states", "return_sequences", "return_state", "go_backwards", "stateful",
                 "unroll", "forward", "backward", "get_config", *vars(Layer)} - {
    "weights", "variables", "trainable", "trainable_variables", "trainable_weights",
    "non_trainable_weights", "non_trainable_variables", "get_weights", "set_weights", "dtype"}
