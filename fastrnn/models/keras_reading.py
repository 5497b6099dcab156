# SPDX-License-Identifier: Apache-2.0
"""Models from the descriptions of Keras 3, and of Keras 2 before it: what `model_from_json` reads.
"""

import json
from collections import Counter
from typing import Any

from ..layers.described import deserialize
from .keras_arguments import Reader, short
from .keras_calls import Calls
from .keras_writing import WRITER
from .model import Model
from .sequential import Sequential

# Longer texts are refused: far more than any model has.
_MOST_TEXT = 2**28


def read(text: str | bytes) -> Any:
    """Return the new model of a JSON text, with weights of its own.

    Raises
    ------
    ValueError
        If it is no such description, or names what is not known here.
    """
    if not isinstance(text, str | bytes | bytearray):
        raise TypeError(f"the description of a model must be a str, got {type(text).__name__}")
    if len(text) > _MOST_TEXT:
        raise ValueError(f"the description of a model has {len(text)} characters, more than "
                         f"{_MOST_TEXT}")
    try:
        description = json.loads(text)
        return restored(description)
    except RecursionError:
        raise ValueError("the description of a model is nested too deeply") from None
    except (LookupError, AttributeError, TypeError, ArithmeticError, UnicodeError) as reason:
        raise ValueError("this JSON does not describe a model: "
                         f"{type(reason).__name__}: {reason}") from reason


def restored(description: Any) -> Any:
    """Return the new layer or model that a dict describes."""
    if not isinstance(description, dict) or "class_name" not in description:
        raise ValueError("a model is described by a dict with class_name and config, "
                         f"got {short(description)}")
    config = description.get("config", {})
    if isinstance(config, dict) and "calls" in config:
        return deserialize(description)
    old = str(description.get("keras_version", "3"))[0] in "012"
    return _ModelReader(old, description.get("backend") == WRITER).layer(description)


def options(cls: type[Any], config: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a class of layers from its configuration in Keras 3."""
    return _ModelReader().options(cls, cls.__name__, config)


class _ModelReader(Reader):
    """Reads models, and layers with models in them."""

    def model(self, own: type[Any] | None, name: str, config: Any) -> Any:
        if own is None and name == "Sequential":
            return self._sequential(config)
        return self._functional(own or Model, config)

    def _sequential(self, config):
        """Return a Sequential; in the oldest files its config is the list of layers."""
        if isinstance(config, list):
            config = {"layers": config}
        layers = [self.layer(entry) for entry in config["layers"]]
        model = Sequential(layers, name=config.get("name"),
                           trainable=config.get("trainable", True))
        shape = config.get("build_input_shape")
        if shape and layers and not model.built:
            model.build(tuple(shape))
        return model

    def _functional(self, cls, config):
        """Return the model of a graph."""
        entries = config["layers"]
        names = [entry.get("name") or entry["config"]["name"] for entry in entries]
        twice = sorted(name for name, times in Counter(names).items() if times > 1)
        if twice:
            raise ValueError(f"more than one layer is named {', '.join(twice)}")
        calls = Calls(self, dict(zip(names, entries, strict=True)))
        calls.run()
        inputs = calls.tensors(config["input_layers"])
        return cls(inputs, calls.tensors(config["output_layers"]), name=config.get("name"),
                   trainable=config.get("trainable", True))
