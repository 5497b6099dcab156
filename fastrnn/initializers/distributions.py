# SPDX-License-Identifier: Apache-2.0
"""Start values from a normal or an even distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .._common import checks
from .base import RandomInitializer, dtype_of


class RandomNormal(RandomInitializer):
    """N(mean, stddev^2)."""

    fields = ("mean", "stddev", "seed")

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean = checks.number("mean", mean)
        self.stddev = checks.number("stddev", stddev)
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> np.ndarray:
        return moved(normal(self._source(), shape, dtype), self.stddev, self.mean)


class TruncatedNormal(RandomNormal):
    """N(mean, stddev^2), without what lies further than 2 stddev from the mean."""

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> np.ndarray:
        return moved(cut_normal(self._source(), shape, dtype), self.stddev, self.mean)


class RandomUniform(RandomInitializer):
    """U[minval, maxval)."""

    fields = ("minval", "maxval", "seed")

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        self.minval = checks.number("minval", minval)
        self.maxval = checks.number("maxval", maxval)
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> np.ndarray:
        return uniform(self._source(), shape, dtype, self.minval, self.maxval)


def normal(source: np.random.Generator, shape: Sequence[int],
           dtype: npt.DTypeLike | None) -> np.ndarray:
    """Return standard normal numbers."""
    return source.standard_normal(tuple(shape), dtype=dtype_of(dtype).type)


def uniform(source: np.random.Generator, shape: Sequence[int], dtype: npt.DTypeLike | None,
            low: float, high: float) -> np.ndarray:
    """Return numbers that are as likely anywhere in [low, high)."""
    w = source.random(tuple(shape), dtype=dtype_of(dtype).type)
    return moved(w, high - low, low)


def cut_normal(source: np.random.Generator, shape: Sequence[int],
               dtype: npt.DTypeLike | None) -> np.ndarray:
    """Return standard normal numbers between -2 and 2: those outside are drawn again."""
    w = normal(source, shape, dtype)
    flat = w.reshape(-1)
    outside = np.flatnonzero(np.abs(flat) >= 2)
    while outside.size:
        flat[outside] = normal(source, outside.shape, dtype)
        outside = outside[np.abs(flat[outside]) >= 2]
    return w


def moved(w: np.ndarray, scale: float, shift: float = 0) -> np.ndarray:
    """Return `w` scale + shift, in its place."""
    w *= scale
    w += shift
    return w
