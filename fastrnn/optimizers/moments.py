# SPDX-License-Identifier: Apache-2.0
"""Adam and its relatives: steps along a running mean of the gradient."""

from __future__ import annotations

import math
from typing import Any

from .._common import checks, oldnames
from .base import Optimizer
from .settings import checked_epsilon, in_range


class _Moments(Optimizer):
    """What the family has in common: two running means, `beta_1` and `beta_2` in [0, 1)."""

    fields: tuple[str, ...] = ("beta_1", "beta_2", "epsilon")

    def __init__(self, learning_rate: Any, beta_1: float, beta_2: float, epsilon: float | None,
                 common: dict[str, Any]) -> None:
        self.beta_1 = in_range("beta_1", beta_1, low=0, below=1)
        self.beta_2 = in_range("beta_2", beta_2, low=0, below=1)
        self.epsilon = checked_epsilon(epsilon)
        super().__init__(learning_rate, **common)


class Adam(_Moments):
    """Adam (Kingma and Ba, 2015), in the form before section 2.1 of the paper; k counts steps::

        m = beta_1 m + (1 - beta_1) g
        v = beta_2 v + (1 - beta_2) g^2
        w = max(w, v)                                       amsgrad, else v
        p = p - learning_rate sqrt(1 - beta_2^k) / (1 - beta_1^k) m / (sqrt(w) + epsilon)

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    beta_1, beta_2 : float
        In [0, 1).
    epsilon : float
        At least 0; the paper's epsilon hat.
    amsgrad : bool
        Whether to divide by the largest v so far (Reddi, Kale and Kumar, 2018).
    **common
        The other arguments of `Optimizer`.
    """

    rule = "adam"
    fields = (*_Moments.fields, "amsgrad")

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999,
                 epsilon: float | None = 1e-7, amsgrad: bool = False, **common: Any) -> None:
        self.amsgrad = checks.flag("amsgrad", amsgrad)
        super().__init__(learning_rate, beta_1, beta_2, epsilon, common)

    def _slots(self):
        return "m", "v", "w" if self.amsgrad else None

    def _numbers(self, real, rate, steps):
        beta_1, beta_2 = self.beta_1, self.beta_2
        corrected = rate * math.sqrt(_rest(real, beta_2, steps)) / _rest(real, beta_1, steps)
        return corrected, beta_1, 1 - beta_1, beta_2, 1 - beta_2, self.epsilon


class AdamW(Adam):
    """`Adam` with a decoupled weight decay by default (Loshchilov and Hutter, 2019).

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    weight_decay : float
        At least 0.
    beta_1, beta_2, epsilon, amsgrad, **common
        As of `Adam`.
    """

    def __init__(self, learning_rate: Any = 0.001, weight_decay: float = 0.004, beta_1: float = 0.9,
                 beta_2: float = 0.999, epsilon: float | None = 1e-7, amsgrad: bool = False,
                 **common: Any) -> None:
        if weight_decay is None:
            raise ValueError("weight_decay must be a float for AdamW, got None")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad,
                         weight_decay=weight_decay, **common)


class Adamax(_Moments):
    """Adamax (Kingma and Ba, 2015, section 7.1); k counts steps::

        m = beta_1 m + (1 - beta_1) g
        u = max(beta_2 u, |g|)
        p = p - learning_rate m / ((u + epsilon) (1 - beta_1^k))

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, **common
        As of `Adam`.
    """

    rule = "adamax"

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999,
                 epsilon: float | None = 1e-7, **common: Any) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, common)

    def _slots(self):
        return "m", "u"

    def _numbers(self, real, rate, steps):
        correction = _rest(real, self.beta_1, steps)
        return rate, self.beta_1, 1 - self.beta_1, self.beta_2, self.epsilon, correction


class Nadam(_Moments):
    """Nadam (Dozat, 2016): `Adam` with Nesterov's look ahead; k counts steps::

        u_k = beta_1 (1 - 0.96^(d k) / 2),  d = 1
        U_k = u_1 u_2 ... u_k
        m = beta_1 m + (1 - beta_1) g
        v = beta_2 v + (1 - beta_2) g^2
        s = u_{k+1} m / (1 - U_{k+1}) + (1 - u_k) g / (1 - U_k)
        p = p - learning_rate s / (sqrt(v / (1 - beta_2^k)) + epsilon)

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, **common
        As of `Adam`. Old programs have schedule_decay, d of their own, often 0.004.
    """

    rule = "nadam"

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999,
                 epsilon: float | None = 1e-7, **common: Any) -> None:
        self._product = 0, None
        self.schedule_decay = _old_schedule_decay(common.pop("schedule_decay", None))
        super().__init__(learning_rate, beta_1, beta_2, epsilon, common)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make such an optimiser."""
        decay = {} if self.schedule_decay == 1 else {"schedule_decay": self.schedule_decay}
        return super().get_config() | decay

    def _slots(self):
        return "m", "v"

    def _numbers(self, real, rate, steps):
        one = real(1)
        now, ahead = self._factor(real, steps), self._factor(real, steps + 1)
        product = self._product_to(real, steps)
        of_m = ahead / (one - product * ahead)
        of_g = (one - now) / (one - product)
        of_v = 1 / _rest(real, self.beta_2, steps)
        return (rate, self.beta_1, 1 - self.beta_1, self.beta_2, 1 - self.beta_2, self.epsilon,
                of_m, of_g, of_v)

    def _factor(self, real, k):
        share = real(0.96) ** real(self.schedule_decay * k)
        return real(self.beta_1) * (real(1) - real(0.5) * share)

    def _product_to(self, real, steps):
        """Return U of `steps`, from the last one where it is that of the step before."""
        last, product = self._product
        if last != steps - 1 or type(product) is not real:
            last, product = 0, real(1)
        for k in range(last + 1, steps + 1):
            product = product * self._factor(real, k)
            if product == 0:
                break
        self._product = steps, product
        return product


def _old_schedule_decay(value):
    if value is None:
        return 1.0
    oldnames.tell("schedule_decay is not an argument of Nadam any more: it is taken as it used to "
                  "be; leave it out, which is 1")
    return in_range("schedule_decay", value, low=0)


def _rest(real, beta, steps):
    """Return 1 - beta^steps, rounded to `real` where it matters: before the difference."""
    return 1.0 - float(real(float(real(beta)) ** steps))
