# SPDX-License-Identifier: Apache-2.0
"""Arrays of several shapes in one operation: the shape of the result, and for each array the
gradient in its own shape."""

from collections.abc import Sequence
from typing import Any

import numpy as np

# Sizes of the axes, the batch first; None stands for any.
Shape = tuple[int | None, ...]


def common_shape(layer: Any, shapes: Sequence[Shape]) -> Shape:
    """Return the shape of an element-wise result of inputs of several shapes.

    Parameters
    ----------
    layer : Operation
        Its name is part of messages.
    shapes : sequence of tuple of int or None
        The batch, the first axis, must be the same in all. The other axes are aligned at the last
        one; a missing axis or one of size 1 goes with any size.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    batches = {shape[0] for shape in shapes} - {None}
    sizes: Shape = ()
    for shape in shapes:
        fitting = joined(sizes, tuple(shape[1:]))
        if fitting is None or len(batches) > 1:
            listed = ", ".join(str(tuple(shape)) for shape in shapes)
            what = "the batches differ" if len(batches) > 1 else "an axis differs and is not 1"
            raise ValueError(f"{layer.name}: inputs of shapes {listed} do not fit each other: "
                             f"{what}")
        sizes = fitting
    return (batches.pop() if batches else None, *sizes)


def joined(a: Shape, b: Shape) -> Shape | None:
    """Return the sizes of a result for the sizes of two operands; None where they do not fit."""
    longest = max(len(a), len(b))
    a, b = (1,) * (longest - len(a)) + a, (1,) * (longest - len(b)) + b
    if any(i != j and 1 not in (i, j) and None not in (i, j) for i, j in zip(a, b, strict=True)):
        return None
    return tuple(j if i == 1 else i if j == 1 else None if None in (i, j) else i
                 for i, j in zip(a, b, strict=True))


def aligned(array: np.ndarray, ndim: int) -> np.ndarray:
    """Return `array` with axes of size 1 after the batch, so that it has `ndim` of them."""
    missing = ndim - array.ndim
    return array.reshape(array.shape[0], *(1,) * missing, *array.shape[1:]) if missing else array


def summed_to(gradient: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the gradient of an operand of `shape`, to which `aligned` had added axes after the
    batch, from the gradient of the result."""
    if gradient.shape == shape:
        return gradient
    full = (shape[0], *(1,) * (gradient.ndim - len(shape)), *shape[1:])
    axes = tuple(axis for axis, (size, wide) in enumerate(zip(full, gradient.shape, strict=True))
                 if size != wide)
    return gradient.sum(axis=axes, keepdims=True).reshape(shape)


def unbroadcast(gradient: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the gradient of an operand of `shape`, to which NumPy had added axes in front, from
    the gradient of the result."""
    if gradient.shape == shape:
        return gradient
    missing = gradient.ndim - len(shape)
    if missing:
        gradient = gradient.sum(axis=tuple(range(missing)))
    axes = tuple(axis for axis, (size, wide) in enumerate(zip(shape, gradient.shape, strict=True))
                 if size != wide)
    return gradient.sum(axis=axes, keepdims=True) if axes else gradient
