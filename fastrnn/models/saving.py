# SPDX-License-Identifier: Apache-2.0
"""Models in files: a description, the weights, the optimiser with its state."""

import os

from .. import io, losses, metrics, optimizers
from ..graph.structure import convert, in_order, likeness, pack
from ..graph.symbolic import SymbolicTensor
from ..layers.described import (
    copy,
    deserialize,
    given_object,
    given_objects,
    serialize,
)
from ..layers.described import custom_objects as known_objects

KIND, WEIGHTS_KIND = "model", "weights"


def save_model(model, path, overwrite, include_optimizer):
    """See `Model.save`."""
    _may_write(path, overwrite)
    if not model.built:
        raise ValueError(f"{model.name} is not built yet: call it on data, or give its input "
                         "shape, before it is saved")
    header = {"kind": KIND, "model": serialize(model)}
    arrays = _arrays(model)
    if model.compiled and include_optimizer:
        header["compile"] = _compiled(model)
        header["optimizer"] = optimizers.serialize(model.optimizer)
        arrays |= {f"optimizer.{key}": array
                   for key, array in model.optimizer.state_dict().items()}
    try:
        io.write(path, arrays, header)
    except TypeError as reason:
        raise ValueError(f"{model.name} cannot be described in a file: {reason}") from None


def save_weights(model, path, overwrite):
    """See `Model.save_weights`."""
    _may_write(path, overwrite)
    io.write(path, _arrays(model), {"kind": WEIGHTS_KIND})


def load_weights(model, path):
    """See `Model.load_weights`."""
    arrays, header = _read(path)
    if header.get("kind") not in (KIND, WEIGHTS_KIND):
        raise io.FileFormatError(path, f"holds {header.get('kind')!r}, no model's weights")
    _set_weights(model, path, arrays)


def load_model(path, custom_objects=None, compile=True, safe_mode=True):
    """Return the model that `Model.save` wrote to `path`.

    Parameters
    ----------
    path : str or os.PathLike
    custom_objects : dict of str to type, optional
        Classes of your own by their names: subclassed models, losses.
    compile : bool
        Whether it is compiled as it was, with the optimiser's state.
    safe_mode : bool
        Accepted; no file can run code here.

    Raises
    ------
    OSError
        If the file cannot be opened.
    fastrnn.io.FileFormatError
        If it is no such file, or is damaged.
    """
    arrays, header = _read(path)
    if header.get("kind") != KIND:
        raise io.FileFormatError(path, f"holds {header.get('kind')!r}, expected {KIND!r}")
    with io.malformed(path), known_objects(custom_objects):
        model = deserialize(header["model"])
    if not model.built:
        # A subclassed model makes its layers when it is first called.
        model._loaded = _Waiting(path, arrays)
    else:
        _set_weights(model, path, arrays)
    if compile and "compile" in header:
        with io.malformed(path), known_objects(custom_objects):
            _compile(model, header, arrays)
    return model


class _Waiting:
    """Weights for a model that has none yet."""

    def __init__(self, path, arrays):
        self.path, self.arrays = path, arrays

    def give(self, model):
        """Set the model's weights."""
        _set_weights(model, self.path, self.arrays)


def clone_model(model):
    """Return a new model of the same description, with weights of its own."""
    return copy(model)


def model_from_json(text, custom_objects=None):
    """Return a new model from a JSON description, without weights.

    Parameters
    ----------
    text : str
        What ``model.to_json()`` gave, here, in Keras 3, or in Keras 2 and tf.keras.
    custom_objects : dict of str to type or function, optional
        Classes and functions of your own by their names.

    Raises
    ------
    ValueError
        If it is no such description, or names a class or argument that is not known here. No code
        in it is run.
    """
    from .keras_reading import read

    with known_objects(custom_objects):
        return read(text)


# -- weights -------------------------------------------------------------------------------------


def _arrays(model):
    return {f"{k}.{variable.path}": variable.numpy()
            for k, variable in enumerate(model.weights)}


def _set_weights(model, path, arrays):
    stored = sorted((name for name in arrays if not name.startswith("optimizer.")),
                    key=lambda name: int(name.partition(".")[0]))
    wanted = {v.path: v.shape for v in model.weights}
    got = [arrays[name] for name in stored]
    if [a.shape for a in got] != [v.shape for v in model.weights]:
        listed = ", ".join(f"{name.partition('.')[2]} {arrays[name].shape}" for name in stored)
        raise io.FileFormatError(path, f"its weights are {listed}; the model's are "
                                       + ", ".join(f"{n} {s}" for n, s in wanted.items()))
    model.set_weights(got)


def _may_write(path, overwrite):
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{os.fspath(path)} is there already and overwrite is False")


def _read(path):
    with open(path, "rb") as file:
        start = file.read(4)
    if start.startswith(b"PK") or start.startswith(b"\x89HDF"):
        raise io.FileFormatError(path, "a file of Keras itself (.keras or HDF5), which is not "
                                       "read here; model.save of fastrnn writes its own format")
    return io.read(path)


# -- compile -------------------------------------------------------------------------------------


def _compiled(model):
    given = model._compiled_with
    return {
        "loss": _as_plain(losses, given["loss"]),
        "loss_weights": given["loss_weights"],
        "metrics": _as_plain(metrics, given["metrics"]),
        "weighted_metrics": _as_plain(metrics, given["weighted_metrics"]),
    }


def _compile(model, header, arrays):
    given = header["compile"]
    optimizer = optimizers.deserialize(header["optimizer"])
    model.compile(optimizer, _from_plain(losses, given["loss"]), given["loss_weights"],
                  _from_plain(metrics, given["metrics"]),
                  _from_plain(metrics, given["weighted_metrics"]))
    prefix = "optimizer."
    optimizer.load_state_dict({name[len(prefix):]: array for name, array in arrays.items()
                               if name.startswith(prefix)})


def _as_plain(kinds, value):
    """Names stay names; a function of one's own is known by its name."""
    def plain(item):
        if isinstance(item, str):
            return item
        try:
            return kinds.serialize(item)
        except ValueError:
            return {"function": item.__name__}

    return convert(plain, value)


def _from_plain(kinds, value):
    if isinstance(value, dict) and "class_name" in value:
        return kinds.deserialize(value, given_objects())
    if isinstance(value, dict) and set(value) == {"function"}:
        return given_object(value["function"])
    if isinstance(value, dict):
        return {key: _from_plain(kinds, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_from_plain(kinds, item) for item in value]
    return value


# -- descriptions --------------------------------------------------------------------------------


def layer_configs(layers):
    """Return the descriptions of layers."""
    return [serialize(layer) for layer in layers]


def graph_config(model):
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


def graph_from_config(cls, config):
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


