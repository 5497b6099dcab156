# SPDX-License-Identifier: Apache-2.0
"""Steps divided by the root of squared gradients, summed or averaged."""

from __future__ import annotations

from typing import Any

from .._common import checks
from .base import Optimizer
from .settings import checked_epsilon, in_range


class RMSprop(Optimizer):
    """RMSprop (Tieleman and Hinton, 2012); centered, with the variance in place of the mean square
    (Graves, 2013)::

        v = rho v + (1 - rho) g^2
        a = rho a + (1 - rho) g                             centered, else 0
        s = learning_rate g / sqrt(v - a^2 + epsilon)
        p = p - s                                           without momentum
        m = momentum m + s
        p = p - m

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    rho, momentum : float
        In [0, 1].
    epsilon : float
        At least 0.
    centered : bool
    **common
        The other arguments of `Optimizer`.
    """

    rule = "rmsprop"
    fields = ("rho", "momentum", "epsilon", "centered")

    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.9, momentum: float = 0.0,
                 epsilon: float | None = 1e-7, centered: bool = False, **common: Any) -> None:
        self.rho = in_range("rho", rho, low=0, high=1)
        self.momentum = in_range("momentum", momentum, low=0, high=1)
        self.epsilon = checked_epsilon(epsilon)
        self.centered = checks.flag("centered", centered)
        super().__init__(learning_rate, **common)

    def _slots(self):
        return "v", "m" if self.momentum else None, "a" if self.centered else None

    def _numbers(self, real, rate, steps):
        return rate, self.rho, 1 - self.rho, self.epsilon, self.momentum


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan and Singer, 2011)::

        v = v + g^2
        p = p - learning_rate g / sqrt(v + epsilon)

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    initial_accumulator_value : float
        What v starts from, at least 0.
    epsilon : float
        At least 0.
    **common
        The other arguments of `Optimizer`.
    """

    rule = "adagrad"
    fields = ("initial_accumulator_value", "epsilon")

    def __init__(self, learning_rate: Any = 0.001, initial_accumulator_value: float = 0.1,
                 epsilon: float | None = 1e-7, **common: Any) -> None:
        self.initial_accumulator_value = in_range(
            "initial_accumulator_value", initial_accumulator_value, low=0)
        self.epsilon = checked_epsilon(epsilon)
        super().__init__(learning_rate, **common)

    @property
    def initial(  # type: ignore[override]
        self,
    ) -> float:
        return self.initial_accumulator_value

    def _slots(self):
        return ("v",)

    def _numbers(self, real, rate, steps):
        return rate, self.epsilon


class Adadelta(Optimizer):
    """Adadelta (Zeiler, 2012)::

        v = rho v + (1 - rho) g^2
        s = g sqrt(d + epsilon) / sqrt(v + epsilon)
        d = rho d + (1 - rho) s^2
        p = p - learning_rate s

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
        1 is the paper's form.
    rho : float
        In [0, 1].
    epsilon : float
        At least 0.
    **common
        The other arguments of `Optimizer`.
    """

    rule = "adadelta"
    fields = ("rho", "epsilon")

    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float | None = 1e-7,
                 **common: Any) -> None:
        self.rho = in_range("rho", rho, low=0, high=1)
        self.epsilon = checked_epsilon(epsilon)
        super().__init__(learning_rate, **common)

    def _slots(self):
        return "v", "d"

    def _numbers(self, real, rate, steps):
        return rate, self.rho, 1 - self.rho, self.epsilon
