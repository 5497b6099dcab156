# SPDX-License-Identifier: Apache-2.0
"""Parts of a character model around the engine, with torch.nn's names and layouts."""

from .dense import Dense
from .embedding import Embedding

__all__ = ["Dense", "Embedding"]
