# SPDX-License-Identifier: Apache-2.0
"""Models in Keras' words: Sequential, functional, subclassed."""

from ..layers.input import Input
from .model import Model
from .saving import clone_model, load_model, model_from_json
from .sequential import Sequential

__all__ = ["Input", "Model", "Sequential", "clone_model", "load_model", "model_from_json"]
