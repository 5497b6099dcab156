# SPDX-License-Identifier: Apache-2.0
"""Warnings that point at the line of the program that called, however deep they come from."""

import sys
import warnings

PACKAGE = __name__.partition(".")[0]


def warn(text: str, category: type = UserWarning) -> None:
    """Warn, at the nearest line that is not the package's own."""
    warnings.warn(text, category, stacklevel=_level())


def _level():
    """How far up the call stack, seen from `warn`, the caller's own code is."""
    frame, level = sys._getframe(2), 2
    while frame.f_back is not None and (
            frame.f_globals.get("__name__", "").partition(".")[0] in (PACKAGE, "importlib")):
        # Frames of the import system are not counted by `warnings`.
        level += frame.f_globals["__name__"].partition(".")[0] == PACKAGE
        frame = frame.f_back
    return level
