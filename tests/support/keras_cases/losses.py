# SPDX-License-Identifier: Apache-2.0
"""Losses: their options, ways of naming them, weights of rows, steps and classes."""

import numpy as np

from .figures import RATE, UNITS, I, N, T, ids, noise, one_hot, probabilities, stack, trained
from .recurrent import rnn
from .registry import case

K = 3  # classes

# Kind of target: (the width of the output, its activation, targets for leading axes)
TARGETS = {
    "real": (2, None, lambda *axes: noise(*axes, 2, seed=1)),
    "positive": (2, "softplus", lambda *axes: np.abs(noise(*axes, 2, seed=1)) + 0.1),
    "binary": (1, "sigmoid", lambda *axes: ids(*axes, 1, below=2)),
    "several_binary": (K, "sigmoid", lambda *axes: ids(*axes, K, below=2).astype("float32")),
    "one_hot": (K, "softmax", lambda *axes: one_hot(ids(*axes, below=K), K)),
    "soft": (K, "softmax", lambda *axes: probabilities(*axes, K)),
    "labels": (K, "softmax", lambda *axes: ids(*axes, below=K)),
    "column": (K, "softmax", lambda *axes: ids(*axes, 1, below=K)),
    "signs": (1, "tanh", lambda *axes: ids(*axes, 1, below=2) * 2 - 1),
}


def learned(k, kind, loss, *, steps=False, logits=False, **options):
    """Figures of a small model with an output for this kind of target."""
    width, activation, targets = TARGETS[kind]
    head = k.layers.Dense(width, activation=None if logits else activation)
    compiled = {key: options.pop(key) for key in ("metrics", "weighted_metrics") if key in options}
    if steps:
        layers = [rnn(k, "SimpleRNN", UNITS, return_sequences=True), head]
    else:
        layers = [k.layers.Flatten(), head]
    model = stack(k, *layers)
    model.compile(optimizer=k.optimizers.SGD(RATE), loss=loss, **compiled)
    axes = (N, T) if steps else (N,)
    return trained(model, noise(N, T, I), targets(*axes), **options)


# name -> (kind of target, the loss of the module)
LOSSES = {
    "mse": ("real", lambda k: "mse"),
    "mae": ("real", lambda k: "mae"),
    "huber": ("real", lambda k: "huber"),
    "huber_narrow": ("real", lambda k: k.losses.Huber(delta=0.3)),
    "log_cosh": ("real", lambda k: "log_cosh"),
    "mape": ("positive", lambda k: "mape"),
    "msle": ("positive", lambda k: "msle"),
    "cosine": ("real", lambda k: "cosine_similarity"),
    "poisson": ("positive", lambda k: "poisson"),
    "hinge": ("signs", lambda k: "hinge"),
    "squared_hinge": ("signs", lambda k: "squared_hinge"),
    "divergence": ("soft", lambda k: "kl_divergence"),
    "binary": ("binary", lambda k: "binary_crossentropy"),
    "several_binary": ("several_binary", lambda k: "binary_crossentropy"),
    "binary_smoothed": ("binary", lambda k: k.losses.BinaryCrossentropy(label_smoothing=0.1)),
    "categorical": ("one_hot", lambda k: "categorical_crossentropy"),
    "categorical_soft": ("soft", lambda k: "categorical_crossentropy"),
    "categorical_smoothed": (
        "one_hot",
        lambda k: k.losses.CategoricalCrossentropy(label_smoothing=0.2),
    ),
    "sparse": ("labels", lambda k: "sparse_categorical_crossentropy"),
    "sparse_column": ("column", lambda k: "sparse_categorical_crossentropy"),
    "sparse_ignored": (
        "labels",
        lambda k: k.losses.SparseCategoricalCrossentropy(ignore_class=1),
    ),
}
LOGITS = {
    "binary": ("binary", lambda k: k.losses.BinaryCrossentropy(from_logits=True)),
    "several_binary_smoothed": (
        "several_binary",
        lambda k: k.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
    ),
    "categorical": ("one_hot", lambda k: k.losses.CategoricalCrossentropy(from_logits=True)),
    "categorical_smoothed": (
        "one_hot",
        lambda k: k.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2),
    ),
    "sparse": ("labels", lambda k: k.losses.SparseCategoricalCrossentropy(from_logits=True)),
    "sparse_ignored": (
        "labels",
        lambda k: k.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=1),
    ),
}
MAIN = ["mse", "mae", "huber", "binary", "categorical", "sparse"]


@case(loss=LOSSES, steps={"rows": False, "steps": True})
def loss(k, loss, steps):
    kind, made = loss
    return learned(k, kind, made(k), steps=steps)


@case(loss=LOGITS, steps={"rows": False, "steps": True})
def from_logits(k, loss, steps):
    kind, made = loss
    return learned(k, kind, made(k), steps=steps, logits=True)


@case(
    loss={name: LOSSES[name] for name in [*MAIN, "categorical_smoothed"]},
    weights={"rows": (N,), "column": (N, 1), "steps": (N, T)},
)
def sample_weight(k, loss, weights):
    kind, made = loss
    weight = np.abs(noise(*weights, seed=3))
    return learned(k, kind, made(k), steps=len(weights) == 2, sample_weight=weight)


@case(weights={"rows": (N,), "steps": (N, T)})
def sample_weight_with_an_ignored_class(k, weights):
    kind, made = LOSSES["sparse_ignored"]
    weight = np.abs(noise(*weights, seed=3))
    return learned(k, kind, made(k), steps=len(weights) == 2, sample_weight=weight)


@case(kind=["binary", "one_hot", "labels", "column"])
def class_weight(k, kind):
    loss = {
        "binary": "binary_crossentropy",
        "one_hot": "categorical_crossentropy",
    }.get(kind, "sparse_categorical_crossentropy")
    options = {"metrics": ["accuracy"], "weighted_metrics": ["accuracy"]}
    return learned(k, kind, loss, class_weight={0: 0.5, 1: 2.0, 2: 0.7}, **options)


@case()
def class_weight_of_some_classes(k):
    """Classes that are not named weigh 1."""
    return learned(k, "labels", "sparse_categorical_crossentropy", class_weight={1: 3.0})


REDUCTIONS = ["sum", "sum_over_batch_size", "mean", "mean_with_sample_weight"]


@case(reduction=REDUCTIONS, weights={"plain": None, "rows": np.abs(noise(N, seed=3))})
def reduction(k, reduction, weights):
    loss = k.losses.MeanSquaredError(reduction=reduction)
    return learned(k, "real", loss, sample_weight=weights)


@case(
    form={
        "mean_squared_error": lambda k: "mean_squared_error",
        "capitals": lambda k: "MSE",
        "class_name": lambda k: "MeanSquaredError",
        "object": lambda k: k.losses.MeanSquaredError(),
        "function": lambda k: k.losses.mean_squared_error,
        "mean_absolute_error": lambda k: "mean_absolute_error",
        "absolute_function": lambda k: k.losses.mean_absolute_error,
    }
)
def named(k, form):
    return learned(k, "real", form(k))


@case(kind=["binary", "one_hot", "labels"])
def chosen_by_shape(k, kind):
    """The loss "crossentropy" and the metrics "accuracy" and "crossentropy"."""
    metrics = ["acc"] if kind == "labels" else ["accuracy"]
    return learned(k, kind, "crossentropy", metrics=metrics)


@case(
    loss=["mse", "binary_crossentropy"],
    shape={"rows": (N,), "column": (N, 1)},
)
def targets_without_their_last_axis(k, loss, shape):
    """Targets (N,) for an output (N, 1) are the same as (N, 1)."""
    model = stack(k, rnn(k, "GRU", UNITS), k.layers.Dense(1, activation="sigmoid"))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss=loss, metrics=["mae", "accuracy"])
    return trained(model, noise(N, T, I), ids(*shape, below=2).astype("float32"))


@case()
def step_targets_without_their_last_axis(k):
    """Targets (N, T) for an output (N, T, 1)."""
    model = stack(k, rnn(k, "GRU", UNITS, return_sequences=True), k.layers.Dense(1))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse", metrics=["mae"])
    return trained(model, noise(N, T, I), noise(N, T, seed=1))


@case(loss=["binary_crossentropy", "categorical_crossentropy"])
def sure_and_wrong(k, loss):
    """Probabilities that round to 0 or 1: clipped at 1e-7, no gradient beyond."""
    kind = "sigmoid" if loss.startswith("binary") else "softmax"
    model = stack(k, k.layers.Dense(K, activation=kind), shape=(I,))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss=loss)
    return trained(model, 40 * noise(N, I), one_hot(ids(N, below=K), K))


@case()
def short_last_batch_weighs_less(k):
    """The epoch's figure is the mean over rows, not over batches."""
    return learned(k, "real", "mae", batch_size=N - 1, metrics=["mse"])
