# SPDX-License-Identifier: Apache-2.0
"""Ending a training early."""

from __future__ import annotations

import math
from typing import Any

from .._common import checks
from .base import Callback
from .display import say
from .monitor import Monitor


class EarlyStopping(Monitor):
    """Ends the training when a value has stopped to get better (Prechelt, 1998).

    Parameters
    ----------
    monitor : str
        The value's name in the logs.
    min_delta : float
        By how much it must get better.
    patience : int
        After how many epochs without it the training ends.
    verbose : int
        Above 0: say when.
    mode : {"auto", "min", "max"}
        Whether it should fall or rise.
    baseline : float, optional
        It must get better than this, too, to be waited for.
    restore_best_weights : bool
        Whether the model gets back, in the end, its weights of the best epoch.
    start_from_epoch : int
        The first epoch that counts.

    Attributes
    ----------
    stopped_epoch, best_epoch : int
        Counted from 0; `stopped_epoch` is 0 where the training ran to its end.
    best : float or None
        The best value.
    """

    def __init__(self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0,
                 verbose: int = 0, mode: str = "auto", baseline: float | None = None,
                 restore_best_weights: bool = False, start_from_epoch: int = 0) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = checks.number("patience", patience)
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._reset()

    def _reset(self):
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        value = self._current(logs, "early stopping")
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self._is_improvement(value, self.best):
            self.best = value
            self._keep(epoch)
            if self.baseline is None or self._is_improvement(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch):
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                say(f"The model has the weights of its best epoch, {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class TerminateOnNaN(Callback):
    """Ends the training when the loss of a batch is NaN or infinite.

    Parameters
    ----------
    raise_error : bool
        Whether to raise RuntimeError at once, in place of ending `fit` after this batch.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"the loss is {loss} at batch {batch}")
        say(f"Batch {batch}: the loss is {loss}, the training ends")
        self.model.stop_training = True
