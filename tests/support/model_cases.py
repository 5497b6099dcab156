# SPDX-License-Identifier: Apache-2.0
"""Small models of layers, and random data for them."""

import numpy as np

from fastrnn import layers, models

RNG = np.random.default_rng(0)


def sequences(rows=12, steps=5, features=3):
    return RNG.standard_normal((rows, steps, features), np.float32)


def targets(rows=12, columns=2):
    return RNG.standard_normal((rows, columns), np.float32)


def small(units=4, columns=2, **options):
    return models.Sequential([
        layers.Input((5, 3)), layers.LSTM(units, return_sequences=True, **options),
        layers.GRU(units), layers.Dense(columns),
    ])


class States(models.Model):
    """Outputs and states, as in the tutorials."""

    def __init__(self, units=4, columns=3, **options):
        super().__init__(**options)
        self.units, self.columns = units, columns
        self.lstm = layers.LSTM(units, return_sequences=True, return_state=True)
        self.dense = layers.Dense(columns, activation="softmax")

    def call(self, inputs, states=None):
        x, h, c = self.lstm(inputs, initial_state=states)
        return self.dense(x), [h, c]

    def get_config(self):
        return {**super().get_config(), "units": self.units, "columns": self.columns}
