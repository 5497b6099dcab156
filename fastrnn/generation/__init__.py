# SPDX-License-Identifier: Apache-2.0
"""Letting a trained model go on with a sequence of tokens."""

from .beams import beam_search
from .choice import chooser, draw, filter_top_k, filter_top_p
from .continuation import generate

__all__ = ["beam_search", "chooser", "draw", "filter_top_k", "filter_top_p", "generate"]
