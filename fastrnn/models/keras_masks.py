# SPDX-License-Identifier: Apache-2.0
"""Masks in the graphs that Keras 3 writes.

What Masking and Embedding find is handed on there as an argument of each call, and the operators
that compute it stand in the graph. Here layers hand it on by themselves.
"""

from typing import Any

import numpy as np

from ..graph.arithmetic import Arithmetic
from ..graph.expressions import arithmetic
from ..graph.structure import flatten
from ..graph.symbolic import SymbolicTensor
from ..layers.embedding import Embedding
from ..layers.masking import Masking


class Masks:
    """What is known of the masks of a graph while its calls are made."""

    def __init__(self) -> None:
        # id of a tensor -> how its mask is made: see `_made_by`
        self._carried: dict[int, tuple[str, int, float] | None] = {}
        # id of what `any_of` gave -> what it was made of
        self._reduced: dict[int, SymbolicTensor] = {}

    def any_of(self, tensor: SymbolicTensor, axis: int, keepdims: bool) -> SymbolicTensor:
        """Return whether any element along the last axis is true.

        Raises
        ------
        ValueError
            For other axes.
        """
        if axis != -1 or keepdims or tensor.ndim < 3 or tensor.shape[-1] is None:
            raise ValueError("the operation 'Any' is there only for the last axis of a sequence, "
                             f"got axis={axis!r}, keepdims={keepdims!r}, shape {tensor.shape}")
        ones = np.ones(tensor.shape[-1], np.float32)
        result: Any = arithmetic("greater", arithmetic("matmul", tensor, ones), 0)
        self._reduced[id(result)] = tensor
        return result

    def note(self, layer: Any, inputs: Any, outputs: list[Any]) -> None:
        """A layer was called; its outputs carry the mask that it makes or hands on."""
        first = flatten(inputs)[0]
        mask: tuple[str, int, float] | None
        if isinstance(layer, Masking):
            mask = "masking", id(first), float(layer.mask_value)
        elif isinstance(layer, Embedding) and layer.mask_zero:
            mask = "embedding", id(first), 0.0
        else:
            mask = self._carried.get(id(first)) if layer.supports_masking else None
        for output in outputs:
            self._carried[id(output)] = mask

    def is_carried(self, inputs: Any, mask: Any) -> bool:
        """Whether a mask that is written down is the one that the inputs carry anyway."""
        made = self._made_by(mask)
        return made is not None and made == self._carried.get(id(flatten(inputs)[0]))

    def _made_by(self, mask):
        """Return (the kind of layer, id of its input, its value), or None."""
        kind = "masking" if id(mask) in self._reduced else "embedding"
        mask = self._reduced.get(id(mask), mask)
        layer = mask.node.layer if isinstance(mask, SymbolicTensor) else None
        if not isinstance(layer, Arithmetic) or layer.operation != "not_equal" or (
                layer.constant is None or layer.constant.ndim):
            return None
        return kind, id(mask.node.inputs[0]), float(layer.constant)
