# SPDX-License-Identifier: Apache-2.0
"""Inputs and outputs of models: one value, or lists and dicts of values, nested as one likes.

The values of a dict come in the order of its sorted keys.
"""


def flatten(structure):
    """Return the values of a structure of lists, tuples and dicts as a list."""
    if isinstance(structure, dict):
        return [leaf for key in in_order(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, list | tuple):
        return [leaf for value in structure for leaf in flatten(value)]
    return [structure]


def pack(structure, leaves):
    """Return a structure like `structure` with other values."""
    return _pack(structure, iter(leaves))


def _pack(structure, leaves):
    if isinstance(structure, dict):
        packed = {key: _pack(structure[key], leaves) for key in in_order(structure)}
        return {key: packed[key] for key in structure}
    if isinstance(structure, list | tuple):
        return _like(structure, [_pack(value, leaves) for value in structure])
    return next(leaves)


def convert(function, structure):
    """Return a structure of the results of `function` on its values; None stays None."""
    if isinstance(structure, dict):
        return {key: convert(function, value) for key, value in structure.items()}
    if isinstance(structure, list | tuple):
        return _like(structure, [convert(function, value) for value in structure])
    return None if structure is None else function(structure)


def in_order(structure):
    """Return the keys of a dict in the order in which its values come."""
    return sorted(structure, key=str)


def _like(structure, values):
    """A list, tuple or named tuple as `structure` is one."""
    return type(structure)(*values) if hasattr(structure, "_fields") else type(structure)(values)


def is_nested(structure):
    """Whether it is a list, a tuple or a dict."""
    return isinstance(structure, list | tuple | dict)
