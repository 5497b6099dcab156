# SPDX-License-Identifier: Apache-2.0
from typing import Any, Literal, overload

from . import (
    activations,
    backend,
    callbacks,
    cli,
    constraints,
    generation,
    initializers,
    io,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    preprocessing,
    random,
    reference,
    regularizers,
    utils,
)
from ._version import __version__
from .engine import GRU, LSTM, RNN, Stream, load
from .generation import generate
from .graph.symbolic import KerasTensor
from .layers import Layer
from .layers.variable import Variable
from .models import Input, Model, Sequential

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Input",
    "KerasTensor",
    "Layer",
    "Model",
    "Sequential",
    "Stream",
    "Variable",
    "__version__",
    "activations",
    "backend",
    "callbacks",
    "cli",
    "constraints",
    "generate",
    "generation",
    "get_num_threads",
    "initializers",
    "io",
    "layers",
    "load",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "preprocessing",
    "random",
    "reference",
    "regularizers",
    "set_num_threads",
    "show_config",
    "utils",
]

def get_num_threads() -> int: ...
def set_num_threads(n: int) -> None: ...
@overload
def show_config(mode: Literal["stdout"] = "stdout") -> None: ...
@overload
def show_config(mode: Literal["dicts"]) -> dict[str, Any]: ...
