# SPDX-License-Identifier: Apache-2.0
"""Keeping the model in files while it is trained."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .._common import checks, oldnames
from .._common.notices import warn
from .display import say
from .monitor import Monitor

_MODEL_FILES = (".keras", ".h5", ".safetensors")
_WEIGHT_FILES = (".weights.h5", ".weights.npz", ".safetensors")


class ModelCheckpoint(Monitor):
    """Saves the model, or its weights, after each epoch or every so many batches.

    Parameters
    ----------
    filepath : str or os.PathLike
        May have places for what the logs hold: "{epoch:02d}-{val_loss:.2f}.keras"; epoch and batch
        count from 1 there.
    monitor : str
        The value's name in the logs.
    verbose : int
        Above 0: say what is saved.
    save_best_only : bool
        Whether to save only when the value is the best so far.
    save_weights_only : bool
        Whether to call ``model.save_weights`` in place of ``model.save``.
    mode : {"auto", "min", "max"}
        Whether the value should fall or rise.
    save_freq : "epoch" or int
        How often: after each epoch or every so many batches.
    initial_value_threshold : float, optional
        The value to be better than at first.
    period : int, optional
        Of old programs: how many epochs there are to each one after which it may save.

    Raises
    ------
    ValueError
        If `save_freq` is neither, `period` is below 1, or `filepath` does not end as such files do.
    """

    def __init__(self, filepath: str | os.PathLike[str], monitor: str = "val_loss",
                 verbose: int = 0, save_best_only: bool = False, save_weights_only: bool = False,
                 mode: str = "auto", save_freq: str | int = "epoch",
                 initial_value_threshold: float | None = None, period: int | None = None) -> None:
        super().__init__(monitor, mode, best=initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        if save_freq != "epoch" and not (type(save_freq) is int and save_freq > 0):
            raise ValueError(f"save_freq must be 'epoch' or an int above 0, got {save_freq!r}")
        endings = _WEIGHT_FILES if save_weights_only else _MODEL_FILES
        if not self.filepath.endswith(endings):
            raise ValueError(f"filepath must end in {' or '.join(endings)}, got {self.filepath}")
        self._period = 1
        if period is not None:
            oldnames.tell("period= is an old argument of ModelCheckpoint: leave it out where it "
                          "is 1, else write save_freq=, in batches")
            self._period = checks.count("period", period)
        self._epoch = 0
        self._epochs = 0
        self._batches = 0
        if save_freq != "epoch":
            # Only then: a hook that is not overridden costs nothing.
            self.on_train_batch_end = self._on_train_batch_end  # type: ignore[method-assign]

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epochs += 1
        if self.save_freq == "epoch" and self._epochs >= self._period:
            self._epochs = 0
            self._save(self._path(logs, epoch=epoch + 1), epoch, logs)

    def _on_train_batch_end(self, batch, logs=None):
        self._batches += 1
        if self._batches >= self.save_freq:
            self._batches = 0
            path = self._path(logs, epoch=self._epoch + 1, batch=batch + 1)
            self._save(path, self._epoch, logs)

    def _path(self, logs, **counts):
        try:
            return self.filepath.format(**{**counts, **(logs or {})})
        except KeyError as reason:
            raise KeyError(f"filepath {self.filepath} has a place for {reason}, which the logs do "
                           f"not have: {', '.join(logs or ())}") from None

    def _save(self, path, epoch, logs):
        if not self._is_due(epoch, logs, path):
            return
        if os.path.isdir(path):
            raise IsADirectoryError(f"filepath must be that of a file, {path} is a directory")
        if directory := os.path.dirname(path):
            os.makedirs(directory, exist_ok=True)
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(path)

    def _is_due(self, epoch, logs, path):
        if not self.save_best_only:
            self._say(epoch, f"saving the model to {path}")
            return True
        value = self._current(logs, "saving the best model")
        if value is None:
            return True
        if np.ndim(value):
            warn(f"{self.monitor} must be one number to save the best model only, got "
                 f"{value!r}; saving it")
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self._is_improvement(value, self.best):
            self._say(epoch, f"{self.monitor} did not get better than {best}")
            return False
        self._say(epoch, f"{self.monitor} went from {best} to {value:.5f}, saving the model to "
                  f"{path}")
        self.best = value
        return True

    def _say(self, epoch, text):
        if self.verbose:
            say(f"Epoch {epoch + 1}: {text}")
