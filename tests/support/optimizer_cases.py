# SPDX-License-Identifier: Apache-2.0
"""Every optimiser in every form, and weights for it without a layer."""

import numpy as np
import pytest

from fastrnn import optimizers

SHAPES = {"kernel": (40, 33), "recurrent": (5, 7), "bias": (7,)}

# Class and arguments; every rule in every form.
RULES = {
    "sgd": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "nesterov": ("SGD", {"momentum": 0.8, "nesterov": True}),
    "rmsprop": ("RMSprop", {}),
    "rmsprop momentum": ("RMSprop", {"rho": 0.8, "momentum": 0.5}),
    "rmsprop centered": ("RMSprop", {"centered": True, "epsilon": 1e-4}),
    "rmsprop both": ("RMSprop", {"centered": True, "momentum": 0.3}),
    "adam": ("Adam", {}),
    "adam betas": ("Adam", {"beta_1": 0.7, "beta_2": 0.95, "epsilon": 1e-3}),
    "amsgrad": ("Adam", {"amsgrad": True, "beta_2": 0.5}),
    "adamw": ("AdamW", {"weight_decay": 0.5}),
    "adagrad": ("Adagrad", {}),
    "adadelta": ("Adadelta", {"epsilon": 1e-3, "learning_rate": 1.0}),
    "adamax": ("Adamax", {"beta_2": 0.9}),
    "nadam": ("Nadam", {}),
}
every_rule = pytest.mark.parametrize("rule", RULES)

COMMON = {
    "plain": {},
    "clipnorm": {"clipnorm": 0.5},
    "clipvalue": {"clipvalue": 0.3},
    "global_clipnorm": {"global_clipnorm": 0.7},
    "clip out of reach": {"global_clipnorm": 1e6},
    "weight_decay": {"weight_decay": 0.7},
    "mean of variables": {"use_ema": True, "ema_momentum": 0.6, "ema_overwrite_frequency": 5},
    "accumulation": {"gradient_accumulation_steps": 3, "clipnorm": 0.4},
    "accumulation and mean": {
        "gradient_accumulation_steps": 2, "use_ema": True, "ema_overwrite_frequency": 3,
    },
}


class Weight:
    """What `Optimizer.apply` needs of a variable."""

    def __init__(self, name, array):
        self.name = name
        self.array = np.array(array)
        self.gradient = np.zeros_like(self.array)


def random_arrays(rng, dtype="float64", scale=1.0):
    return {k: (scale * rng.standard_normal(s)).astype(dtype) for k, s in SHAPES.items()}


def weights_of(arrays):
    return [Weight(name, array) for name, array in arrays.items()]


def set_gradients(weights, gradients):
    for weight in weights:
        weight.gradient[...] = gradients[weight.name]


def make(rule, module=optimizers, **common):
    kind, arguments = RULES[rule]
    return getattr(module, kind)(**{"learning_rate": 2**-7, **arguments, **common})


def steps(optimizer, weights, gradients):
    for arrays in gradients:
        set_gradients(weights, arrays)
        optimizer.apply(weights)


def assert_same(weights, others):
    for weight, other in zip(weights, others, strict=True):
        assert np.array_equal(weight.array, other.array), weight.name
