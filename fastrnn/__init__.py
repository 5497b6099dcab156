# SPDX-License-Identifier: Apache-2.0
"""Recurrent networks (RNN, LSTM, GRU) on CPUs: inference, streaming and training.

The engine is ``fastrnn.RNN``, ``fastrnn.LSTM`` and ``fastrnn.GRU``: NumPy arrays in, NumPy arrays
out, with torch.nn's names and layouts. `layers`, `models` and their like speak Keras;
``import fastrnn as keras`` serves programs written for it. Submodules are imported when first
used.
"""

from importlib import import_module as _import_module
from typing import Any

from ._common import checks as _checks
from ._common import classes as _classes
from ._common import oldnames as _oldnames
from ._core import contention as _contention
from ._core import runtime as _runtime
from ._version import __version__
from .engine.cells import GRU, LSTM, RNN, load
from .engine.stream import Stream

_oldnames.add_modules()
_classes.register(("fastrnn.models", "fastrnn.layers"), ("fastrnn.models.keras_reading", "options"))

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Stream",
    "__version__",
    "get_num_threads",
    "load",
    "set_num_threads",
    "show_config",
]

_SUBMODULES = (
    "activations", "backend", "callbacks", "cli", "constraints", "generation",
    "initializers", "io", "layers", "losses", "metrics", "models", "optimizers",
    "preprocessing", "random", "reference", "regularizers", "utils",
)
# Where else a name of the package comes from, when it is first used.
_HOMES = {
    "Input": "models", "KerasTensor": "graph.symbolic", "Layer": "layers", "Model": "models",
    "Sequential": "models", "Variable": "layers.variable", "generate": "generation",
}


def get_num_threads() -> int:
    """Return the most threads one call may use."""
    return _runtime.get_num_threads()


def set_num_threads(n: int) -> None:
    """Set the most threads one call may use; results have the same bits for any number.

    A call never uses more than four times the machine's CPUs, whatever is set. A forked child of
    a process that used threads computes on one thread, whatever is set. While other programs hold
    the cores, calls use as many threads as find one.

    Parameters
    ----------
    n : int
        At least 1.
    """
    _runtime.set_num_threads(_checks.count("n", n))
    _contention.forget()


def show_config(mode: str = "stdout") -> dict[str, Any] | None:
    """Print what the engine runs on: instruction set, products, threads, version.

    Parameters
    ----------
    mode : {"stdout", "dicts"}
        "dicts" returns a dict instead of printing.
    """
    _checks.choice("mode", mode, ("stdout", "dicts"))
    config = _runtime.config()
    if mode == "dicts":
        return config
    width = max(map(len, config))
    for name, value in config.items():
        print(f"{name:<{width}}  {value}")
    return None


def __getattr__(name):
    if name in _SUBMODULES:
        return _import_module(f".{name}", __name__)
    if name in _HOMES:
        return getattr(_import_module(f".{_HOMES[name]}", __name__), name)
    return _oldnames.find(__name__, name)


def __dir__():
    return sorted({*globals(), *_SUBMODULES, *_HOMES})
