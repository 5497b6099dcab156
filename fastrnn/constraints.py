# SPDX-License-Identifier: Apache-2.0
"""Constraints: what an optimiser's step leaves of a weight is put back where it may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._common import oldnames
from ._common.registry import Configured, Registry

# Keeps a norm of zero from dividing.
_EPSILON = 1e-7


class Constraint(Configured):
    """Base of the constraints: called with a weight, returns the weight that is allowed."""

    def __call__(self, w: np.ndarray) -> np.ndarray:
        return w


class _NormConstraint(Constraint):
    """A weight scaled so that its norms along `axis` are what `_allowed` makes of them."""

    axis: int | Sequence[int]
    _allowed: Callable[..., Any]

    def __call__(self, w: np.ndarray) -> np.ndarray:
        axis = tuple(self.axis) if isinstance(self.axis, list) else self.axis
        norms = np.sqrt(np.square(w).sum(axis, keepdims=True))
        return w * (self._allowed(norms) / (_EPSILON + norms))


class MaxNorm(_NormConstraint):
    """Norms of at most `max_value` (Srivastava et al., 2014).

    Parameters
    ----------
    max_value : float
    axis : int or sequence of int
        What each norm is taken along: 0 is the weights into one unit.
    """

    fields = ("max_value", "axis")

    @oldnames.arguments
    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    def _allowed(self, norms):
        return np.minimum(norms, self.max_value)


class UnitNorm(_NormConstraint):
    """Norms of 1 along `axis`."""

    fields = ("axis",)

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        self.axis = axis

    def _allowed(self, norms):
        return 1


class MinMaxNorm(_NormConstraint):
    """Norms drawn into [min_value, max_value] by the share `rate` of what is missing.

    Parameters
    ----------
    min_value, max_value : float
    rate : float
        1 puts them there at once.
    axis : int or sequence of int
    """

    fields = ("min_value", "max_value", "rate", "axis")

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0,
                 axis: int | Sequence[int] = 0) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def _allowed(self, norms):
        wanted = np.clip(norms, self.min_value, self.max_value)
        return self.rate * wanted + (1 - self.rate) * norms


class NonNeg(Constraint):
    """No weight below 0."""

    def __call__(self, w: np.ndarray) -> np.ndarray:
        return np.maximum(w, 0)


max_norm, unit_norm, min_max_norm, non_neg = MaxNorm, UnitNorm, MinMaxNorm, NonNeg

_registry = Registry("constraint", (MaxNorm, MinMaxNorm, NonNeg, UnitNorm))
get, serialize, deserialize = _registry.get, _registry.serialize, _registry.deserialize


def __getattr__(name):
    return oldnames.find(__name__, name)
