# SPDX-License-Identifier: Apache-2.0
"""The layer that multiplies the vectors of two inputs with each other."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._common.products import multiply_batches
from ..graph.broadcasting import Shape, common_shape
from .merging import Merge, listed


class Dot(Merge):
    """The scalar products of two inputs along an axis of each.

    Of inputs (N, A..., K) and (N, B..., K), with K at the axes given, the outputs are
    (N, A..., B...), or (N, 1) where there are no others. There is no mask.

    Parameters
    ----------
    axes : int or pair of int
        The axis of each input; not the batch.
    normalize : bool
        Whether the vectors are scaled to length 1 first, so that the products are cosines.
    **options
        Those of every `Layer`.

    Raises
    ------
    ValueError
        If `axes` are no one or two ints without 0, or the shapes do not fit.
    """

    arguments: tuple[str, ...] = ("axes", "normalize")
    is_stepwise = False
    fewest = most = 2

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **options: Any) -> None:
        super().__init__(**options)
        pair = (axes, axes) if isinstance(axes, int) else tuple(axes)
        if len(pair) != 2 or not all(isinstance(axis, int) for axis in pair) or 0 in pair:
            raise ValueError(f"axes must be one or two ints, without 0, the batch; got {axes!r}")
        self.axes = axes
        self.normalize = normalize
        self._pair = pair

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        return None

    def compute_output_shape(self, input_shape: Any) -> Shape:
        self._check(input_shape)
        shapes = [tuple(shape) for shape in input_shape]
        for axis, shape in zip(self._pair, shapes, strict=True):
            if not -len(shape) < axis < len(shape):
                raise ValueError(f"{self.name}: axis {axis} is not one of an input of shape "
                                 f"{shape}, the batch not counted")
        a, b = (shape[axis] for axis, shape in zip(self._pair, shapes, strict=True))
        if a != b and None not in (a, b):
            raise ValueError(f"{self.name}: inputs of shapes {shapes[0]} and {shapes[1]} differ "
                             f"at the axes {self._pair}: {a} and {b}")
        rest = [_without(shape, axis) for axis, shape in zip(self._pair, shapes, strict=True)]
        return (common_shape(self, [shapes[0][:1], shapes[1][:1]])[0],
                *(rest[0][1:] + rest[1][1:] or (1,)))

    def forward(self, inputs: list[np.ndarray], mask: list[np.ndarray | None] | None,
                training: bool, keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        shape: Any = self.compute_output_shape([x.shape for x in listed(self, inputs)])
        vectors, lengths = zip(*map(self._vectors, inputs, self._pair), strict=True)
        a, b = vectors
        y = multiply_batches(a, b.swapaxes(1, 2)).reshape(shape)
        return y, None, (a, b, lengths, [x.shape for x in inputs]) if keep else None

    def _vectors(self, x, axis):
        """Return x as (N, A, K), and what its vectors were divided by."""
        rows = np.moveaxis(x, axis, -1)
        rows = rows.reshape(len(x), math.prod(rows.shape[1:-1]), rows.shape[-1])
        if not self.normalize:
            return rows, None
        lengths = np.sqrt(np.square(rows).sum(axis=-1, keepdims=True))
        np.maximum(lengths, 1e-12, out=lengths)
        return rows / lengths, lengths

    def backward(self, kept: Any, doutputs: np.ndarray) -> list[np.ndarray]:
        a, b, lengths, shapes = kept
        dy = doutputs.reshape(len(a), a.shape[1], b.shape[1])
        da = multiply_batches(dy, b)
        db = multiply_batches(dy.swapaxes(1, 2), a)
        return [_arranged(_scaled_back(d, vectors, length), shape, axis)
                for d, vectors, length, shape, axis
                in zip((da, db), (a, b), lengths, shapes, self._pair, strict=True)]


def _without(shape, axis):
    axis %= len(shape)
    return shape[:axis] + shape[axis + 1:]


def _scaled_back(d, vectors, lengths):
    """Return the gradient of what was divided by its length to give `vectors`."""
    if lengths is None:
        return d
    return (d - vectors * (d * vectors).sum(axis=-1, keepdims=True)) / lengths


def _arranged(rows, shape, axis):
    """Return the gradient (N, A, K) in the shape of the input."""
    return np.moveaxis(rows.reshape(*_without(shape, axis), shape[axis]), -1, axis)


def dot(inputs: list[Any], axes: int | Sequence[int] = -1, **options: Any) -> Any:
    """Return ``Dot(axes, **options)(inputs)``."""
    return Dot(axes, **options)(inputs)
