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

Those of which the value does not tell the slope have it as a function of the argument; P is the
normal distribution, s the sigmoid:

    gelu          a P(a)                                   P(a) + a P'(a)
    gelu_tanh     a s(2 u), u = q (a + 0.044715 a^3)       s(2 u) (1 + a (1 - s(2 u)) 2 u')
    silu          a s(a)                                   s(a) (1 + a (1 - s(a)))
    mish          a t, t = tanh(log(1 + exp(a)))           t + a (1 - t^2) s(a)

with q = sqrt(2 / pi). gelu: Hendrycks and Gimpel 2016; silu: Ramachandran et al. 2017; mish: Misra
2019. leaky_relu and an elu of any alpha take that number too.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._common.quiet import quiet


@quiet
def sigmoid(a: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-a)), without overflow: exp is only taken of -|a|."""
    e = np.exp(-np.abs(a))
    return np.where(a < 0, e, 1) / (1 + e)


@quiet
def sigmoid_slope(y: np.ndarray) -> np.ndarray:
    return y * (1 - y)


tanh = quiet(np.tanh)


@quiet
def tanh_slope(y: np.ndarray) -> np.ndarray:
    return 1 - y * y


def relu(a: np.ndarray) -> np.ndarray:
    return np.maximum(a, 0)


def relu_slope(y: np.ndarray) -> np.ndarray:
    return (y > 0).astype(y.dtype)


def relu6(a: np.ndarray) -> np.ndarray:
    return np.minimum(relu(a), 6)


def relu6_slope(y: np.ndarray) -> np.ndarray:
    return ((y > 0) & (y < 6)).astype(y.dtype)


@quiet
def hard_sigmoid(a: np.ndarray) -> np.ndarray:
    return np.clip(a / 6 + 0.5, 0, 1)


def hard_sigmoid_slope(y: np.ndarray) -> np.ndarray:
    return np.where((y > 0) & (y < 1), 1 / 6, 0).astype(y.dtype)


def linear(a: np.ndarray) -> np.ndarray:
    return a


def linear_slope(y: np.ndarray) -> np.ndarray:
    return np.ones_like(y)


@quiet
def elu(a: np.ndarray) -> np.ndarray:
    return np.where(a > 0, a, np.expm1(np.minimum(a, 0)))


def elu_slope(y: np.ndarray) -> np.ndarray:
    return np.where(y > 0, 1, y + 1)


SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772


@quiet
def selu(a: np.ndarray) -> np.ndarray:
    return SELU_SCALE * np.where(a > 0, a, SELU_ALPHA * np.expm1(np.minimum(a, 0)))


def selu_slope(y: np.ndarray) -> np.ndarray:
    return np.where(y > 0, SELU_SCALE, y + SELU_SCALE * SELU_ALPHA)


@quiet
def softplus(a: np.ndarray) -> np.ndarray:
    """max(a, 0) + log(1 + exp(-|a|)), without overflow."""
    return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))


@quiet
def softplus_slope(y: np.ndarray) -> np.ndarray:
    return -np.expm1(-y)


@quiet
def softsign(a: np.ndarray) -> np.ndarray:
    return a / (1 + np.abs(a))


@quiet
def softsign_slope(y: np.ndarray) -> np.ndarray:
    return (1 - np.abs(y)) ** 2


exponential = quiet(np.exp)


def exponential_slope(y: np.ndarray) -> np.ndarray:
    return y


class ByValue(NamedTuple):
    """An activation as the cells use it: forward gives the value, which is all backward needs."""

    value: Callable
    slope: Callable

    def forward(self, a: np.ndarray) -> Any:
        y = self.value(a)
        return y, y

    def backward(self, y: np.ndarray, dy: np.ndarray) -> Any:
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


_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def leaky_relu(a: Any, negative_slope: Any = 0.2) -> Any:
    return np.where(a > 0, a, negative_slope * a)


def leaky_relu_slope(a: Any, negative_slope: Any = 0.2) -> Any:
    return np.where(a > 0, 1, negative_slope)


def elu_alpha(a: Any, alpha: Any) -> Any:
    return np.where(a > 0, a, alpha * np.expm1(np.minimum(a, 0)))


def elu_alpha_slope(a: Any, alpha: Any) -> Any:
    return np.where(a > 0, 1, alpha * np.exp(np.minimum(a, 0)))


def gelu(a: Any) -> Any:
    return a * _erfc(-a / math.sqrt(2)) / 2


def gelu_slope(a: Any) -> Any:
    density = np.exp(-a * a / 2) / math.sqrt(2 * math.pi)
    return _erfc(-a / math.sqrt(2)) / 2 + a * density


def _gelu_tanh_argument(a):
    """Return 2 u and its derivative."""
    twice = 2 * math.sqrt(2 / math.pi)
    return twice * (a + 0.044715 * a**3), twice * (1 + 3 * 0.044715 * a * a)


def gelu_tanh(a: Any) -> Any:
    return a * sigmoid(_gelu_tanh_argument(a)[0])


def gelu_tanh_slope(a: Any) -> Any:
    twice, slope = _gelu_tanh_argument(a)
    return sigmoid(twice) * (1 + a * sigmoid(-twice) * slope)


def silu(a: Any) -> Any:
    return a * sigmoid(a)


def silu_slope(a: Any) -> Any:
    return sigmoid(a) * (1 + a * sigmoid(-a))


def mish(a: Any) -> Any:
    return a * np.tanh(softplus(a))


def mish_slope(a: Any) -> Any:
    t = np.tanh(softplus(a))
    return t + a * (1 - t * t) * sigmoid(a)


# name -> (value, slope), both functions of the argument and of the numbers that the activation has
BY_ARGUMENT = {
    "leaky_relu": (leaky_relu, leaky_relu_slope),
    "elu_alpha": (elu_alpha, elu_alpha_slope),
    "gelu": (gelu, gelu_slope),
    "gelu_tanh": (gelu_tanh, gelu_tanh_slope),
    "silu": (silu, silu_slope),
    "mish": (mish, mish_slope),
}
