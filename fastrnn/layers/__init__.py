# SPDX-License-Identifier: Apache-2.0
"""Layers around the engine: what comes before and after a recurrent network."""

from .dense import Dense
from .embedding import Embedding

__all__ = ["Dense", "Embedding"]
