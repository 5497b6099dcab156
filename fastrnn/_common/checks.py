# SPDX-License-Identifier: Apache-2.0
"""Checks of what callers hand in, done once; below them nothing is checked again.

Each function returns the value in the form the loops want, or raises an error that names the
argument, what was got and what was wanted. The error classes are those of torch.nn where it has
a rule of its own: ``TypeError`` for a value of the wrong kind, ``ValueError`` for a wrong rank or
dtype of the input, ``RuntimeError`` for sizes that do not fit the model or each other.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:    # slow to load
    from numpy.typing import ArrayLike, DTypeLike

# The loops and BLAS count rows and columns in 32-bit integers.
MAX_SIZE = 2**31 - 1
DTYPES = {np.dtype(np.float32), np.dtype(np.float64)}

_ndarray = np.ndarray


def count(name: str, value: int, minimum: int = 1, maximum: int = MAX_SIZE) -> int:
    """Return `value` as an int between `minimum` and `maximum`."""
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an int, got {type(value).__name__}")
    number = operator.index(value)
    if number < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {number}")
    if number > maximum:
        raise ValueError(f"{name} is too large: at most {maximum}, got {number}")
    return number


def flag(name: str, value: bool) -> bool:
    """Return `value`, which must be a bool."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be a bool, got {type(value).__name__}")
    return bool(value)


def probability(name: str, value: float) -> float:
    """Return `value` as a float in [0, 1]."""
    number = isinstance(value, int | float | np.integer | np.floating)
    if not number or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number in [0, 1], got {value!r}")
    return float(value)


def number(name: str, value: float) -> float:
    """Return `value`, which must be an int or a float."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be a number, got {type(value).__name__}")
    return value


def random_source(seed: Any, make: Callable[[Any], Any] | None = None) -> Any:
    """Return ``make(seed)``, a Generator by default; the error for what cannot be a seed names it.

    NumPy loads its random module when it is first used; it takes as long as all of this package.
    """
    make = make or np.random.default_rng
    try:
        return make(seed)
    except (TypeError, ValueError) as reason:
        wanted = "an int of at least 0, a numpy.random.Generator or None"
        raise type(reason)(f"seed must be {wanted}, got {seed!r}") from None


def choice(name: str, value: str, allowed: tuple[Any, ...]) -> str:
    """Return `value`, which must be one of the strings `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {value!r}")
    return value


def float_dtype(value: DTypeLike | None) -> np.dtype:
    """Return `value` as the NumPy dtype float32 or float64."""
    try:
        dtype = np.dtype(value)
    except TypeError:
        raise TypeError(f"dtype must be float32 or float64, got {value!r}") from None
    if value is None or dtype not in DTYPES:
        raise ValueError(f"dtype must be float32 or float64, got {value!r}")
    return dtype


def weight_sizes(shapes: dict[str, Any], sizes: dict[str, Any], itemsize: int) -> None:
    """Refuse parameters too large to be addressed, before anything is allocated.

    Parameters
    ----------
    shapes : dict of str to tuple
        The shape of each parameter.
    sizes : dict of str to int
        The arguments the shapes were made from, for the message.
    itemsize : int
        Bytes of one element.
    """
    total = 0
    for name, shape in shapes.items():
        elements = 1
        for size in shape:
            if size > MAX_SIZE:
                _raise_too_large(f"{name} would have shape {shape}", sizes)
            elements *= size
        total += elements
    if total * itemsize > sys.maxsize:
        _raise_too_large(f"the parameters would take {total * itemsize} bytes", sizes)


def _raise_too_large(consequence, sizes):
    culprit = max(sizes, key=sizes.get)
    raise ValueError(f"{culprit} is too large: {consequence} ({_listed(sizes)})")


def _listed(sizes):
    return ", ".join(f"{name}={value}" for name, value in sizes.items())


@contextmanager
def enough_memory(sizes: dict[str, Any]) -> Iterator[Any]:
    """Name the arguments `sizes` in a ``MemoryError`` of what is done within."""
    try:
        yield
    except MemoryError as reason:
        text = f"not enough memory for parameters of {_listed(sizes)}: {reason}"
        raise MemoryError(text) from None


def as_ndarray(name: str, value: ArrayLike) -> np.ndarray:
    """Return ``numpy.asarray(value)``; what NumPy cannot read raises ``TypeError``.

    So does a masked array: its mask would be lost. Tensors that NumPy does not know are asked for
    their ``numpy()``.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, whose mask would be lost: fill it first")
    try:
        if hasattr(value, "numpy") and not hasattr(value, "__array__"):
            value = value.numpy()
        return np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as reason:
        kind = type(value).__name__
        raise TypeError(f"{name} must be an array of numbers, got {kind}: {reason}") from None


def array(name: str, value: ArrayLike, dtype: np.dtype,
          error: type[Exception] = ValueError) -> np.ndarray:
    """Return `value` as an ndarray of exactly `dtype`; a wrong dtype raises `error`.

    Lists, buffers and the tensors of other libraries are taken when NumPy reads them as `dtype`.
    Nothing is cast.
    """
    if type(value) is _ndarray and value.dtype is dtype:
        return value
    result = as_ndarray(name, value)
    if result.dtype != dtype:
        raise error(f"{name} must have the model's dtype {dtype}, got {_dtype_text(result.dtype)}")
    return result


def _dtype_text(dtype):
    return str(dtype) if dtype.isnative else f"{dtype.name} in foreign byte order"


def shaped(name: str, value: ArrayLike, dtype: np.dtype, shape: tuple[int, ...],
           error: type[Exception] = ValueError) -> np.ndarray:
    """Return `value` as an array of `dtype` and `shape`; see `array` for `error`."""
    result = array(name, value, dtype, error)
    if result.shape != shape:
        raise RuntimeError(f"{name} must have shape {shape}, got {result.shape}")
    return result


class _NotGiven:
    """What stands for an argument that the caller left out: None is one."""

    def __repr__(self):
        return "<not given>"


NOT_GIVEN: Any = _NotGiven()


def torch_names(x: Any, state: Any, input: Any, hx: Any) -> tuple[Any, Any, str]:
    """Return (x, state, the state's name) of a call that may use torch's names of the two.

    Raises
    ------
    TypeError
        If one is given under both names, or there is no sequence.
    """
    if (x is not NOT_GIVEN and input is not None) or (state is not None and hx is not None):
        other, name = ("hx", "state") if input is None else ("input", "x")
        raise TypeError(f"{other} is torch's name of {name}: give one of the two")
    if x is NOT_GIVEN and input is None:
        raise TypeError("a call needs a sequence, x")
    x = input if x is NOT_GIVEN else x
    return (x, state, "state") if hx is None else (x, hx, "hx")
