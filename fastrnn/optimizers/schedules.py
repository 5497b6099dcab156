# SPDX-License-Identifier: Apache-2.0
"""Learning rates that depend on the number of steps made so far.

Below, t is that number; a schedule is called with it and returns a float.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from .._common.registry import Configured, Registry


class LearningRateSchedule(Configured):
    """Base of the schedules; one of your own gives `__call__` and, to be saved, `get_config`."""

    def __call__(self, step: int) -> float:
        raise NotImplementedError(f"{type(self).__name__} must have __call__(self, step)")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule, as a dict."""
        if not self.fields:
            raise NotImplementedError(f"{type(self).__name__} must have get_config() to be saved")
        return super().get_config()


class _Decay(LearningRateSchedule):
    """What the two decays at a rate share: their arguments."""

    fields = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")

    def __init__(self, initial_learning_rate: float, decay_steps: float, decay_rate: float,
                 staircase: bool, name: str) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _steps("decay_steps", decay_steps)
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def _passed(self, step):
        passed = step / self.decay_steps
        return math.floor(passed) if self.staircase else passed


class ExponentialDecay(_Decay):
    """``initial_learning_rate decay_rate^(t / decay_steps)``.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
        Above 0.
    decay_rate : float
    staircase : bool
        Whether the exponent is rounded down to an integer.
    name : str
    """

    def __init__(self, initial_learning_rate: float, decay_steps: float, decay_rate: float,
                 staircase: bool = False, name: str = "ExponentialDecay") -> None:
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step: int) -> float:
        return self.initial_learning_rate * self.decay_rate ** self._passed(step)


class InverseTimeDecay(_Decay):
    """``initial_learning_rate / (1 + decay_rate t / decay_steps)``.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
        Above 0.
    decay_rate : float
    staircase : bool
        Whether t / decay_steps is rounded down to an integer.
    name : str
    """

    def __init__(self, initial_learning_rate: float, decay_steps: float, decay_rate: float,
                 staircase: bool = False, name: str = "InverseTimeDecay") -> None:
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step: int) -> float:
        return self.initial_learning_rate / (1 + self.decay_rate * self._passed(step))


class PiecewiseConstantDecay(LearningRateSchedule):
    """``values[k]``, with k the number of `boundaries` below t.

    Parameters
    ----------
    boundaries : sequence of number
        Rising.
    values : sequence of float
        One more than boundaries.
    name : str
    """

    fields = ("boundaries", "values", "name")

    def __init__(self, boundaries: Sequence[float], values: Sequence[float],
                 name: str = "PiecewiseConstant") -> None:
        if len(values) != len(boundaries) + 1:
            raise ValueError(f"values must have one entry more than boundaries, got {len(values)} "
                             f"values {values} and {len(boundaries)} boundaries {boundaries}")
        if list(boundaries) != sorted(boundaries):
            raise ValueError(f"boundaries must be rising, got {boundaries}")
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: int) -> float:
        return float(self.values[bisect_left(self.boundaries, step)])


class PolynomialDecay(LearningRateSchedule):
    """``(initial_learning_rate - end_learning_rate) (1 - t / D)^power + end_learning_rate``, with D
    the `decay_steps` and t at most D.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
        Above 0.
    end_learning_rate, power : float
    cycle : bool
        Whether D is the smallest multiple of `decay_steps` that t does not exceed, so that the rate
        jumps up each time that it is reached.
    name : str
    """

    fields = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name")

    def __init__(self, initial_learning_rate: float, decay_steps: float,
                 end_learning_rate: float = 0.0001, power: float = 1.0, cycle: bool = False,
                 name: str = "PolynomialDecay") -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _steps("decay_steps", decay_steps)
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: int) -> float:
        steps = self.decay_steps
        if self.cycle:
            steps *= max(1, math.ceil(step / steps))
        left = 1 - min(step, steps) / steps
        range_ = self.initial_learning_rate - self.end_learning_rate
        return range_ * left**self.power + self.end_learning_rate


class CosineDecay(LearningRateSchedule):
    """Half a cosine (Loshchilov and Hutter, 2017) from the highest rate to `alpha` times it::

        highest ((1 - alpha) (1 + cos(pi t / decay_steps)) / 2 + alpha)

    The highest is `initial_learning_rate` or, with a warm-up, `warmup_target`: the rate then rises
    to it in a line from `initial_learning_rate`, in `warmup_steps`, and t counts from there.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
        Above 0.
    alpha : float
    name : str
    warmup_target : float, optional
        Without one there is no warm-up.
    warmup_steps : int
    """

    fields = ("initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target",
              "warmup_steps")

    def __init__(self, initial_learning_rate: float, decay_steps: float, alpha: float = 0.0,
                 name: str = "CosineDecay", warmup_target: float | None = None,
                 warmup_steps: float = 0) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _steps("decay_steps", decay_steps)
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: int) -> float:
        low, high = self.initial_learning_rate, self.warmup_target
        if high is None:
            return low * _half_cosine(min(step / self.decay_steps, 1), self.alpha)
        if step < self.warmup_steps:
            return low + (high - low) * step / self.warmup_steps
        passed = (step - self.warmup_steps) / self.decay_steps
        return high * _half_cosine(min(passed, 1), self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """`CosineDecay` that begins anew again and again (Loshchilov and Hutter, 2017).

    Each period is `t_mul` times as long as the one before, and its highest rate `m_mul` times that.

    Parameters
    ----------
    initial_learning_rate : float
    first_decay_steps : int
        Length of the first period, above 0.
    t_mul, m_mul, alpha : float
    name : str
    """

    fields = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")

    def __init__(self, initial_learning_rate: float, first_decay_steps: float, t_mul: float = 2.0,
                 m_mul: float = 1.0, alpha: float = 0.0, name: str = "SGDRDecay") -> None:
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = _steps("first_decay_steps", first_decay_steps)
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: int) -> float:
        period, passed = self._place(step / self.first_decay_steps)
        share = _half_cosine(passed, 0) * self.m_mul**period
        return self.initial_learning_rate * ((1 - self.alpha) * share + self.alpha)

    def _place(self, passed):
        """Return (the period's number, the share of it that has passed)."""
        if self.t_mul == 1:
            return math.floor(passed), passed % 1
        # The end of period k is (t_mul^k - 1) / (t_mul - 1); logarithms may miss it by a rounding.
        period = math.floor(math.log1p(passed * (self.t_mul - 1)) / math.log(self.t_mul) + 1e-9)
        length = self.t_mul**period
        begun = (length - 1) / (self.t_mul - 1)
        return period, max(0.0, (passed - begun) / length)


def _steps(name, value):
    if not value > 0:
        raise ValueError(f"{name} must be above 0, got {value}")
    return value


def _half_cosine(passed, alpha):
    return (1 - alpha) * (1 + math.cos(math.pi * passed)) / 2 + alpha


_registry = Registry("schedule", (CosineDecay, CosineDecayRestarts, ExponentialDecay,
                                  InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay))
serialize, deserialize = _registry.serialize, _registry.deserialize
