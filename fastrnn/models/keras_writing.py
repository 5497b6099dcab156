# SPDX-License-Identifier: Apache-2.0
"""Models and layers as Keras 3 describes them: what `Model.to_json` writes."""

from typing import Any

import numpy as np

from .. import activations, constraints, initializers, layers, regularizers
from ..activations import KERAS_LAYERS
from ..graph.arithmetic import Arithmetic
from ..graph.indexing import GetItem
from ..graph.matmul import MatMul
from ..graph.structure import convert
from ..graph.symbolic import SymbolicTensor

# What a description of here has as its "backend". That of Keras 3 has none.
WRITER = "fastrnn"
OPERATIONS = "keras.src.ops.numpy"
# Where Keras has what is named in a configuration.
_KINDS = {"initializers": initializers, "regularizers": regularizers, "constraints": constraints}
# Arguments that not all of Keras' layers have, and their values that mean what Keras does.
_LEFT_OUT = {"nan": False, "trainable": True}


def described(layer: Any) -> dict[str, Any]:
    """Return what describes a layer or model, as Keras 3 reads it; plain values.

    Raises
    ------
    ValueError
        If it has a part that cannot be described.
    """
    of_model = getattr(layer, "keras_description", None)
    return of_layer(layer) if of_model is None else of_model()


def of_sequence(model: Any, within: list[Any]) -> dict[str, Any]:
    """Return what describes a Sequential of the layers `within`, its input layer among them."""
    config = model.get_config()
    config["layers"] = [described(layer) for layer in within]
    return _entry("keras", "Sequential", config)


def of_graph(model: Any, name: str | None = None) -> dict[str, Any]:
    """Return what describes a functional model, whose class is Keras' or, by its `name`, the
    caller's."""
    module = "keras.src.models.functional" if name is None else None
    name = name or "Functional"
    return _entry(module, name, _graph(model), name)


def of_layer(layer: Any) -> dict[str, Any]:
    """Return what describes a layer, or a model that only its class describes."""
    config = {key: _value(key, value) for key, value in layer.get_config().items()
              if key not in _LEFT_OUT or value != _LEFT_OUT[key]}
    for name in ("layer", "backward_layer"):
        if isinstance(config.get(name), dict):
            config[name] = described(_part(layer, name))
    known = _is_ours(type(layer))
    name = type(layer).__name__
    if name != "InputLayer":
        config.pop("batch_shape", None)     # an input layer alone has it
    return _entry("keras.layers" if known else None, name, config, None if known else name)


def _part(layer, name):
    """The layer that an argument gave; that of a Bidirectional is its forward layer."""
    return layer.forward_layer if name == "layer" and hasattr(layer, "forward_layer") else (
        getattr(layer, name))


def _is_ours(cls):
    return getattr(layers, cls.__name__, None) is cls


def _entry(module, name, config, registered=None):
    return {"module": module, "class_name": name, "config": config, "registered_name": registered}


def _value(key, value):
    if isinstance(value, dict) and "class_name" in value and "config" in value:
        name, config = value["class_name"], value["config"]
        if key.endswith("activation"):
            if not hasattr(activations, name):      # a class of the caller's
                return _entry(None, name, config, name)
            made = activations.get(value)
            if config in ({}, activations.get(made.name).get_config()):
                return made.name
            return _entry("keras.layers", KERAS_LAYERS.get(name, name), config)
        for kind, module in _KINDS.items():
            if hasattr(module, name):
                return _entry(f"keras.{kind}", name, config)
        return _entry(None, name, config, name)
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value


# -- graphs --------------------------------------------------------------------------------------


def _graph(model):
    graph = model.graph
    nodes = [tensor.node for tensor in graph.inputs] + graph.nodes
    if any(node.inputs is not None for node in nodes[:len(graph.inputs)]):
        raise ValueError(f"{model.name} begins inside another graph; only models whose inputs "
                         "are made by Input can be described")
    place, calls = {}, {}
    for node in nodes:
        of_layer = calls.setdefault(id(node.layer), [])
        place[id(node)] = len(of_layer)
        of_layer.append(node)

    def reference(tensor):
        return [tensor.node.layer.name, place[id(tensor.node)], tensor.index]

    def value(item):
        if isinstance(item, SymbolicTensor):
            return {"class_name": "__keras_tensor__", "config": {
                "shape": list(item.shape), "dtype": str(item.dtype),
                "keras_history": reference(item)}}
        if isinstance(item, np.ndarray):
            return {"class_name": "__numpy__",
                    "config": {"value": item.tolist(), "dtype": item.dtype.name}}
        if isinstance(item, slice):
            return {"class_name": "__slice__", "config": {
                name: getattr(item, name) for name in ("start", "stop", "step")}}
        if item is Ellipsis:
            return {"class_name": "__ellipsis__", "config": {}}
        return [value(part) for part in item] if isinstance(item, list | tuple) else item

    entries = []
    for layer in graph.layers:
        operation = _operation(layer)
        entry = described(layer) if operation is None else _entry(
            OPERATIONS, operation, {"name": layer.name}, operation)
        entry["name"] = layer.name
        entry["inbound_nodes"] = []
        for node in calls[id(layer)]:
            if node.inputs is None:
                continue
            args, kwargs = _call(layer, node)
            entry["inbound_nodes"].append({
                "args": [value(item) for item in args],
                "kwargs": {name: value(item) for name, item in kwargs.items()}})
        entries.append(entry)
    return {"name": model.name, "trainable": model.trainable, "layers": entries,
            "input_layers": convert(reference, model._input_structure),
            "output_layers": convert(reference, model._output_structure)}


def _operation(layer):
    """Keras' name of an operator."""
    if isinstance(layer, GetItem):
        return "GetItem"
    if isinstance(layer, MatMul):
        return "Matmul"
    if isinstance(layer, Arithmetic):
        return "".join(part.capitalize() for part in layer.operation.split("_"))
    return None


def _call(layer, node):
    """Return the arguments of a call as Keras has them: (args, kwargs)."""
    options = {name: item for name, item in node.options.items() if name != "uses_mask"}
    if node.training is not None:
        options["training"] = node.training
    several = node.takes_list
    mask = node.mask
    if isinstance(layer, GetItem):
        return [node.inputs[0], layer.key], {}
    if isinstance(layer, Arithmetic | MatMul):
        args = list(node.inputs)
        if layer.constant is not None:
            constant = layer.constant
            args.insert(0 if layer.constant_first else 1,
                        constant if constant.ndim else constant.item())
        return args, {}
    if several and layer.takes_constants:
        options["initial_state"] = list(node.inputs[1:])
        mask = mask[0] if isinstance(mask, list) else mask
        node_inputs = node.inputs[0]
    else:
        node_inputs = node.given()
    if mask is not None:
        options["mask"] = mask
    return [node_inputs], options
