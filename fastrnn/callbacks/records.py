# SPDX-License-Identifier: Apache-2.0
"""What each epoch gave, kept in memory and in a file."""

from __future__ import annotations

import csv
import os
from typing import Any

import numpy as np

from .base import Callback


class History(Callback):
    """The values of all epochs; `fit` makes one and returns it.

    Attributes
    ----------
    history : dict of str to list
        For each name in the logs its value after each epoch.
    epoch : list of int
        The epochs, counted from 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self


class CSVLogger(Callback):
    """Writes a line of values to a file after each epoch.

    The columns are "epoch" and the names of the first epoch's logs; where none is of validation
    data, columns for them follow and hold "NA".

    Parameters
    ----------
    filename : str or os.PathLike
    separator : str
        One character between columns.
    append : bool
        Whether to go on with a file that is there, in place of writing it anew.
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",",
                 append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self._file: Any = None
        self._writer: Any = None
        self._names: list[str] | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._close()
        begun = self.append and os.path.exists(self.filename) and os.path.getsize(self.filename)
        self._titled = bool(begun)
        self._file = open(self.filename, "a" if self.append else "w", newline="")  # noqa: SIM115
        self._writer = csv.writer(self._file, delimiter=self.sep)
        self._names = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        if self._names is None:
            self._names = sorted(logs)
            if not any(name.startswith("val_") for name in self._names):
                self._names += [f"val_{name}" for name in self._names]
            if not self._titled:
                self._writer.writerow(["epoch", *self._names])
        self._writer.writerow([epoch, *(_cell(logs.get(name, "NA")) for name in self._names)])
        self._file.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._close()

    def _close(self):
        if self._file is not None:
            self._file.close()
        self._file = self._writer = None


def _cell(value):
    if isinstance(value, str) or np.ndim(value) == 0:
        return value
    return f'"[{", ".join(map(str, value))}]"'
