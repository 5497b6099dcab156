# SPDX-License-Identifier: Apache-2.0
"""Layers from the configurations of Keras 3, and of Keras 2 before it; they may hold models.

Nothing that a description says is run: classes are looked up among ours and those that the caller
gives, functions among the latter.
"""

import inspect
from typing import Any

from .. import activations, constraints, initializers, layers, regularizers
from .._common.classes import given_objects
from .._common.notices import warn

# Keras' older names.
_RENAMED = {"CuDNNLSTM": "LSTM", "CuDNNGRU": "GRU", "BatchNormalizationV1": "BatchNormalization",
            "BatchNormalizationV2": "BatchNormalization", "LSTMV2": "LSTM", "GRUV2": "GRU"}
_KINDS = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}
# Arguments of Keras' layers that change nothing here, whatever their value.
_WITHOUT_MEANING = {
    "autocast", "implementation", "input_length", "use_cudnn", "sparse", "ragged", "optional",
    "synchronized", "quantization_config", "lora_rank", "lora_alpha", "build_config",
    "input_axes", "output_axes", "experimental_run_tf_function", "virtual_batch_size",
}
_REFUSED_CODE = ("a Lambda holds the code of a function, which is not run here: give the function "
                 "in custom_objects by its name, or write a layer")


class Reader:
    """Reads one description; `old` says that Keras 2 or an older one wrote it, `ours` that it is
    of here."""

    def __init__(self, old: bool = False, ours: bool = False) -> None:
        self.old, self.ours = old, ours

    def layer(self, entry: Any) -> Any:
        """Return the layer or model of an entry."""
        if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str):
            raise ValueError("a layer is described by a dict with class_name and config, "
                             f"got {short(entry)}")
        name: str = entry["class_name"]
        name, config = _RENAMED.get(name, name), entry["config"]
        name = name.rpartition(">")[2]
        registered: Any = entry.get("registered_name")
        own = given_objects().get(registered, given_objects().get(name))
        is_graph = isinstance(config, dict) and {"layers", "output_layers"} <= config.keys()
        if is_graph or (own is None and name == "Sequential"):
            return self.model(own, name, config)
        if name == "Lambda" and not isinstance(config.get("function"), str | dict):
            raise ValueError(_REFUSED_CODE)
        cls = own or self._class(name)
        if own is not None and not hasattr(own, "from_config"):
            raise ValueError(f"custom_objects[{name!r}] must be a class with from_config, got "
                             f"{short(own)}")
        return cls.from_config(self.options(cls, name, config))

    def model(self, own: type[Any] | None, name: str, config: Any) -> Any:
        """Return the model of an entry; `own` is its class, where that is the caller's."""
        raise NotImplementedError

    @staticmethod
    def _class(name):
        found = getattr(layers, name, None) if name in layers.__all__ else None
        if not isinstance(found, type):
            raise ValueError(f"no layer is named {name!r} here; classes of your own are given as "
                             f"custom_objects={{{name!r}: {name}}}")
        return found

    def options(self, cls: type[Any], name: str, config: Any) -> dict[str, Any]:
        """Return the arguments of a class from its configuration in Keras."""
        if not isinstance(config, dict):
            raise ValueError(f"the config of {name} must be a dict, got {short(config)}")
        made = {}
        taken = None if cls in given_objects().values() else _parameters(cls)
        for key, value in config.items():
            key = "batch_shape" if key == "batch_input_shape" else key
            if taken is None or key in taken:
                made[key] = self.value(key, value)
            elif not (key in _WITHOUT_MEANING or value in (None, False, 0, "auto", [], {})):
                raise ValueError(f"{name} has no argument {key!r} here, whose value in the "
                                 f"description is {short(value)}")
        if self.old and name == "GRU" and "reset_after" not in config:
            made["reset_after"] = False     # the default before Keras 3
        if self.old and name == "BatchNormalization" and isinstance(made.get("axis"), list):
            made["axis"], = made["axis"]    # a list in tf.keras 2
        return made

    def value(self, key: str, value: Any) -> Any:
        """Return an argument: an object by its description, or the plain value."""
        if self.old and value == "hard_sigmoid":
            warn("hard_sigmoid of Keras 2 is clip(0.2 x + 0.5, 0, 1), that of Keras 3, "
                 "which is used, clip(x / 6 + 0.5, 0, 1)")
        if key.endswith("activation"):
            return _activation(value)
        if not (isinstance(value, dict) and "class_name" in value):
            if key == "function":
                raise ValueError(_REFUSED_CODE)
            return value
        name, config = value["class_name"], value.get("config", {})
        if key == "dtype":
            dtype = config.get("name", "float32")
            if dtype not in ("float32", "float64"):
                raise ValueError(f"dtype policy {dtype!r} is not there here: float32 or float64")
            return dtype
        if name == "function":
            return _function(config)
        if key == "function":
            raise ValueError(_REFUSED_CODE)
        if key in ("layer", "backward_layer", "cell"):
            return self.layer(value)
        for kind, module in _KINDS.items():
            if key.endswith(kind):
                return self._object(module, name, config)
        return {**value, "config": config}

    def _object(self, module, name, config):
        cls = given_objects().get(name) or getattr(module, name, None)
        if not isinstance(cls, type):
            return module.get(name)     # says what is known
        return cls.from_config(self.options(cls, name, {
            key: item for key, item in config.items() if key != "dtype"}))


def _activation(value):
    if isinstance(value, dict):
        name, config = value.get("class_name"), value.get("config", {})
        if name == "function":
            return _function(config)
        ours = {theirs: ours for ours, theirs in activations.KERAS_LAYERS.items()}.get(name, name)
        if isinstance(config, dict) and ours in activations.KERAS_LAYERS:
            fields = activations.get({"class_name": ours, "config": {}}).get_config()
            config = {key: item for key, item in config.items() if key in fields}
        return {"class_name": ours, "config": config}
    return given_objects().get(value, value) if isinstance(value, str) else value


def _function(name):
    """A function by its name: one that is given, or a name for what is ours."""
    if isinstance(name, dict):
        name = name.get("config", {}).get("name", name.get("class_name"))
    return given_objects().get(name, name)

def _parameters(cls):
    """Return the names of the constructor's arguments, those handed on to its bases included."""
    own = inspect.signature(cls.__init__).parameters.values()
    names = {p.name for p in own}
    if any(p.kind is p.VAR_KEYWORD for p in own):
        for base in cls.__mro__[1:-1]:
            names |= set(inspect.signature(base.__init__).parameters)
    return names - {"self", "args", "arguments", "options", "unknown"}


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
