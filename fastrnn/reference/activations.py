# SPDX-License-Identifier: Apache-2.0
"""Activations, each with its derivative written as a function of its value y, not of its argument.

The value is what the forward pass keeps anyway:  tanh' = 1 - y^2,  sigmoid' = y (1 - y),  and
relu' = 1 where y > 0.
"""

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


# nonlinearity of the RNN -> (value, slope)
NONLINEARITIES = {
    "tanh": (tanh, tanh_slope),
    "relu": (relu, relu_slope),
    "sigmoid": (sigmoid, sigmoid_slope),
}
