# SPDX-License-Identifier: Apache-2.0
"""What an optimiser keeps, as named arrays: the form in which files hold it.

A state maps each slot (such as "m") to one array for each variable, by the variable's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from .._common import checks


def saved(steps: int, state: dict[str, dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the arrays "steps" and "slot.variable"."""
    arrays = {"steps": np.array([steps], dtype=np.int64)}
    for slot, by_name in state.items():
        arrays.update((f"{slot}.{name}", array) for name, array in by_name.items())
    return arrays


def loaded(mapping: Mapping[str, np.ndarray], slots: list[str],
           kind: str) -> tuple[int, dict[str, dict[str, np.ndarray]]]:
    """Return (steps, state) of the arrays of `saved`, copied.

    Parameters
    ----------
    mapping : mapping of str to array
    slots : list of str
        The slots that the state must have; without any array it is {}.
    kind : str
        Whose state it is, for messages.

    Raises
    ------
    TypeError
        If `mapping` is not a mapping, or an entry not an array.
    ValueError
        If it is not such a state.
    """
    if not isinstance(mapping, Mapping):
        raise TypeError(f"state_dict must be a mapping, got {type(mapping).__name__}")
    if "steps" not in mapping:
        raise ValueError("the optimizer's state has no 'steps'")
    steps = _steps(mapping["steps"])
    state: dict[str, dict[str, np.ndarray]] = {slot: {} for slot in slots}
    for key, value in mapping.items():
        if key == "steps":
            continue
        slot, _, name = key.partition(".") if isinstance(key, str) else (None, None, None)
        if slot not in state:
            raise ValueError(f"{key!r} is not part of the state of {kind}")
        state[slot][name] = _array(key, value)
    names = [sorted(arrays) for arrays in state.values()]
    if any(other != names[0] for other in names):
        raise ValueError(f"the optimizer's {', '.join(slots)} have different names")
    return steps, state if names and names[0] else {}


def check_names(state: dict[str, dict[str, np.ndarray]], names: Iterable[str]) -> None:
    """Raise unless every slot of `state` has exactly `names`."""
    for slot, arrays in state.items():
        if set(arrays) != set(names):
            odd = ", ".join(sorted(set(arrays) ^ set(names)))
            raise ValueError(f"the optimizer's {slot} must have the names of the variables; "
                             f"in one only: {odd}")


def _steps(value):
    steps = checks.as_ndarray("steps", value)
    if steps.dtype.kind not in "iu" or steps.size != 1 or steps.item() < 0:
        raise ValueError(f"steps must be one integer of at least 0, got {value!r}")
    return int(steps.item())


def _array(name, value):
    array = checks.as_ndarray(name, value)
    if array.dtype.kind != "f":
        raise ValueError(f"{name} must be an array of floats, got dtype {array.dtype}")
    return array.copy(order="C")
