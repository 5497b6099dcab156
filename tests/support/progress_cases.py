# SPDX-License-Identifier: Apache-2.0
"""A model whose runs are watched, what its lines look like, and made-up outputs."""

import os

import numpy as np
import pytest

from fastrnn import layers, models

METRICS = ["mae", "mean_absolute_percentage_error", "root_mean_squared_error"]
LINE = (r"\d+/\d+ - \d+s - \d+(ms|us)/step")
VALUES = r"( - [a-z_]+: -?\d[\d.e+-]*)+"

SETUP = f"""
import sys
import numpy as np
from fastrnn import callbacks, layers, models
x = np.random.default_rng(0).standard_normal((40, 5, 3)).astype("float32")
y = x[:, 0, :2]
model = models.Sequential([layers.SimpleRNN(4), layers.Dense(2)])
model.compile("sgd", "mse", metrics={METRICS})
callbacks.progress._INTERVAL = 0.0
"""

needs_terminals = pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")


def compiled(metrics=METRICS):
    x = np.random.default_rng(0).standard_normal((40, 5, 3)).astype("float32")
    model = models.Sequential([layers.SimpleRNN(4), layers.Dense(2)])
    model.compile("sgd", "mse", metrics=metrics)
    return model, x, x[:, 0, :2]


class Bare:
    """The least that can stand for standard output."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text


class Screen(Bare):
    """A terminal that is made wider and narrower, and breaks its lines anew."""

    def isatty(self):
        return True
