# SPDX-License-Identifier: Apache-2.0
"""Texts shipped with the package; README.md beside this file says where they come from."""

import lzma
from importlib.resources import files


def king_james() -> str:
    """Return Genesis 1 to 1 Samuel 14 in the King James Version, one verse a line."""
    return lzma.decompress(files(__name__).joinpath("kjv.txt.xz").read_bytes()).decode("ascii")
