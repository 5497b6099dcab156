# SPDX-License-Identifier: Apache-2.0
"""Models with class_weight, and the same weights counted by hand."""

import numpy as np

import fastrnn
from fastrnn import layers, losses, models
from tolerances import RELATIVE, relative_error

ROWS, STEPS, CLASSES = 6, 5, 4
WEIGHTS = {0: 0.5, 1: 3.0, 3: 7.0}      # class 2 weighs 1


def inputs(rows=ROWS, steps=STEPS, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, steps, 3)).astype("float32")


def of_classes(classes, table=WEIGHTS):
    """The weight of each class of an array, one by one."""
    return np.array([table.get(int(label), 1.0) for label in classes.reshape(-1)],
                    "float32").reshape(classes.shape)


def model_of(width, activation, sequences, masked=False, seed=3):
    fastrnn.utils.set_random_seed(seed)
    return models.Sequential([
        *([layers.Masking(0.0)] if masked else []),
        layers.LSTM(4, return_sequences=sequences), layers.Dense(width, activation=activation)])


# name: (width of the output, activation, loss, targets of classes)
KINDS = {
    "sparse": (CLASSES, "softmax", "sparse_categorical_crossentropy", lambda c: c),
    "sparse_column": (CLASSES, "softmax", "sparse_categorical_crossentropy",
                      lambda c: c[..., None]),
    "sparse_float": (CLASSES, "softmax", "sparse_categorical_crossentropy",
                     lambda c: c.astype("float32")),
    "logits": (CLASSES, None, losses.SparseCategoricalCrossentropy(from_logits=True), lambda c: c),
    "one_hot": (CLASSES, "softmax", "categorical_crossentropy", lambda c: np.eye(CLASSES)[c]),
    "one_hot_int": (CLASSES, "softmax", "categorical_crossentropy",
                    lambda c: np.eye(CLASSES, dtype=int)[c]),
    "one_hot_bool": (CLASSES, "softmax", "categorical_crossentropy",
                     lambda c: np.eye(CLASSES, dtype=bool)[c]),
    "smoothed": (CLASSES, "softmax", "categorical_crossentropy",
                 lambda c: 0.8 * np.eye(CLASSES)[c] + 0.05),
    "one_hot_binary": (CLASSES, "sigmoid", "binary_crossentropy", lambda c: np.eye(CLASSES)[c]),
    "one_hot_mse": (CLASSES, "softmax", "mse", lambda c: np.eye(CLASSES)[c]),
    "crossentropy": (CLASSES, "softmax", "crossentropy", lambda c: c),
    "binary": (1, "sigmoid", "binary_crossentropy", lambda c: (c % 2)),
    "binary_column": (1, "sigmoid", "binary_crossentropy", lambda c: (c % 2)[..., None]),
    "binary_float": (1, "sigmoid", "binary_crossentropy",
                     lambda c: (c % 2).astype("float32")[..., None]),
    "binary_bool": (1, "sigmoid", "binary_crossentropy", lambda c: c % 2 == 1),
    "number": (1, None, "mse", lambda c: c.astype("float32")[..., None]),
}


def check(kind, *, sequences, sample_weight=None, masked=False, rows=ROWS, steps=STEPS):
    """Training with class_weight is training with the weights that are counted by hand."""
    width, activation, loss, made = KINDS[kind]
    x = inputs(rows, steps)
    if masked:
        x[:, 3:] = 0
    rng = np.random.default_rng(1)
    classes = rng.integers(0, CLASSES, (rows, steps) if sequences else rows)
    y = made(classes)
    by_hand = of_classes(classes % 2 if "binary" in kind and width == 1 else classes)
    if sample_weight is not None:
        wide = sample_weight.reshape(sample_weight.shape[:by_hand.ndim])
        by_hand = by_hand * wide.reshape(wide.shape + (1,) * (by_hand.ndim - wide.ndim))
    runs = []
    for options in ({"class_weight": WEIGHTS, "sample_weight": sample_weight},
                    {"sample_weight": by_hand.astype("float32")}):
        model = model_of(width, activation, sequences, masked)
        model.compile("sgd", loss, metrics=["accuracy"], weighted_metrics=["accuracy"])
        history = model.fit(x, y, batch_size=4, epochs=2, verbose=0, shuffle=False,
                            validation_data=(x, y), **options).history
        runs.append((history, model.get_weights()))
    (got, weights), (want, wanted) = runs
    assert got.keys() == want.keys()
    for name, values in want.items():
        assert relative_error(got[name], values) < RELATIVE["float32"], name
    for ours, theirs in zip(weights, wanted, strict=True):
        assert relative_error(ours, theirs) < RELATIVE["float32"]
