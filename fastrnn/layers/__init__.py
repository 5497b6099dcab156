# SPDX-License-Identifier: Apache-2.0
"""Layers, in Keras' words. A module is loaded when the first of its layers is used.

Operations without weights, which operators make, are in `graph`.
"""

from importlib import import_module

from .._common import oldnames

_HOMES = {
    "activation": ("Activation", "ELU", "LeakyReLU", "ReLU", "Softmax"),
    "attention": ("AdditiveAttention", "Attention"),
    "base": ("Layer",),
    "dense": ("Dense",),
    "dropout": ("Dropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D"),
    "embedding": ("Embedding",),
    "function": ("Lambda",),
    "input": ("Input", "InputLayer"),
    "masking": ("Masking",),
    "merging": ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract",
                "add", "average", "concatenate", "maximum", "minimum", "multiply", "subtract"),
    "normalization": ("BatchNormalization", "LayerNormalization"),
    "pooling": ("AveragePooling1D", "GlobalAveragePooling1D", "GlobalMaxPooling1D",
                "MaxPooling1D"),
    "products": ("Dot", "dot"),
    "recurrent.bidirectional": ("Bidirectional",),
    "recurrent.cells": ("GRU", "LSTM", "SimpleRNN"),
    "reshaping": ("Flatten", "Permute", "RepeatVector", "Reshape"),
    "described": ("custom_objects", "deserialize", "serialize"),
    "time_distributed": ("TimeDistributed",),
    "..graph.arithmetic": ("Arithmetic",),
    "..graph.indexing": ("GetItem",),
    "..graph.matmul": ("MatMul",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name not in _HOME:
        return _old(name)
    home = _HOME[name]
    value = getattr(import_module(home if home.startswith(".") else f".{home}", __name__), name)
    globals()[name] = value
    return value


def _old(name):
    try:
        return oldnames.find(__name__, name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}: of Keras' layers it "
                             "has those in fastrnn.layers.__all__") from None


def __dir__():
    return sorted({*globals(), *__all__})
