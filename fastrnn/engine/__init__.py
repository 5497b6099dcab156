# SPDX-License-Identifier: Apache-2.0
"""The engine: RNN, LSTM and GRU on NumPy arrays, with torch.nn's names and layouts."""

from .._common import oldnames
from .cells import GRU, LSTM, RNN, load
from .stream import Stream

__all__ = ["GRU", "LSTM", "RNN", "Stream", "load"]


def __getattr__(name):
    return oldnames.find(__name__, name)
