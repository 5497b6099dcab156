# SPDX-License-Identifier: Apache-2.0
"""Activations: a number for a number, and the derivative.

Each is an object that is called with an array; ``forward`` and ``backward`` are the same for a
tape. float32 stays float32, float64 stays float64, everything else is read as float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._common.classes import find
from .._common.registry import Registry, snake_case
from ..engine.recurrence import ACTIVATIONS
from .along_axis import LogSoftmax, Softmax
from .base import Activation, Applying
from .vector import (
    Elu,
    Exponential,
    Gelu,
    HardSigmoid,
    LeakyRelu,
    Linear,
    Mish,
    Relu,
    Relu6,
    Selu,
    Sigmoid,
    Silu,
    Softplus,
    Softsign,
    Tanh,
)

__all__ = [
    "Activation",
    "Applying",
    "Elu",
    "Exponential",
    "Gelu",
    "HardSigmoid",
    "LeakyRelu",
    "Linear",
    "LogSoftmax",
    "Mish",
    "Relu",
    "Relu6",
    "Selu",
    "Sigmoid",
    "Silu",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "hard_sigmoid",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mish",
    "name_in_time_loop",
    "names",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "swish",
    "tanh",
]

linear = Linear()
tanh = Tanh()
sigmoid = Sigmoid()
hard_sigmoid = HardSigmoid()
relu = Relu()
leaky_relu = LeakyRelu()
relu6 = Relu6()
elu = Elu()
selu = Selu()
softplus = Softplus()
softsign = Softsign()
exponential = Exponential()
gelu = Gelu()
silu = swish = Silu()
mish = Mish()
softmax = Softmax()
log_softmax = LogSoftmax()

# Activations with arguments are layers in Keras.
KERAS_LAYERS = {"Relu": "ReLU", "LeakyRelu": "LeakyReLU", "Elu": "ELU", "Softmax": "Softmax"}


class _Activations(Registry):
    """Objects by their names; what has no derivative is refused."""

    def get(self, identifier: Any) -> Any:
        if identifier is None:
            return linear
        kind = identifier if isinstance(identifier, type) else type(identifier)
        if issubclass(kind, Applying):
            return (identifier() if kind is identifier else identifier).activation
        if callable(identifier) and not issubclass(kind, Activation):
            raise ValueError(f"activation {identifier!r} has no derivative: a function cannot be "
                             f"trained through; give one of {', '.join(self.names())}, or an "
                             "Activation of your own with forward and backward")
        found = super().get(identifier)
        # What a description names may be a layer.
        return found.activation if isinstance(found, Applying) else found

    def refusal(self, identifier: Any) -> Any:
        return ValueError("activation must be None, an Activation or one of "
                          f"{', '.join(self.names())}; got {identifier!r}")

    def restored(self, name: str, options: dict[str, Any]) -> Any:
        if "name" in options:
            # A layer's. Its dtype, which Keras may describe by a dict, is that of what it is in.
            options = {key: value for key, value in options.items() if key != "dtype"}
            layer: Any = find(name)
            return layer.from_config(options)
        activation: Any = self.named(snake_case(str(name)))
        return type(activation).from_config(options)


_registry = _Activations("activation", (), {
    activation.name: activation
    for activation in (linear, tanh, sigmoid, hard_sigmoid, relu, leaky_relu, relu6, elu, selu,
                       softplus, softsign, exponential, gelu, silu, mish, softmax, log_softmax)
} | {"swish": silu})


def names() -> list[str]:
    """Return the names that `get` knows, in order."""
    return _registry.names()


def name_in_time_loop(activation: Any) -> str | None:
    """Return the name by which the compiled time loop has an activation, or None if it has not.

    It has those whose slope follows from the value, without options of their own.
    """
    return activation.name if activation.name in ACTIVATIONS and _is_named(activation) else None


def _is_named(activation):
    """Whether the name of an activation says all of it."""
    known = _registry.known(activation.name)
    return type(known) is type(activation) and known.get_config() == activation.get_config()


def get(identifier: Any) -> Any:
    """Return the activation that `identifier` names.

    Parameters
    ----------
    identifier : None, str, Activation, a class of one, dict, or layer
        None is `linear`; a dict is what `serialize` gave; a layer is one of an activation, such as
        ``LeakyReLU()``.

    Raises
    ------
    ValueError
        If it is another name, or something without a derivative: a function.
    """
    return _registry.get(identifier)


def serialize(activation: Any) -> Any:
    """Return the name of an activation; with options of its own ``{"class_name", "config"}``."""
    activation = get(activation)
    if _is_named(activation):
        return activation.name
    return {"class_name": type(activation).__name__, "config": activation.get_config()}


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the activation that `serialize` described, or Keras for a layer or function.

    Parameters
    ----------
    config : dict, str or None
    custom_objects : mapping of str to type, optional
        Classes of the caller's own, by name; by default those given to what loads a model.
    """
    described = isinstance(config, dict | str)
    return get(_registry.deserialize(config, custom_objects) if described else config)
