# SPDX-License-Identifier: Apache-2.0
"""Models into files, and weights back: a description, the weights, the optimiser with its state."""

import os
from typing import Any, cast

import numpy as np

from .. import io, losses, metrics, optimizers
from ..graph.structure import convert
from ..layers.base import Layer
from ..layers.described import serialize
from ..optimizers import Optimizer
from .whole import PartOfModel

KIND, WEIGHTS_KIND = "model", "weights"


class Savable(PartOfModel):
    """The part of a model that writes it, or its weights alone, to a file."""

    optimizer: Optimizer | Any

    def save(self, path: str | os.PathLike[str], overwrite: bool = True,
             include_optimizer: bool = True) -> None:
        """Write the model, with its optimiser, to one file; `load_model` reads it.

        Parameters
        ----------
        path : str or os.PathLike
            Whatever its suffix, the file is a safetensors file with a JSON header.
        overwrite : bool
        include_optimizer : bool

        Raises
        ------
        OSError
            If it cannot be written, or is there and `overwrite` is false.
        ValueError
            If the model is not built yet, or has a part that has no configuration.
        """
        _may_write(path, overwrite)
        if not self.built:
            raise ValueError(f"{self.name} is not built yet: call it on data, or give its input "
                             "shape, before it is saved")
        header: dict[str, Any] = {"kind": KIND, "model": serialize(cast(Layer, self))}
        arrays = _arrays(self)
        if self.compiled and include_optimizer:
            header["compile"] = _compiled(self)
            header["optimizer"] = optimizers.serialize(self.optimizer)
            arrays |= {f"optimizer.{key}": array
                       for key, array in self.optimizer.state_dict().items()}
        try:
            io.write(path, arrays, header)
        except TypeError as reason:
            raise ValueError(f"{self.name} cannot be described in a file: {reason}") from None

    def save_weights(self, path: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write the weights alone to a file, for `load_weights`."""
        _may_write(path, overwrite)
        io.write(path, _arrays(self), {"kind": WEIGHTS_KIND})

    def load_weights(self, path: str | os.PathLike[str]) -> None:
        """Take the weights from a file of `save_weights` or `save`.

        Raises
        ------
        OSError
            If it cannot be opened.
        fastrnn.io.FileFormatError
            If it is no such file or has other weights; the model is unchanged.
        """
        arrays, header = read(path)
        if header.get("kind") not in (KIND, WEIGHTS_KIND):
            raise io.FileFormatError(path, f"holds {header.get('kind')!r}, no model's weights")
        set_weights(self, path, arrays)


def _arrays(model):
    return {f"{k}.{variable.path}": variable.numpy()
            for k, variable in enumerate(model.weights)}


def set_weights(model: Any, path: str | os.PathLike[str], arrays: dict[str, np.ndarray]) -> None:
    """Set the weights of a model to those of a file."""
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
    """Raise where a file is there that must not be replaced."""
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{os.fspath(path)} is there already and overwrite is False")


def read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return (arrays, header) of a file of ours."""
    with open(path, "rb") as file:
        start = file.read(4)
    if start.startswith(b"PK") or start.startswith(b"\x89HDF"):
        raise io.FileFormatError(path, "a file of Keras itself (.keras or HDF5), which is not "
                                       "read here; model.save of fastrnn writes its own format")
    return io.read(path)


def _compiled(model):
    given = model._compiled_with
    return {
        "loss": _as_plain(losses, given["loss"]),
        "loss_weights": given["loss_weights"],
        "metrics": _as_plain(metrics, given["metrics"]),
        "weighted_metrics": _as_plain(metrics, given["weighted_metrics"]),
    }


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
