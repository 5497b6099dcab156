# SPDX-License-Identifier: Apache-2.0
"""Start values that are given, not drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .._common import checks
from .base import Initializer, dtype_of


class Zeros(Initializer):
    """All 0."""

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> np.ndarray:
        return np.zeros(shape, dtype_of(dtype))


class Ones(Initializer):
    """All 1."""

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> np.ndarray:
        return np.ones(shape, dtype_of(dtype))


class Constant(Initializer):
    """All `value`, which may be an array that fits the shape."""

    fields = ("value",)

    def __init__(self, value: npt.ArrayLike = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> np.ndarray:
        return np.full(shape, self.value, dtype_of(dtype))


class Identity(Initializer):
    """A matrix with `gain` on its diagonal and 0 elsewhere."""

    fields = ("gain",)

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = checks.number("gain", gain)

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> np.ndarray:
        if len(shape) != 2:
            raise ValueError(f"an Identity initializer is for matrices, got shape {tuple(shape)}")
        w = np.eye(*shape, dtype=dtype_of(dtype))
        w *= self.gain
        return w


class Given:
    """The values of an array, for a weight of its shape."""

    def __init__(self, value: npt.ArrayLike) -> None:
        self.value = np.array(value)

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> np.ndarray:
        if tuple(shape) != self.value.shape:
            raise ValueError(f"the array given as initializer has shape {self.value.shape}, "
                             f"the weight has shape {tuple(shape)}")
        return self.value.astype(dtype_of(dtype))
