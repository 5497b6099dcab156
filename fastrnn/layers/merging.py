# SPDX-License-Identifier: Apache-2.0
"""Layers that make one value of several."""

import math
from typing import Any

import numpy as np

from ..graph.broadcasting import Shape, aligned, common_shape, summed_to
from .base import Layer


class Merge(Layer):
    """Base of the layers that take a list of inputs and work on them element by element.

    Inputs of several shapes are aligned at the last axis; the batch must be the same in all. The
    outputs' mask is True where that of any input is, and None where an input has none.

    Subclasses give `_merge`, of inputs with equal numbers of axes, and `_gradients`.

    Raises
    ------
    ValueError
        If the inputs are no list, or their shapes do not fit.
    """

    supports_masking = True
    is_stepwise = True
    takes_list = True
    fewest: int = 1
    most: float = math.inf

    def build(self, input_shape: Any) -> None:
        self.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        self._check(input_shape)
        return common_shape(self, input_shape)

    def _check(self, shapes):
        """Raise unless `shapes` are those of a list of inputs, of a length that is allowed."""
        kind = type(self).__name__
        if not isinstance(shapes, list) or not all(isinstance(s, tuple | list) for s in shapes):
            raise ValueError(f"{self.name}: {kind} must be called on a list of inputs, got one "
                             f"of shape {tuple(shapes)}")
        if not self.fewest <= len(shapes) <= self.most:
            wanted = self.fewest if self.fewest == self.most else f"at least {self.fewest}"
            raise ValueError(f"{self.name}: {kind} must be called on {wanted} inputs, "
                             f"got {len(shapes)}")

    def compute_mask(self, inputs: list[np.ndarray],
                     mask: list[np.ndarray | None] | None = None) -> np.ndarray | None:
        masks = [m for m in mask or () if m is not None]
        if mask is None or len(masks) < len(mask):
            return None
        return np.logical_or.reduce(masks) if len(masks) > 1 else masks[0]

    def forward(self, inputs: list[np.ndarray], mask: list[np.ndarray | None] | None,
                training: bool, keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        shapes = [x.shape for x in listed(self, inputs)]
        mask = mask or [None] * len(inputs)
        if shapes.count(shapes[0]) != len(shapes):
            ndim = len(self.compute_output_shape(shapes))
            inputs = [aligned(x, ndim) for x in inputs]
        y, kept = self._merge(inputs, mask)
        return y, self.compute_mask(inputs, mask), (shapes, kept)

    def backward(self, kept: Any, doutputs: np.ndarray) -> list[np.ndarray]:
        shapes, kept = kept
        return [summed_to(dx, shape)
                for dx, shape in zip(self._gradients(kept, doutputs, len(shapes)), shapes,
                                     strict=True)]

    def _merge(self, inputs, masks):
        """Return the result and what `_gradients` needs."""
        raise NotImplementedError

    def _gradients(self, kept, dy, count):
        """Return the gradients of the inputs, each in its own shape or in that of dy."""
        raise NotImplementedError


class Add(Merge):
    """y = a + b + ..., of a list of one input or more."""

    def _merge(self, inputs, masks):
        return _sum(inputs), None

    def _gradients(self, kept, dy, count):
        return [dy] * count


class Average(Merge):
    """y = (a + b + ...) / n, of a list of n inputs."""

    def _merge(self, inputs, masks):
        return _sum(inputs) / len(inputs), None

    def _gradients(self, kept, dy, count):
        return [dy / count] * count


class Subtract(Merge):
    """y = a - b, of a list of two inputs."""

    fewest = most = 2

    def _merge(self, inputs, masks):
        return np.subtract(*inputs), None

    def _gradients(self, kept, dy, count):
        return [dy, -dy]


class Multiply(Merge):
    """y = a b ...; a masked step of an input counts as 1, and one masked in all gives 0."""

    def _merge(self, inputs, masks):
        factors = [_where(m, x, 1) for x, m in zip(inputs, masks, strict=True)]
        # What lies before and after each factor, multiplied: dividing would fail at zeros.
        before, after = [None], [None]
        for x, y in zip(factors[:-1], factors[:0:-1], strict=True):
            before.append(x if before[-1] is None else before[-1] * x)
            after.append(y if after[-1] is None else after[-1] * y)
        others = [_product(a, b) for a, b in zip(before, reversed(after), strict=True)]
        y = _product(before[-1], factors[-1])
        mask = self.compute_mask(inputs, masks)
        return _where(mask, y, 0), (others, masks, mask)

    def _gradients(self, kept, dy, count):
        others, masks, mask = kept
        dy = _where(mask, dy, 0)
        return [_where(m, _product(dy, rest), 0) for rest, m in zip(others, masks, strict=True)]


class Maximum(Merge):
    """y = max(a, b, ...), over the inputs in which a step is not masked."""

    _function = staticmethod(np.maximum)

    def _merge(self, inputs, masks):
        y, mask = inputs[0], masks[0]
        rounds = []
        for x, m in zip(inputs[1:], masks[1:], strict=True):
            x = _where(m, x, y)
            a = _where(mask, y, x)
            y = self._function(a, x)
            rounds.append((m, mask, a, x, y))
            mask = None if mask is None or m is None else mask | m
        return y, rounds

    def _gradients(self, rounds, dy, count):
        gradients = []
        for m, mask, a, x, y in reversed(rounds):
            # Where both are the largest each has half: so does Keras.
            of_a, of_x = a == y, x == y
            half = dy / (1 + (of_a & of_x))
            da, dx = half * of_a, half * of_x
            if mask is not None:
                dx = dx + _where(~mask, da, 0)
                da = _where(mask, da, 0)
            if m is not None:
                da = da + _where(~m, dx, 0)
                dx = _where(m, dx, 0)
            gradients.append(dx)
            dy = da
        return [dy, *reversed(gradients)]


class Minimum(Maximum):
    """y = min(a, b, ...), over the inputs in which a step is not masked."""

    _function = staticmethod(np.minimum)


class Concatenate(Merge):
    """The inputs, a list, one after the other along an axis, in which alone they may differ.

    The mask of inputs (N, T, F) is True, along the last axis, where that of any input is, and the
    masks one after the other along the axis of steps; an input without a mask counts at all steps.

    Parameters
    ----------
    axis : int
        Not the batch.
    **options
        Those of every `Layer`.

    Raises
    ------
    ValueError
        If `axis` is the batch, the inputs are no list, or their shapes do not fit.
    """

    arguments: tuple[str, ...] = ("axis",)

    def __init__(self, axis: int = -1, **options: Any) -> None:
        super().__init__(**options)
        if axis == 0:
            raise ValueError("axis must not be 0, the batch")
        self.axis = axis

    def compute_output_shape(self, input_shape: Any) -> Shape:
        self._check(input_shape)
        first = tuple(input_shape[0])
        if not -len(first) < self.axis < len(first):
            raise ValueError(f"{self.name}: axis {self.axis} is not one of inputs of shape "
                             f"{first}, the batch not counted")
        axis = self.axis % len(first)
        sizes = [tuple(shape[:axis]) + tuple(shape[axis + 1:]) for shape in input_shape]
        for shape, others in zip(input_shape, sizes, strict=True):
            if len(shape) != len(first) or any(
                i != j and None not in (i, j) for i, j in zip(others, sizes[0], strict=True)
            ):
                listed = ", ".join(str(tuple(shape)) for shape in input_shape)
                raise ValueError(f"{self.name}: inputs of shapes {listed} must agree in all axes "
                                 f"but {self.axis}")
        along = [shape[axis] for shape in input_shape]
        total = None if None in along else sum(along)
        known = [next((i for i in column if i is not None), None)
                 for column in zip(*sizes, strict=True)]
        return (*known[:axis], total, *known[axis:])

    def compute_mask(self, inputs: list[np.ndarray],
                     mask: list[np.ndarray | None] | None = None) -> np.ndarray | None:
        if mask is None or all(m is None for m in mask):
            return None
        masks = [np.ones((*x.shape[:-1], 1), bool) if m is None else
                 m[..., None] if m.ndim < x.ndim else m
                 for x, m in zip(inputs, mask, strict=True)]
        return np.any(np.concatenate(masks, axis=self.axis), axis=-1)

    def forward(self, inputs: list[np.ndarray], mask: list[np.ndarray | None] | None,
                training: bool, keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        try:
            y = np.concatenate(listed(self, inputs), axis=self.axis)
        except ValueError:
            self.compute_output_shape([x.shape for x in inputs])
            raise
        ends = np.cumsum([x.shape[self.axis] for x in inputs[:-1]]) if keep else None
        return y, self.compute_mask(inputs, mask), ends

    def backward(self, ends: np.ndarray, doutputs: np.ndarray) -> list[np.ndarray]:
        return np.split(doutputs, ends, axis=self.axis)


def listed(layer: Any, inputs: Any) -> list[np.ndarray]:
    """Return the inputs of a layer, which must be a list."""
    if not isinstance(inputs, list):
        layer._check(inputs.shape)
    return inputs


def _sum(inputs):
    total = inputs[0] + inputs[1] if len(inputs) > 1 else inputs[0]
    for x in inputs[2:]:
        total = total + x
    return total


def _product(a, b):
    return b if a is None else a if b is None else a * b


def _where(mask, x, other):
    """Return x where a mask of steps is True, else `other`; x where there is no mask."""
    if mask is None:
        return x
    if mask.ndim < x.ndim:
        mask = mask[..., None]
    return np.where(mask, x, x.dtype.type(other) if isinstance(other, int) else other)


def add(inputs: list[Any], **options: Any) -> Any:
    """Return ``Add(**options)(inputs)``."""
    return Add(**options)(inputs)


def average(inputs: list[Any], **options: Any) -> Any:
    """Return ``Average(**options)(inputs)``."""
    return Average(**options)(inputs)


def concatenate(inputs: list[Any], axis: int = -1, **options: Any) -> Any:
    """Return ``Concatenate(axis, **options)(inputs)``."""
    return Concatenate(axis, **options)(inputs)


def maximum(inputs: list[Any], **options: Any) -> Any:
    """Return ``Maximum(**options)(inputs)``."""
    return Maximum(**options)(inputs)


def minimum(inputs: list[Any], **options: Any) -> Any:
    """Return ``Minimum(**options)(inputs)``."""
    return Minimum(**options)(inputs)


def multiply(inputs: list[Any], **options: Any) -> Any:
    """Return ``Multiply(**options)(inputs)``."""
    return Multiply(**options)(inputs)


def subtract(inputs: list[Any], **options: Any) -> Any:
    """Return ``Subtract(**options)(inputs)``."""
    return Subtract(**options)(inputs)
