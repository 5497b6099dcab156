# SPDX-License-Identifier: Apache-2.0
"""The classes and functions of the caller's own that descriptions may name."""

import threading
from contextlib import contextmanager


class _Custom(threading.local):
    classes = {}  # noqa: RUF012 - replaced, never written to


_custom = _Custom()


@contextmanager
def custom_objects(classes):
    """Know further classes by name inside the block."""
    before = _custom.classes
    _custom.classes = {**before, **(classes or {})}
    try:
        yield
    finally:
        _custom.classes = before


def given_objects():
    """Return the further classes and functions that are known here."""
    return _custom.classes


def given_object(name):
    """Return one of them.

    Raises
    ------
    ValueError
        If it is not known.
    """
    if name not in _custom.classes:
        raise ValueError(f"{name!r} is a function or class of the model's own: give it as "
                         f"custom_objects={{{name!r}: ...}}, or load with compile=False")
    return _custom.classes[name]
