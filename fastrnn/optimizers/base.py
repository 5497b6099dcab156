# SPDX-License-Identifier: Apache-2.0
"""What all optimisers have in common: when they step, at which rate, and what they keep."""

import math
import re
import warnings

import numpy as np

from .._common import checks, oldnames
from .._common.quiet import call_back, is_own, quiet
from .._common.registry import Configured, snake_case
from .._core.updates import RULES, change, identical, misfit, squared_norms
from . import schedules
from .states import check_names, loaded, saved


class Rate(float):
    """A learning rate, as `Optimizer.learning_rate` shows it."""

    def __new__(cls, value, optimizer):
        self = super().__new__(cls, value)
        self._optimizer = optimizer
        return self

    def __reduce__(self):
        return float, (float(self),)

    def assign(self, value):
        """Set the optimiser's rate."""
        self._optimizer.learning_rate = value

    @quiet
    def numpy(self):
        """Return it as a NumPy number."""
        return np.float32(self)


class Optimizer(Configured):
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
    rule = None
    fields = ()
    computes = ("apply", "step", "finalize_variable_values")
    # What the arrays of the rule start from.
    initial = 0.0

    def __init__(self, learning_rate, *, weight_decay=None, clipnorm=None, clipvalue=None,
                 global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None,
                 gradient_accumulation_steps=None, name=None, **unknown):
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
        self._rule = RULES[self.rule]
        self._undecayed, self._undecayed_names = [], None
        self._variables, self._names = [], []
        self._state = {}
        self._parts = {}
        self._unbind()

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if is_own(cls) and "__init__" in vars(cls):
            cls.__init__ = oldnames.arguments(cls.__init__)

    # -- settings ----------------------------------------------------------------------------

    lr = oldnames.attribute("optimizer", "learning_rate")

    @property
    def learning_rate(self):
        """The learning rate of the next step; settable unless it comes from a schedule."""
        return Rate(self._rate(), self)

    @learning_rate.setter
    def learning_rate(self, value):
        value = _checked_rate(value)
        if type(value) is float and isinstance(self._learning_rate, schedules.LearningRateSchedule):
            raise TypeError("the optimizer's learning_rate comes from a LearningRateSchedule and "
                            f"cannot be set to {value}; make it with a float to set it later")
        self._learning_rate = value

    @property
    def iterations(self):
        """How many changes of the variables were made; settable."""
        return self._calls // (self.gradient_accumulation_steps or 1)

    @iterations.setter
    def iterations(self, value):
        value = checks.count("iterations", value, minimum=0)
        self._calls = value * (self.gradient_accumulation_steps or 1)

    @property
    def built(self):
        """Whether the variables to be changed are known."""
        return bool(self._variables)

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """Leave variables out of the weight decay.

        Parameters
        ----------
        var_list : iterable of Variable, optional
            These variables.
        var_names : iterable of str, optional
            Variables in whose name one of these regular expressions is found, as in ["bias"].

        Raises
        ------
        ValueError
            If a step was made already.
        """
        if self.built:
            raise ValueError("exclude_from_weight_decay must be called before the first step")
        self._undecayed = list(var_list or ())
        self._undecayed_names = re.compile("|".join(var_names)) if var_names else None

    def get_config(self):
        """Return the arguments that make an optimiser of the same kind, as a dict."""
        rate = self._learning_rate
        if type(rate) is not float:
            rate = schedules.serialize(rate)
        common = ("weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "use_ema",
                  "ema_momentum", "ema_overwrite_frequency", "loss_scale_factor",
                  "gradient_accumulation_steps")
        config = {"name": self.name, "learning_rate": rate}
        config |= {field: getattr(self, field) for field in common}
        if self.decay:
            config["decay"] = self.decay
        return config | super().get_config()

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Return the optimiser that `get_config` described."""
        rate = config.get("learning_rate")
        if isinstance(rate, dict):
            config = {**config, "learning_rate": schedules.deserialize(rate, custom_objects)}
        return cls(**config)

    # -- steps -------------------------------------------------------------------------------

    def apply(self, variables):
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

    def step(self, module):
        """Change the parameters of an engine, or of a module of fastrnn.modules, by its gradients.

        Raises
        ------
        TypeError, ValueError, FloatingPointError
            As `apply` does.
        """
        gradients = module.grads
        with module._updating() as arrays:
            for name, array in arrays.items():
                part = self._parts.setdefault(name, _Part(name))
                part.array, part.gradient = array, gradients[name]
            self._apply([self._parts[name] for name in arrays], list(arrays))

    def build(self, variables):
        """Make the arrays that are kept for `variables`; the first step does it by itself."""
        self._bind(list(variables), None)

    def finalize_variable_values(self, variables):
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
            scales = self._scales(squared_norms(gradients))
        limit = self.clipvalue or math.inf
        decay = 1 - self.weight_decay * rate if self.weight_decay else 1.0
        change(self._rule, arrays, gradients, self._rows, numbers, scales, limit, decay,
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

    def _rate(self):
        rate = self._learning_rate
        if type(rate) is float:
            return rate
        if isinstance(rate, schedules.LearningRateSchedule):
            return float(rate(self._calls))
        return float(call_back(rate))

    def _scales(self, squares):
        """Return the factor of each gradient that clips its norm or the joint one."""
        if self.clipnorm:
            norms, highest = [math.sqrt(square) for square in squares], self.clipnorm
        else:
            norms, highest = [math.sqrt(sum(squares))] * len(squares), self.global_clipnorm
        if not math.isfinite(sum(norms)):
            names = [self._name(k) for k, square in enumerate(squares) if not math.isfinite(square)]
            raise FloatingPointError("the gradients' norm is not finite: NaN, infinity or squares "
                                     f"that overflow in {', '.join(names) or 'their sum'}")
        return [highest / norm if norm > highest else 1.0 for norm in norms]

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

    # -- variables ---------------------------------------------------------------------------

    def _unbind(self):
        self._bound, self._rows, self._decayed = [], [], None

    def _bind(self, variables, names):
        """Find what is kept for `variables`, which become those of this optimiser when first seen.

        `names` are what the arrays are called in files; numbers by default.
        """
        if not variables:
            return
        if not self.built:
            self._adopt(variables, names or [str(k) for k in range(len(variables))])
        places = {id(variable): k for k, variable in enumerate(self._variables)}
        unknown = [_name_of(variable) for variable in variables if id(variable) not in places]
        if unknown or len({id(variable) for variable in variables}) != len(variables):
            raise ValueError(
                f"unknown or repeated variables ({', '.join(unknown) or 'repeated'}): an optimizer "
                "serves the variables of its first step; make a new one for another model")
        self._check_kept(self._state)
        self._names_bound = [self._names[places[id(variable)]] for variable in variables]
        slots = self._slots()
        self._rows = [
            tuple(slot and self._state[slot][name] for slot in slots) for name in self._names_bound
        ]
        decayed = [self._decays(variable) for variable in variables]
        self._decayed = None if all(decayed) else decayed
        self._real = variables[0].array.dtype.type
        self._bound = variables

    def _adopt(self, variables, names):
        for variable in variables:
            if variable.array.dtype.char not in "fd":
                raise TypeError(f"{_name_of(variable)} must be float32 or float64, "
                                f"got {variable.array.dtype}")
        if self._state:
            check_names(self._state, names)
        else:
            self._state = {
                slot: {
                    name: np.full_like(variable.array, self.initial if own else 0.0)
                    for name, variable in zip(names, variables, strict=True)
                }
                for slot, own in self._kept()
            }
        self._variables, self._names = variables, names

    def _check_kept(self, state):
        for slot, arrays in state.items():
            for name, variable in zip(self._names, self._variables, strict=True):
                got, want = arrays[name], variable.array
                if got.shape != want.shape or got.dtype != want.dtype:
                    raise ValueError(f"the optimizer's {slot} of {name} must be {want.dtype} of "
                                     f"shape {want.shape}, got {got.dtype} of shape {got.shape}")

    def _kept(self):
        """Return (name, whether it is the rule's own) of all that is kept for each variable."""
        kept = [(slot, True) for slot in self._slots() if slot]
        kept += [("average", False)] * self.use_ema
        return kept + [("accumulated", False)] * bool(self.gradient_accumulation_steps)

    def _bound_arrays(self, slot):
        arrays = self._state.get(slot)
        return [arrays[name] for name in self._names_bound] if arrays else []

    def _decays(self, variable):
        if any(variable is other for other in self._undecayed):
            return False
        return not (self._undecayed_names and self._undecayed_names.search(variable.name))

    def _name(self, k):
        return _name_of(self._bound[k])

    def _refuse(self, at, variables, arrays, gradients):
        """Say what is wrong with a variable, or go on without those that have no gradient."""
        there = [v for v, g in zip(variables, gradients, strict=True) if g is not None]
        if len(there) == len(variables):
            raise _problem(self._name(at), arrays[at], gradients[at],
                           dict(zip(self._slots(), self._rows[at], strict=True)), self._real)
        if not there:
            raise ValueError("no variable has a gradient: "
                             f"{', '.join(_name_of(v) for v in variables)}")
        missing = [_name_of(v) for v in variables if not any(v is other for other in there)]
        warnings.warn(f"no gradient for {', '.join(missing)}: left as they are", stacklevel=5)
        self._apply(there, None)

    # -- files -------------------------------------------------------------------------------

    def state_dict(self):
        """Return what a later run needs to go on: arrays named "steps" and "slot.variable".

        A variable's name here is its parameter's for a module, else its place in the list. They are
        the live arrays; copy them to keep a snapshot.
        """
        return saved(self._calls, self._state)

    def load_state_dict(self, mapping):
        """Take over copies of the arrays of `state_dict`.

        Raises
        ------
        TypeError
            If `mapping` is not a mapping, or an entry not an array.
        ValueError
            If it is not the state of such an optimiser. After any error nothing is changed.
        """
        slots = [slot for slot, _ in self._kept()]
        calls, state = loaded(mapping, slots, type(self).__name__)
        if self.built and state:
            check_names(state, self._names)
            self._check_kept(state)
        self._calls = calls
        self._unbind()
        if state or not self.built:
            self._state = state
        else:
            for slot, own in self._kept():
                for array in self._state[slot].values():
                    array.fill(self.initial if own else 0)


class _Part:
    """A parameter of a module, as `Optimizer.apply` wants variables."""

    __slots__ = ("array", "gradient", "name")

    def __init__(self, name):
        self.name = name


def in_range(name, value, low=-math.inf, high=math.inf, below=math.inf):
    """Return `value` as a float with low <= value <= high and value < below."""
    value = float(checks.number(name, value))
    if not (low <= value <= high and (value < below or below == math.inf)):
        wanted = [f"at least {low}"] * (low > -math.inf) + [f"at most {high}"] * (high < math.inf)
        wanted += [f"below {below}"] * (below < math.inf)
        raise ValueError(f"{name} must be {' and '.join(wanted) or 'a number'}, got {value}")
    return value


def optional(name, value):
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


def checked_epsilon(value):
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


def _name_of(variable):
    return getattr(variable, "path", None) or variable.name


def _problem(name, array, gradient, slots, real):
    """Return the error about a variable whose arrays do not fit each other."""
    if not isinstance(array, np.ndarray) or array.dtype.char not in "fd":
        kind = getattr(array, "dtype", type(array).__name__)
        return TypeError(f"{name} must be an array of float32 or float64, got {kind}")
    if not (array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative):
        return ValueError(f"{name} must be a C-contiguous array in native byte order")
    if not array.flags.writeable:
        return ValueError(f"{name} is read-only")
    if array.dtype != real:
        return ValueError(f"{name} is {array.dtype}, others are {np.dtype(real)}: the variables of "
                          "one optimizer must have one dtype")
    others = {"gradient": gradient, **{f"optimizer's {slot}": a for slot, a in slots.items()}}
    for what, other in others.items():
        shape, dtype = getattr(other, "shape", None), getattr(other, "dtype", None)
        if other is not None and (shape != array.shape or dtype != array.dtype):
            return ValueError(f"the {what} of {name} must be {array.dtype} of shape {array.shape}, "
                              f"got {dtype} of shape {shape}")
    return ValueError(f"the gradient of {name} must be a C-contiguous array in native byte order")
