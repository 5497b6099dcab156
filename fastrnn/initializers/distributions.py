# SPDX-License-Identifier: Apache-2.0
"""Start values from a normal or an even distribution."""

import numpy as np

from .._common import checks
from .base import RandomInitializer, dtype_of


class RandomNormal(RandomInitializer):
    """N(mean, stddev^2)."""

    fields = ("mean", "stddev", "seed")

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        self.mean = checks.number("mean", mean)
        self.stddev = checks.number("stddev", stddev)
        super().__init__(seed)

    def __call__(self, shape, dtype=None):
        return moved(normal(self._source(), shape, dtype), self.stddev, self.mean)


class TruncatedNormal(RandomNormal):
    """N(mean, stddev^2), without what lies further than 2 stddev from the mean."""

    def __call__(self, shape, dtype=None):
        return moved(cut_normal(self._source(), shape, dtype), self.stddev, self.mean)


class RandomUniform(RandomInitializer):
    """U[minval, maxval)."""

    fields = ("minval", "maxval", "seed")

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        self.minval = checks.number("minval", minval)
        self.maxval = checks.number("maxval", maxval)
        super().__init__(seed)

    def __call__(self, shape, dtype=None):
        return uniform(self._source(), shape, dtype, self.minval, self.maxval)


def normal(source, shape, dtype):
    """Return standard normal numbers."""
    return source.standard_normal(tuple(shape), dtype=dtype_of(dtype).type)


def uniform(source, shape, dtype, low, high):
    """Return numbers that are as likely anywhere in [low, high)."""
    w = source.random(tuple(shape), dtype=dtype_of(dtype).type)
    return moved(w, high - low, low)


def cut_normal(source, shape, dtype):
    """Return standard normal numbers between -2 and 2: those outside are drawn again."""
    w = normal(source, shape, dtype)
    flat = w.reshape(-1)
    outside = np.flatnonzero(np.abs(flat) >= 2)
    while outside.size:
        flat[outside] = normal(source, outside.shape, dtype)
        outside = outside[np.abs(flat[outside]) >= 2]
    return w


def moved(w, scale, shift=0):
    """Return `w` scale + shift, in its place."""
    w *= scale
    w += shift
    return w
