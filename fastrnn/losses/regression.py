# SPDX-License-Identifier: Apache-2.0
"""Losses between numbers; e = y_pred - y_true."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._common import checks
from ..backend import EPSILON
from .base import ElementwiseLoss, Loss


class MeanSquaredError(ElementwiseLoss):
    """mean(e^2)."""

    def _elements(self, y_true, y_pred):
        error = y_pred - y_true
        return error * error, error

    def _slopes(self, error):
        return 2 * error


class MeanAbsoluteError(ElementwiseLoss):
    """mean(abs(e))."""

    def _elements(self, y_true, y_pred):
        error = y_pred - y_true
        return np.abs(error), error

    def _slopes(self, error):
        return np.sign(error)


class MeanAbsolutePercentageError(ElementwiseLoss):
    """100 mean(abs(e / y_true)), with abs(y_true) at least 1e-7."""

    def _elements(self, y_true, y_pred):
        percent = np.maximum(np.abs(y_true), EPSILON)
        np.divide(100, percent, out=percent)
        error = y_pred - y_true
        return np.abs(error * percent), (error, percent)

    def _slopes(self, kept):
        error, percent = kept
        return np.sign(error) * percent


class MeanSquaredLogarithmicError(ElementwiseLoss):
    """mean((log(1 + y_pred) - log(1 + y_true))^2), with both at least 1e-7."""

    def _elements(self, y_true, y_pred):
        one_more = np.maximum(y_pred, EPSILON)
        one_more += 1
        error = np.log(one_more)
        error -= np.log(np.maximum(y_true, EPSILON) + 1)
        return error * error, (error, one_more, y_pred)

    def _slopes(self, kept):
        error, one_more, y_pred = kept
        slopes = 2 * error
        slopes /= one_more
        slopes *= y_pred > EPSILON
        return slopes


class Huber(ElementwiseLoss):
    """mean(e^2 / 2 where abs(e) <= delta, delta abs(e) - delta^2 / 2 elsewhere) (Huber, 1964).

    Parameters
    ----------
    delta : float
    reduction, name, dtype
        See `Loss`.
    """

    fields = ("name", "reduction", "delta")

    def __init__(self, delta: float = 1.0, reduction: str | None = "sum_over_batch_size",
                 name: str = "huber_loss", dtype: Any = None) -> None:
        super().__init__(reduction, name, dtype)
        self.delta = checks.number("delta", delta)

    def _elements(self, y_true, y_pred):
        error = y_pred - y_true
        clipped = np.minimum(np.maximum(error, -self.delta), self.delta)
        return clipped * (error - 0.5 * clipped), clipped

    def _slopes(self, clipped):
        return clipped.copy()


class LogCosh(ElementwiseLoss):
    """mean(log(cosh(e)))."""

    def _elements(self, y_true, y_pred):
        error = y_pred - y_true
        elements = np.logaddexp(error, -error)
        elements -= math.log(2)
        return elements, error

    def _slopes(self, error):
        return np.tanh(error)


class KLDivergence(ElementwiseLoss):
    """sum(y_true log(y_true / y_pred)), with both in [1e-7, 1] (Kullback and Leibler, 1951)."""

    is_mean = False

    def _elements(self, y_true, y_pred):
        true = np.minimum(np.maximum(y_true, EPSILON), 1)
        pred = np.minimum(np.maximum(y_pred, EPSILON), 1)
        ratio = true / pred
        return true * np.log(ratio), (ratio, pred == y_pred)

    def _slopes(self, kept):
        ratio, inside = kept
        return -ratio * inside


class Poisson(ElementwiseLoss):
    """mean(y_pred - y_true log(y_pred)), with 1e-7 added to what is taken the logarithm of."""

    def _elements(self, y_true, y_pred):
        rate = y_pred + EPSILON
        return y_pred - y_true * np.log(rate), (y_true, rate)

    def _slopes(self, kept):
        y_true, rate = kept
        return 1 - y_true / rate


class Hinge(ElementwiseLoss):
    """mean(max(1 - y_true y_pred, 0)); targets that are all 0 or 1 are read as -1 and 1."""

    def _elements(self, y_true, y_pred):
        y_true = _signs(y_true)
        margin = 1 - y_true * y_pred
        return np.maximum(margin, 0), (y_true, margin)

    def _slopes(self, kept):
        y_true, margin = kept
        # A margin of exactly 0 lies between both slopes.
        return -y_true * np.heaviside(margin, margin.dtype.type(0.5))


class SquaredHinge(ElementwiseLoss):
    """mean(max(1 - y_true y_pred, 0)^2); targets that are all 0 or 1 are read as -1 and 1."""

    def _elements(self, y_true, y_pred):
        y_true = _signs(y_true)
        margin = np.maximum(1 - y_true * y_pred, 0)
        return margin * margin, (y_true, margin)

    def _slopes(self, kept):
        y_true, margin = kept
        return -2 * y_true * margin


class CosineSimilarity(Loss):
    """-cos of the angle between targets and output along `axis`; -1 is the same direction.

    Parameters
    ----------
    axis : int
    reduction, name, dtype
        See `Loss`.
    """

    fields = ("name", "reduction", "axis")

    def __init__(self, axis: int = -1, reduction: str | None = "sum_over_batch_size",
                 name: str = "cosine_similarity", dtype: Any = None) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = axis

    def forward(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        true, _ = self._direction(y_true)
        pred, inverse_norm = self._direction(y_pred)
        cosine = (true * pred).sum(self.axis)
        return -cosine, (true, pred, inverse_norm, cosine)

    def backward(self, kept: Any, dvalues: np.ndarray | float) -> np.ndarray:
        true, pred, inverse_norm, cosine = kept
        along = pred * np.expand_dims(cosine, self.axis)
        # A vector as short as the smallest norm is not made longer: its direction is free.
        along *= inverse_norm < 1 / EPSILON
        gradient = (along - true) * inverse_norm
        if type(dvalues) is not float:
            dvalues = np.expand_dims(dvalues, self.axis)
        gradient *= dvalues
        return gradient

    def _direction(self, y):
        square = (y * y).sum(self.axis, keepdims=True)
        inverse_norm = 1 / np.sqrt(np.maximum(square, EPSILON * EPSILON))
        return y * inverse_norm, inverse_norm


class CategoricalHinge(Loss):
    """max(1 + max((1 - t) y_pred) - sum(t y_pred), 0), for targets t of 0 and 1."""

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = None,
                 dtype: Any = None) -> None:
        super().__init__(name, reduction, dtype)

    def forward(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        wrong = (1 - y_true) * y_pred
        largest = wrong.max(-1, keepdims=True)
        margin = largest[..., 0] - (y_true * y_pred).sum(-1) + 1
        return np.maximum(margin, 0), (y_true, wrong == largest, margin)

    def backward(self, kept: Any, dvalues: np.ndarray | float) -> np.ndarray:
        y_true, largest, margin = kept
        # Several largest ones share the slope.
        gradient = (1 - y_true) * largest
        gradient /= largest.sum(-1, keepdims=True, dtype=margin.dtype)
        gradient -= y_true
        gradient *= (np.heaviside(margin, margin.dtype.type(0.5)) * dvalues)[..., None]
        return gradient


def _signs(y_true):
    """Return targets of 0 and 1 as -1 and 1, and others as they are."""
    return 2 * y_true - 1 if ((y_true == 0) | (y_true == 1)).all() else y_true
