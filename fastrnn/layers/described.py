# SPDX-License-Identifier: Apache-2.0
"""Layers and models as plain values: ``{"class_name", "config"}``, and back."""

from typing import Any

from .._common.classes import custom_objects, find, given_object, given_objects
from .._common.quiet import is_own
from ..graph.operation import Operation, plain

__all__ = ["copy", "custom_objects", "deserialize", "given_object", "given_objects", "serialize"]


def serialize(layer: Operation) -> dict[str, Any]:
    """Return what describes a layer or model, as plain values."""
    return plain(layer)


def deserialize(config: Any) -> Any:
    """Return the new layer or model that `serialize` described; its weights are new.

    A layer is given back as it is.

    Raises
    ------
    ValueError
        If it is no such description, or its class is not known here.
    """
    if isinstance(config, Operation):
        return config
    if not isinstance(config, dict) or "class_name" not in config:
        raise ValueError(f"a layer is described by a dict with class_name and config, "
                         f"got {config!r}")
    kind: Any = find(config["class_name"], Operation)
    return kind.from_config(config["config"])


def copy(layer: Any, **changes: Any) -> Any:
    """Return a new layer or model of the same description but for `changes`; its weights are new.

    The caller's own classes that it is made of need not be given.
    """
    with custom_objects(_own_classes(layer)):
        return type(layer).from_config({**layer.get_config(), **changes})


def _own_classes(layer):
    """The caller's classes by name: of the layers within, their activations, initialisers, ..."""
    parts = [layer, *(part for part in vars(layer).values() if hasattr(part, "get_config"))]
    classes = {type(part).__name__: type(part) for part in parts if not is_own(type(part))}
    for inner in layer.sublayers():
        classes |= _own_classes(inner)
    return classes
