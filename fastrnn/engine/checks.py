# SPDX-License-Identifier: Apache-2.0
"""Checks of what the engine's models and streams are called with; see `_common.checks`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from .._common.checks import MAX_SIZE, array, as_ndarray, shaped

if TYPE_CHECKING:    # slow to load
    from numpy.typing import ArrayLike

MAX_LAYERS = 2**15 - 1


def max_rows(widest: int, itemsize: int) -> int:
    """Return how many steps x rows of `widest` elements the loops can count and address."""
    return min(MAX_SIZE, sys.maxsize // (widest * itemsize))


def sequence(model: Any, x: ArrayLike) -> np.ndarray:
    """Return the input `x` as an array of rank 2 or 3 that `model` can read."""
    x = array("x", x, model.dtype)
    shape = x.shape
    rank = len(shape)
    if rank != 3 and rank != 2:
        raise ValueError(f"x must be 2-D (unbatched) or 3-D, got {rank}-D of shape {shape}")
    if shape[-1] != model.input_size:
        raise RuntimeError(
            f"x must have input_size = {model.input_size} as its last axis, got shape {shape}"
        )
    return x if x.flags.aligned else np.array(x)


def steps_and_rows(steps: int, rows: int, max_rows: int) -> None:
    """Refuse sequences without a step, and more steps x rows than the loops can count."""
    if steps == 0:
        raise RuntimeError("x must have at least one time step, got 0")
    if steps * rows > max_rows:
        raise ValueError(f"x is too large: {steps} steps x {rows} rows, at most {max_rows}")


def lengths(value: ArrayLike, steps: int, rows: int) -> np.ndarray | None:
    """Return valid steps per row as int64 (N,), or None where every row has all `steps`."""
    result = as_ndarray("lengths", value)
    if result.dtype.kind not in "iu" and not (rows == 0 and result.size == 0):
        raise TypeError(f"lengths must be integers, got {_kind_of(value, result)}")
    if result.shape != (rows,):
        raise ValueError(f"lengths must have shape ({rows},), one per row, got {result.shape}")
    if rows == 0:
        return None
    low, high = int(result.min()), int(result.max())
    if low < 0 or high > steps:
        wrong = low if low < 0 else high
        raise ValueError(f"lengths must be between 0 and {steps}, the steps of x, got {wrong}")
    if low == steps:
        return None
    return np.ascontiguousarray(result, dtype=np.int64)


def row_index(name: str, value: Any, rows: int) -> Any:
    """Return an index of `rows` rows: an int, slice, sequence of ints, or bool mask."""
    wanted = f"{name} must be an int, slice, sequence of ints or bool mask of {rows} rows"
    if isinstance(value, slice):
        try:
            value.indices(rows)
        except (TypeError, ValueError) as reason:
            raise type(reason)(f"{wanted}, got {value}: {reason}") from None
        return value
    index = as_ndarray(name, value)
    if index.shape == (0,) and index.dtype.kind == "f":  # an empty list
        return index.astype(np.intp)
    if index.dtype.kind == "b" and index.ndim:
        if index.shape != (rows,):
            raise IndexError(f"{wanted}, got a mask of shape {index.shape}")
        return index
    if index.dtype.kind not in "iu":
        raise TypeError(f"{wanted}, got {_kind_of(value, index)}")
    if index.size and not -rows <= int(index.min()) <= int(index.max()) < rows:
        raise IndexError(f"{wanted}, got {value!r}: out of range")
    return index


def _kind_of(value, result):
    return type(value).__name__ if result.ndim == 0 else f"dtype {result.dtype}"


def contiguous(value: np.ndarray) -> np.ndarray:
    """Return `value`, copied where it is not C-contiguous and aligned."""
    flags = value.flags
    return value if flags.c_contiguous and flags.aligned else np.array(value, order="C")


def state(name: str, value: Any, model: Any, rows: int, batched: bool,
          optional: bool = False) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the pair (h, c) of 3-D arrays of a state or of its gradient; c is None but for LSTM.

    Parameters
    ----------
    name : str
        The argument's name, for messages.
    value : array, pair of arrays, or None
        h (S, N, P), for an LSTM the pair (h, c) with c (S, N, H); 2-D where `batched` is false.
    model : RNN, LSTM or GRU
        Gives the sizes: S = num_layers * directions.
    rows : int
        N.
    batched : bool
        Whether the input was 3-D.
    optional : bool
        Whether one of the pair may be None.
    """
    if value is None:
        return None, None
    if model.has_cell_state:
        h, c = _pair(name, value)
        return (
            _state_array(f"{name}[0] (h)", h, model, model.output_size, rows, batched, optional),
            _state_array(f"{name}[1] (c)", c, model, model.hidden_size, rows, batched, optional),
        )
    if isinstance(value, tuple | list):
        raise TypeError(f"{name} must be one array, got a {type(value).__name__}")
    return _state_array(name, value, model, model.output_size, rows, batched, False), None


def _pair(name, value):
    if not isinstance(value, tuple | list):
        raise TypeError(f"{name} must be a pair (h, c), got {type(value).__name__}")
    if len(value) != 2:
        raise RuntimeError(f"{name} must be a pair (h, c), got {len(value)} arrays")
    return value


def _state_array(name, value, model, width, rows, batched, optional):
    if value is None and optional:
        return None
    slots = model.state_slots
    shape = (slots, rows, width) if batched else (slots, width)
    result = contiguous(shaped(name, value, model.dtype, shape, RuntimeError))
    return result if batched else result[:, None]
