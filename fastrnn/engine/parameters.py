# SPDX-License-Identifier: Apache-2.0
"""The parameters of a model: torch.nn's names and shapes, initial values, versioned changes.

Arrays are handed out read-only. They change through `Parameters.assign`, `Parameters.load` and
`Parameters.updating` alone, and each of these raises `Parameters.version`, by which everything
derived from the values (packed layers, a kept forward) knows that it is out of date.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from .._common.checks import as_ndarray
from .recurrence import GATES

if TYPE_CHECKING:    # slow to load
    from numpy.typing import ArrayLike

Shapes = dict[str, tuple[int, ...]]


def role_names(layer: int, reverse: bool, bias: bool, projected: bool) -> dict[str, str]:
    """Map each role of one (layer, direction) to torch's key, in torch's order."""
    suffix = f"_l{layer}_reverse" if reverse else f"_l{layer}"
    names = {"w_ih": "weight_ih", "w_hh": "weight_hh"}
    if bias:
        names |= {"b_ih": "bias_ih", "b_hh": "bias_hh"}
    if projected:
        names |= {"w_hr": "weight_hr"}
    return {role: name + suffix for role, name in names.items()}


def role_shapes(cell: str, input_size: int, hidden_size: int, proj_size: int) -> Shapes:
    """Map each role to its shape in one direction of a layer with `input_size` inputs."""
    rows = GATES[cell] * hidden_size
    return {
        "w_ih": (rows, input_size),
        "w_hh": (rows, proj_size or hidden_size),
        "b_ih": (rows,),
        "b_hh": (rows,),
        "w_hr": (proj_size, hidden_size),
    }


def direction_names(num_layers: int, bias: bool, bidirectional: bool,
                    projected: bool) -> list[dict[str, str]]:
    """Return the names by role (`role_names`) of each direction of each layer."""
    return [
        role_names(k, reverse, bias, projected)
        for k in range(num_layers)
        for reverse in ((False, True) if bidirectional else (False,))
    ]


def model_shapes(cell: str, input_size: int, hidden_size: int, num_layers: int, bias: bool,
                 bidirectional: bool, proj_size: int) -> Shapes:
    """Map each parameter's name to its shape."""
    directions = 2 if bidirectional else 1
    shapes: Shapes = {}
    names_by_row = direction_names(num_layers, bias, bidirectional, proj_size > 0)
    for row, names in enumerate(names_by_row):
        inputs = input_size if row < directions else directions * (proj_size or hidden_size)
        roles = role_shapes(cell, inputs, hidden_size, proj_size)
        shapes.update((name, roles[role]) for role, name in names.items())
    return shapes


def name_problems(wanted: Iterable[str], mapping: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the names in `mapping`, as texts."""
    missing = [name for name in wanted if name not in mapping]
    unexpected = [str(name) for name in mapping if name not in wanted]
    problems = ["missing: " + ", ".join(missing)] if missing else []
    return problems + (["unexpected: " + ", ".join(unexpected)] if unexpected else [])


def shape_problem(name: str, wanted: Sequence[int], got: Sequence[int]) -> str:
    """Return the text about an array that has another shape."""
    return f"{name}: expected shape {wanted}, got {got}"


def initial_values(shapes: Shapes, hidden_size: int, dtype: np.dtype,
                   rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw every parameter from U(-1/sqrt(H), 1/sqrt(H)), weights and biases alike."""
    bound = hidden_size**-0.5
    return {name: rng.uniform(-bound, bound, shape).astype(dtype)
            for name, shape in shapes.items()}


class Snapshot:
    """The values that parameters had at one time.

    Attributes
    ----------
    arrays : dict of str to ndarray, or None
        Copies; None as long as the parameters have these values themselves.
    """

    __slots__ = ("__weakref__", "arrays")

    def __init__(self, arrays: dict[str, np.ndarray] | None = None) -> None:
        self.arrays = arrays


class Parameters:
    """Named arrays with a version.

    Parameters
    ----------
    values : dict of str to ndarray
        The arrays, of one dtype and C-contiguous; they are kept, not copied.

    Attributes
    ----------
    arrays : dict of str to ndarray
        The writable arrays. The set of names and their shapes never change.
    views : dict of str to ndarray
        Read-only views of them, to be handed out.
    version : int
        Goes up with every change of values.
    lock : threading.RLock
        Held while values change; hold it to read several of them as one state.
    """

    def __init__(self, values: dict[str, np.ndarray]) -> None:
        self.arrays = values
        self.views = {name: _read_only(array) for name, array in values.items()}
        self.version = 0
        self.lock = RLock()
        self._snapshot: weakref.ref[Snapshot] | None = None

    def __getstate__(self):
        with self.lock:
            return self._copies()

    def __setstate__(self, values):
        self.__init__(values)

    def _copies(self):
        return {name: array.copy() for name, array in self.arrays.items()}

    def snapshot(self) -> Snapshot:
        """Return the `Snapshot` of the present values; they are copied when they first change."""
        with self.lock:
            kept = None if self._snapshot is None else self._snapshot()
            if kept is None:
                kept = Snapshot()
                self._snapshot = weakref.ref(kept)
            return kept

    def _keep_snapshot(self):
        kept, self._snapshot = self._snapshot(), None
        if kept is not None:
            kept.arrays = self._copies()

    @contextmanager
    def updating(self) -> Iterator[dict[str, np.ndarray]]:
        """Yield the writable arrays; the version goes up at the end, after an error too."""
        with self.lock:
            if self._snapshot is not None:
                self._keep_snapshot()
            try:
                yield dict(self.arrays)
            finally:
                self.version += 1

    def assign(self, name: str, value: ArrayLike) -> None:
        """Copy `value` into the parameter `name`, cast to its dtype.

        Raises
        ------
        TypeError
            If `value` is not an array of real numbers.
        ValueError
            If its shape is not the parameter's.
        """
        array = self.arrays[name]
        copied = _real_array(name, value, array.dtype)
        if copied.shape != array.shape:
            raise ValueError(f"{name} must have shape {array.shape}, got {copied.shape}")
        self._copy({name: copied})

    def load(self, mapping: Mapping[str, ArrayLike], owner: str) -> None:
        """Copy the values of `mapping`, whose keys must be exactly the parameters' names.

        `owner` is the class of the model, for messages.

        Raises
        ------
        TypeError
            If `mapping` is not a mapping.
        RuntimeError
            Naming every missing, unexpected, misshapen or non-numeric entry; nothing is changed.
        """
        if not isinstance(mapping, Mapping):
            raise TypeError(f"state_dict must be a mapping, got {type(mapping).__name__}")
        problems = name_problems(self.arrays, mapping)
        values = {}
        for name, array in self.arrays.items():
            if name not in mapping:
                continue
            try:
                value = values[name] = _real_array(name, mapping[name], array.dtype)
            except TypeError as reason:
                problems.append(str(reason))
                continue
            if value.shape != array.shape:
                problems.append(shape_problem(name, array.shape, value.shape))
        if problems:
            raise RuntimeError(f"cannot load state_dict into {owner}: " + "; ".join(problems))
        self._copy(values)

    def _copy(self, values):
        with self.updating() as arrays:
            for name, value in values.items():
                arrays[name][...] = value


class Gradients(Mapping[str, np.ndarray]):
    """One writable array for each parameter; setting an item writes into its array."""

    def __init__(self, parameters: Parameters) -> None:
        self._arrays = {name: np.zeros_like(array) for name, array in parameters.arrays.items()}

    def __getitem__(self, name: str) -> np.ndarray:
        return self._arrays[name]

    def __setitem__(self, name: str, value: ArrayLike) -> None:
        array = self._arrays[name]
        if value is not array:
            array[...] = value

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self):
        return f"Gradients({self._arrays!r})"

    def zero(self) -> None:
        """Set every gradient to zero."""
        for array in self._arrays.values():
            array.fill(0)


def _read_only(array):
    view = array.view()
    view.flags.writeable = False
    return view


def _real_array(name, value, dtype):
    """Return a copy of `value` in `dtype`: what fails, fails before a parameter is touched."""
    array = as_ndarray(name, value)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be an array of real numbers, got dtype {array.dtype}")
    return np.array(array, dtype=dtype)
