# SPDX-License-Identifier: Apache-2.0
"""How often an output is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._common import checks
from .._common.quiet import quiet
from ..losses.targets import alike, class_numbers, refuse
from .base import MeanMetricWrapper, floats


@quiet
def accuracy(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> np.ndarray:
    """Return 1 where an output equals its target, else 0."""
    y_true, y_pred = _pair("accuracy", y_true, y_pred)
    return np.equal(y_true, y_pred).astype(np.float32)


@quiet
def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> np.ndarray:
    """Return 1 where ``y_pred > threshold`` is what the target, 0 or 1, says, else 0."""
    y_true, y_pred = _pair("binary_accuracy", y_true, y_pred)
    return np.equal(y_true, y_pred > threshold).astype(np.float32)


@quiet
def categorical_accuracy(y_true: Any, y_pred: Any) -> np.ndarray:
    """Return 1 where output and target have their largest number at the same class, else 0."""
    y_true, y_pred = _classes("categorical_accuracy", y_true, y_pred)
    return np.equal(y_true.argmax(-1), y_pred.argmax(-1)).astype(np.float32)


@quiet
def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> np.ndarray:
    """Return 1 where the output has its largest number at the class of the label, else 0."""
    y_true, y_pred = _labels("sparse_categorical_accuracy", y_true, y_pred)
    return np.equal(y_true, y_pred.argmax(-1)).astype(np.float32)


@quiet
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> np.ndarray:
    """Return 1 where the class of the target's largest number is among the output's `k` largest.
    """
    y_true, y_pred = _classes("top_k_categorical_accuracy", y_true, y_pred)
    return _in_top_k("top_k_categorical_accuracy", y_true.argmax(-1), y_pred, k)


@quiet
def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5,
                                      from_sorted_ids: bool = False) -> np.ndarray:
    """Return 1 where the label is among the output's `k` largest, else 0.

    With `from_sorted_ids` the output is not numbers but classes, the likeliest first.
    """
    name = "sparse_top_k_categorical_accuracy"
    y_true, y_pred = _labels(name, y_true, y_pred)
    if from_sorted_ids:
        return (y_pred[..., :k] == y_true[..., None]).any(-1).astype(np.float32)
    return _in_top_k(name, class_numbers(name, y_true, y_pred.shape[-1]), y_pred, k)


class Accuracy(MeanMetricWrapper):
    """The mean of `accuracy`."""

    def __init__(self, name: str = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


class BinaryAccuracy(MeanMetricWrapper):
    """The mean of `binary_accuracy`."""

    fields = ("name", "threshold")

    def __init__(self, name: str = "binary_accuracy", dtype: Any = None,
                 threshold: float = 0.5) -> None:
        self.threshold = checks.number("threshold", threshold)
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """The mean of `categorical_accuracy`."""

    def __init__(self, name: str = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """The mean of `sparse_categorical_accuracy`."""

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """The mean of `top_k_categorical_accuracy`."""

    fields = ("name", "k")

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy",
                 dtype: Any = None) -> None:
        self.k = checks.count("k", k)
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """The mean of `sparse_top_k_categorical_accuracy`."""

    fields = ("name", "k", "from_sorted_ids")

    def __init__(self, k: int = 5, name: str = "sparse_top_k_categorical_accuracy",
                 dtype: Any = None, from_sorted_ids: bool = False) -> None:
        self.k = checks.count("k", k)
        self.from_sorted_ids = checks.flag("from_sorted_ids", from_sorted_ids)
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k,
                         from_sorted_ids=from_sorted_ids)


def _pair(name, y_true, y_pred):
    y_true, y_pred = checks.as_ndarray("y_true", y_true), floats("y_pred", y_pred)
    if y_true.shape != y_pred.shape:
        true, pred = alike(name, y_true.shape, y_pred.shape)
        y_true, y_pred = y_true.reshape(true), y_pred.reshape(pred)
    return y_true, y_pred


def _classes(name, y_true, y_pred):
    y_true, y_pred = checks.as_ndarray("y_true", y_true), floats("y_pred", y_pred)
    if y_true.shape != y_pred.shape:
        refuse(name, y_true.shape, y_pred.shape, "one target for each class")
    return y_true, y_pred


def _labels(name, y_true, y_pred):
    y_true, y_pred = checks.as_ndarray("y_true", y_true), floats("y_pred", y_pred)
    samples = y_pred.shape[:-1]
    if y_true.shape != samples:
        if y_true.shape != (*samples, 1):
            refuse(name, y_true.shape, y_pred.shape,
                   f"one label for each sample, so y_true of shape {samples}")
        y_true = y_true.reshape(samples)
    return y_true, y_pred


def _in_top_k(name, classes, y_pred, k):
    if k > y_pred.shape[-1]:
        raise ValueError(f"{name}: k is {k}, the output has {y_pred.shape[-1]} classes")
    least = np.partition(y_pred, -k, axis=-1)[..., -k]
    chosen = np.take_along_axis(y_pred, classes[..., None], -1)[..., 0]
    return (chosen >= least).astype(np.float32)
