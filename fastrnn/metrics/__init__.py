# SPDX-License-Identifier: Apache-2.0
"""Metrics: numbers that tell how well a model does, over all batches of an epoch."""

from __future__ import annotations

from typing import Any

from .._common import oldnames
from .._common.registry import Registry
from ..losses import (
    Loss,
    binary_crossentropy,
    categorical_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from ..losses.choice import ByShapes
from ..losses.weights import weights_with_mask
from .accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from .base import Mean, MeanMetricWrapper, Metric, Sum, function_name
from .confusion import (
    AUC,
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from .errors import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    OfLoss,
    Poisson,
    R2Score,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from .fscore import F1Score, FBetaScore

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "Poisson",
    "Precision",
    "R2Score",
    "Recall",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_hinge",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "resolve",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
    "weights_with_mask",
]

_CLASSES = (
    AUC, Accuracy, BinaryAccuracy, BinaryCrossentropy, CategoricalAccuracy,
    CategoricalCrossentropy, CategoricalHinge, CosineSimilarity, F1Score, FBetaScore,
    FalseNegatives, FalsePositives, Hinge, KLDivergence, LogCoshError, Mean, MeanAbsoluteError,
    MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, Poisson,
    Precision, R2Score, Recall, RootMeanSquaredError, SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy, SparseTopKCategoricalAccuracy, SquaredHinge, Sum,
    TopKCategoricalAccuracy, TrueNegatives, TruePositives,
)
_ALIASES = {
    "bce": BinaryCrossentropy, "mae": MeanAbsoluteError, "mape": MeanAbsolutePercentageError,
    "mse": MeanSquaredError, "msle": MeanSquaredLogarithmicError,
}

_registry = Registry("metric", _CLASSES,
                     _ALIASES | {name.upper(): cls for name, cls in _ALIASES.items()})
get, serialize, deserialize = _registry.get, _registry.serialize, _registry.deserialize

_BY_SHAPES = dict.fromkeys(("accuracy", "acc"), ByShapes(
    BinaryAccuracy, SparseCategoricalAccuracy, CategoricalAccuracy))
_BY_SHAPES |= dict.fromkeys(("crossentropy", "ce"), ByShapes(
    BinaryCrossentropy, SparseCategoricalCrossentropy, CategoricalCrossentropy))


def check(identifier: Any) -> None:
    """Raise ValueError unless `resolve` knows what `identifier` stands for, whatever the shapes."""
    if not (isinstance(identifier, str) and identifier in _BY_SHAPES):
        get(identifier)


def resolve(identifier: Any, y_true_shape: tuple[int, ...],
            y_pred_shape: tuple[int, ...]) -> Metric:
    """Return the `Metric` of what was given to ``compile``, under its name in the history.

    Parameters
    ----------
    identifier : str, Metric, class of one, dict or function
        "accuracy" and "acc", "crossentropy" and "ce" stand for the one of the three that fits
        the shapes. A function ``fn(y_true, y_pred)`` returns values, of which the metric is the
        mean. A name that was given stays.
    y_true_shape, y_pred_shape : tuple of int
        The shapes of targets and output.

    Raises
    ------
    ValueError
        If it is not known.
    """
    if isinstance(identifier, str) and identifier.lower() in _BY_SHAPES:
        kind = _BY_SHAPES[identifier.lower()].fitting(y_true_shape, y_pred_shape)
        return kind(name=identifier)
    found = get(identifier)
    if found is None:
        raise ValueError("a metric must be a name, a Metric or a function, got None")
    name = identifier if isinstance(identifier, str) else function_name(found)
    if not isinstance(found, Metric):
        if isinstance(found, Loss):
            found = OfLoss(found, name)
        else:
            loss_class = getattr(found, "loss_class", None)
            found = MeanMetricWrapper(loss_class().values_apart if loss_class else found, name)
    found.name = name
    return found


def __getattr__(name):
    return oldnames.find(__name__, name)
