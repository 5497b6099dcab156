# SPDX-License-Identifier: Apache-2.0
"""Missing values of time series, which are NaN."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .._common import checks
from .._common.quiet import quiet


@quiet
def fill_missing(x: npt.ArrayLike, method: str = "previous", indicator: bool = False) -> np.ndarray:
    """Return `x` with its missing values filled from others of the same feature.

    Parameters
    ----------
    x : array (T, I) or (N, T, I)
        Time series, NaN where a value is missing. float32 and float64 stay what they are,
        integers become float64.
    method : {"previous", "linear"}
        "previous" repeats the last value seen. "linear" draws a line over time from it to the
        next one. Before the first value and after the last, both repeat the nearest: what
        precedes the first value then comes from the future.
    indicator : bool
        Whether to append I features that are 1 where a value was missing, 0 elsewhere; they are
        appended even where nothing is missing.

    Returns
    -------
    ndarray of the shape of `x`, or (..., T, 2 I) with `indicator`

    Raises
    ------
    TypeError
        If `x` does not hold numbers.
    ValueError
        If `x` is not of rank 2 or 3, or naming a feature that has no value at all.
    """
    checks.choice("method", method, ("previous", "linear"))
    checks.flag("indicator", indicator)
    x = _floats(x)
    missing = np.isnan(x)
    _check_seen(missing)
    filled = _previous(x, missing) if method == "previous" else _linear(x, missing)
    if indicator:
        filled = np.concatenate([filled, missing], axis=-1)
    return filled


def _floats(x):
    x = checks.as_ndarray("x", x)
    if x.dtype.kind not in "iuf":
        raise TypeError(f"x must hold numbers, got dtype {x.dtype}")
    if x.ndim not in (2, 3):
        raise ValueError("x must have shape (steps, features) or (rows, steps, features), "
                         f"got {x.shape}")
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def _check_seen(missing):
    unseen = missing.all(axis=-2)
    if unseen.any():
        *row, feature = map(int, np.argwhere(unseen)[0])
        of_row = f" of row {row[0]}" if row else ""
        raise ValueError(f"x has no value at all in feature {feature}{of_row}: nothing to fill "
                         "it from")


def _last_seen(missing):
    """Return the step of the last value up to each step; before the first value, its step."""
    steps = np.arange(missing.shape[-2])[:, None]
    last = np.maximum.accumulate(np.where(missing, -1, steps), axis=-2)
    return np.where(last < 0, missing.argmin(axis=-2, keepdims=True), last)


def _previous(x, missing):
    return np.take_along_axis(x, _last_seen(missing), axis=-2)


def _linear(x, missing):
    last_step = missing.shape[-2] - 1
    left = _last_seen(missing)
    right = last_step - _last_seen(missing[..., ::-1, :])[..., ::-1, :]
    # At the ends one neighbour stands for both; at a value both are that value.
    steps = np.arange(last_step + 1)[:, None]
    gap = np.maximum(right - left, 1)
    share = ((steps - left) / gap).astype(x.dtype)
    before = np.take_along_axis(x, left, axis=-2)
    after = np.take_along_axis(x, right, axis=-2)
    line = before * (1 - share) + after * share
    return np.where(missing & (left != right), line, before)
