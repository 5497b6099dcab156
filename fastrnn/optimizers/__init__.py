# SPDX-License-Identifier: Apache-2.0
"""Optimisers: small changes of variables along their gradients, in Keras' words.

``optimizer.apply(variables)`` serves the layers of fastrnn.layers, ``optimizer.step(module)`` an
engine or a module of fastrnn.modules.
"""

from .._common import oldnames
from .._common.registry import Registry
from . import schedules
from .base import Optimizer
from .descent import SGD
from .moments import Adam, Adamax, AdamW, Nadam
from .rms import Adadelta, Adagrad, RMSprop

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

_CLASSES = (SGD, Adadelta, Adagrad, Adam, AdamW, Adamax, Nadam, RMSprop)
_registry = Registry("optimizer", (), {kind.__name__.lower(): kind for kind in _CLASSES})
serialize = _registry.serialize


def deserialize(config, custom_objects=None):
    """Return the optimiser that `serialize` described; the class's name in letters of any size.

    Raises
    ------
    ValueError
        If the name is not known or the config is none.
    """
    name = config.get("class_name") if isinstance(config, dict) else None
    if isinstance(name, str) and name not in (custom_objects or {}):
        config = {**config, "class_name": name.lower()}
    return _registry.deserialize(config, custom_objects)


def get(identifier):
    """Return the optimiser that `identifier` names: one itself, a str, a dict or None.

    Raises
    ------
    ValueError
        If it is a name that is not known, or nothing that describes an optimiser.
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str):
        return deserialize({"class_name": identifier})
    if isinstance(identifier, dict):
        return deserialize(identifier)
    raise ValueError("optimizer must be a name, an Optimizer or a config, got "
                     f"{identifier!r}")


def __getattr__(name):
    return oldnames.find(__name__, name)
