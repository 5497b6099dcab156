# SPDX-License-Identifier: Apache-2.0
"""Optimisers: small changes of variables along their gradients, in Keras' words.

``optimizer.apply(variables)`` serves the layers of fastrnn.layers, ``optimizer.step(module)`` an
engine.
"""

from __future__ import annotations

from typing import Any

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


class _Optimizers(Registry):
    """Known by their classes' names in letters of any size."""

    def get(self, identifier: Any) -> Any:
        if identifier is None or isinstance(identifier, Optimizer):
            return identifier
        if isinstance(identifier, str):
            return self.deserialize({"class_name": identifier})
        if isinstance(identifier, dict):
            return self.deserialize(identifier)
        raise self.refusal(identifier)

    def known(self, name: str) -> Any:
        return super().known(name.lower() if isinstance(name, str) else name)

    def refusal(self, identifier: Any) -> Any:
        if isinstance(identifier, str):
            return super().refusal(identifier.lower())
        return ValueError("optimizer must be a name, an Optimizer or a config, got "
                          f"{identifier!r}")


_registry = _Optimizers("optimizer", (), {kind.__name__.lower(): kind for kind in (
    SGD, Adadelta, Adagrad, Adam, AdamW, Adamax, Nadam, RMSprop)})
get, serialize, deserialize = _registry.get, _registry.serialize, _registry.deserialize


def __getattr__(name):
    return oldnames.find(__name__, name)
