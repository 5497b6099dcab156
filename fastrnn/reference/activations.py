# SPDX-License-Identifier: Apache-2.0
"""Activations, each with its derivative written as a function of its value y, not of its argument.

The value is what the forward pass keeps anyway:

    linear        a                                        1
    relu          max(a, 0)                                1 where y > 0
    relu6         min(max(a, 0), 6)                        1 where 0 < y < 6
    sigmoid       1 / (1 + exp(-a))                        y (1 - y)
    hard_sigmoid  min(max(a / 6 + 1/2, 0), 1)              1/6 where 0 < y < 1
    tanh                                                   1 - y^2
    softsign      a / (1 + |a|)                            (1 - |y|)^2
    softplus      log(1 + exp(a))                          1 - exp(-y)
    exponential   exp(a)                                   y
    elu           a where a > 0, else exp(a) - 1           1 where y > 0, else y + 1
    selu          S a where a > 0, else S A (exp(a) - 1)   S where y > 0, else y + S A

elu is of Clevert et al. 2016, selu, with its constants S and A, of Klambauer et al. 2017.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


def sigmoid(a):
    """1 / (1 + exp(-a)), without overflow: exp is only taken of -|a|."""
    e = np.exp(-np.abs(a))
    return np.where(a < 0, e, 1) / (1 + e)


def sigmoid_slope(y):
    return y * (1 - y)


tanh = np.tanh


def tanh_slope(y):
    return 1 - y * y


def relu(a):
    return np.maximum(a, 0)


def relu_slope(y):
    return (y > 0).astype(y.dtype)


def relu6(a):
    return np.minimum(relu(a), 6)


def relu6_slope(y):
    return ((y > 0) & (y < 6)).astype(y.dtype)


def hard_sigmoid(a):
    return np.clip(a / 6 + 0.5, 0, 1)


def hard_sigmoid_slope(y):
    return np.where((y > 0) & (y < 1), 1 / 6, 0).astype(y.dtype)


def linear(a):
    return a


def linear_slope(y):
    return np.ones_like(y)


def elu(a):
    return np.where(a > 0, a, np.expm1(np.minimum(a, 0)))


def elu_slope(y):
    return np.where(y > 0, 1, y + 1)


SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772


def selu(a):
    return SELU_SCALE * np.where(a > 0, a, SELU_ALPHA * np.expm1(np.minimum(a, 0)))


def selu_slope(y):
    return np.where(y > 0, SELU_SCALE, y + SELU_SCALE * SELU_ALPHA)


def softplus(a):
    """max(a, 0) + log(1 + exp(-|a|)), without overflow."""
    return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))


def softplus_slope(y):
    return -np.expm1(-y)


def softsign(a):
    return a / (1 + np.abs(a))


def softsign_slope(y):
    return (1 - np.abs(y)) ** 2


exponential = np.exp


def exponential_slope(y):
    return y


class ByValue(NamedTuple):
    """An activation as the cells use it: forward gives the value, which is all backward needs."""

    value: Callable
    slope: Callable

    def forward(self, a):
        y = self.value(a)
        return y, y

    def backward(self, y, dy):
        return dy * self.slope(y)


# name -> (value, slope)
ACTIVATIONS = {
    "tanh": (tanh, tanh_slope),
    "relu": (relu, relu_slope),
    "sigmoid": (sigmoid, sigmoid_slope),
    "hard_sigmoid": (hard_sigmoid, hard_sigmoid_slope),
    "linear": (linear, linear_slope),
    "elu": (elu, elu_slope),
    "softplus": (softplus, softplus_slope),
    "softsign": (softsign, softsign_slope),
    "selu": (selu, selu_slope),
    "exponential": (exponential, exponential_slope),
    "relu6": (relu6, relu6_slope),
}
