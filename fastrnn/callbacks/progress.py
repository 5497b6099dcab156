# SPDX-License-Identifier: Apache-2.0
"""What a run shows while it goes on: a bar an epoch, or a line an epoch."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from .base import Callback
from .display import bar_for_output, say

# Seconds between two drawings of a bar.
_INTERVAL = 0.1


class ProgressBar(Callback):
    """Shows how far a run is and its values so far: verbose=1 draws a bar, verbose=2 writes a line.

    Both go to standard output. A bar needs a terminal or a notebook; into anything else, a file
    say, verbose=1 writes lines too. In `fit` there is one for each epoch, and its validation is
    silent. The loop calls `advance` after each batch; nothing is formatted until the bar is drawn
    again.

    Attributes
    ----------
    in_fit : bool
        Whether the run is one of `fit`.
    """

    # The hooks after which the loop should call `advance`, through `CallbackList`.
    draws_at = ("on_train_batch_end", "on_test_batch_end", "on_predict_batch_end")

    def __init__(self) -> None:
        super().__init__()
        self.in_fit = False
        self.verbose, self.epochs, self.steps = 1, 1, None
        self._bar = None
        self._title, self._seen, self._began, self._next = "", 0, 0.0, 0.0

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        verbose = params.get("verbose", 1)
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = params.get("epochs", 1)
        self.steps = params.get("steps")

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.in_fit = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.in_fit = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._open(f"Epoch {epoch + 1}/{self.epochs}" if self.epochs > 1 else "")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._close(logs)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        if not self.in_fit:
            self._open("")

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        if not self.in_fit:
            self._close(logs)

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._open("")

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        self._close(None)

    def advance(self, batch: int, logs: dict[str, Any]) -> None:
        """Note that `batch` is done; `logs` are its values, or a function that returns them."""
        self._seen = batch + 1
        if self._bar is None:
            return
        now = perf_counter()
        if now >= self._next:
            self._next = now + _INTERVAL
            values = parts(logs() if callable(logs) else logs)
            self._bar.draw(self._seen, self._times(self.steps), values)

    def _open(self, title):
        self._title, self._seen = title, 0
        self._began = perf_counter()
        self._next = self._began + _INTERVAL
        self._bar = bar_for_output(self.steps, title) if self.verbose == 1 else None

    def _close(self, logs):
        self.steps = self.steps or self._seen
        times = self._times(self._seen)
        if self._bar is not None:
            self._bar.close(self._seen, times, parts(logs))
            self._bar = None
        elif self.verbose:
            done = f"{self._seen}/{self.steps}"
            say(" - ".join(filter(None, (self._title, done, *times, *parts(logs)))))

    def _times(self, steps):
        """The seconds since the beginning, those of all `steps` where they are known and not
        done, and those of a step."""
        seconds = perf_counter() - self._began
        each = seconds / max(self._seen, 1)
        left = each * (steps - self._seen) if steps else 0
        passed = f"{seconds:.0f}s" + (f" of {seconds + left:.0f}s" if left > 0 else "")
        return [passed, f"{each * 1e3:.0f}ms/step" if each >= 1e-3 else f"{each * 1e6:.0f}us/step"]


def parts(logs: dict[str, Any] | None) -> list[str]:
    """Return logs as texts: ``["loss: 0.1234", "val_loss: 1.2345e-05"]``."""
    return [f"{name}: {_number(value)}" for name, value in (logs or {}).items()]


def _number(value):
    try:
        value = float(value)
    except (TypeError, ValueError):
        return str(value)
    return f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}"
