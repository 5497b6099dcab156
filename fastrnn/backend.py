# SPDX-License-Identifier: Apache-2.0
"""What holds for all layers and models: the dtype they have by default, how they are named."""

import threading
from typing import Any

import numpy.typing as npt

from ._common import checks, oldnames
from ._common.registry import snake_case

# What keeps probabilities from 0 and 1 in losses.
EPSILON = 1e-7

_names_given: dict[str, int] = {}
_names_lock = threading.Lock()
_floatx = "float32"


def floatx() -> str:
    """Return the dtype of layers that are given none: "float32" or "float64"."""
    return _floatx


def set_floatx(value: npt.DTypeLike) -> None:
    """Set the dtype of layers that are made from now on and given none.

    Raises
    ------
    TypeError, ValueError
        If it is neither float32 nor float64.
    """
    global _floatx
    _floatx = checks.float_dtype(value).name


def epsilon() -> float:
    """Return what keeps probabilities from 0 and 1 in losses."""
    return EPSILON


def backend() -> str:
    """Return "fastrnn", as Keras names its back end."""
    return "fastrnn"


def get_value(x: Any) -> Any:
    """Return the value of a weight, or of ``optimizer.lr``, as NumPy has it; of old programs."""
    oldnames.tell("get_value is an old name: use x.numpy()")
    return x.numpy() if hasattr(x, "numpy") else x


def set_value(x: Any, value: npt.ArrayLike) -> None:
    """Set the value of a weight, or of ``optimizer.lr``; of old programs."""
    oldnames.tell("set_value is an old name: use x.assign(value), or optimizer.learning_rate = "
                  "value")
    x.assign(value)


def clear_session(free_memory: bool = True) -> None:
    """Count the names of new layers from the beginning again; models that are there stay.

    Nothing else is global: what a program no longer refers to is free. `free_memory` is Keras'
    and changes nothing here.
    """
    _names_given.clear()


def name_of(kind: str) -> str:
    """Return a name for a new layer of class `kind` as Keras counts them: lstm, lstm_1, ..."""
    name = snake_case(kind)
    with _names_lock:
        count = _names_given.get(name, 0)
        _names_given[name] = count + 1
    return f"{name}_{count}" if count else name
