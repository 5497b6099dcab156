# SPDX-License-Identifier: Apache-2.0
"""What all losses share: shapes that fit, weights, masks, and the way values become one number.

A loss is first a value for each sample: the axis of an output's numbers or classes is used up,
the axes before it, rows and steps, stay. Weights and masks act on these values, which are then
averaged or summed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .._common import checks
from .._common.registry import Configured, snake_case
from .targets import alike
from .weights import counted, weights_with_mask, without_uncounted

_AVERAGES = ("sum_over_batch_size", "mean", "mean_with_sample_weight")
_REDUCTIONS = (*_AVERAGES, "sum", "none", None)


class Loss(Configured):
    """Base of the losses; one of your own gives `forward` and `backward`.

    Parameters
    ----------
    name : str, optional
    reduction : str or None
        What becomes of the values of the samples. "sum_over_batch_size" and "mean" divide their
        sum by their number, "mean_with_sample_weight" by the sum of their weights; "sum" adds
        them up, "none" or None leaves them.
    dtype
        Taken and not used: a loss has the dtype of the output.
    """

    fields: tuple[str, ...] = ("name", "reduction")
    axis = -1       # of an output: what is no axis of samples
    computes = ("__call__", "values", "value_and_gradient")

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size",
                 dtype: Any = None) -> None:
        if reduction not in _REDUCTIONS:
            raise ValueError(f"reduction must be one of {', '.join(map(str, _REDUCTIONS))}; "
                             f"got {reduction!r}")
        self.name = name or snake_case(type(self).__name__)
        self.reduction = reduction
        self.is_average = self._is_plain_mean = reduction in _AVERAGES

    def __call__(self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike,
                 sample_weight: npt.ArrayLike | None = None,
                 mask: npt.ArrayLike | None = None) -> Any:
        """Return the loss, a float; an array for the reduction "none".

        Parameters
        ----------
        y_true, y_pred : array
            Targets and output; see `check` for their shapes.
        sample_weight : array, optional
            The weight of each sample; one for each row weighs all steps of the row. The target
            of a sample of weight 0 is not looked at.
        mask : bool array, optional
            Which samples count; the targets and weights of the others are not looked at.

        Raises
        ------
        ValueError
            If shapes do not fit, or a label is none.
        """
        y_true, y_pred = self._read(y_true, y_pred)
        values, _, weights, parts = self._weighed(y_true, y_pred, sample_weight, mask)
        if weights is not None:
            values = without_uncounted(values * weights, weights)
        if self.reduction in ("none", None):
            return values if parts == 1 else values.mean(-1)
        divisor = self._divisor(values, weights, parts)
        return float(np.add.reduce(values, axis=None)) / divisor if divisor else 0.0

    def value_and_gradient(self, y_true: np.ndarray, y_pred: np.ndarray,
                           sample_weight: np.ndarray | None = None,
                           mask: np.ndarray | None = None) -> tuple[float, np.ndarray]:
        """Return the loss, a float, and its gradient by `y_pred`.

        Parameters
        ----------
        y_true : ndarray
        y_pred : ndarray, float32 or float64
        sample_weight, mask : ndarray, optional
            See `__call__`.

        Returns
        -------
        value : float
        dy_pred : ndarray of the shape and dtype of y_pred

        Raises
        ------
        ValueError
            If shapes do not fit, a label is none, or the reduction leaves more than a number.
        """
        shape = y_pred.shape
        if self._is_plain_mean and sample_weight is None and mask is None:
            value, gradient = self._mean_and_gradient(*self._prepared(y_true, y_pred))
        else:
            value, gradient = self._weighted(y_true, y_pred, sample_weight, mask)
        return value, gradient if gradient.shape == shape else gradient.reshape(shape)

    def forward(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the value of each sample, and what `backward` needs.

        Parameters
        ----------
        y_true, y_pred : ndarray
            Of shapes that `check` returned; y_pred is float32 or float64.
        """
        raise NotImplementedError

    def backward(self, kept: Any, dvalues: np.ndarray | float) -> np.ndarray:
        """Return dy_pred, from what `forward` kept and the gradient by each sample's value.

        Parameters
        ----------
        kept
        dvalues : ndarray of the values' shape, or a Python float for all
        """
        raise NotImplementedError

    def values(self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> np.ndarray:
        """Return the value of each sample, of arrays or lists; see `__call__`."""
        return self.forward(*self._prepared(*self._read(y_true, y_pred)))[0]

    def values_apart(self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> np.ndarray:
        """Return the value of each sample, as `values`, but of each step where an output has one
        number a step and its targets lack that axis.

        Their mean is that of `values`; weights and masks of steps fit them.
        """
        y_true, y_pred, _ = self._apart(*self._read(y_true, y_pred))
        return self.forward(*self._prepared(y_true, y_pred))[0]

    def in_parts(self, y_true: Any, y_pred: Any, sample_weight: Any = None,
                 mask: Any = None) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
        """Return targets and output as they are compared, the values of `values_apart` and their
        weights, 0 for those that do not count, or None."""
        y_true, y_pred, _ = self._apart(*self._read(y_true, y_pred))
        y_true, y_pred = self._prepared(y_true, y_pred)
        values, _ = self.forward(counted(y_true, y_pred, sample_weight, mask, self.axis), y_pred)
        return y_true, y_pred, values, self._weights(y_true, values, sample_weight, mask, False)

    def check(self, y_true_shape: tuple[int, ...],
              y_pred_shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the shapes in which targets and output are compared.

        A last axis of one number may be missing on one side.

        Raises
        ------
        ValueError
            If there is not one target for each number of the output.
        """
        return alike(self.name, y_true_shape, y_pred_shape)

    def _read(self, y_true, y_pred):
        y_true = checks.as_ndarray("y_true", y_true)
        y_pred = checks.as_ndarray("y_pred", y_pred)
        if y_pred.dtype not in checks.DTYPES:
            y_pred = y_pred.astype(np.float32)
        return y_true, y_pred

    def _prepared(self, y_true, y_pred):
        """Return both in the shapes of `check` and in the output's dtype."""
        if y_true.shape != y_pred.shape:
            true_shape, pred_shape = self.check(y_true.shape, y_pred.shape)
            y_true, y_pred = y_true.reshape(true_shape), y_pred.reshape(pred_shape)
        if y_true.dtype != y_pred.dtype:
            y_true = y_true.astype(y_pred.dtype)
        return y_true, y_pred

    def _mean_and_gradient(self, y_true, y_pred):
        values, kept = self.forward(y_true, y_pred)
        share = 1 / max(values.size, 1)
        return float(np.add.reduce(values, axis=None)) * share, self.backward(kept, share)

    def _weighted(self, y_true, y_pred, sample_weight, mask):
        if self.reduction in ("none", None):
            raise ValueError(f"the reduction of {self.name} is {self.reduction!r}, which leaves "
                             f"a value for each sample: training wants one number")
        values, kept, weights, parts = self._weighed(y_true, y_pred, sample_weight, mask)
        if weights is None:
            weights = np.ones((), values.dtype)
        divisor = self._divisor(values, weights, parts)
        weights = np.broadcast_to(weights / divisor if divisor else weights * 0, values.shape)
        weighted, gradient = values * weights, self.backward(kept, weights)
        value = float(np.add.reduce(weighted, axis=None))
        if not math.isfinite(value) and np.isfinite(y_pred).all():
            # A class's share of an output of zeros, as layers give for masked steps, is 0 / 0.
            value = float(np.add.reduce(without_uncounted(weighted, weights), axis=None))
            counts = weights != 0
            if gradient.ndim > counts.ndim:
                counts = np.expand_dims(counts, self.axis)
            gradient = np.where(counts, gradient, gradient.dtype.type(0))
        return value, gradient

    def _weighed(self, y_true, y_pred, sample_weight, mask):
        """Return values, what `backward` needs, weights or None, and how many of these samples
        `values` takes for one."""
        parts = 1
        if not (sample_weight is None and mask is None):
            y_true, y_pred, parts = self._apart(y_true, y_pred)
        y_true, y_pred = self._prepared(y_true, y_pred)
        values, kept = self.forward(counted(y_true, y_pred, sample_weight, mask, self.axis),
                                    y_pred)
        scaled = self.reduction in ("sum_over_batch_size", "mean")
        weights = self._weights(y_true, values, sample_weight, mask, scaled)
        return values, kept, weights, parts

    def _apart(self, y_true, y_pred):
        """Return targets and output such that each step is a sample, and the number of steps that
        are one without it; where that makes no difference to the mean, or the arrays themselves
        and 1."""
        return y_true, y_pred, 1

    def _weights(self, y_true, values, sample_weight, mask, scaled):
        """Return weights that broadcast to `values`, with the mask in them, or None."""
        valid = self._valid(y_true)
        if valid is not None:
            mask = valid if mask is None else np.logical_and(mask, valid)
        return weights_with_mask(sample_weight, mask, values.shape, values.dtype, scaled)

    def _valid(self, y_true):
        """Return which samples count by their targets, or None for all."""
        return None

    def _divisor(self, values, weights, parts):
        if self.reduction == "sum":
            return parts
        if self.reduction == "mean_with_sample_weight" and weights is not None and weights.ndim:
            return float(weights.sum()) * (values.size / max(weights.size, 1))
        return values.size


class ElementwiseLoss(Loss):
    """A loss that adds up, along `axis`, something between a target and a number.

    A subclass gives ``_elements(y_true, y_pred) -> elements, kept``, what is added up, and
    ``_slopes(kept)``, a new array: the gradient of a sample's sum. `is_mean` says whether a sample
    is worth the mean of its elements, or their sum.
    """

    is_mean = True
    _elements: Callable[..., tuple[np.ndarray, Any]]
    _slopes: Callable[..., np.ndarray]

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = None,
                 dtype: Any = None) -> None:
        super().__init__(name, reduction, dtype)

    def forward(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        elements, kept = self._elements(y_true, y_pred)
        values = np.add.reduce(elements, axis=self.axis)
        return values / elements.shape[self.axis] if self.is_mean else values, kept

    def backward(self, kept: Any, dvalues: np.ndarray | float) -> np.ndarray:
        gradient = self._slopes(kept)
        if type(dvalues) is not float:
            dvalues = np.expand_dims(dvalues, self.axis)
        gradient *= dvalues / gradient.shape[self.axis] if self.is_mean else dvalues
        return gradient

    def _apart(self, y_true, y_pred):
        is_apart = y_pred.ndim > 1 and y_true.shape == y_pred.shape
        if is_apart or not self.is_mean or self.axis != -1:
            return y_true, y_pred, 1
        shape, pred_shape = self.check(y_true.shape, y_pred.shape)
        if shape != pred_shape or not (len(shape) == 1
                                       or len(shape) < max(y_true.ndim, y_pred.ndim)):
            return y_true, y_pred, 1
        steps = (*shape, 1)
        return y_true.reshape(steps), y_pred.reshape(steps), shape[-1]

    def _mean_and_gradient(self, y_true, y_pred):
        elements, kept = self._elements(y_true, y_pred)
        count = elements.size if self.is_mean else elements.size // elements.shape[self.axis]
        share = 1 / max(count, 1)
        gradient = self._slopes(kept)
        gradient *= share
        return float(np.add.reduce(elements, axis=None)) * share, gradient
