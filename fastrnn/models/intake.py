# SPDX-License-Identifier: Apache-2.0
"""What a model takes: its inputs in order, of the right shapes, without missing values."""

from typing import Any

import numpy as np

from ..graph.structure import flatten, is_nested
from ..graph.symbolic import SymbolicTensor
from .arrays import Cast, as_dtype, missing
from .whole import PartOfModel


class Intake(PartOfModel):
    """The part of a model that checks and orders what it is given."""

    _input_structure: Any

    @property
    def input_count(self) -> int | None:
        """How many inputs there are, or None for a subclassed model, whose call alone knows."""
        return None if self.graph is None else len(self.graph.inputs)

    @property
    def input_names(self) -> list[str] | None:
        """Names of the inputs of a functional model, else None."""
        if self.graph is None:
            return None
        if isinstance(self._input_structure, dict):
            return sorted(self._input_structure)
        return [tensor.name for tensor in self.graph.inputs]

    def _ordered(self, inputs):
        """The values of inputs in the order of the graph's inputs."""
        count = len(self.graph.inputs)
        if isinstance(inputs, dict):
            return self._by_name("inputs", inputs, self.input_names)
        values = flatten(inputs)
        if len(values) != count:
            raise ValueError(f"{self.name} has {count} inputs, got {len(values)}")
        return values

    @staticmethod
    def _by_name(what, values, names):
        missing = [name for name in names if name not in values]
        if missing:
            raise ValueError(f"{what} must be named {', '.join(names)}; missing: "
                             f"{', '.join(missing)}; got {', '.join(map(str, values))}")
        return [values[name] for name in names]

    def ordered_inputs(self, x: Any) -> Any:
        """Return inputs as `run` takes them, checked against the graph's shapes.

        Raises
        ------
        ValueError
            If their number, a name or a shape is wrong.
        """
        if self.graph is None:
            return x
        ordered = [x] if type(x) is np.ndarray else self._ordered(x)
        if len(ordered) != len(self.graph.inputs):
            raise ValueError(f"{self.name} has {len(self.graph.inputs)} inputs, got one array")
        ordered = [self._fitting(array, tensor)
                   for array, tensor in zip(ordered, self.graph.inputs, strict=True)]
        return ordered[0] if len(ordered) == 1 else ordered

    def _fitting(self, array, tensor):
        return fitting(array, tensor)

    def check_missing(self, x: Any) -> None:
        """Raise where the inputs have a NaN that no layer expects."""
        for k, array in enumerate(flatten(x)):
            found = missing(array)
            if found is not None and not self._expects_missing(k):
                number, first = found
                name = f"input {k} of the model" if is_nested(x) else "x"
                raise ValueError(
                    f"{name} has {number} missing values (NaN), the first at {first}: fill them "
                    "with fastrnn.preprocessing.fill_missing, or begin the model with "
                    "Masking(nan=True), for which such a step does not count"
                )

    def _expects_missing(self, index):
        if self.graph is None:
            return any(layer.takes_missing for layer in self.all_layers())
        given = self.graph.inputs[index]
        readers = [node.layer for node in self.graph.nodes
                   if any(tensor is given for tensor in node.parents())]
        return bool(readers) and all(layer.takes_missing for layer in readers)

    @property
    def takes_missing(self) -> bool:
        """Whether NaN in the inputs are steps that do not count."""
        if self.graph is None:
            return any(layer.takes_missing for layer in self.sublayers())
        return all(self._expects_missing(k) for k in range(len(self.graph.inputs)))


def fitting(array: np.ndarray, tensor: SymbolicTensor, sizes: bool = True) -> np.ndarray | Cast:
    """An input array in the shape and dtype of a symbolic input, but for its `sizes` if they are
    not to be looked at. As in Keras, a last axis of 1 is added or taken away."""
    shape = tensor.shape
    if array.ndim == len(shape) - 1 and shape[-1] == 1:
        array = array[..., None]
    elif array.ndim == len(shape) + 1 and array.shape[-1] == 1:
        array = array[..., 0]
    fits = array.ndim == len(shape) and (not sizes or all(
        size in (None, got) for size, got in zip(shape[1:], array.shape[1:], strict=True)))
    if not fits:
        hint = ""
        if array.dtype.kind in "iu" and array.ndim == len(shape) - 1:
            hint = "; ids of words or characters become vectors in an Embedding layer, put first"
        raise ValueError(f"the input {tensor.name!r} must have shape {shape}, got {array.shape}"
                         + hint)
    return as_dtype(array, tensor.dtype) if array.dtype.kind == "f" else array
