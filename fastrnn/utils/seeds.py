# SPDX-License-Identifier: Apache-2.0
"""One seed for every source of random numbers."""

from __future__ import annotations

import random

import numpy as np

from .. import random as own


def set_random_seed(seed: int) -> None:
    """Seed Python's, NumPy's and this package's random numbers, so that a run repeats.

    Parameters
    ----------
    seed : int
        In [0, 2**32), the range of NumPy's old generator.

    Raises
    ------
    ValueError
        If it is not such an int; nothing is seeded then.
    """
    integer = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not integer or not 0 <= seed < 2**32:
        raise ValueError(f"seed must be an int in [0, 2**32), got {seed!r}")
    random.seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002 -- programs draw their data from it
    own.set_seed(int(seed))
