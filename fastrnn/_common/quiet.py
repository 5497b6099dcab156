# SPDX-License-Identifier: Apache-2.0
"""Arithmetic that the caller's floating-point error settings (``np.seterr``) do not reach.

A softmax that underflows to zero, or a loss that overflows and is looked at afterwards, is what the
formulas mean; a program that asks NumPy to raise for its own errors must not be stopped by it.
Public calls that compute are `quiet`; what they call inside goes on quietly. The caller's own
functions, called back from there, see the caller's settings again.

``with np.errstate`` would cost a small model's batch several microseconds. NumPy 2 keeps its
settings in one context variable: its value for silence is made once, by NumPy, and set.
"""

from collections.abc import Callable
from contextvars import Context, ContextVar, Token, copy_context
from functools import wraps
from types import FunctionType
from typing import Any, TypeVar

import numpy as np

_PACKAGE = __name__.partition(".")[0]

F = TypeVar("F", bound=Callable[..., Any])


def _settings(**errors):
    """Return NumPy's context variable and its value for some settings; (None, None) before 2.0."""
    def found():
        with np.errstate(**errors):
            return next(iter(copy_context().items()), (None, None))
    return Context().run(found)


_errors, _SILENCE = _settings(all="ignore")
_, _DEFAULT = _settings()
# The settings that the outermost quiet call was made under.
_outside: ContextVar[Any] = ContextVar("fastrnn_outside")


def _quiet(function):
    get, set_errors, reset = _errors.get, _errors.set, _errors.reset

    @wraps(function)
    def quietly(*args, **options):
        if get(None) is _SILENCE:
            return function(*args, **options)
        inside = set_errors(_SILENCE)
        outside = _outside.set(inside.old_value)
        try:
            return function(*args, **options)
        finally:
            _outside.reset(outside)
            reset(inside)
    return quietly


def _quiet_by_errstate(function):
    @wraps(function)
    def quietly(*args, **options):
        with np.errstate(all="ignore"):
            return function(*args, **options)
    return quietly


def quiet(function: F) -> F:
    """Let `function` compute without floating-point errors and warnings of NumPy."""
    return _quiet_by_errstate(function) if _errors is None else _quiet(function)


def is_quiet() -> bool:
    """Return whether this is called from a quiet call."""
    return _errors is not None and _errors.get(None) is _SILENCE


def call_back(function: Any, *args: Any, **options: Any) -> np.ndarray | tuple[np.ndarray, ...]:
    """Call a function, under the settings that the quiet call was made under if it is one of the
    caller's. Before NumPy 2 it keeps those of the quiet call."""
    if not is_quiet() or is_own(function):
        return function(*args, **options)
    outside = _outside.get()
    inside = _errors.set(_DEFAULT if outside is Token.MISSING else outside)
    try:
        return function(*args, **options)
    finally:
        _errors.reset(inside)


def is_own(thing: Any) -> bool:
    """Return whether a function or class is one of this package's."""
    return (getattr(thing, "__module__", None) or "").partition(".")[0] == _PACKAGE


def _as_caller(method):
    @wraps(method)
    def as_called(*args, **options):
        return call_back(method, *args, **options)
    return as_called


def set_apart(cls: Any, names: tuple[Any, ...], called_back: tuple[Any, ...] = ()) -> None:
    """Make methods of a new class quiet, or let them be called back.

    Parameters
    ----------
    cls : type
    names : iterable of str
        Methods that become quiet where `cls`, which defines them, is of this package.
    called_back : iterable of str
        Those that a class of the caller's may define besides. Where it extends one that computes
        already, that part of the work is ours, and all of it stays quiet.
    """
    own = is_own(cls)
    for name in names if own else (*names, *called_back):
        method = vars(cls).get(name)
        if isinstance(method, FunctionType) and (own or not _extends(cls, name)):
            setattr(cls, name, quiet(method) if own else _as_caller(method))


def _extends(cls, name):
    """Whether more than the base of its kind, a class of this package, has such a method."""
    return sum(is_own(base) and name in vars(base) for base in cls.__mro__) > 1
