# SPDX-License-Identifier: Apache-2.0
"""Metrics of yes and no: how many positives and negatives are true and false at thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import activations
from .._common import checks
from ..backend import EPSILON
from ..losses.targets import alike
from ..losses.weights import aligned
from .base import Metric, floats


class _Confusion(Metric):
    """A metric from the four counts at each threshold: tp, fp, tn, fn, of shape (thresholds,).

    An output is positive where it is above the threshold; a target where it is not 0.
    """

    top_k: int | None = None
    class_id: int | None = None

    def __init__(self, thresholds: float | Sequence[float], name: str | None, dtype: Any) -> None:
        super().__init__(dtype, name)
        self._levels = np.asarray(thresholds, np.float32)
        self._order = np.argsort(self._levels, kind="stable")
        self.reset_state()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Parameters
        ----------
        y_true, y_pred : array
            Targets and output, of the same shape.
        sample_weight : array, optional
            Its axes are their first ones.
        """
        y_true, y_pred = checks.as_ndarray("y_true", y_true), floats("y_pred", y_pred)
        true_shape, pred_shape = alike(self.name, y_true.shape, y_pred.shape)
        y_true, y_pred = y_true.reshape(true_shape), self._scores(y_pred.reshape(pred_shape))
        if sample_weight is not None:
            weights = np.asarray(sample_weight, np.float64)
            weights = aligned("sample_weight", weights, y_pred.shape)
        if self.top_k is not None:
            y_pred = _only_top(y_pred, self.top_k)
        if self.class_id is not None:
            y_true, y_pred = y_true[..., self.class_id], y_pred[..., self.class_id]
            if sample_weight is not None and weights.ndim > y_pred.ndim:
                weights = weights[..., self.class_id if weights.shape[-1] > 1 else 0]
        if sample_weight is None:
            weights = np.ones(())
        self._count(y_true.reshape(-1) != 0, y_pred.reshape(-1).astype(np.float32, copy=False),
                    np.broadcast_to(weights, y_pred.shape).reshape(-1))

    def reset_state(self) -> None:
        """Forget all batches."""
        self.tp, self.fp, self.tn, self.fn = np.zeros((4, len(self._levels)))

    def _scores(self, y_pred):
        return y_pred

    def _count(self, is_true, scores, weights):
        # A score is above the first `passed` of the thresholds in ascending order.
        passed = np.searchsorted(self._levels[self._order], scores, side="left")
        for label, above, below in ((is_true, self.tp, self.fn), (~is_true, self.fp, self.tn)):
            reached = np.bincount(passed[label], weights[label], len(self._levels) + 1)
            counts = np.cumsum(reached[::-1])[::-1]
            above[self._order] += counts[1:]
            below[self._order] += counts[0] - counts[1:]

    def _single(self, values):
        return float(values[0]) if len(self._levels) == 1 else values.copy()


class _Ratio(_Confusion):
    """A metric of `thresholds`, or of the `top_k` largest numbers of each sample, or `class_id`."""

    fields = ("name", "thresholds", "top_k", "class_id")

    def __init__(self, thresholds: float | Sequence[float] | None = None, top_k: int | None = None,
                 class_id: int | None = None, name: str | None = None, dtype: Any = None) -> None:
        self.thresholds = thresholds
        self.top_k = None if top_k is None else checks.count("top_k", top_k)
        self.class_id = None if class_id is None else checks.count("class_id", class_id, 0)
        # Of the largest all count, whatever they are.
        super().__init__(_levels(thresholds, 0.5 if top_k is None else _NEVER), name, dtype)


class Precision(_Ratio):
    """True positives / positives of the output.

    Parameters
    ----------
    thresholds : float or sequence of float, optional
        In [0, 1]; 0.5 by default. The result of several is an array.
    top_k : int, optional
        Only the `top_k` largest numbers of a sample are positive.
    class_id : int, optional
        The only one of the output's numbers that is looked at.
    name, dtype
        See `Metric`.
    """

    def result(self) -> Any:
        return self._single(_ratio(self.tp, self.tp + self.fp))


class Recall(_Ratio):
    """True positives / positives of the targets; for the arguments see `Precision`."""

    def result(self) -> Any:
        return self._single(_ratio(self.tp, self.tp + self.fn))


class _Counts(_Confusion):
    """One of the four counts.

    Parameters
    ----------
    thresholds : float or sequence of float, optional
    name, dtype
        See `Metric`.
    """

    fields = ("name", "thresholds")

    def __init__(self, thresholds: float | Sequence[float] | None = None, name: str | None = None,
                 dtype: Any = None) -> None:
        self.thresholds = thresholds
        super().__init__(_levels(thresholds, 0.5), name, dtype)


class TruePositives(_Counts):
    """How many outputs above the threshold have a target of 1."""

    def result(self) -> Any:
        return self._single(self.tp)


class FalsePositives(_Counts):
    """How many outputs above the threshold have a target of 0."""

    def result(self) -> Any:
        return self._single(self.fp)


class TrueNegatives(_Counts):
    """How many outputs not above the threshold have a target of 0."""

    def result(self) -> Any:
        return self._single(self.tn)


class FalseNegatives(_Counts):
    """How many outputs not above the threshold have a target of 1."""

    def result(self) -> Any:
        return self._single(self.fn)


class AUC(_Confusion):
    """The area under a curve, drawn through the points of `num_thresholds` thresholds.

    Parameters
    ----------
    num_thresholds : int
        At least 2, evenly from 0 to 1.
    curve : {"ROC", "PR"}
        Recall over the false positives' rate (Fawcett, 2006), or precision over recall.
    summation_method : {"interpolation", "minoring", "majoring"}
        The area between two points: under their chord, the lower one or the higher one. Between
        points of "PR" positives are interpolated (Davis and Goadrich, 2006).
    name, dtype
        See `Metric`.
    thresholds : sequence of float, optional
        In (0, 1), in the place of the even ones.
    from_logits : bool
        Whether the output is put through a sigmoid first.
    """

    fields = ("name", "num_thresholds", "curve", "summation_method", "thresholds", "from_logits")

    def __init__(self, num_thresholds: int = 200, curve: str = "ROC",
                 summation_method: str = "interpolation", name: str | None = None,
                 dtype: Any = None, thresholds: Sequence[float] | None = None,
                 multi_label: bool = False, num_labels: int | None = None,
                 label_weights: npt.ArrayLike | None = None, from_logits: bool = False) -> None:
        if multi_label or num_labels is not None or label_weights is not None:
            raise ValueError("AUC has no multi_label, num_labels or label_weights: give a "
                             "separate output, with a metric of its own, for each label")
        self.curve = checks.choice("curve", str(curve).upper(), ("ROC", "PR"))
        self.summation_method = checks.choice("summation_method", str(summation_method).lower(),
                                              ("interpolation", "minoring", "majoring"))
        self.from_logits = checks.flag("from_logits", from_logits)
        self.thresholds = None if thresholds is None else sorted(thresholds)
        if thresholds is None:
            self.num_thresholds = checks.count("num_thresholds", num_thresholds, minimum=2)
            inner = np.arange(1, num_thresholds - 1) / (num_thresholds - 1)
        else:
            inner = _levels(self.thresholds, None)
            self.num_thresholds = len(inner) + 2
        super().__init__([-EPSILON, *inner, 1 + EPSILON], name, dtype)

    def _scores(self, y_pred):
        return activations.sigmoid(y_pred) if self.from_logits else y_pred

    def result(self) -> Any:
        tp, fp = self.tp, self.fp
        recall = _ratio(tp, tp + self.fn)
        if self.curve == "ROC":
            return self._area(_ratio(fp, fp + self.tn), recall)
        if self.summation_method == "interpolation":
            return self._interpolated_precision()
        return self._area(recall, _ratio(tp, tp + fp))

    def _area(self, x, y):
        between = {"interpolation": lambda a, b: (a + b) / 2, "minoring": np.minimum,
                   "majoring": np.maximum}[self.summation_method]
        return float(((x[:-1] - x[1:]) * between(y[:-1], y[1:])).sum())

    def _interpolated_precision(self):
        """Return the area where true positives grow in a line with the positives p between points.

        Precision is (slope p + intercept) / p there, of which the integral has a logarithm.
        """
        tp, p = self.tp, self.tp + self.fp
        slope = _ratio(tp[:-1] - tp[1:], np.maximum(p[:-1] - p[1:], 0))
        intercept = tp[1:] - slope * p[1:]
        growth = np.where((p[:-1] > 0) & (p[1:] > 0), _ratio(p[:-1], p[1:]), 1.0)
        area = slope * (tp[:-1] - tp[1:] + intercept * np.log(growth))
        return float(_ratio(area, (tp + self.fn)[1:]).sum())


# Below every score, and not below what `_only_top` leaves of the others.
_NEVER = -1e10


def _only_top(y_pred, k):
    least = np.partition(y_pred, -k, axis=-1)[..., -k, None]
    return np.where(y_pred >= least, y_pred, y_pred.dtype.type(_NEVER))


def _levels(thresholds, default):
    levels = np.atleast_1d(np.asarray(default if thresholds is None else thresholds, np.float64))
    if thresholds is not None and not ((levels >= 0) & (levels <= 1)).all():
        raise ValueError(f"thresholds must be in [0, 1], got {thresholds!r}")
    return levels


def _ratio(a, b):
    return np.divide(a, b, out=np.zeros_like(a), where=b != 0)
