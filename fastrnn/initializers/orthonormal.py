# SPDX-License-Identifier: Apache-2.0
"""Start values with orthonormal rows or columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .._common import checks
from .._common.layout import c_ordered
from .._common.products import add_products_of_rows, multiply_rows
from .base import RandomInitializer, dtype_of

# Multiply-adds up to which a matrix is made orthonormal without the threads of BLAS.
_LARGE = 2**26
# The part of a row's square that the rows before it may take before it is done once more.
_MOST_TAKEN = 0.9


class Orthogonal(RandomInitializer):
    """Orthonormal rows or columns, whichever are fewer, times `gain` (Saxe et al., 2014).

    All axes but the last count as one. Signs are chosen so that every such matrix is as likely
    (Mezzadri, 2007).
    """

    fields = ("gain", "seed")

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        self.gain = checks.number("gain", gain)
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> np.ndarray:
        if len(shape) < 2:
            raise ValueError(f"an Orthogonal initializer is for two axes or more, "
                             f"got shape {tuple(shape)}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        w = _orthonormal_rows(self._source(), min(rows, columns), max(rows, columns),
                              dtype_of(dtype))
        w *= self.gain
        return (w if rows < columns else c_ordered(w.T)).reshape(shape)


def _orthonormal_rows(source, n, m, dtype):
    """Draw n orthonormal rows of m >= n numbers: normal ones, each less what lies in those before.

    Gram-Schmidt by blocks of rows: nearly all of it is products, at half the operations of a QR
    factorisation. Small ones are done in pieces for which BLAS stays in one thread (`products`
    says why); large ones may differ in their last digits by the number of BLAS threads.
    """
    q = np.empty((n, m), dtype)
    small = n * n * m <= _LARGE
    together = 32 if small else 64
    first = 0
    while first < n:
        rows = source.standard_normal((min(together, n - first), m))
        if _orthonormalise(rows, q[:first], small):
            q[first:first + len(rows)] = rows
            first += len(rows)
    return q


def _orthonormalise(rows, before, small):
    """Make `rows` (R, m) of normal numbers orthonormal, and orthogonal to the rows `before`.

    Each keeps what is not in those before it, by the Cholesky factor of their products with each
    other. Where much of a row was lost, once more: twice is enough (Giraud et al., 2005).

    Returns
    -------
    bool
        False if they depend on each other to the last digit: they are then of no use.
    """
    for again in (True, False):
        if len(before):
            taken = _multiply_by_rows(rows.astype(before.dtype), before, small)
            rows -= _multiply(taken, before, small)
        try:
            # Its diagonal is positive, by which every result is as likely (Mezzadri, 2007).
            factor = np.linalg.cholesky(_multiply_by_rows(rows, rows, small))
        except np.linalg.LinAlgError:
            return False
        rows[...] = _multiply(np.linalg.inv(factor), rows, small)
        if again and factor.diagonal().min()**2 > (1 - _MOST_TAKEN) * rows.shape[1]:
            break
    return True


def _multiply(a, b, small):
    """a b for b with long rows."""
    return multiply_rows(b.T, a.T).T if small else a @ b


def _multiply_by_rows(a, b, small):
    """a b^T for a and b with long rows."""
    if not small:
        return a @ b.T
    c = np.zeros((len(a), len(b)), a.dtype)
    add_products_of_rows(a.T, b.T, c)
    return c
