# SPDX-License-Identifier: Apache-2.0
"""Watching one value of the logs: which way it should go, and whether it went there."""

from __future__ import annotations

import operator

import numpy as np

from .._common import checks
from .._common.notices import warn
from .._common.quiet import quiet
from .base import Callback

# Parts of the names of values that should rise, and of those that should fall.
_RISING = ("acc", "auc", "precision", "recall", "f1", "fbeta", "r2", "iou", "similarity")
_FALLING = ("loss", "error", "mse", "mae", "mape", "msle", "crossentropy", "divergence", "hinge",
            "poisson", "perplexity", "huber", "cosh")


class Monitor(Callback):
    """Base of callbacks that watch a value.

    Parameters
    ----------
    monitor : str
        Its name in the logs.
    mode : {"auto", "min", "max"}
        Whether it should fall or rise; "auto" goes by the name.
    best : float, optional
        The value to be better than at first.
    min_delta : float
        By how much a value must be better.
    """

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", best: float | None = None,
                 min_delta: float = 0) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warn(f"{type(self).__name__}: mode {mode!r} is not known, using 'auto'")
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = best
        self.min_delta = abs(checks.number("min_delta", min_delta))
        self._better = None

    @quiet
    def _is_improvement(self, value, reference):
        """Return whether `value` is better than `reference`; than None, it always is."""
        if self._better is None:
            self._better = operator.gt if self._rises() else operator.lt
        if reference is None:
            return True
        # In float32, as losses are computed: rounding errors of doubles are no progress.
        return bool(self._better(np.float32(self._less_delta(value)), np.float32(reference)))

    def _less_delta(self, value):
        return value - self.min_delta if self._better is operator.gt else value + self.min_delta

    def _rises(self):
        if self.mode != "auto":
            return self.mode == "max"
        rising = any(part in self.monitor for part in _RISING)
        if rising == any(part in self.monitor for part in _FALLING):
            raise ValueError(f"{type(self).__name__} cannot tell whether {self.monitor} should "
                             "rise or fall: give mode='max' or mode='min'")
        return rising

    def _current(self, logs, purpose):
        """Return the value in `logs`; None, with a warning, where there is none."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warn(f"{purpose} depends on {self.monitor}, which is not available; "
                 f"available are: {', '.join(logs or ())}")
        return value
