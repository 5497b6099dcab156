# SPDX-License-Identifier: Apache-2.0
"""Models out of files and descriptions."""

import os
from typing import Any, TypeVar

import numpy as np

from .. import io, losses, metrics, optimizers
from .._common.classes import custom_objects as known_objects
from .._common.classes import given_object, given_objects
from ..layers.described import copy, deserialize
from .keras_reading import read as read_json
from .model import Model
from .saving import KIND, read, set_weights

M = TypeVar("M", bound=Model)


def load_model(path: str | os.PathLike[str], custom_objects: dict[str, Any] | None = None,
               compile: bool = True, safe_mode: bool = True) -> Model:
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
    arrays, header = read(path)
    if header.get("kind") != KIND:
        raise io.FileFormatError(path, f"holds {header.get('kind')!r}, expected {KIND!r}")
    with io.malformed(path), known_objects(custom_objects):
        model = deserialize(header["model"])
    if not model.built:
        # A subclassed model makes its layers when it is first called.
        model._loaded = _Waiting(path, arrays)
    else:
        set_weights(model, path, arrays)
    if compile and "compile" in header:
        with io.malformed(path), known_objects(custom_objects):
            _compile(model, header, arrays)
    return model


class _Waiting:
    """Weights for a model that has none yet."""

    def __init__(self, path: str | os.PathLike[str], arrays: dict[str, np.ndarray]) -> None:
        self.path, self.arrays = path, arrays

    def give(self, model: Model) -> None:
        """Set the model's weights."""
        set_weights(model, self.path, self.arrays)


def clone_model(model: M) -> M:
    """Return a new model of the same description, with weights of its own."""
    return copy(model)


def model_from_json(text: str, custom_objects: dict[str, Any] | None = None) -> Model:
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
    with known_objects(custom_objects):
        return read_json(text)


def _compile(model, header, arrays):
    given = header["compile"]
    optimizer = optimizers.deserialize(header["optimizer"])
    model.compile(optimizer, _from_plain(losses, given["loss"]), given["loss_weights"],
                  _from_plain(metrics, given["metrics"]),
                  _from_plain(metrics, given["weighted_metrics"]))
    prefix = "optimizer."
    optimizer.load_state_dict({name[len(prefix):]: array for name, array in arrays.items()
                               if name.startswith(prefix)})


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
