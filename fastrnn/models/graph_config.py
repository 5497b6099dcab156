# SPDX-License-Identifier: Apache-2.0
"""The layers and calls of a functional model as plain values, and back."""

from typing import Any

from ..graph.structure import convert, in_order, likeness, pack
from ..graph.symbolic import SymbolicTensor
from ..layers.described import deserialize, serialize


def layer_configs(layers: list[Any]) -> list[dict[str, Any]]:
    """Return the descriptions of layers."""
    return [serialize(layer) for layer in layers]


def graph_config(model: Any) -> dict[str, Any]:
    """Return the layers and calls of a functional model as plain values."""
    graph = model.graph
    nodes = [tensor.node for tensor in graph.inputs] + graph.nodes
    if any(node.inputs is not None for node in nodes[:len(graph.inputs)]):
        raise ValueError(f"{model.name} begins inside another graph; only models whose inputs "
                         "are made by Input can be saved")
    place = {id(node): k for k, node in enumerate(nodes)}

    def reference(tensor):
        return [place[id(tensor.node)], tensor.index]

    calls = []
    for node in nodes:
        if node.mask is not None:
            raise ValueError(f"{model.name} cannot be saved: {node.layer.name} is called with a "
                             "mask given by hand")
        calls.append({
            "layer": graph.layers.index(node.layer),
            "inputs": [reference(value) if isinstance(value, SymbolicTensor) else
                       {"constant": value.tolist()}
                       for value in node.inputs or ()],
            "several": node.takes_list,
            "training": node.training,
            "options": node.options,
        })
    return {
        "layers": layer_configs(graph.layers),
        "calls": calls,
        "inputs": convert(reference, model._input_structure),
        "outputs": convert(reference, model._output_structure),
        "inputs_like": likeness(model._input_structure),
        "outputs_like": likeness(model._output_structure),
    }


def graph_from_config(cls: type[Any], config: dict[str, Any]) -> Any:
    """Return the functional model that `graph_config` described."""
    layers = [deserialize(layer) for layer in config["layers"]]
    made = []
    for call in config["calls"]:
        layer = layers[call["layer"]]
        if not call["inputs"]:
            made.append([layer.output])
            continue
        tensors = [given["constant"] if isinstance(given, dict) else made[given[0]][given[1]]
                   for given in call["inputs"]]
        result = layer(tensors if call["several"] else tensors[0], training=call["training"],
                       **call["options"])
        made.append(result if isinstance(result, list) else [result])
    inputs = _restored(config["inputs_like"], config["inputs"], made)
    outputs = _restored(config["outputs_like"], config["outputs"], made)
    return cls(inputs, outputs, name=config["name"], trainable=config["trainable"])


def _restored(like, references, made):
    found = []

    def walk(shape, value):
        if isinstance(shape, dict):
            for key in in_order(shape):
                walk(shape[key], value[key])
        elif isinstance(shape, list):
            for inner, item in zip(shape, value, strict=True):
                walk(inner, item)
        else:
            found.append(made[value[0]][value[1]])

    walk(like, references)
    return pack(like, found)
