# SPDX-License-Identifier: Apache-2.0
"""Class labels as rows of zeros and a one, vectors scaled to length one.

The module's name is that of Keras 2, from which programs import these two.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .._common import checks, oldnames
from .._common.quiet import quiet


@oldnames.arguments
@quiet
def to_categorical(x: npt.ArrayLike, num_classes: int | None = None) -> np.ndarray:
    """Return the class labels `x` as one-hot vectors.

    Parameters
    ----------
    x : array of whole numbers (...) or (..., 1)
        Labels in [0, num_classes); a last axis of one is dropped.
    num_classes : int, optional
        C; the largest label plus one where it is not given.

    Returns
    -------
    ndarray (..., C), float64
        1 at the label, 0 elsewhere.

    Raises
    ------
    ValueError
        If a label is not a whole number, or there is none to count the classes by.
    IndexError
        Naming the first label that is not in [0, num_classes), and its place.
    """
    labels = _whole_numbers(x)
    shape = labels.shape[:-1] if labels.ndim > 1 and labels.shape[-1] == 1 else labels.shape
    if num_classes is not None:
        num_classes = checks.count("num_classes", num_classes)
    elif labels.size:
        num_classes = max(int(labels.max()) + 1, 1)
    else:
        raise ValueError("num_classes must be given where x is empty")
    _check_range(labels, num_classes)
    result = np.zeros((labels.size, num_classes))
    result[np.arange(labels.size), labels.ravel()] = 1
    return result.reshape(*shape, num_classes)


def _whole_numbers(x):
    """Return `x` as int64; strings of digits count, as NumPy reads them."""
    array = checks.as_ndarray("x", x)
    labels = array.astype(np.int64)
    if array.dtype.kind == "f" and (labels != array).any():
        where = tuple(map(int, np.argwhere(labels != array)[0]))
        raise ValueError(f"x must hold whole numbers, got {array[where]} at {list(where)}")
    return labels


def _check_range(labels, num_classes):
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        where = tuple(map(int, np.argwhere((labels < 0) | (labels >= num_classes))[0]))
        raise IndexError(f"x must hold labels in [0, {num_classes}), got {labels[where]} "
                         f"at {list(where)}")


@quiet
def normalize(x: npt.ArrayLike, axis: int = -1, order: int = 2) -> np.ndarray:
    """Return `x` with its vectors along `axis` divided by their norm; zero vectors stay zero.

    Parameters
    ----------
    x : array
        Numbers; one of rank 1 counts as a single row and comes back as (1, D), as in Keras.
    axis : int
        The axis the norm is taken over.
    order : int or float
        p of the norm (sum |x|^p)^(1/p), or infinity for the largest |x|.

    Returns
    -------
    ndarray
        Of the shape of `x` but for rank 1.

    Raises
    ------
    numpy.exceptions.AxisError
        If `x` has no such axis.
    """
    x = np.atleast_2d(checks.as_ndarray("x", x))
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norm == 0, 1, norm)
