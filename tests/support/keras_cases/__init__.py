# SPDX-License-Identifier: Apache-2.0
"""Small programs in Keras words, each a function of the module that runs it: keras or fastrnn."""

from . import (
    bidirectional,
    callbacks,
    feeding,
    losses,
    masks,
    metrics,
    models,
    pieces,
    recurrent,
    sizes,
    training,
)
from .registry import CASES

__all__ = [
    "CASES",
    "bidirectional",
    "callbacks",
    "feeding",
    "losses",
    "masks",
    "metrics",
    "models",
    "pieces",
    "recurrent",
    "sizes",
    "training",
]
