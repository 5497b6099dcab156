# SPDX-License-Identifier: Apache-2.0
"""Sequences of numbers: padding, and the windows of a series that Keras 2 makes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import random
from .._common import checks
from ..utils.datasets import PyDataset
from ..utils.padding import pad_sequences
from ..utils.timeseries import windows

__all__ = ["TimeseriesGenerator", "pad_sequences"]


class TimeseriesGenerator(PyDataset):
    """Batches of windows of a series; the target is the element that follows a window.

    Programs for Keras 2 use it; `fastrnn.utils.timeseries_dataset_from_array` is what Keras 3 has.

    Parameters
    ----------
    data, targets : array (T, ...)
        The series and, of the same length, what to predict at each of its steps.
    length : int
        Steps that a window goes back.
    sampling_rate, stride : int
        Steps from one element of a window to the next; from one window to the next.
    start_index, end_index : int, optional
        First and last step (included) to use.
    shuffle : bool
        Whether the windows of a batch are drawn at random, with replacement.
    reverse : bool
        Whether windows run back in time.
    batch_size : int
        Windows in a batch; the last may have fewer.

    Raises
    ------
    ValueError
        If `data` and `targets` differ in length, or nothing is left to predict.
    """

    def __init__(self, data: Any, targets: Any, length: int, sampling_rate: int = 1,
                 stride: int = 1, start_index: int = 0, end_index: int | None = None,
                 shuffle: bool = False, reverse: bool = False, batch_size: int = 128) -> None:
        super().__init__()
        if len(data) != len(targets):
            raise ValueError("data and targets must have the same length, "
                             f"got {len(data)} and {len(targets)}")
        self.data = data
        self.targets = targets
        self.length = checks.count("length", length)
        self.sampling_rate = checks.count("sampling_rate", sampling_rate)
        self.stride = checks.count("stride", stride)
        self.start_index = checks.count("start_index", start_index, 0) + self.length
        last = len(data) - 1
        self.end_index = last if end_index is None else checks.count("end_index", end_index, 0)
        self.shuffle = shuffle
        self.reverse = reverse
        self.batch_size = checks.count("batch_size", batch_size)
        if not self.start_index <= self.end_index <= last:
            raise ValueError(f"end_index must be in [start_index + length, {last}] = "
                             f"[{self.start_index}, {last}], got {self.end_index}")
        self._targets = checks.as_ndarray("targets", targets)
        self._windows = windows(checks.as_ndarray("data", data), self.length, self.sampling_rate)

    def __len__(self) -> int:
        per_batch = self.batch_size * self.stride
        return (self.end_index - self.start_index + per_batch) // per_batch

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the batch `index`: windows (N, ceil(length / sampling_rate), ...), targets."""
        steps = self._steps(index)
        samples = self._windows[steps - self.length]
        return samples[:, ::-1] if self.reverse else samples, self._targets[steps]

    def _steps(self, index):
        """Return the steps of the series that the batch `index` predicts."""
        if self.shuffle:
            return random.generator().integers(self.start_index, self.end_index + 1,
                                               self.batch_size)
        per_batch = self.batch_size * self.stride
        first = self.start_index + per_batch * range(len(self))[index]
        return np.arange(first, min(first + per_batch, self.end_index + 1), self.stride)
