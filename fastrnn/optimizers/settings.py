# SPDX-License-Identifier: Apache-2.0
"""The settings of an optimiser: its rate, clipping, decay, means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._common import checks, oldnames
from .._common.quiet import call_back, is_own, quiet
from .._common.registry import Configured, snake_case
from . import schedules

_COMMON = ("weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "use_ema", "ema_momentum",
           "ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps")


class Rate(float):
    """A learning rate, as `Optimizer.learning_rate` shows it."""

    _optimizer: Settings

    def __new__(cls, value, optimizer):
        self = super().__new__(cls, value)
        self._optimizer = optimizer
        return self

    def __reduce__(self):
        return float, (float(self),)

    def assign(self, value: float) -> None:
        """Set the optimiser's rate."""
        self._optimizer.learning_rate = value

    @quiet
    def numpy(self) -> np.float32:
        """Return it as a NumPy number."""
        return np.float32(self)


class Settings(Configured):
    """The settings that all optimisers have; see `Optimizer` for the arguments."""

    def __init__(self, learning_rate: Any, *, weight_decay: float | None = None,
                 clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False,
                 ema_momentum: float = 0.99, ema_overwrite_frequency: int | None = None,
                 loss_scale_factor: None = None, gradient_accumulation_steps: int | None = None,
                 name: str | None = None, **unknown: Any) -> None:
        self.decay = _old_decay(unknown.pop("decay", None))
        if unknown:
            raise ValueError(f"argument(s) not known: {', '.join(sorted(unknown))}")
        if loss_scale_factor is not None:
            raise ValueError("loss_scale_factor must be None: losses are not scaled, "
                             f"got {loss_scale_factor!r}")
        self.name = snake_case(type(self).__name__) if name is None else str(name)
        self.weight_decay = optional("weight_decay", weight_decay)
        self.clipnorm = optional("clipnorm", clipnorm)
        self.clipvalue = optional("clipvalue", clipvalue)
        self.global_clipnorm = optional("global_clipnorm", global_clipnorm)
        clips = {name: getattr(self, name) for name in ("clipnorm", "clipvalue", "global_clipnorm")}
        if sum(value is not None for value in clips.values()) > 1:
            given = ", ".join(f"{name}={value}" for name, value in clips.items())
            raise ValueError(f"only one of the three kinds of clipping can be set, got {given}")
        self.use_ema = checks.flag("use_ema", use_ema)
        self.ema_momentum = in_range("ema_momentum", ema_momentum, low=0, high=1)
        self.ema_overwrite_frequency = _optional_count(
            "ema_overwrite_frequency", ema_overwrite_frequency, 1)
        self.loss_scale_factor = None
        self.gradient_accumulation_steps = _optional_count(
            "gradient_accumulation_steps", gradient_accumulation_steps, 2)
        self._learning_rate = _checked_rate(learning_rate)
        self._calls = 0
        super().__init__()

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if is_own(cls) and "__init__" in vars(cls):
            cls.__init__ = oldnames.arguments(cls.__init__)

    lr = oldnames.attribute("optimizer", "learning_rate")

    @property
    def learning_rate(self) -> Rate:
        """The learning rate of the next step; settable unless it comes from a schedule."""
        return Rate(self._rate(), self)

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        value = _checked_rate(value)
        if type(value) is float and isinstance(self._learning_rate, schedules.LearningRateSchedule):
            raise TypeError("the optimizer's learning_rate comes from a LearningRateSchedule and "
                            f"cannot be set to {value}; make it with a float to set it later")
        self._learning_rate = value

    @property
    def iterations(self) -> int:
        """How many changes of the variables were made; settable."""
        return self._calls // (self.gradient_accumulation_steps or 1)

    @iterations.setter
    def iterations(self, value: int) -> None:
        value = checks.count("iterations", value, minimum=0)
        self._calls = value * (self.gradient_accumulation_steps or 1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an optimiser of the same kind, as a dict."""
        rate = self._learning_rate
        if type(rate) is not float:
            rate = schedules.serialize(rate)
        config = {"name": self.name, "learning_rate": rate}
        config |= {field: getattr(self, field) for field in _COMMON}
        if self.decay:
            config["decay"] = self.decay
        return config | super().get_config()

    @classmethod
    def from_config(cls, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Return the optimiser that `get_config` described."""
        rate = config.get("learning_rate")
        if isinstance(rate, dict):
            config = {**config, "learning_rate": schedules.deserialize(rate, custom_objects)}
        return cls(**config)

    def _rate(self):
        rate = self._learning_rate
        if type(rate) is float:
            return rate
        if isinstance(rate, schedules.LearningRateSchedule):
            return float(rate(self._calls))
        return float(call_back(rate))


def in_range(name: str, value: Any, low: float = -math.inf, high: float = math.inf,
             below: float = math.inf) -> float:
    """Return `value` as a float with low <= value <= high and value < below."""
    value = float(checks.number(name, value))
    if not (low <= value <= high and (value < below or below == math.inf)):
        wanted = [f"at least {low}"] * (low > -math.inf) + [f"at most {high}"] * (high < math.inf)
        wanted += [f"below {below}"] * (below < math.inf)
        raise ValueError(f"{name} must be {' and '.join(wanted) or 'a number'}, got {value}")
    return value


def optional(name: str, value: Any) -> float | None:
    """Return `value` as a float of at least 0, or None."""
    return None if value is None else in_range(name, value, low=0)


def _optional_count(name, value, minimum):
    return None if value is None else checks.count(name, value, minimum=minimum)


def _old_decay(value):
    """The decay of old programs: the rate is divided by 1 + decay iterations."""
    if value is None:
        return 0.0
    oldnames.tell("decay is not an argument of optimizers any more: it divides learning_rate by "
                  "1 + decay * iterations as it used to; write learning_rate=schedules."
                  "InverseTimeDecay(rate, 1, decay)")
    return in_range("decay", value, low=0)


def checked_epsilon(value: Any) -> float:
    """Return an epsilon of at least 0; None, as old programs have it, is the usual one."""
    return 1e-7 if value is None else in_range("epsilon", value, low=0)


def _checked_rate(value):
    if callable(value):
        return value
    try:
        return in_range("learning_rate", value, low=0)
    except TypeError as reason:
        raise ValueError("learning_rate must be a float, a LearningRateSchedule or a callable, "
                         f"got {value!r}") from reason
