# SPDX-License-Identifier: Apache-2.0
"""A long series as batches of windows on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import random
from .._common import checks
from .pipelines import Dataset


def windows(data: Any, span: int, rate: int = 1) -> Any:
    """Return all windows over `span` steps of a series, every `rate`-th step of each, as a view.

    Parameters
    ----------
    data : ndarray (T, ...)
        The series.
    span, rate : int
        At least 1.

    Returns
    -------
    ndarray (max(0, T - span + 1), ceil(span / rate), ...)
        Read-only: its windows share their memory with each other and with `data`.
    """
    if len(data) < span:
        return np.empty((0, -(-span // rate), *data.shape[1:]), data.dtype)
    view = np.lib.stride_tricks.sliding_window_view(data, span, axis=0)
    return np.moveaxis(view, -1, 1)[:, ::rate]


def timeseries_dataset_from_array(data: Any, targets: Any, sequence_length: int,
                                  sequence_stride: int = 1, sampling_rate: int = 1,
                                  batch_size: int | None = 128, shuffle: bool = False,
                                  seed: int | None = None, start_index: int | None = None,
                                  end_index: int | None = None, format: str = "tf") -> Windows:
    """Return the windows of a series, with their targets, as batches.

    Window k reads ``data[start_index + k * sequence_stride]`` and every `sampling_rate`-th step
    after it, `sequence_length` steps in all; its target is the element of `targets` where the
    window begins. Windows that would leave the series or the targets are left out.

    Parameters
    ----------
    data : array (T, ...)
        The series.
    targets : array (M, ...), or None
        None for batches without targets.
    sequence_length, sequence_stride, sampling_rate : int
        Steps in a window; from one window to the next; from one step of a window to the next.
    batch_size : int, or None
        None for single windows instead of batches.
    shuffle : bool
        Whether each pass draws another order.
    seed : int, optional
        Of the orders: the same seed gives the same first, second, ... pass.
    start_index, end_index : int, optional
        Of the part of the series to use, `end_index` not included.
    format : {"tf", "grain"}
        Without effect: batches are NumPy arrays.

    Returns
    -------
    Windows
        A `Dataset`, which can be iterated any number of times. Its batches are ``inputs`` or
        ``(inputs, targets)``, with inputs (N, sequence_length, ...); read-only views of `data`
        where nothing is shuffled.

    Raises
    ------
    ValueError
        If the indices are not in [0, T) or not in order, a stride is not in [1, T), or
        `sequence_length` or `batch_size` is not at least 1.
    """
    data = _series("data", data)
    targets = None if targets is None else _series("targets", targets)
    checks.choice("format", format, ("tf", "grain"))
    start, end = _part(len(data), start_index, end_index)
    length = checks.count("sequence_length", sequence_length)
    rate = _step("sampling_rate", sampling_rate, len(data))
    stride = _step("sequence_stride", sequence_stride, len(data))
    if batch_size is not None:
        batch_size = checks.count("batch_size", batch_size)
    inputs = windows(data[start:end], (length - 1) * rate + 1, rate)[::stride]
    if targets is not None:
        targets = targets[start:end:stride][:len(inputs)]
        inputs = inputs[:len(targets)]
    order = checks.random_source(random.draw_seed() if seed is None else seed) if shuffle else None
    return Windows(inputs, targets, batch_size, order)


class Windows(Dataset):
    """Windows of a series, with or without targets, in batches; made anew in each pass.

    Parameters
    ----------
    inputs : ndarray (K, T, ...)
        All windows.
    targets : ndarray (K, ...), or None
        Their targets.
    batch_size : int, or None
        None for single windows.
    rng : numpy.random.Generator, or None
        Draws the order of each pass; None for the windows' own order.
    """

    def __init__(self, inputs: np.ndarray, targets: np.ndarray | None, batch_size: int | None,
                 rng: np.random.Generator | None) -> None:
        self._inputs = inputs
        self._targets = targets
        self._batch_size = batch_size
        self._rng = rng

    def number(self) -> int:
        return -(-len(self._inputs) // (self._batch_size or 1))

    def elements(self) -> Iterator[Any]:
        order = None if self._rng is None else self._rng.permutation(len(self._inputs))
        for index in range(self.number()):
            rows = self._rows(index, order)
            inputs = self._inputs[rows]
            yield inputs if self._targets is None else (inputs, self._targets[rows])

    def _rows(self, index, order):
        """Return what selects the batch `index`, or the window where there are no batches."""
        if self._batch_size is None:
            return index if order is None else order[index]
        rows = slice(index * self._batch_size, (index + 1) * self._batch_size)
        return rows if order is None else order[rows]


def _series(name, value):
    array = checks.as_ndarray(name, value)
    if not array.ndim:
        raise ValueError(f"{name} must have a time axis, got a {type(value).__name__}")
    return array


def _part(steps, start_index, end_index):
    """Return the beginning and the end of the part of a series of `steps` that is asked for."""
    start, end = 0, steps
    if start_index is not None:
        start = checks.count("start_index", start_index, 0)
    if start and start >= steps:
        raise ValueError(f"start_index must be less than the {steps} steps of data, got {start}")
    if end_index is not None:
        end = checks.count("end_index", end_index)
        if not start < end < steps:
            raise ValueError(f"end_index must be greater than start_index = {start} and less than "
                             f"the {steps} steps of data, got {end}")
    return start, end


def _step(name, value, steps):
    value = checks.count(name, value)
    if value >= steps:
        raise ValueError(f"{name} must be less than the {steps} steps of data, got {value}")
    return value
