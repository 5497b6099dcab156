# SPDX-License-Identifier: Apache-2.0
"""Base of the optimisers: from gradients to changed variables."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from .._common.notices import warn
from .._core.updates import RULES, change, identical, misfit, squared_norms
from .binding import Binding, name_of, problem
from .clipping import factors
from .settings import Settings


class Optimizer(Settings, Binding):
    """Base of the optimisers: variables are changed along their gradients.

    A step takes the gradients, clips them, shrinks the variables by ``1 - learning_rate
    weight_decay``, and lets the rule of the subclass change them. An optimiser serves the variables
    of its first step; it works on their arrays as they are stored, float32 or float64.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
        At least 0; a schedule is called with the number of steps made so far, any other callable
        without arguments.
    weight_decay : float, optional
        Decoupled from the gradient (Loshchilov and Hutter, 2019).
    clipnorm : float, optional
        Highest norm of each gradient.
    clipvalue : float, optional
        Bound of the elements of gradients.
    global_clipnorm : float, optional
        Highest joint norm of all gradients (Pascanu, Mikolov, Bengio, 2013). At most one of the
        three may be given.
    use_ema : bool
        Whether to keep a running mean of the variables, ``mean = ema_momentum mean +
        (1 - ema_momentum) variable``, which takes their place when training ends.
    ema_momentum : float
        In [0, 1].
    ema_overwrite_frequency : int, optional
        After how many steps, again and again, the mean takes the variables' place.
    loss_scale_factor : None
        Losses are not scaled: float32 needs none of it.
    gradient_accumulation_steps : int, optional
        How many gradients are averaged for one change, at least 2.
    name : str, optional
        By default the class's name in small letters.

    Raises
    ------
    TypeError, ValueError
        Naming an argument that is of the wrong kind, out of its range, or not known.
    """

    # The rule of `fastrnn._core.updates`, and the arguments of the subclass.
    rule: str
    fields: tuple[str, ...] = ()
    computes = ("apply", "step", "finalize_variable_values")
    # What the arrays of the rule start from.
    initial: float = 0.0

    def apply(self, variables: Iterable[Any]) -> None:
        """Change variables by their gradients.

        Parameters
        ----------
        variables : list
            Objects with `array` and `gradient`, C-contiguous arrays alike in shape and dtype, and a
            `name`; always the same objects, or some of those of the first call. One whose gradient
            is None is left as it is, with a warning. Whoever keeps something that was derived from
            the arrays must be told by the caller.

        Raises
        ------
        TypeError
            If an array is of a dtype that cannot be changed.
        ValueError
            If arrays do not fit each other or what the optimiser keeps, if a variable is unknown,
            or if no variable has a gradient.
        FloatingPointError
            If gradients are to be clipped by norm and a norm is not finite, naming the variables.
            After any error nothing is changed.
        """
        self._apply(list(variables), None)

    def step(self, module: Any) -> None:
        """Change the parameters of an engine, or of what is made like one, by its gradients.

        Raises
        ------
        TypeError, ValueError, FloatingPointError
            As `apply` does.
        """
        gradients = module.grads
        with module._updating() as arrays:
            self._apply(self._parts_of(arrays, gradients), list(arrays))

    def finalize_variable_values(self, variables: Iterable[Any]) -> None:
        """Put the running means in the variables' place, where `use_ema` is set."""
        if self.use_ema and self.built:
            self._bind(list(variables), None)
            self._put_means([variable.array for variable in variables])

    def _apply(self, variables, names):
        if not variables:
            return
        if not identical(variables, self._bound):
            self._bind(variables, names)
        arrays = [variable.array for variable in variables]
        gradients = [variable.gradient for variable in variables]
        at = misfit(arrays, gradients, self._rows)
        if at >= 0:
            self._refuse(at, variables, arrays, gradients)
            return
        if self.gradient_accumulation_steps:
            gradients = self._accumulated(gradients)
        if gradients is not None:
            self._change(arrays, gradients)
        if self.use_ema:
            self._follow(arrays)
        self._calls += 1

    def _change(self, arrays, gradients):
        rate, steps = self._rate(), self.iterations + 1
        if self.decay:
            rate /= 1 + self.decay * (steps - 1)
        numbers = self._numbers(self._real, rate, steps)
        scales = None
        if self.clipnorm or self.global_clipnorm:
            scales = factors(squared_norms(gradients), self.clipnorm, self.global_clipnorm,
                             self._name)
        limit = self.clipvalue or math.inf
        decay = 1 - self.weight_decay * rate if self.weight_decay else 1.0
        change(RULES[self.rule], arrays, gradients, self._rows, numbers, scales, limit, decay,
               self._decayed)
        for total in self._bound_arrays("accumulated"):
            total.fill(0)

    def _numbers(self, real, rate, steps):
        """Return the numbers of the rule's formula, for its step number `steps`.

        What comes from a difference is computed in `real`, the variables' dtype, as Keras does:
        1 - 0.999 is another number in float32.
        """
        raise NotImplementedError

    def _slots(self):
        """Return the names of the arrays that the rule keeps, None for one it does not need."""
        raise NotImplementedError

    def _accumulated(self, gradients):
        """Return the mean of the gradients, or None as long as there are too few of them."""
        totals, count = self._bound_arrays("accumulated"), self.gradient_accumulation_steps
        if (self._calls + 1) % count == 0:
            return [(g + total) / count for g, total in zip(gradients, totals, strict=True)]
        for g, total in zip(gradients, totals, strict=True):
            total += g
        return None

    def _follow(self, arrays):
        momentum = self.ema_momentum if self.iterations else 0.0
        for mean, array in zip(self._bound_arrays("average"), arrays, strict=True):
            mean *= momentum
            mean += (1 - momentum) * array
        every = self.ema_overwrite_frequency
        if every and (self.iterations + 1) % every == 0:
            self._put_means(arrays)

    def _put_means(self, arrays):
        for mean, array in zip(self._bound_arrays("average"), arrays, strict=True):
            array[...] = mean

    def _refuse(self, at, variables, arrays, gradients):
        """Say what is wrong with a variable, or go on without those that have no gradient."""
        there = [v for v, g in zip(variables, gradients, strict=True) if g is not None]
        if len(there) == len(variables):
            raise problem(self._name(at), arrays[at], gradients[at],
                           dict(zip(self._slots(), self._rows[at], strict=True)), self._real)
        if not there:
            raise ValueError("no variable has a gradient: "
                             f"{', '.join(name_of(v) for v in variables)}")
        missing = [name_of(v) for v in variables if not any(v is other for other in there)]
        warn(f"no gradient for {', '.join(missing)}: left as they are")
        self._apply(there, None)
