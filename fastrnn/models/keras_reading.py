# SPDX-License-Identifier: Apache-2.0
"""Models from the descriptions of Keras 3, and of Keras 2 before it: what `model_from_json` reads.

Nothing that a description says is run: classes are looked up among ours and those that the caller
gives, functions among the latter.
"""

import importlib
import inspect
import json
from collections import Counter, deque

import numpy as np

from .._common.notices import warn
from .._common.registry import snake_case
from ..activations import get as activation_of
from ..graph.arithmetic import OPERATIONS
from ..graph.expressions import arithmetic, item
from ..graph.structure import flatten
from ..layers.described import deserialize, given_objects
from .keras_masks import Masks
from .keras_writing import ACTIVATION_LAYERS, WRITER
from .model import Model
from .sequential import Sequential

# Keras' older names.
_RENAMED = {"CuDNNLSTM": "LSTM", "CuDNNGRU": "GRU", "BatchNormalizationV1": "BatchNormalization",
            "BatchNormalizationV2": "BatchNormalization", "LSTMV2": "LSTM", "GRUV2": "GRU"}
_KINDS = ("initializers", "regularizers", "constraints")
# Arguments of Keras' layers that change nothing here, whatever their value.
_WITHOUT_MEANING = {
    "autocast", "implementation", "input_length", "use_cudnn", "sparse", "ragged", "optional",
    "synchronized", "quantization_config", "lora_rank", "lora_alpha", "build_config",
    "input_axes", "output_axes", "experimental_run_tf_function", "virtual_batch_size",
}
# Operators in files of tf.keras 2.
_FUNCTIONS = {"add": "add", "subtract": "subtract", "sub": "subtract", "multiply": "multiply",
              "mul": "multiply", "truediv": "divide", "divide": "divide", "pow": "power",
              "negative": "negative", "neg": "negative", "abs": "absolute", "matmul": "matmul",
              "floordiv": "floor_divide", "mod": "mod", "greater": "greater", "less": "less",
              "greater_equal": "greater_equal", "less_equal": "less_equal", "equal": "equal",
              "not_equal": "not_equal", "logical_and": "logical_and", "logical_or": "logical_or",
              "logical_not": "logical_not"}
# Longer texts are refused: far more than any model has.
_MOST_TEXT = 2**28


def read(text):
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


def restored(description):
    """Return the new layer or model that a dict describes."""
    if not isinstance(description, dict) or "class_name" not in description:
        raise ValueError("a model is described by a dict with class_name and config, "
                         f"got {_short(description)}")
    config = description.get("config", {})
    if isinstance(config, dict) and "calls" in config:
        return deserialize(description)
    old = str(description.get("keras_version", "3"))[0] in "012"
    return _Reader(old, description.get("backend") == WRITER).layer(description)


def options(cls, config):
    """Return the arguments of a class of layers from its configuration in Keras 3."""
    return _Reader().options(cls, cls.__name__, config)


class _Reader:
    """Reads one description; `old` says that Keras 2 or an older one wrote it, `ours` that it is
    of here."""

    def __init__(self, old=False, ours=False):
        self.old, self.ours = old, ours

    # -- layers ------------------------------------------------------------------------------

    def layer(self, entry):
        """Return the layer or model of an entry."""
        if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str):
            raise ValueError("a layer is described by a dict with class_name and config, "
                             f"got {_short(entry)}")
        name, config = _RENAMED.get(entry["class_name"], entry["class_name"]), entry["config"]
        name = name.rpartition(">")[2]
        own = given_objects().get(entry.get("registered_name"), given_objects().get(name))
        if own is None and name == "Sequential":
            return self.sequential(config)
        is_graph = isinstance(config, dict) and {"layers", "output_layers"} <= config.keys()
        if is_graph:
            return self.functional(own or Model, config)
        if name == "Lambda" and not isinstance(config.get("function"), str | dict):
            raise ValueError(_REFUSED_CODE)
        cls = own or self._class(name)
        if own is not None and not hasattr(own, "from_config"):
            raise ValueError(f"custom_objects[{name!r}] must be a class with from_config, got "
                             f"{_short(own)}")
        return cls.from_config(self.options(cls, name, config))

    @staticmethod
    def _class(name):
        from .. import layers

        found = getattr(layers, name, None) if name in layers.__all__ else None
        if not isinstance(found, type):
            raise ValueError(f"no layer is named {name!r} here; classes of your own are given as "
                             f"custom_objects={{{name!r}: {name}}}")
        return found

    def options(self, cls, name, config):
        """Return the arguments of a class from its configuration in Keras."""
        if not isinstance(config, dict):
            raise ValueError(f"the config of {name} must be a dict, got {_short(config)}")
        made = {}
        taken = None if cls in given_objects().values() else _parameters(cls)
        for key, value in config.items():
            key = {"batch_input_shape": "batch_shape"}.get(key, key)
            if taken is None or key in taken:
                made[key] = self.value(key, value)
            elif not (key in _WITHOUT_MEANING or value in (None, False, 0, "auto", [], {})):
                raise ValueError(f"{name} has no argument {key!r} here, whose value in the "
                                 f"description is {_short(value)}")
        if self.old and name == "GRU" and "reset_after" not in config:
            made["reset_after"] = False     # the default before Keras 3
        if self.old and name == "BatchNormalization" and isinstance(made.get("axis"), list):
            made["axis"], = made["axis"]    # a list in tf.keras 2
        return made

    def value(self, key, value):
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
        for kind in _KINDS:
            if key.endswith(kind[:-1]):
                return self._object(kind, name, config)
        return {**value, "config": config}

    def _object(self, kind, name, config):
        cls = given_objects().get(name) or getattr(
            importlib.import_module(f"fastrnn.{kind}"), name, None)
        if not isinstance(cls, type):
            return importlib.import_module(f"fastrnn.{kind}").get(name)     # says what is known
        return cls.from_config(self.options(cls, name, {
            key: item for key, item in config.items() if key != "dtype"}))

    # -- models ------------------------------------------------------------------------------

    def sequential(self, config):
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

    def functional(self, cls, config):
        """Return the model of a graph."""
        entries = config["layers"]
        names = [entry.get("name") or entry["config"]["name"] for entry in entries]
        twice = sorted(name for name, times in Counter(names).items() if times > 1)
        if twice:
            raise ValueError(f"more than one layer is named {', '.join(twice)}")
        calls = _Calls(self, dict(zip(names, entries, strict=True)))
        calls.run()
        inputs = calls.tensors(config["input_layers"])
        return cls(inputs, calls.tensors(config["output_layers"]), name=config.get("name"),
                   trainable=config.get("trainable", True))


class _Missing(Exception):
    """A call reads what is not made yet: (layer's name, number of its call)."""


class _Calls:
    """The calls of a graph, made in an order in which they can be.

    Attributes
    ----------
    made : dict of (layer's name, number of its call) to list of SymbolicTensor
    """

    def __init__(self, reader, entries):
        self.reader, self.entries = reader, entries
        self.made, self.layers, self.waiting = {}, {}, deque()
        self.masks = Masks()
        for name, entry in entries.items():
            operation = _operation_of(entry)
            if operation is None:
                self.layers[name] = layer = reader.layer(entry)
                if entry["class_name"] == "InputLayer":
                    self.made[name, 0] = [layer.output]
            nodes = entry.get("inbound_nodes") or []
            self.waiting += [(name, k, operation, node) for k, node in enumerate(nodes)]

    def run(self):
        """Make all calls.

        Raises
        ------
        ValueError
            If some read each other, or what is nowhere made.
        """
        blocked = {}        # what calls wait for -> the calls
        while self.waiting:
            call = self.waiting.popleft()
            name, index, operation, node = call
            try:
                args, kwargs = self.arguments(node)
            except _Missing as missing:
                blocked.setdefault(missing.args, []).append(call)
                continue
            self.made[name, index] = flatten(self.called(name, operation, args, kwargs))
            self.waiting.extendleft(reversed(blocked.pop((name, index), [])))
        if blocked:
            listed = ", ".join(sorted({name for calls in blocked.values() for name, *_ in calls}))
            raise ValueError("these layers read each other, or layers that are not there: "
                             f"{listed}")

    def called(self, name, operation, args, kwargs):
        """Return what a layer, or an operator, gives."""
        if operation is None:
            layer = self.layers[name]
            layer_args = inspect.signature(type(layer).__call__).parameters
            self.leave_out_defaults(args, kwargs)
            if "initial_state" in kwargs and "initial_state" not in layer_args:
                raise ValueError(f"{name} takes no initial_state")
            result = layer(*args, **kwargs)
            self.masks.note(layer, args, flatten(result))
            return result
        if operation == "any":
            config = self.entries[name]["config"]
            return self.masks.any_of(*args, **kwargs or {
                key: config.get(key) for key in ("axis", "keepdims")})
        values = [*args, *(value for key, value in kwargs.items() if key != "name")]
        result = item(values[0], _key(values[1])) if operation == "getitem" else (
            arithmetic(operation, *values))
        result.node.layer.name = name
        return result

    def leave_out_defaults(self, args, kwargs):
        """Take out of the arguments what Keras writes down without having been told."""
        mask = kwargs.get("mask", kwargs)
        if mask is None or ("initial_state" not in kwargs and self.masks.is_carried(args, mask)):
            del kwargs["mask"]
        if kwargs.get("training") is False and not (self.reader.old or self.reader.ours):
            del kwargs["training"]      # of every call that may be in training

    def arguments(self, node):
        """Return (args, kwargs) of a call as Keras 3 or Keras 2 wrote it."""
        if isinstance(node, dict):
            if "args" in node:
                return self.values(node["args"]), self.values(node.get("kwargs", {}))
            raise ValueError(f"a call is described by args and kwargs, got {_short(node)}")
        if not isinstance(node, list) or not node:
            raise ValueError(f"a call is described by a list or a dict, got {_short(node)}")
        references = [node] if isinstance(node[0], str) else node
        inputs, kwargs = [], {}
        for name, index, place, *more in references:
            inputs.append(np.array(place) if name == "_CONSTANT_VALUE" else
                          self.tensor(name, index, place))
            kwargs |= self.values(more[0]) if more and more[0] else {}
        # With states a recurrent layer was called on [sequence, *states].
        return [inputs[0] if len(inputs) == 1 else inputs], kwargs

    def values(self, value):
        """Return arguments with tensors, arrays and slices in place of their descriptions."""
        if isinstance(value, list):
            if self.is_reference(value):
                return self.tensor(*value[:3])
            return [self.values(part) for part in value]
        if not isinstance(value, dict):
            return value
        config = value.get("config")
        kind = value.get("class_name")
        if kind == "__keras_tensor__":
            return self.tensor(*config["keras_history"])
        if kind in ("__numpy__", "__tensor__"):
            return np.asarray(config["value"], config["dtype"])
        if kind == "__slice__":
            return slice(config["start"], config["stop"], config["step"])
        if kind == "__ellipsis__":
            return Ellipsis
        if kind == "__tuple__":
            return tuple(self.values(part) for part in value["items"])
        return {key: self.values(part) for key, part in value.items()}

    def is_reference(self, value):
        """Whether a list is [layer's name, number of its call, place among its outputs]."""
        return (len(value) in (3, 4) and isinstance(value[0], str) and value[0] in self.entries
                and all(type(part) is int for part in value[1:3]))

    def tensor(self, name, index, place):
        """Return what a call made."""
        if name not in self.entries:
            raise ValueError(f"a call reads the layer {name!r}, which is not there")
        if (name, index) not in self.made:
            raise _Missing(name, index)
        made = self.made[name, index]
        if not 0 <= place < len(made):
            raise ValueError(f"{name} has {len(made)} outputs; output {place} is read")
        return made[place]

    def tensors(self, references):
        """Return the inputs or outputs of the model, in their structure."""
        if isinstance(references, list) and self.is_reference(references):
            try:
                return self.tensor(*references[:3])
            except _Missing:
                raise ValueError(f"nothing calls {references[0]!r}, an output of the model"
                                 ) from None
        if isinstance(references, dict):
            return {key: self.tensors(part) for key, part in references.items()}
        if not isinstance(references, list):
            raise ValueError(f"inputs and outputs are lists of names, got {_short(references)}")
        return [self.tensors(part) for part in references]


def _operation_of(entry):
    """Return our name of the operator that an entry is, None if it is a layer."""
    name, module = entry.get("class_name"), entry.get("module") or ""
    config = entry.get("config") or {}
    if name in ("TFOpLambda", "SlicingOpLambda"):
        function = str(config.get("function")).rpartition(".")[2]
        found = "getitem" if function == "getitem" else _FUNCTIONS.get(function)
        if found is None:
            raise ValueError(f"the operation {config.get('function')!r} is not there here")
        return found
    if not isinstance(module, str) or ".ops" not in module:
        return None
    if name == "GetItem":
        return "getitem"
    found = snake_case(str(name))
    found = {"true_divide": "divide"}.get(found, found)
    if found not in ("matmul", "any") and found not in OPERATIONS:
        raise ValueError(f"the operation {name!r} is not there here")
    return found


def _key(key):
    """An index, of which JSON has made lists of the tuples."""
    if isinstance(key, dict):       # SlicingOpLambda
        return slice(key.get("start"), key.get("stop"), key.get("step"))
    if isinstance(key, list):
        return tuple(_key(part) for part in key)
    return key


def _activation(value):
    if isinstance(value, dict):
        name, config = value.get("class_name"), value.get("config", {})
        if name == "function":
            return _function(config)
        ours = {theirs: ours for ours, theirs in ACTIVATION_LAYERS.items()}.get(name, name)
        if isinstance(config, dict) and ours in ACTIVATION_LAYERS:
            fields = activation_of({"class_name": ours, "config": {}}).get_config()
            config = {key: item for key, item in config.items() if key in fields}
        return {"class_name": ours, "config": config}
    return given_objects().get(value, value) if isinstance(value, str) else value


def _function(name):
    """A function by its name: one that is given, or a name for what is ours."""
    if isinstance(name, dict):
        name = name.get("config", {}).get("name", name.get("class_name"))
    return given_objects().get(name, name)


_REFUSED_CODE = ("a Lambda holds the code of a function, which is not run here: give the function "
                 "in custom_objects by its name, or write a layer")


def _parameters(cls):
    """Return the names of the constructor's arguments, those handed on to its bases included."""
    own = inspect.signature(cls.__init__).parameters.values()
    names = {p.name for p in own}
    if any(p.kind is p.VAR_KEYWORD for p in own):
        for base in cls.__mro__[1:-1]:
            names |= set(inspect.signature(base.__init__).parameters)
    return names - {"self", "args", "arguments", "options", "unknown"}


def _short(value):
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
