# SPDX-License-Identifier: Apache-2.0
"""Layers that make one value of several."""

import math
from typing import Any

import numpy as np

from .._common.products import multiply_batches
from ..graph.broadcasting import aligned, common_shape, summed_to
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
    fewest, most = 1, math.inf

    def build(self, input_shape: list[Any]) -> None:
        self.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape: list[Any]) -> Any:
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

    def compute_mask(self, inputs: list[np.ndarray], mask: list[Any] | None = None) -> Any:
        if mask is None or any(m is None for m in mask):
            return None
        return np.logical_or.reduce(mask) if len(mask) > 1 else mask[0]

    def forward(self, inputs: list[np.ndarray], mask: list[Any], training: bool, keep: int) -> Any:
        shapes = [x.shape for x in _listed(self, inputs)]
        mask = mask or [None] * len(inputs)
        if shapes.count(shapes[0]) != len(shapes):
            ndim = len(self.compute_output_shape(shapes))
            inputs = [aligned(x, ndim) for x in inputs]
        y, kept = self._merge(inputs, mask)
        return y, self.compute_mask(inputs, mask), (shapes, kept)

    def backward(self, kept: tuple[Any, ...], doutputs: np.ndarray) -> Any:
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

    arguments = ("axis",)

    def __init__(self, axis: int = -1, **options: Any) -> None:
        super().__init__(**options)
        if axis == 0:
            raise ValueError("axis must not be 0, the batch")
        self.axis = axis

    def compute_output_shape(self, input_shape: list[Any]) -> Any:
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
        others = [next((i for i in column if i is not None), None)
                  for column in zip(*sizes, strict=True)]
        return (*others[:axis], total, *others[axis:])

    def compute_mask(self, inputs: list[np.ndarray], mask: list[Any] | None = None) -> Any:
        if mask is None or all(m is None for m in mask):
            return None
        masks = [np.ones((*x.shape[:-1], 1), bool) if m is None else
                 m[..., None] if m.ndim < x.ndim else m
                 for x, m in zip(inputs, mask, strict=True)]
        return np.concatenate(masks, axis=self.axis).any(axis=-1)

    def forward(self, inputs: list[np.ndarray], mask: list[Any], training: bool, keep: int) -> Any:
        try:
            y = np.concatenate(_listed(self, inputs), axis=self.axis)
        except ValueError:
            self.compute_output_shape([x.shape for x in inputs])
            raise
        ends = np.cumsum([x.shape[self.axis] for x in inputs[:-1]]) if keep else None
        return y, self.compute_mask(inputs, mask), ends

    def backward(self, ends: np.ndarray, doutputs: np.ndarray) -> Any:
        return np.split(doutputs, ends, axis=self.axis)


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

    arguments = ("axes", "normalize")
    is_stepwise = False
    fewest = most = 2

    def __init__(self, axes: Any, normalize: bool = False, **options: Any) -> None:
        super().__init__(**options)
        pair = (axes, axes) if isinstance(axes, int) else tuple(axes)
        if len(pair) != 2 or not all(isinstance(axis, int) for axis in pair) or 0 in pair:
            raise ValueError(f"axes must be one or two ints, without 0, the batch; got {axes!r}")
        self.axes = axes
        self.normalize = normalize
        self._pair = pair

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None

    def compute_output_shape(self, input_shape: Any) -> Any:
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

    def forward(self, inputs: Any, mask: Any, training: bool, keep: int) -> Any:
        shape = self.compute_output_shape([x.shape for x in _listed(self, inputs)])
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

    def backward(self, kept: Any, doutputs: Any) -> Any:
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


def _listed(layer, inputs):
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


def add(inputs: list[np.ndarray], **options: Any) -> Any:
    """Return ``Add(**options)(inputs)``."""
    return Add(**options)(inputs)


def average(inputs: list[np.ndarray], **options: Any) -> Any:
    """Return ``Average(**options)(inputs)``."""
    return Average(**options)(inputs)


def concatenate(inputs: list[Any], axis: int = -1, **options: Any) -> Any:
    """Return ``Concatenate(axis, **options)(inputs)``."""
    return Concatenate(axis, **options)(inputs)


def dot(inputs: Any, axes: Any = -1, **options: Any) -> Any:
    """Return ``Dot(axes, **options)(inputs)``."""
    return Dot(axes, **options)(inputs)


def maximum(inputs: Any, **options: Any) -> Any:
    """Return ``Maximum(**options)(inputs)``."""
    return Maximum(**options)(inputs)


def minimum(inputs: Any, **options: Any) -> Any:
    """Return ``Minimum(**options)(inputs)``."""
    return Minimum(**options)(inputs)


def multiply(inputs: Any, **options: Any) -> Any:
    """Return ``Multiply(**options)(inputs)``."""
    return Multiply(**options)(inputs)


def subtract(inputs: Any, **options: Any) -> Any:
    """Return ``Subtract(**options)(inputs)``."""
    return Subtract(**options)(inputs)
