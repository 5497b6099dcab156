# SPDX-License-Identifier: Apache-2.0
"""Layers that arrange the same numbers in another shape."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._common import checks
from ..graph.broadcasting import Shape
from .base import Layer, rank


class Flatten(Layer):
    """All axes but the batch as one: (N, ..., C) -> (N, F), and (N,) -> (N, 1).

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
        "channels_first" reads (N, C, ...) and moves the channels to the end before it flattens,
        so that both give the same numbers in the same order.
    **options
        Those of every `Layer`.
    """

    arguments = ("data_format",)
    casts_inputs = False

    def __init__(self, data_format: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.data_format = checked_data_format(data_format)
        self._channels_first = self.data_format == "channels_first"

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sizes = input_shape[1:]
        known = [size for size in sizes if size is not None]
        return (input_shape[0], math.prod(known) if len(known) == len(sizes) else None)

    def forward(self, inputs: np.ndarray, mask: np.ndarray | None, training: bool,
                keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        if self._channels_first and inputs.ndim > 2:
            inputs = np.moveaxis(inputs, 1, -1)
        return inputs.reshape(_flat(inputs.shape)), self.masked(mask), inputs.shape

    def backward(self, shape: tuple[int, ...], doutputs: np.ndarray) -> np.ndarray:
        dx = doutputs.reshape(shape)
        return np.moveaxis(dx, -1, 1) if self._channels_first and len(shape) > 2 else dx


def _flat(shape):
    return shape[0], math.prod(shape[1:])


def checked_data_format(value: str | None) -> str:
    """Return a data format; None is "channels_last"."""
    return checks.choice("data_format", "channels_last" if value is None else value,
                         ("channels_last", "channels_first"))


class Reshape(Layer):
    """The features of a row in another shape: (N, ...) -> (N, *target_shape).

    Parameters
    ----------
    target_shape : tuple of int
        Without the batch; one size may be -1: what is left for it.
    **options
        Those of every `Layer`.

    Raises
    ------
    ValueError
        If the inputs have another number of elements.
    """

    arguments = ("target_shape",)
    casts_inputs = False

    def __init__(self, target_shape: int | Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        sizes = (target_shape,) if isinstance(target_shape, int) else tuple(target_shape)
        self.target_shape = tuple(
            size if size == -1 else checks.count("target_shape", size, minimum=0)
            for size in sizes
        )
        if self.target_shape.count(-1) > 1:
            raise ValueError(f"target_shape may have one -1, got {self.target_shape}")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], *self._target(tuple(input_shape[1:])))

    def _target(self, sizes):
        """Return the target shape for inputs of these sizes, without -1 where it can be known."""
        target = self.target_shape
        if None in sizes:
            return tuple(None if size == -1 else size for size in target)
        total = math.prod(sizes)
        given = math.prod(size for size in target if size != -1)
        if total != given if -1 not in target else not given or total % given:
            raise ValueError(f"{self.name}: {total} elements a row, of inputs of shape "
                             f"{(None, *sizes)}, do not fit target_shape {target}")
        return tuple(total // given if size == -1 else size for size in target)

    def forward(self, inputs: np.ndarray, mask: np.ndarray | None, training: bool,
                keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        shape = inputs.shape
        outputs = inputs.reshape(shape[0], *self._target(shape[1:]))
        return outputs, self.masked(mask), shape

    def backward(self, shape: tuple[int, ...], doutputs: np.ndarray) -> np.ndarray:
        return doutputs.reshape(shape)


class Permute(Layer):
    """The axes in another order; dims=(2, 1) makes (N, F, T) of (N, T, F).

    Parameters
    ----------
    dims : tuple of int
        The axes of the inputs, counted from 1 after the batch, in the order of the outputs.
    **options
        Those of every `Layer`.

    Raises
    ------
    ValueError
        If `dims` is no such order, or the inputs have another number of axes.
    """

    arguments = ("dims",)
    casts_inputs = False

    def __init__(self, dims: Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError("dims must be the numbers from 1 to the number of axes after the "
                             f"batch, in any order; got {self.dims}")
        self._back = (0, *(1 + self.dims.index(axis) for axis in range(1, len(self.dims) + 1)))

    def build(self, input_shape: Shape) -> None:
        rank(self, input_shape, len(self.dims) + 1, f"the batch and the {len(self.dims)} of dims")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.build(input_shape)
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))

    def forward(self, inputs: np.ndarray, mask: np.ndarray | None, training: bool,
                keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        if inputs.ndim != len(self.dims) + 1:
            self.build(inputs.shape)
        return inputs.transpose(0, *self.dims), self.masked(mask), None

    def backward(self, kept: Any, doutputs: np.ndarray) -> np.ndarray:
        return doutputs.transpose(self._back)


class RepeatVector(Layer):
    """Each row's vector at every one of n steps: (N, F) -> (N, n, F).

    Parameters
    ----------
    n : int
    **options
        Those of every `Layer`.

    Raises
    ------
    ValueError
        If the inputs are not 2-D.
    """

    arguments = ("n",)
    casts_inputs = False

    def __init__(self, n: int, **options: Any) -> None:
        super().__init__(**options)
        self.n = checks.count("n", n)

    def build(self, input_shape: Shape) -> None:
        rank(self, input_shape, 2, "the batch and features")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.build(input_shape)
        return (input_shape[0], self.n, input_shape[1])

    def forward(self, inputs: np.ndarray, mask: np.ndarray | None, training: bool,
                keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        if inputs.ndim != 2:
            self.build(inputs.shape)
        return np.repeat(inputs[:, None], self.n, axis=1), self.masked(mask), None

    def backward(self, kept: Any, doutputs: np.ndarray) -> np.ndarray:
        return doutputs.sum(axis=1)
