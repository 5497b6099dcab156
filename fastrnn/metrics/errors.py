# SPDX-License-Identifier: Apache-2.0
"""How far an output is from its targets: the means of the losses' values, and relatives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import losses
from .._common import checks
from ..losses.targets import alike
from ..losses.weights import aligned
from .base import Mean, MeanMetricWrapper, Metric, floats


class _LossMean(MeanMetricWrapper):
    """The mean of the values of a loss of class `_loss`."""

    _loss: type[losses.Loss]

    def __init__(self, name: str | None = None, dtype: Any = None, **options: Any) -> None:
        self._kernel = self._loss(**options)
        super().__init__(self._values, name or self._kernel.name, dtype)
        for option, value in options.items():
            setattr(self, option, value)

    def _values(self, y_true, y_pred):
        return self._kernel.values_apart(y_true, y_pred)


class MeanSquaredError(_LossMean):
    """The mean of `losses.MeanSquaredError`."""

    _loss = losses.MeanSquaredError


class MeanAbsoluteError(_LossMean):
    """The mean of `losses.MeanAbsoluteError`."""

    _loss = losses.MeanAbsoluteError


class MeanAbsolutePercentageError(_LossMean):
    """The mean of `losses.MeanAbsolutePercentageError`."""

    _loss = losses.MeanAbsolutePercentageError


class MeanSquaredLogarithmicError(_LossMean):
    """The mean of `losses.MeanSquaredLogarithmicError`."""

    _loss = losses.MeanSquaredLogarithmicError


class LogCoshError(_LossMean):
    """The mean of `losses.LogCosh`."""

    _loss = losses.LogCosh

    def __init__(self, name: str = "logcosh", dtype: Any = None) -> None:
        super().__init__(name, dtype)


class Poisson(_LossMean):
    """The mean of `losses.Poisson`."""

    _loss = losses.Poisson


class KLDivergence(_LossMean):
    """The mean of `losses.KLDivergence`."""

    _loss = losses.KLDivergence


class Hinge(_LossMean):
    """The mean of `losses.Hinge`."""

    _loss = losses.Hinge


class SquaredHinge(_LossMean):
    """The mean of `losses.SquaredHinge`."""

    _loss = losses.SquaredHinge


class CategoricalHinge(_LossMean):
    """The mean of `losses.CategoricalHinge`."""

    _loss = losses.CategoricalHinge


class BinaryCrossentropy(_LossMean):
    """The mean of `losses.BinaryCrossentropy`."""

    _loss = losses.BinaryCrossentropy
    fields = ("name", "from_logits", "label_smoothing")

    def __init__(self, name: str = "binary_crossentropy", dtype: Any = None,
                 from_logits: bool = False, label_smoothing: float = 0) -> None:
        super().__init__(name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


class CategoricalCrossentropy(_LossMean):
    """The mean of `losses.CategoricalCrossentropy`."""

    _loss = losses.CategoricalCrossentropy
    fields = ("name", "from_logits", "label_smoothing", "axis")

    def __init__(self, name: str = "categorical_crossentropy", dtype: Any = None,
                 from_logits: bool = False, label_smoothing: float = 0, axis: int = -1) -> None:
        super().__init__(name, dtype, from_logits=from_logits, label_smoothing=label_smoothing,
                         axis=axis)


class SparseCategoricalCrossentropy(_LossMean):
    """The mean of `losses.SparseCategoricalCrossentropy`.

    As in Keras a sample of the class `ignore_class` has the value 0 and counts, unless there are
    weights or a mask: then it does not.
    """

    _loss = losses.SparseCategoricalCrossentropy
    fields = ("name", "from_logits", "ignore_class", "axis")
    ignore_class: int | None

    def __init__(self, name: str = "sparse_categorical_crossentropy", dtype: Any = None,
                 from_logits: bool = False, ignore_class: int | None = None,
                 axis: int = -1) -> None:
        super().__init__(name, dtype, from_logits=from_logits, ignore_class=ignore_class,
                         axis=axis)

    def update_masked(self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike,
                      sample_weight: npt.ArrayLike | None = None,
                      mask: npt.ArrayLike | None = None) -> None:
        if self.ignore_class is not None and not (sample_weight is None and mask is None):
            shape, _ = self._kernel.check(np.shape(y_true), np.shape(y_pred))
            valid = np.not_equal(y_true, self.ignore_class).reshape(shape)
            mask = valid if mask is None else np.logical_and(mask, valid)
        super().update_masked(y_true, y_pred, sample_weight, mask)


class OfLoss(MeanMetricWrapper):
    """The mean of what a `Loss` gives for batches; with weights or a mask, that of its samples.

    Parameters
    ----------
    loss : Loss
    name : str
    """

    def __init__(self, loss: Any, name: str) -> None:
        super().__init__(loss, name)
        self.axis = loss.axis

    def update_masked(self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike,
                      sample_weight: npt.ArrayLike | None = None,
                      mask: npt.ArrayLike | None = None) -> None:
        if (sample_weight is None and mask is None) or not self._fn.is_average:
            self._add(floats("values", self._fn(y_true, y_pred, sample_weight, mask)), None)
        else:
            self._add(*self._fn.in_parts(y_true, y_pred, sample_weight, mask)[2:])


class CosineSimilarity(_LossMean):
    """The mean cosine of the angle between targets and output along `axis`."""

    _loss = losses.CosineSimilarity
    fields = ("name", "axis")

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(name, dtype, axis=axis)

    def _values(self, y_true, y_pred):
        return -super()._values(y_true, y_pred)


class RootMeanSquaredError(Mean):
    """sqrt(mean((y_pred - y_true)^2))."""

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None,
    ) -> None:
        y_true, y_pred = _alike(self.name, y_true, y_pred)
        super().update_state(np.square(y_pred - y_true), sample_weight)

    def result(self) -> Any:
        return math.sqrt(super().result())


class R2Score(Metric):
    """1 - sum((y_true - y_pred)^2) / sum((y_true - mean)^2), of each of the output's numbers.

    Parameters
    ----------
    class_aggregation : {"uniform_average", "variance_weighted_average"} or None
        How the scores of the numbers become one; None leaves them.
    num_regressors : int
        Above 0: the score is adjusted for so many inputs.
    name, dtype
        See `Metric`.
    """

    fields = ("name", "class_aggregation", "num_regressors")
    sum: np.ndarray
    squared_sum: np.ndarray
    residual: np.ndarray
    count: np.ndarray
    num_samples: int

    def __init__(self, class_aggregation: str = "uniform_average", num_regressors: int = 0,
                 name: str = "r2_score", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        if class_aggregation is not None:
            checks.choice("class_aggregation", class_aggregation,
                          ("uniform_average", "variance_weighted_average"))
        self.class_aggregation = class_aggregation
        self.num_regressors = checks.count("num_regressors", num_regressors, minimum=0)
        self.reset_state()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = _alike(self.name, y_true, y_pred)
        if y_true.ndim != 2:
            raise ValueError(f"r2_score wants an output of shape (rows, numbers), "
                             f"got {y_pred.shape}")
        y_true = y_true.astype(np.float64)
        weights = np.ones(()) if sample_weight is None else np.asarray(sample_weight, np.float64)
        weights = np.broadcast_to(aligned("sample_weight", weights, y_true.shape), y_true.shape)
        self.sum = self.sum + (weights * y_true).sum(0)
        self.squared_sum = self.squared_sum + (weights * y_true * y_true).sum(0)
        self.residual = self.residual + (weights * np.square(y_true - y_pred)).sum(0)
        self.count = self.count + weights.sum(0)
        self.num_samples += y_true.size

    def result(self) -> Any:
        total = self.squared_sum - self.sum * (self.sum / self.count)
        scores = 1 - self.residual / total
        scores = np.where(np.isinf(scores), 0.0, scores)
        if self.class_aggregation == "variance_weighted_average":
            scores = (total * scores).sum() / total.sum()
        elif self.class_aggregation is not None:
            scores = scores.mean()
        spare = self.num_samples - self.num_regressors - 1
        if self.num_regressors and spare > 0:
            scores = 1 - (1 - scores) * (self.num_samples - 1) / spare
        return scores if np.ndim(scores) else float(scores)

    def reset_state(self) -> None:
        self.sum = self.squared_sum = self.residual = self.count = np.zeros(())
        self.num_samples = 0


def _alike(name, y_true, y_pred):
    y_true, y_pred = checks.as_ndarray("y_true", y_true), floats("y_pred", y_pred)
    true, pred = alike(name, y_true.shape, y_pred.shape)
    return y_true.reshape(true).astype(y_pred.dtype, copy=False), y_pred.reshape(pred)
