# SPDX-License-Identifier: Apache-2.0
"""What all losses share: shapes that fit, weights, masks, and the way values become one number.

A loss is first a value for each sample: the axis of an output's numbers or classes is used up,
the axes before it, rows and steps, stay. Weights and masks act on these values, which are then
averaged or summed.
"""

import numpy as np

from .. import checks
from ..registry import Configured, snake_case
from .targets import alike
from .weights import weights_with_mask

# Probabilities are kept this far from 0 and 1.
EPSILON = 1e-7
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

    fields = ("name", "reduction")
    computes = ("__call__", "values", "value_and_gradient")

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        if reduction not in _REDUCTIONS:
            raise ValueError(f"reduction must be one of {', '.join(map(str, _REDUCTIONS))}; "
                             f"got {reduction!r}")
        self.name = name or snake_case(type(self).__name__)
        self.reduction = reduction
        self._is_plain_mean = reduction in _AVERAGES

    def __call__(self, y_true, y_pred, sample_weight=None, mask=None):
        """Return the loss, a float; an array for the reduction "none".

        Parameters
        ----------
        y_true, y_pred : array
            Targets and output; see `check` for their shapes.
        sample_weight : array, optional
            The weight of each sample; one for each row weighs all steps of the row.
        mask : bool array, optional
            Which samples count.

        Raises
        ------
        ValueError
            If shapes do not fit, or a label is none.
        """
        y_true, y_pred = self._read(y_true, y_pred)
        values, _ = self.forward(y_true, y_pred)
        weights = self._weights(y_true, values, sample_weight, mask)
        if weights is not None:
            values = values * weights
        if self.reduction in ("none", None):
            return values
        divisor = self._divisor(values, weights)
        return float(np.add.reduce(values, axis=None)) / divisor if divisor else 0.0

    def value_and_gradient(self, y_true, y_pred, sample_weight=None, mask=None):
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
        y_true, y_pred = self._prepared(y_true, y_pred)
        if self._is_plain_mean and sample_weight is None and mask is None:
            value, gradient = self._mean_and_gradient(y_true, y_pred)
        else:
            value, gradient = self._weighted(y_true, y_pred, sample_weight, mask)
        return value, gradient if gradient.shape == shape else gradient.reshape(shape)

    def forward(self, y_true, y_pred):
        """Return the value of each sample, and what `backward` needs.

        Parameters
        ----------
        y_true, y_pred : ndarray
            Of shapes that `check` returned; y_pred is float32 or float64.
        """
        raise NotImplementedError

    def backward(self, kept, dvalues):
        """Return dy_pred, from what `forward` kept and the gradient by each sample's value.

        Parameters
        ----------
        kept
        dvalues : ndarray of the values' shape, or a Python float for all
        """
        raise NotImplementedError

    def values(self, y_true, y_pred):
        """Return the value of each sample, of arrays or lists; see `__call__`."""
        return self.forward(*self._read(y_true, y_pred))[0]

    def check(self, y_true_shape, y_pred_shape):
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
        return self._prepared(y_true, y_pred)

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
        values, kept = self.forward(y_true, y_pred)
        weights = self._weights(y_true, values, sample_weight, mask)
        if weights is None:
            weights = np.ones((), values.dtype)
        divisor = self._divisor(values, weights)
        weights = np.broadcast_to(weights / divisor if divisor else weights * 0, values.shape)
        return float(np.add.reduce(values * weights, axis=None)), self.backward(kept, weights)

    def _weights(self, y_true, values, sample_weight, mask):
        """Return weights that broadcast to `values`, with the mask in them, or None."""
        valid = self._valid(y_true)
        if valid is not None:
            mask = valid if mask is None else np.logical_and(mask, valid)
        scaled = self.reduction in ("sum_over_batch_size", "mean")
        return weights_with_mask(sample_weight, mask, values.shape, values.dtype, scaled)

    def _valid(self, y_true):
        """Return which samples count by their targets, or None for all."""
        return None

    def _divisor(self, values, weights):
        if self.reduction == "sum":
            return 1
        if self.reduction == "mean_with_sample_weight" and weights is not None and weights.ndim:
            return float(weights.sum())
        return values.size


class ElementwiseLoss(Loss):
    """A loss that adds up, along `axis`, something between a target and a number.

    A subclass gives ``_elements(y_true, y_pred) -> elements, kept``, what is added up, and
    ``_slopes(kept)``, a new array: the gradient of a sample's sum. `is_mean` says whether a sample
    is worth the mean of its elements, or their sum.
    """

    axis = -1
    is_mean = True

    def __init__(self, reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(name, reduction, dtype)

    def forward(self, y_true, y_pred):
        elements, kept = self._elements(y_true, y_pred)
        values = np.add.reduce(elements, axis=self.axis)
        return values / elements.shape[self.axis] if self.is_mean else values, kept

    def backward(self, kept, dvalues):
        gradient = self._slopes(kept)
        if type(dvalues) is not float:
            dvalues = np.expand_dims(dvalues, self.axis)
        gradient *= dvalues / gradient.shape[self.axis] if self.is_mean else dvalues
        return gradient

    def _mean_and_gradient(self, y_true, y_pred):
        elements, kept = self._elements(y_true, y_pred)
        count = elements.size if self.is_mean else elements.size // elements.shape[self.axis]
        share = 1 / max(count, 1)
        gradient = self._slopes(kept)
        gradient *= share
        return float(np.add.reduce(elements, axis=None)) * share, gradient
