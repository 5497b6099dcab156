# SPDX-License-Identifier: Apache-2.0
"""Inputs and outputs of models: one value, or lists and dicts of values, nested as one likes.

The values of a dict come in the order of its sorted keys.
"""

from collections.abc import Callable
from typing import Any, TypeGuard


def flatten(structure: Any) -> list[Any]:
    """Return the values of a structure of lists, tuples and dicts as a list."""
    if isinstance(structure, dict):
        return [leaf for key in in_order(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, list | tuple):
        return [leaf for value in structure for leaf in flatten(value)]
    return [structure]


def pack(structure: Any, leaves: list[Any]) -> Any:
    """Return a structure like `structure` with other values."""
    return _pack(structure, iter(leaves))


def _pack(structure, leaves):
    if isinstance(structure, dict):
        packed = {key: _pack(structure[key], leaves) for key in in_order(structure)}
        return {key: packed[key] for key in structure}
    if isinstance(structure, list | tuple):
        return _like(structure, [_pack(value, leaves) for value in structure])
    return next(leaves)


def convert(function: Callable[[Any], Any], structure: Any) -> Any:
    """Return a structure of the results of `function` on its values; None stays None."""
    if isinstance(structure, dict):
        return {key: convert(function, value) for key, value in structure.items()}
    if isinstance(structure, list | tuple):
        return _like(structure, [convert(function, value) for value in structure])
    return None if structure is None else function(structure)


def likeness(structure: Any) -> Any:
    """Return the structure with nothing in it: what JSON needs to tell a list from a value."""
    return convert(lambda _: 0, structure)


def in_order(structure: dict[str, Any]) -> list[str]:
    """Return the keys of a dict in the order in which its values come."""
    return sorted(structure, key=str)


def _like(structure, values):
    """A list, tuple or named tuple as `structure` is one."""
    return type(structure)(*values) if hasattr(structure, "_fields") else type(structure)(values)


def is_nested(structure: Any) -> TypeGuard[list[Any] | tuple[Any, ...] | dict[str, Any]]:
    """Return whether it is a list, a tuple or a dict."""
    return isinstance(structure, list | tuple | dict)


def spread(what: str, value: Any, like: Any) -> list[Any]:
    """Return the part of `value` for each leaf of the structure `like`, None for what is missing.

    Parameters
    ----------
    what : str
        The argument's name, for messages.
    value : dict, list or tuple as in `like`, or None
        Its leaves may be lists and dicts themselves.
    like : structure

    Raises
    ------
    ValueError
        If it has an unknown key, is no dict or list where `like` is one, or has another length.
    """
    if value is None or not is_nested(like):
        return [value] if not is_nested(like) else [None] * len(flatten(like))
    if isinstance(like, dict):
        keys = in_order(like)
        if not isinstance(value, dict):
            raise ValueError(f"{what} must be a dict with the outputs' names, "
                             f"{', '.join(map(str, keys))}; got {type(value).__name__}")
        unknown = [str(key) for key in value if key not in like]
        if unknown:
            raise ValueError(f"{what} names {', '.join(sorted(unknown))}; the outputs are "
                             f"{', '.join(map(str, keys))}")
        return [leaf for key in keys
                for leaf in spread(f"{what}[{key!r}]", value.get(key), like[key])]
    if not isinstance(value, list | tuple) or len(value) != len(like):
        got = f"{len(value)}" if isinstance(value, list | tuple) else type(value).__name__
        raise ValueError(f"{what} must be a list of {len(like)}, as the outputs are; got {got}")
    return [leaf for k, item in enumerate(like)
            for leaf in spread(f"{what}[{k}]", value[k], item)]


def paths(structure: Any) -> list[tuple[Any, ...]]:
    """Return the way to each value, a tuple of keys and places in lists."""
    if isinstance(structure, dict):
        items: list[Any] = [(key, structure[key]) for key in in_order(structure)]
    elif isinstance(structure, list | tuple):
        items = list(enumerate(structure))
    else:
        return [()]
    return [(key, *path) for key, value in items for path in paths(value)]
