# SPDX-License-Identifier: Apache-2.0
"""Helpers around a model: labels, padding, windows of a series, data sets, seeds."""

from .._common import oldnames
from ..backend import clear_session
from . import np_utils
from .datasets import PyDataset, Sequence
from .np_utils import normalize, to_categorical
from .padding import pad_sequences
from .seeds import set_random_seed
from .timeseries import timeseries_dataset_from_array

__all__ = [
    "PyDataset", "Sequence", "clear_session", "normalize", "np_utils", "pad_sequences",
    "set_random_seed", "timeseries_dataset_from_array", "to_categorical",
]


def __getattr__(name):
    return oldnames.find(__name__, name)
