# SPDX-License-Identifier: Apache-2.0
"""The variables that an optimiser serves, and the arrays it keeps for each of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .states import check_names, loaded, saved


class Binding:
    """The part of an optimiser that knows its variables, which are those of its first step."""

    initial: float

    def __init__(self) -> None:
        self._undecayed: list[Any] = []
        self._undecayed_names: re.Pattern[str] | None = None
        self._variables: list[Any] = []
        self._names: list[str] = []
        self._state: dict[str, dict[str, np.ndarray]] = {}
        self._parts: dict[str, _Part] = {}
        self._unbind()

    @property
    def built(self) -> bool:
        """Whether the variables to be changed are known."""
        return bool(self._variables)

    def exclude_from_weight_decay(self, var_list: Iterable[Any] | None = None,
                                  var_names: Iterable[str] | None = None) -> None:
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

    def build(self, variables: Iterable[Any]) -> None:
        """Make the arrays that are kept for `variables`; the first step does it by itself."""
        self._bind(list(variables), None)

    def _parts_of(self, arrays, gradients):
        """Return the parameters of a module as variables, the same objects at every step."""
        for name, array in arrays.items():
            part = self._parts.setdefault(name, _Part(name))
            part.array, part.gradient = array, gradients[name]
        return [self._parts[name] for name in arrays]

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
        unknown = [name_of(variable) for variable in variables if id(variable) not in places]
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
                raise TypeError(f"{name_of(variable)} must be float32 or float64, "
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
        return name_of(self._bound[k])

    # -- files -------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return what a later run needs to go on: arrays named "steps" and "slot.variable".

        A variable's name here is its parameter's for a module, else its place in the list. They are
        the live arrays; copy them to keep a snapshot.
        """
        return saved(self._calls, self._state)

    def load_state_dict(self, mapping: Mapping[str, np.ndarray]) -> None:
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

    def __init__(self, name: str) -> None:
        self.name = name


def name_of(variable: Any) -> str:
    return getattr(variable, "path", None) or variable.name


def problem(name: str, array: np.ndarray, gradient: Any, slots: dict[str, Any],
            real: Any) -> Exception:
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
