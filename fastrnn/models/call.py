# SPDX-License-Identifier: Apache-2.0
"""One run of a model over a batch: its outputs, and the way back."""

from typing import Any

import numpy as np

from ..graph.structure import flatten, likeness, pack
from ..graph.tape import Tape, Tensor


class Call:
    """One run of a model over a batch.

    Attributes
    ----------
    outputs : list of ndarray
    masks : list of ndarray or None
    """

    __slots__ = ("_inputs", "_made", "_tape", "_tensors", "masks", "outputs")

    def __init__(self, made: Any, tape: Tape | Any, inputs: Any) -> None:
        self._made, self._tape, self._inputs = made, tape, inputs
        self._tensors = tensors = [made] if type(made) is Tensor else flatten(made)
        for tensor in tensors:
            if type(tensor) is not Tensor:
                raise TypeError("call must return what layers give, or lists, tuples and dicts of "
                                f"it; got {type(tensor).__name__}")
        self.outputs = [tensor.array for tensor in tensors]
        self.masks = [tensor.mask for tensor in tensors]

    @property
    def rows(self) -> int:
        return len(self.outputs[0])

    @property
    def gives_one(self) -> bool:
        """Whether the outputs are one tensor, in no list."""
        return type(self._made) is Tensor

    def structure(self) -> Any:
        """Return the outputs as the model's call gave them, arrays in place of tensors."""
        return self.packed(self.outputs)

    def likeness(self) -> Any:
        """Return the structure of the outputs with nothing in it."""
        return likeness(self._made)

    def packed(self, arrays: list[np.ndarray]) -> Any:
        """Return arrays in the structure of the outputs."""
        return arrays[0] if self.gives_one else pack(self._made, arrays)

    def backward(self, gradients: list[np.ndarray | None]) -> list[Any]:
        """Propagate the gradients of the outputs (None: zeros); return those of the inputs."""
        for tensor, gradient in zip(self._tensors, gradients, strict=True):
            if gradient is not None and tensor.tracked:
                tensor.add_gradient(gradient)
        self._tape.backward()
        return [tensor.gradient for tensor in flatten(self._inputs)]
