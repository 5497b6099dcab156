# SPDX-License-Identifier: Apache-2.0
"""Stochastic gradient descent, with and without momentum."""

from __future__ import annotations

from typing import Any

from .._common import checks
from .base import Optimizer
from .settings import in_range


class SGD(Optimizer):
    """Stochastic gradient descent; with a momentum, a heavy ball (Polyak, 1964)::

        p = p - learning_rate g                             without momentum
        m = momentum m - learning_rate g
        p = p + m
        p = p + momentum m - learning_rate g                nesterov

    The last is Nesterov's look ahead as Sutskever et al. (2013) write it.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    momentum : float
        In [0, 1].
    nesterov : bool
    **common
        The other arguments of `Optimizer`.
    """

    rule = "sgd"
    fields = ("momentum", "nesterov")

    def __init__(self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False,
                 **common: Any) -> None:
        self.momentum = in_range("momentum", momentum, low=0, high=1)
        self.nesterov = checks.flag("nesterov", nesterov)
        super().__init__(learning_rate, **common)

    def _slots(self):
        return ("m" if self.momentum else None,)

    def _numbers(self, real, rate, steps):
        return rate, self.momentum, self.nesterov
