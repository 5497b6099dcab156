# SPDX-License-Identifier: Apache-2.0
"""Weights and masks of samples."""

import numpy as np


def weights_with_mask(sample_weight, mask, shape=None, dtype=np.float32, scaled=False):
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
        factor = mask.size / max(np.count_nonzero(mask), 1) if scaled else 1.0
        mask = np.multiply(mask, factor, dtype=dtype)
        weights = mask if weights is None else weights * mask
    return weights


def aligned(name, array, shape):
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
    if len(got) == len(shape) + 1 and got[-1] == 1:
        array = array.reshape(got[:-1])
    elif 0 < len(got) < len(shape):
        array = array.reshape(got + (1,) * (len(shape) - len(got)))
    fits = array.ndim <= len(shape) and all(
        size in (1, wanted) for size, wanted in zip(array.shape, shape, strict=False))
    if not fits:
        raise ValueError(f"{name} of shape {got} does not fit the samples of shape {shape}")
    return array
