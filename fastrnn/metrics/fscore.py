# SPDX-License-Identifier: Apache-2.0
"""Means of precision and recall."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._common import checks
from ..backend import EPSILON
from ..losses.targets import alike
from ..losses.weights import aligned
from .base import Metric, floats


class FBetaScore(Metric):
    """(1 + beta^2) precision recall / (beta^2 precision + recall) (van Rijsbergen, 1979).

    Parameters
    ----------
    average : {"micro", "macro", "weighted"} or None
        None: a score for each class; "macro": their mean; "weighted": by the targets in each;
        "micro": one score from the counts of all.
    beta : float
        Above 0.
    threshold : float, optional
        In (0, 1]: above it an output is positive; None: the largest number of a row is.
    name, dtype
        See `Metric`.
    """

    fields: tuple[str, ...] = ("name", "average", "beta", "threshold")
    true_positives: np.ndarray
    false_positives: np.ndarray
    false_negatives: np.ndarray

    def __init__(self, average: str | None = None, beta: float = 1.0,
                 threshold: float | None = None, name: str = "fbeta_score",
                 dtype: Any = None) -> None:
        super().__init__(dtype, name)
        if average is not None:
            checks.choice("average", average, ("micro", "macro", "weighted"))
        if not isinstance(beta, float) or beta <= 0:
            raise ValueError(f"beta must be a float above 0, got {beta!r}")
        if threshold is not None and not (isinstance(threshold, float) and 0 < threshold <= 1):
            raise ValueError(f"threshold must be a float in (0, 1] or None, got {threshold!r}")
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self.reset_state()

    def update_state(self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike,
                     sample_weight: npt.ArrayLike | None = None) -> None:
        """Add a batch: y_true and y_pred (rows, classes), sample_weight (rows,)."""
        y_true, y_pred = floats("y_true", y_true), floats("y_pred", y_pred)
        alike(self.name, y_true.shape, y_pred.shape)
        if y_true.ndim != 2 or y_pred.ndim != 2:
            raise ValueError(f"{self.name} wants an output of shape (rows, classes), "
                             f"got {y_pred.shape}")
        if self.threshold is None:
            positive = (y_pred >= y_pred.max(-1, keepdims=True)) & (np.abs(y_pred) > 1e-9)
        else:
            positive = y_pred > self.threshold
        weights = np.asarray(1.0 if sample_weight is None else sample_weight, np.float64)
        weights = aligned("sample_weight", weights, y_pred.shape)
        axis = None if self.average == "micro" else 0
        self.true_positives = self.true_positives + (weights * positive * y_true).sum(axis)
        self.false_positives = self.false_positives + (weights * positive * (1 - y_true)).sum(axis)
        self.false_negatives = self.false_negatives + (weights * ~positive * y_true).sum(axis)

    def result(self) -> Any:
        tp = self.true_positives
        targets = tp + self.false_negatives
        precision = tp / (tp + self.false_positives + EPSILON)
        recall = tp / (targets + EPSILON)
        square = self.beta * self.beta
        score = (1 + square) * precision * recall / (square * precision + recall + EPSILON)
        if self.average == "weighted":
            return float((score * targets).sum() / (targets.sum() + EPSILON))
        return score if self.average is None else float(np.mean(score))

    def reset_state(self) -> None:
        self.true_positives = self.false_positives = self.false_negatives = np.zeros(())


class F1Score(FBetaScore):
    """The `FBetaScore` of beta 1: the harmonic mean of precision and recall."""

    fields = ("name", "average", "threshold")

    def __init__(self, average: str | None = None, threshold: float | None = None,
                 name: str = "f1_score", dtype: Any = None) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)
