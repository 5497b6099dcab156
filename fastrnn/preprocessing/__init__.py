# SPDX-License-Identifier: Apache-2.0
"""From raw data to the arrays a model reads."""

from .text import Blocks, Vocabulary

__all__ = ["Blocks", "Vocabulary"]
