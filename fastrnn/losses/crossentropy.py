# SPDX-License-Identifier: Apache-2.0
"""Losses between distributions: t the targets, p the output's probabilities, z its logits."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._common import checks
from .._common.notices import warn
from .._core.elementwise import CROSSENTROPIES, crossentropy
from ..backend import EPSILON
from .base import ElementwiseLoss, Loss
from .targets import TargetError, class_numbers, refuse


class _RowsLoss(ElementwiseLoss):
    """A loss of targets like the output, by the compiled kernel for rows of numbers.

    Nothing as large as the output is made but the gradient: where weights are known only after the
    values, the values are found twice.
    """

    _kernel: str            # one of CROSSENTROPIES

    def _smoothing(self, columns):
        """Return the factor of the targets and what is added to them."""
        raise NotImplementedError

    def forward(self, t: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        values, _ = self._rows(t, y_pred, None)
        return values / y_pred.shape[self.axis] if self.is_mean else values, (t, y_pred)

    def backward(self, kept: Any, dvalues: np.ndarray | float) -> np.ndarray:
        t, y_pred = kept
        share = dvalues / y_pred.shape[self.axis] if self.is_mean else dvalues
        return self._rows(t, y_pred, share)[1]

    def _mean_and_gradient(self, t, y_pred):
        count = y_pred.size if self.is_mean else y_pred.size // y_pred.shape[self.axis]
        share = 1 / max(count, 1)
        values, gradient = self._rows(t, y_pred, share)
        return float(np.add.reduce(values, axis=None)) * share, gradient

    def _rows(self, t, y_pred, scale):
        """Return the sum of each sample, and the gradient of these sums times `scale`, or None."""
        t, rows = (_in_rows(array, self.axis, y_pred.dtype) for array in (t, y_pred))
        if type(scale) is np.ndarray:
            scale = scale.reshape(-1)
        numbers = *self._smoothing(rows.shape[1]), EPSILON, 1 - EPSILON
        values, gradient = crossentropy(CROSSENTROPIES[self._kernel], self.from_logits, numbers, t,
                                        None, rows, scale)
        return _back_from_rows(values, gradient, y_pred.shape, self.axis)


class BinaryCrossentropy(_RowsLoss):
    """-mean(t log p + (1 - t) log(1 - p)) along `axis`, with p in [1e-7, 1 - 1e-7].

    Parameters
    ----------
    from_logits : bool
        Whether the output is z with p = sigmoid(z): the same without rounding twice.
    label_smoothing : float
        In [0, 1]: how far targets move to 1/2.
    axis : int
    reduction, name, dtype
        See `Loss`.

    Raises
    ------
    ValueError
        When it is called, if a target is not in [0, 1].
    """

    fields = ("name", "reduction", "from_logits", "label_smoothing", "axis")
    options = ("from_logits", "label_smoothing", "axis")
    _kernel = "binary"

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
                 reduction: str | None = "sum_over_batch_size", name: str = "binary_crossentropy",
                 dtype: Any = None) -> None:
        super().__init__(reduction, name, dtype)
        self.from_logits = checks.flag("from_logits", from_logits)
        self.label_smoothing = checks.probability("label_smoothing", label_smoothing)
        self.axis = _checked_axis(axis)

    def forward(self, t: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        self._check_targets(t)
        return super().forward(t, y_pred)

    def _mean_and_gradient(self, t, y_pred):
        self._check_targets(t)
        return super()._mean_and_gradient(t, y_pred)

    def _smoothing(self, columns):
        return 1 - self.label_smoothing, 0.5 * self.label_smoothing

    def _check_targets(self, t):
        if t.size and not (t.min() >= 0 and t.max() <= 1):
            wrong = ~((t >= 0) & (t <= 1))
            raise TargetError(t, wrong, f": {self.name} wants targets between 0 and 1")


class CategoricalCrossentropy(_RowsLoss):
    """-sum(t log p) along `axis`, the classes; p is divided by its sum, then put into
    [1e-7, 1 - 1e-7].

    Parameters
    ----------
    from_logits : bool
        Whether the output is z with p = softmax(z): the same without rounding twice.
    label_smoothing : float
        In [0, 1]: how far targets move to 1 / number of classes.
    axis : int
    reduction, name, dtype
        See `Loss`.
    """

    fields = ("name", "reduction", "from_logits", "label_smoothing", "axis")
    options = ("from_logits", "label_smoothing", "axis")
    is_mean = False
    _kernel = "categorical"

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
                 reduction: str | None = "sum_over_batch_size",
                 name: str = "categorical_crossentropy", dtype: Any = None) -> None:
        super().__init__(reduction, name, dtype)
        self.from_logits = checks.flag("from_logits", from_logits)
        self.label_smoothing = checks.probability("label_smoothing", label_smoothing)
        self.axis = _checked_axis(axis)

    def check(self, y_true_shape: tuple[int, ...],
              y_pred_shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the shapes; see `Loss.check`."""
        true, pred = tuple(y_true_shape), tuple(y_pred_shape)
        if true != pred:
            labels = true in (pred[:-1], (*pred[:-1], 1)) and pred[-1:] != (1,)
            refuse(self.name, true, pred, "one target for each class",
                         "labels that are integers want sparse_categorical_crossentropy"
                         if labels else "")
        if pred[-1:] == (1,):
            warn("categorical_crossentropy of one class is always 0: two classes in one number "
                 "want binary_crossentropy", SyntaxWarning)
        return true, pred

    def _smoothing(self, columns):
        return 1 - self.label_smoothing, self.label_smoothing / columns


class SparseCategoricalCrossentropy(Loss):
    """-log p[label]: the `CategoricalCrossentropy` of labels, the numbers of classes.

    Parameters
    ----------
    from_logits : bool
        Whether the output is z with p = softmax(z).
    ignore_class : int, optional
        Samples of this label do not count; it need not be the number of a class.
    reduction
        See `Loss`.
    axis : int
        The axis of the output's classes.
    name, dtype
        See `Loss`.

    Raises
    ------
    ValueError
        When it is called, if a label is not the number of a class: the first such and its place.
    """

    fields = ("name", "reduction", "from_logits", "ignore_class", "axis")
    options = ("from_logits", "ignore_class", "axis")

    def __init__(self, from_logits: bool = False, ignore_class: int | None = None,
                 reduction: str | None = "sum_over_batch_size", axis: int = -1,
                 name: str = "sparse_categorical_crossentropy", dtype: Any = None) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits = checks.flag("from_logits", from_logits)
        self.ignore_class = ignore_class
        self.axis = _checked_axis(axis)
        self._is_plain_mean = self._is_plain_mean and ignore_class is None

    def check(self, y_true_shape: tuple[int, ...],
              y_pred_shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the shapes; y_true may have an axis of 1 in the place of the classes."""
        true, pred = tuple(y_true_shape), tuple(y_pred_shape)
        axis = range(len(pred))[self.axis]
        samples = pred[:axis] + pred[axis + 1 :]
        if true not in (samples, (*pred[:axis], 1, *pred[axis + 1 :])):
            refuse(self.name, true, pred, "one label for each sample, so y_true of shape "
                                     f"{samples}",
                         "targets of a number for each class want categorical_crossentropy"
                         if true == pred else "")
        return samples, pred

    def forward(self, labels: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        values, _, valid = self._of_labels(labels, y_pred, None)
        if valid is not None:
            values *= valid
        return values, (labels, y_pred)

    def backward(self, kept: Any, dvalues: np.ndarray | float) -> np.ndarray:
        labels, y_pred = kept
        return self._of_labels(labels, y_pred, dvalues)[1]

    def _mean_and_gradient(self, labels, y_pred):
        share = 1 / max(labels.size, 1)
        values, gradient, _ = self._of_labels(labels, y_pred, share)
        return float(np.add.reduce(values, axis=None)) * share, gradient

    def _of_labels(self, labels, y_pred, scale):
        """Return the value of each sample, the gradient times `scale`, or None, and which count."""
        rows = _in_rows(y_pred, self.axis, y_pred.dtype)
        valid = self._valid(labels)
        labels = class_numbers(self.name, labels, rows.shape[1], valid)
        if type(scale) is np.ndarray:
            scale = scale.reshape(-1)
        values, gradient = crossentropy(
            CROSSENTROPIES["sparse"], self.from_logits, (1, 0, EPSILON, 1 - EPSILON), None,
            np.ascontiguousarray(labels, np.intp).reshape(-1), rows, scale)
        return *_back_from_rows(values, gradient, y_pred.shape, self.axis), valid

    def _prepared(self, y_true, y_pred):
        shape, _ = self.check(y_true.shape, y_pred.shape)
        return y_true.reshape(shape), y_pred

    def _valid(self, labels):
        return None if self.ignore_class is None else labels != self.ignore_class


def _in_rows(array, axis, dtype):
    """Return (samples, numbers), C-contiguous and of `dtype`; `axis` has an array's numbers."""
    if axis != -1:
        array = np.moveaxis(array, axis, -1)
    return np.ascontiguousarray(array, dtype).reshape(-1, array.shape[-1])


def _moved(shape, axis):
    axis = range(len(shape))[axis]
    return (*shape[:axis], *shape[axis + 1:], shape[axis])


def _back_from_rows(values, gradient, shape, axis):
    """Return the values and the gradient (or None) of rows as those of an output of `shape`."""
    moved = shape if axis == -1 else _moved(shape, axis)
    values = values.reshape(moved[:-1])
    if gradient is None:
        return values, None
    gradient = gradient.reshape(moved)
    return values, gradient if axis == -1 else np.moveaxis(gradient, -1, axis)


def _checked_axis(axis):
    return checks.count("axis", axis, minimum=-checks.MAX_SIZE)
