# SPDX-License-Identifier: Apache-2.0
"""From raw data to the arrays a model reads."""

from ..utils import timeseries_dataset_from_array
from . import sequence, text
from .characters import Blocks, Vocabulary
from .missing import fill_missing

__all__ = ["Blocks", "Vocabulary", "fill_missing", "sequence", "text",
           "timeseries_dataset_from_array"]
