# SPDX-License-Identifier: Apache-2.0
"""Sequences of unequal length as one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .._common import checks
from .._common.quiet import quiet

_SIDES = ("pre", "post")


@quiet
def pad_sequences(sequences: Sequence[Any], maxlen: int | None = None,
                  dtype: npt.DTypeLike = "int32", padding: str = "pre", truncating: str = "pre",
                  value: float | str = 0.0) -> np.ndarray:
    """Return sequences of unequal length as one array, short ones padded and long ones cut.

    Parameters
    ----------
    sequences : sequence of N sequences
        Each of any length, of numbers or of vectors of one shape (...).
    maxlen : int, optional
        T, the length of all rows; that of the longest sequence where it is not given.
    dtype : str or dtype
        Of the result. What is not of this dtype is cast as NumPy casts: with the default, int32,
        fractions are cut off. ``object`` takes strings of any length.
    padding, truncating : {"pre", "post"}
        Whether to pad, and to cut, at the beginning or at the end.
    value : number or str
        What to pad with.

    Returns
    -------
    ndarray (N, T, ...) of `dtype`

    Raises
    ------
    ValueError
        If `sequences` is not a sequence of sequences, holds vectors of unequal shapes, or is
        empty and `maxlen` is not given; if a side is not "pre" or "post"; if `value` is a str
        and `dtype` does not hold strings.
    """
    checks.choice("padding", padding, _SIDES)
    checks.choice("truncating", truncating, _SIDES)
    kind = np.dtype(dtype).kind
    if isinstance(value, str) and kind not in "OSU":
        raise ValueError(f"value is a str, {value!r}, but dtype {dtype} does not hold strings: "
                         "dtype=object does")
    lengths = _lengths(sequences)
    if maxlen is not None:
        maxlen = checks.count("maxlen", maxlen)
    elif lengths:
        maxlen = max(lengths)
    else:
        raise ValueError("maxlen must be given where there are no sequences")
    first: Sequence[Any] = next(
        (s for s, length in zip(sequences, lengths, strict=True) if length), ())
    vector = np.shape(first[0]) if lengths and len(first) else ()
    result = np.full((len(lengths), maxlen, *vector), value, dtype=dtype)
    for row, (steps, length) in enumerate(zip(sequences, lengths, strict=True)):
        kept = min(length, maxlen)
        if kept:
            kept_steps = steps[length - kept:] if truncating == "pre" else steps[:kept]
            place = slice(maxlen - kept, None) if padding == "pre" else slice(kept)
            result[row, place] = _vectors(kept_steps, dtype, (kept, *vector), row)
    return result


def _lengths(sequences):
    if not hasattr(sequences, "__len__"):
        raise ValueError("sequences must be a sequence of sequences, "
                         f"got {type(sequences).__name__}")
    lengths = []
    for row, steps in enumerate(sequences):
        if isinstance(steps, str) or not hasattr(steps, "__len__"):
            raise ValueError(f"sequences must hold sequences, got {steps!r} at {row}")
        try:
            lengths.append(len(steps))
        except TypeError:
            raise ValueError(f"sequences must hold sequences, got {steps!r} at {row}") from None
    return lengths


def _vectors(steps, dtype, shape, row):
    try:
        array = np.asarray(steps, dtype=dtype)
    except ValueError as reason:
        raise ValueError(f"sequences[{row}] is not an array of {dtype}: {reason}") from None
    if array.shape != shape:
        raise ValueError(f"sequences[{row}] must hold vectors of shape {shape[1:]} as the others "
                         f"do, got {array.shape[1:]}")
    return array
