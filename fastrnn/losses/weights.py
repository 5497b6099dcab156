# SPDX-License-Identifier: Apache-2.0
"""Weights and masks of samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt


def weights_with_mask(sample_weight: Any, mask: Any, shape: tuple[int, ...] | None = None,
                      dtype: Any = np.float32, scaled: bool = False) -> np.ndarray | None:
    """Return the weights of samples with a mask folded in, or None where there is neither.

    Parameters
    ----------
    sample_weight : array, optional
        Its axes are the samples' first ones; an axis of 1 stands for all.
    mask : bool array, optional
        Which samples count; the others get weight 0.
    shape : tuple of int, optional
        The samples' shape; by default the mask's.
    dtype : dtype
    scaled : bool
        Whether the samples that count get the weight total / count, so that a mean over all is a
        mean over them.

    Returns
    -------
    weights : ndarray that broadcasts to `shape`, or None

    Raises
    ------
    ValueError
        If shapes do not fit.
    """
    weights = None
    if shape is None:
        shape = np.shape(sample_weight if mask is None else mask)
    if sample_weight is not None:
        weights = aligned("sample_weight", np.asarray(sample_weight, dtype), shape)
    if mask is not None:
        mask = aligned("mask", np.asarray(mask, bool), shape)
        factor = mask.size / max(int(np.count_nonzero(mask)), 1) if scaled else 1.0
        if weights is not None:
            # Not times 0: a weight that does not count may be NaN or infinite.
            mask = np.where(mask, weights, np.zeros((), dtype))
        weights = np.multiply(mask, factor, dtype=dtype)
    return weights


def without_uncounted(weighted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return values times weights, 0 where the weight is 0 though the value is not finite."""
    if math.isfinite(np.add.reduce(weighted, axis=None)):
        return weighted
    return np.where(weights == 0, weighted.dtype.type(0), weighted)


def counted(y_true: np.ndarray, y_pred: np.ndarray, sample_weight: npt.ArrayLike | None,
            mask: npt.ArrayLike | None, axis: int = -1) -> np.ndarray:
    """Return the targets, with 0 for those of samples that do not count.

    Whatever stands there, a number of padding, NaN or 1e30, then has no influence: 0 is a target
    that every loss and metric takes.

    Parameters
    ----------
    y_true, y_pred : ndarray
    sample_weight, mask : ndarray or None
        Samples of weight 0 and those that the mask leaves out do not count.
    axis : int
        The axis of the output that is no axis of samples.

    Returns
    -------
    ndarray of y_true's shape and dtype; y_true itself where all count
    """
    moved = y_true
    if axis != -1 and y_true.ndim == y_pred.ndim:
        moved = np.moveaxis(y_true, axis, -1)
    counts = None
    for given in (sample_weight, mask):
        if given is None:
            continue
        given = _leading(np.asarray(given), moved.ndim)
        if not _broadcasts(given.shape, moved.shape):
            return y_true       # who uses the weights says so
        counts = given != 0 if counts is None else counts & (given != 0)
    if counts is None or counts.all():
        return y_true
    cleared = np.where(counts, moved, moved.dtype.type(0))
    return cleared if moved is y_true else np.moveaxis(cleared, -1, axis)


def aligned(name: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return `array` with its axes at the first ones of `shape`, to broadcast to it.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    array : ndarray
        Its axes have the sizes of the samples' first ones, or 1, which stands for all; one more
        axis, of 1, may follow.
    shape : tuple of int
        The samples' shape.

    Raises
    ------
    ValueError
        If it has others.
    """
    got = array.shape
    array = _leading(array, len(shape))
    if not _broadcasts(array.shape, shape):
        raise ValueError(f"{name} of shape {got} does not fit the samples of shape {shape}")
    return array


def _leading(array, rank):
    """The array with axes of 1 after its own, up to `rank`; one too many, of 1, is taken off."""
    got = array.shape
    if len(got) == rank + 1 and got[-1] == 1:
        return array.reshape(got[:-1])
    return array.reshape(got + (1,) * (rank - len(got))) if 0 < len(got) < rank else array


def _broadcasts(got, shape):
    return len(got) <= len(shape) and all(
        size in (1, wanted) for size, wanted in zip(got, shape, strict=False))
