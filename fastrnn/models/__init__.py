# SPDX-License-Identifier: Apache-2.0
"""Models in Keras' words: Sequential, functional, subclassed.

What reads models from files and descriptions is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ..layers.input import Input
from .model import Model
from .sequential import Sequential

if TYPE_CHECKING:
    from .loading import clone_model, load_model, model_from_json

__all__ = ["Input", "Model", "Sequential", "clone_model", "load_model", "model_from_json"]

_OF_LOADING = ("clone_model", "load_model", "model_from_json")


def __getattr__(name):
    if name not in _OF_LOADING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(".loading", __name__), name)
    return value


def __dir__():
    return sorted({*globals(), *__all__})
