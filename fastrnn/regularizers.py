# SPDX-License-Identifier: Apache-2.0
"""Regularisers: a penalty on the weights that is added to the loss, and its gradient."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._common import checks, oldnames
from ._common.registry import Configured, Registry


class Regularizer(Configured):
    """Base of the regularisers; one of your own gives `__call__` and `gradient`."""

    def __call__(self, w: np.ndarray) -> float:
        """Return the penalty of a weight, a float."""
        return 0.0

    def gradient(self, w: np.ndarray) -> np.ndarray:
        """Return the gradient of the penalty, of the shape and dtype of `w`."""
        return np.zeros_like(w)


class L1L2(Regularizer):
    """l1 sum(abs(w)) + l2 sum(w^2).

    Parameters
    ----------
    l1, l2 : float
        At least 0.

    Raises
    ------
    ValueError
        If one is below 0 or not finite.
    """

    fields: tuple[str, ...] = ("l1", "l2")

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = _factor("l1", 0.0 if l1 is None else l1)
        self.l2 = _factor("l2", 0.0 if l2 is None else l2)

    def __call__(self, w: np.ndarray) -> float:
        penalty = self.l1 * float(np.abs(w).sum()) if self.l1 else 0.0
        if self.l2:
            penalty += self.l2 * float(np.vdot(w, w))
        return penalty

    def gradient(self, w: np.ndarray) -> np.ndarray:
        gradient = 2 * self.l2 * w
        if self.l1:
            gradient += self.l1 * np.sign(w)
        return gradient


class L1(L1L2):
    """l1 sum(abs(w)); see `L1L2`."""

    fields = ("l1",)

    @oldnames.arguments
    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=0.01 if l1 is None else l1)


class L2(L1L2):
    """l2 sum(w^2); see `L1L2`."""

    fields = ("l2",)

    @oldnames.arguments
    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=0.01 if l2 is None else l2)


class OrthogonalRegularizer(Regularizer):
    """The mean of abs(cos) of the angles between the rows of a matrix, times `factor`.

    Parameters
    ----------
    factor : float
        At least 0.
    mode : {"rows", "columns"}
        "columns" takes the angles between the columns.
    """

    fields = ("factor", "mode")

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _factor("factor", factor)
        self.mode = checks.choice("mode", mode, ("rows", "columns"))

    def __call__(self, w: np.ndarray) -> float:
        _, _, products = self._products(w)
        return self._share(len(products)) * float(np.abs(products).sum())

    def gradient(self, w: np.ndarray) -> np.ndarray:
        rows, norms, products = self._products(w)
        # Each product stands in the matrix twice.
        drows = (2 * self._share(len(rows)) * np.sign(products)) @ rows
        drows -= rows * (drows * rows).sum(axis=1, keepdims=True)
        drows /= norms
        return drows if self.mode == "rows" else np.ascontiguousarray(drows.T)

    def _products(self, w):
        """Return the rows of length 1, their norms, and their products but those with themselves.
        """
        if w.ndim != 2:
            raise ValueError(f"an OrthogonalRegularizer wants a weight of rank 2, "
                             f"got shape {w.shape}")
        rows = w if self.mode == "rows" else w.T
        norms = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
        np.maximum(norms, np.finfo(w.dtype).tiny, out=norms)
        rows = rows / norms
        products = rows @ rows.T
        np.fill_diagonal(products, 0)
        return rows, norms, products

    def _share(self, n):
        return self.factor / (n * (n - 1)) if n > 1 else math.nan


def _factor(name, value):
    value = checks.number(name, value)
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} must be at least 0 and finite, got {value}")
    return float(value)


l1, l2, l1_l2 = L1, L2, L1L2
orthogonal_regularizer = OrthogonalRegularizer

_registry = Registry("regularizer", (L1, L2, L1L2, OrthogonalRegularizer),
                     {"l1_l2": L1L2(0.01, 0.01)})


def get(identifier: Any) -> Any:
    """Return the regularizer that a name, an object, a class or a config stands for, or None.

    Raises
    ------
    ValueError
        If it is not known, or has no gradient: a function.
    """
    found = _registry.get(identifier)
    if found is not None and not hasattr(found, "gradient"):
        raise ValueError(f"regularizer {found!r} has no gradient: give a Regularizer of your own, "
                         f"with __call__ and gradient, or one of {', '.join(_registry.names())}")
    return found


serialize, deserialize = _registry.serialize, _registry.deserialize


def __getattr__(name):
    return oldnames.find(__name__, name)
