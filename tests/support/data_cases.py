# SPDX-License-Identifier: Apache-2.0
"""Rows, batches of them, and the small models that are fed with them."""

import itertools

import numpy as np

from fastrnn import layers, models

RNG = np.random.default_rng(9)
X = RNG.standard_normal((20, 5, 3), np.float32)
Y = RNG.standard_normal((20, 2))


def small():
    model = models.Sequential([layers.Input((5, 3)), layers.LSTM(4), layers.Dense(2)])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def twins(number=2):
    """Models of the same weights."""
    made = [small() for _ in range(number)]
    for model in made[1:]:
        model.set_weights(made[0].get_weights())
    return made


def pieces(number=None, size=4):
    """A generator of batches, without end where `number` is None."""
    for k in itertools.count() if number is None else range(number):
        rows = slice(k * size % len(X), k * size % len(X) + size)
        yield X[rows], Y[rows]


def two_inputs():
    a, b = layers.Input((5, 3), name="a"), layers.Input((5, 3), name="b")
    joined = layers.concatenate([layers.LSTM(3)(a), layers.LSTM(2)(b)])
    model = models.Model([a, b], [layers.Dense(2, name="o")(joined),
                                  layers.Dense(1, name="p")(joined)])
    model.compile("sgd", "mse")
    return model
