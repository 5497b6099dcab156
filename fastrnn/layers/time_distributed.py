# SPDX-License-Identifier: Apache-2.0
"""The layer that applies another one at every step."""

import math
from typing import Any, Self

import numpy as np

from .._common.classes import own_config
from ..graph.broadcasting import Shape
from ..graph.operation import Operation
from .base import Layer
from .described import deserialize


class TimeDistributed(Layer):
    """Applies a layer, or a model, to every step: (N, T, ...) -> (N, T, ...).

    All steps go through the layer in one call, as a batch of N T rows.

    A mask (N, T) passes on; the layer does not see it. A mask (N, T, S), as of sentences of words,
    reaches the layer as (N T, S); it passes on too and, where the outputs have no axis for S, a
    step counts that has any S that does.

    Parameters
    ----------
    layer : Layer
    **options
        Those of every `Layer`.

    Raises
    ------
    TypeError
        If `layer` is none.
    ValueError
        If the inputs have fewer than three axes, the layer gives several outputs, or the mask does
        not fit.
    """

    arguments = ("layer",)
    supports_masking = True
    is_stepwise = True
    takes_list = True

    def __init__(self, layer: Operation, **options: Any) -> None:
        if not isinstance(layer, Operation):
            raise TypeError(f"layer must be a Layer, got {type(layer).__name__}")
        options.setdefault("dtype", layer.dtype)
        super().__init__(**options)
        self.layer = layer
        self.casts_inputs = layer.casts_inputs

    def sublayers(self) -> tuple[Operation, ...]:
        return (self.layer,)

    def build(self, input_shape: Shape) -> None:
        self.layer.ensure_built(self._each(input_shape))

    def _each(self, shape):
        """Return the shape of one step of inputs of `shape`."""
        if isinstance(shape, list):
            raise ValueError(f"{self.name}: TimeDistributed takes one input, got {len(shape)}")
        if len(shape) < 3:
            raise ValueError(f"{self.name}: inputs must have three axes or more, the batch, steps "
                             f"and what {self.layer.name} takes; got shape {tuple(shape)}")
        return (shape[0], *shape[2:])

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        each = self.layer.compute_output_shape(self._each(input_shape))
        if isinstance(each, list):
            raise ValueError(f"{self.name}: {self.layer.name} gives {len(each)} outputs, "
                             "TimeDistributed needs a layer that gives one")
        return (each[0], input_shape[1], *each[1:])

    @property
    def takes_missing(self) -> bool:  # type: ignore[override]
        return self.layer.takes_missing

    def forward(self, inputs: np.ndarray, mask: np.ndarray | None, training: bool,
                keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        if isinstance(inputs, list) or inputs.ndim < 3:
            self._each([x.shape for x in inputs] if isinstance(inputs, list) else inputs.shape)
        batch = inputs.shape[:2]
        rows, each = math.prod(batch), inputs.shape[2:]
        inner = self._inner_mask(inputs, mask)
        y, _, kept = self.layer.forward(inputs.reshape(rows, *each), inner, training, keep)
        if type(y) is list:
            self.compute_output_shape(inputs.shape)
        y = y.reshape(*batch, *y.shape[1:])
        if mask is not None and mask.ndim >= y.ndim:
            mask = np.any(mask, axis=tuple(range(max(2, y.ndim - 1), mask.ndim)))
        return y, mask, (kept, rows, inputs.shape)

    def _inner_mask(self, inputs, mask):
        if mask is None:
            return None
        if mask.ndim < 2 or mask.shape[:2] != inputs.shape[:2]:
            raise ValueError(f"{self.name}: the mask of inputs of shape {inputs.shape} must begin "
                             f"with {inputs.shape[:2]}, got shape {mask.shape}")
        if mask.ndim == 2:
            return None
        return mask.reshape(math.prod(mask.shape[:2]), *mask.shape[2:])

    def backward(self, kept: Any, doutputs: np.ndarray) -> np.ndarray | None:
        kept, rows, shape = kept
        dx = self.layer.backward(kept, doutputs.reshape(rows, *doutputs.shape[2:]))
        return None if dx is None else dx.reshape(shape)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        config = own_config(cls, config)
        return cls(**{**config, "layer": deserialize(config["layer"])})
