# SPDX-License-Identifier: Apache-2.0
"""Layers that are noisy in training and do nothing at other times."""

import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import random
from .._common import checks
from .._core import random as draws
from ..graph.broadcasting import Shape
from .base import Layer, rank

# A draw is 16 random bits.
_DRAWS = 2**16


class RandomMask:
    """A source of masks that are 0 with probability `rate`, else 1.

    An element costs 16 random bits, a quarter of what a random float32 costs NumPy; so the rate is
    rounded to a multiple of 2^-16, and `scale` is exact for the rounded rate.

    Parameters
    ----------
    rate : float
        In [0, 1].
    seed : int, optional
        Drawn from the package's generator when it is None.

    Attributes
    ----------
    scale : float
        1 / (1 - rate), which keeps the mean of what is masked; 0 where nothing is left.
    """

    def __init__(self, rate: float, seed: int | None = None) -> None:
        self._threshold = round(rate * _DRAWS)
        left = _DRAWS - self._threshold
        self.scale = _DRAWS / left if left else 0.0
        seed = random.draw_seed() if seed is None else random.checked_seed(seed)
        self._state = np.random.SeedSequence(seed).generate_state(
            2 * draws.STREAMS, np.uint64).reshape(2, draws.STREAMS)
        self._lock = threading.Lock()

    def draw(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return a new mask, an array of 0 and 1 of the dtype uint8."""
        kept = np.zeros(shape, np.uint8)
        if self._threshold < _DRAWS:
            with self._lock:
                draws.draw(self._state, self._threshold, kept)
        return kept

    def factors(self, shape: tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
        """Return an array of `dtype`: `scale` where a new mask is 1, else 0."""
        return np.multiply(self.draw(shape), self.scale, dtype=dtype)

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state):
        vars(self).update(state, _lock=threading.Lock())


class Dropout(Layer):
    """In training, y = x m / (1 - rate) with m = 0 with probability `rate`, else 1.

    Every call draws a new m (Srivastava et al., 2014). The rate is rounded to a multiple of 2^-16.

    Parameters
    ----------
    rate : float
        In [0, 1].
    noise_shape : tuple of int or None, optional
        Shape of m, which is the same along axes of size 1; None is the inputs' size.
    seed : int, optional
        Drawn from the package's generator when it is None.
    **options
        Those of every `Layer`.

    Raises
    ------
    ValueError
        If `rate` is not in [0, 1], or `noise_shape` does not fit the inputs.
    """

    arguments: tuple[str, ...] = ("rate", "noise_shape", "seed")
    supports_masking = True
    is_identity_in_evaluation = True

    def __init__(self, rate: float, noise_shape: Sequence[int | None] | None = None,
                 seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.rate = checks.probability("rate", rate)
        self.noise_shape = _checked_noise_shape(noise_shape)
        self.seed = seed
        self._source = RandomMask(self.rate, seed) if rate else None

    def _shape(self, shape):
        """Return the shape of m for inputs of `shape`."""
        noise = self.noise_shape
        if noise is None:
            return shape
        if len(noise) != len(shape) or any(n not in (None, 1, size)
                                           for n, size in zip(noise, shape, strict=True)):
            raise ValueError(f"{self.name}: noise_shape {noise} does not fit inputs of shape "
                             f"{shape}: each size must be 1, None or the inputs' own")
        return tuple(size if n is None else n for n, size in zip(noise, shape, strict=True))

    def forward(self, inputs: np.ndarray, mask: np.ndarray | None, training: bool,
                keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        source = self._source
        if source is None or not training:
            return inputs, mask, None
        kept = source.draw(self._shape(inputs.shape))
        return self._dropped(inputs, kept), mask, kept

    def backward(self, kept: np.ndarray | None, doutputs: np.ndarray) -> np.ndarray:
        return doutputs if kept is None else self._dropped(doutputs, kept)

    def _dropped(self, array, kept):
        scale = self._source.scale
        if kept.shape == array.shape and array.flags.c_contiguous:
            result = np.empty_like(array)
            draws.scaled(array, kept, scale, result)
            return result
        result = array * kept
        result *= scale
        return result


class SpatialDropout1D(Dropout):
    """`Dropout` of whole features: the same m at every step (Tompson et al., 2015).

    Parameters
    ----------
    rate : float
        In [0, 1].
    seed : int, optional
    **options
        Those of every `Layer`.
    """

    arguments: tuple[str, ...] = ("rate", "seed")

    def __init__(self, rate: float, seed: int | None = None, **options: Any) -> None:
        super().__init__(rate, seed=seed, **options)

    def build(self, input_shape: Shape) -> None:
        rank(self, input_shape, 3, "the batch, steps and features")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.build(input_shape)
        return input_shape

    def _shape(self, shape):
        if len(shape) != 3:
            self.build(shape)
        return shape[0], 1, shape[2]


class GaussianNoise(Layer):
    """In training, y = x + e with e ~ N(0, stddev^2).

    Parameters
    ----------
    stddev : float
        In [0, 1].
    seed : int, optional
    **options
        Those of every `Layer`.
    """

    arguments: tuple[str, ...] = ("stddev", "seed")
    supports_masking = True
    is_identity_in_evaluation = True

    def __init__(self, stddev: float, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.stddev = checks.probability("stddev", stddev)
        self.seed = seed
        self._source = _normal_source(seed) if stddev else None

    def forward(self, inputs: np.ndarray, mask: np.ndarray | None, training: bool,
                keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        if self._source is None or not training:
            return inputs, mask, None
        outputs = self._source.standard_normal(inputs.shape, dtype=inputs.dtype.type)
        outputs *= self.stddev
        outputs += inputs
        return outputs, mask, None

    def backward(self, kept: None, doutputs: np.ndarray) -> np.ndarray:
        return doutputs


class GaussianDropout(Layer):
    """In training, y = x e with e ~ N(1, rate / (1 - rate)) (Srivastava et al., 2014).

    Parameters
    ----------
    rate : float
        In [0, 1).
    seed : int, optional
    **options
        Those of every `Layer`.
    """

    arguments: tuple[str, ...] = ("rate", "seed")
    supports_masking = True
    is_identity_in_evaluation = True

    def __init__(self, rate: float, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.rate = checks.probability("rate", rate)
        if rate == 1:
            raise ValueError("rate must be below 1, got 1: the noise would have no variance")
        self.seed = seed
        self._source = _normal_source(seed) if rate else None

    def forward(self, inputs: np.ndarray, mask: np.ndarray | None, training: bool,
                keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        if self._source is None or not training:
            return inputs, mask, None
        noise = self._source.standard_normal(inputs.shape, dtype=inputs.dtype.type)
        noise *= math.sqrt(self.rate / (1 - self.rate))
        noise += 1
        return inputs * noise, mask, noise

    def backward(self, noise: np.ndarray | None, doutputs: np.ndarray) -> np.ndarray:
        return doutputs if noise is None else doutputs * noise


def _normal_source(seed):
    seed = random.draw_seed() if seed is None else random.checked_seed(seed)
    return checks.random_source(seed)


def _checked_noise_shape(value):
    if value is None:
        return None
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise ValueError(f"noise_shape must be a tuple of ints or None, got {value!r}")
    return tuple(None if size is None else checks.count("noise_shape", size) for size in value)
