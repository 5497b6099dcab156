# SPDX-License-Identifier: Apache-2.0
"""Metrics: over batches, with and without weights."""

import numpy as np

from .figures import N, T, noise
from .losses import learned
from .registry import case

# name -> (kind of target, loss, the metric of the module)
METRICS = {
    "mse": ("real", "mse", lambda k: "mse"),
    "mae": ("real", "mse", lambda k: "mae"),
    "MeanAbsoluteError": ("real", "mse", lambda k: k.metrics.MeanAbsoluteError()),
    "rmse": ("real", "mse", lambda k: k.metrics.RootMeanSquaredError()),
    "mape": ("positive", "mse", lambda k: "mape"),
    "msle": ("positive", "mse", lambda k: "msle"),
    "named": ("real", "mse", lambda k: k.metrics.MeanSquaredError(name="mine")),
    "r2": ("real", "mse", lambda k: k.metrics.R2Score()),
    "cosine": ("real", "mse", lambda k: k.metrics.CosineSimilarity()),
    "binary_accuracy": ("binary", "binary_crossentropy", lambda k: "binary_accuracy"),
    "accuracy_binary": ("binary", "binary_crossentropy", lambda k: "accuracy"),
    "accuracy_several": ("several_binary", "binary_crossentropy", lambda k: "binary_accuracy"),
    "threshold": (
        "binary",
        "binary_crossentropy",
        lambda k: k.metrics.BinaryAccuracy(threshold=0.4, name="low"),
    ),
    "binary_crossentropy": (
        "binary",
        "mse",
        lambda k: k.metrics.BinaryCrossentropy(label_smoothing=0.1),
    ),
    "precision": ("binary", "binary_crossentropy", lambda k: k.metrics.Precision()),
    "recall": ("binary", "binary_crossentropy", lambda k: k.metrics.Recall()),
    "auc": ("binary", "binary_crossentropy", lambda k: k.metrics.AUC()),
    "accuracy_one_hot": ("one_hot", "categorical_crossentropy", lambda k: "accuracy"),
    "acc": ("one_hot", "categorical_crossentropy", lambda k: "acc"),
    "categorical_accuracy": (
        "one_hot",
        "categorical_crossentropy",
        lambda k: "categorical_accuracy",
    ),
    "categorical_crossentropy": ("one_hot", "mse", lambda k: "categorical_crossentropy"),
    "top_2": (
        "one_hot",
        "categorical_crossentropy",
        lambda k: k.metrics.TopKCategoricalAccuracy(k=2),
    ),
    "accuracy_labels": ("labels", "sparse_categorical_crossentropy", lambda k: "accuracy"),
    "accuracy_column": ("column", "sparse_categorical_crossentropy", lambda k: "accuracy"),
    "sparse_categorical_accuracy": (
        "labels",
        "sparse_categorical_crossentropy",
        lambda k: k.metrics.SparseCategoricalAccuracy(),
    ),
    "sparse_categorical_crossentropy": (
        "labels",
        "sparse_categorical_crossentropy",
        lambda k: "sparse_categorical_crossentropy",
    ),
    "sparse_top_2": (
        "labels",
        "sparse_categorical_crossentropy",
        lambda k: k.metrics.SparseTopKCategoricalAccuracy(k=2),
    ),
}


@case(metric=METRICS)
def metric(k, metric):
    kind, loss, made = metric
    return learned(k, kind, loss, metrics=[made(k)])


WEIGHTED = ["mae", "rmse", "accuracy_binary", "accuracy_one_hot", "accuracy_labels", "top_2"]


@case(
    metric={name: METRICS[name] for name in WEIGHTED},
    weights={"rows": (N,), "steps": (N, T)},
)
def weighted(k, metric, weights):
    """The same metric without the weights, which leave it alone, and with them."""
    kind, loss, made = metric
    options = {"metrics": [made(k)], "weighted_metrics": [made(k)]}
    weight = np.abs(noise(*weights, seed=3))
    return learned(k, kind, loss, steps=len(weights) == 2, sample_weight=weight, **options)


@case()
def several_at_once(k):
    metrics = ["mae", "mse", "mae", k.metrics.RootMeanSquaredError(name="root")]
    return learned(k, "real", "huber", metrics=metrics, validation_split=0.25)


@case()
def a_function_of_ones_own(k):
    def largest_prediction(y_true, y_pred):
        return y_pred.max(-1) if k.__name__ == "fastrnn" else y_pred.max(-1).values

    return learned(k, "real", "mse", metrics=[largest_prediction])
