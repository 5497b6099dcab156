# SPDX-License-Identifier: Apache-2.0
"""What old names of Keras say, and small models for them."""

import warnings

import numpy as np

from fastrnn import layers, models, optimizers
from fastrnn._common import oldnames
from fastrnn.models import Sequential


def told(function):
    """What `function` returns, and the texts of the warnings it gives in two calls."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function()
        function()
    home = function.__code__.co_filename
    assert all(w.category is oldnames.OldNameWarning and w.filename == home for w in caught)
    return result, [str(w.message) for w in caught]


def classifier(units=3, activation="softmax"):
    model = Sequential([layers.Input((5, 2)), layers.LSTM(4),
                        layers.Dense(units, activation=activation)])
    model.compile(optimizers.SGD(0.1), "categorical_crossentropy" if units > 1 else
                  "binary_crossentropy", metrics=["acc"])
    return model


def data(rng, rows=24):
    return (rng.standard_normal((rows, 5, 2)).astype(np.float32),
            np.eye(3, dtype=np.float32)[rng.integers(0, 3, rows)])


def endless(x, y, size=8):
    while True:
        for first in range(0, len(x), size):
            yield x[first:first + size], y[first:first + size]


def twins():
    model = classifier()
    twin = models.clone_model(model)
    twin.set_weights(model.get_weights())
    twin.compile(optimizers.SGD(0.1), "categorical_crossentropy", metrics=["acc"])
    return model, twin
