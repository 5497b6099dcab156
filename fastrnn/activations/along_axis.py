# SPDX-License-Identifier: Apache-2.0
"""Activations of all numbers along an axis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.elementwise import softmax_backward, softmax_forward
from .base import Activation


class Softmax(Activation):
    """y = exp(x) / sum exp(x) along `axis`, with the largest x taken off first.

    Parameters
    ----------
    axis : int or tuple of int
    """

    name = "softmax"
    fields = ("axis",)
    _log = False

    def __init__(self, axis: int | tuple[int, ...] = -1) -> None:
        self.axis = axis

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
        y = self._along_axis(softmax_forward, x)
        return y, y

    def forward_in_place(self, a: np.ndarray, bias: np.ndarray | None = None,
                         keep: bool = True) -> tuple[np.ndarray, Any]:
        if self.axis in (-1, a.ndim - 1):
            y = softmax_forward(a, self._log, bias, True)
            return y, y
        return super().forward_in_place(a, bias, keep)

    def backward(self, y: np.ndarray, dy: np.ndarray) -> np.ndarray:
        return self._along_axis(softmax_backward, y, dy)

    def _along_axis(self, compute, *arrays):
        """Return what `compute` gives for the last axis, of arrays with `axis` in its place."""
        ndim = arrays[0].ndim
        if self.axis in (-1, ndim - 1):
            return compute(*arrays, log=self._log)
        axes = self.axis if isinstance(self.axis, tuple | list) else (self.axis,)
        last = tuple(range(ndim - len(axes), ndim))
        moved = [np.moveaxis(array, axes, last) for array in np.broadcast_arrays(*arrays)]
        shape = moved[0].shape
        samples = shape[:ndim - len(axes)]
        rows = [array.reshape(*samples, math.prod(shape[len(samples):])) for array in moved]
        return np.ascontiguousarray(
            np.moveaxis(compute(*rows, log=self._log).reshape(shape), last, axes))


class LogSoftmax(Softmax):
    """y = x - log sum exp(x) along `axis`, with the largest x taken off first.

    Parameters
    ----------
    axis : int or tuple of int
    """

    name = "log_softmax"
    _log = True
