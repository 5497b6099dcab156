# SPDX-License-Identifier: Apache-2.0
"""What ONNX's RNN, LSTM and GRU add to activations: the numbers alpha and beta, and clip.

Where ONNX Runtime differs from ONNX's text, it is followed: thresholded_relu is 0 at alpha itself,
where the text has alpha, and clip does not bound c on its way to h, which the text can be read to.

Values and derivatives are functions of the argument a:

    affine            alpha a + beta                            alpha
    thresholded_relu  a where a > alpha, else 0                 1 where a > alpha, else 0
    scaled_tanh       alpha tanh(beta a)                        alpha beta (1 - tanh(beta a)^2)
    hard_sigmoid_ab   min(max(alpha a + beta, 0), 1)            alpha where 0 < value < 1, else 0
    leaky_relu        a where a > 0, else alpha a               1 or alpha
    elu_alpha         a where a > 0, else alpha (exp(a) - 1)    1 or alpha exp(a)

A layer takes them as objects: ``Layer("rnn", (Numbered("affine", 2.0, 0.5), None), ...)``.
"""

from typing import Any, NamedTuple

import numpy as np

from .._common.quiet import quiet
from .activations import BY_ARGUMENT


def affine(a: Any, alpha: Any, beta: Any) -> Any:
    return alpha * a + beta


def affine_slope(a: Any, alpha: Any, beta: Any) -> Any:
    return np.full_like(a, alpha)


def thresholded_relu(a: Any, alpha: Any) -> Any:
    return np.where(a > alpha, a, 0)


def thresholded_relu_slope(a: Any, alpha: Any) -> Any:
    return np.where(a > alpha, 1, 0)


def scaled_tanh(a: Any, alpha: Any, beta: Any) -> Any:
    return alpha * np.tanh(beta * a)


def scaled_tanh_slope(a: Any, alpha: Any, beta: Any) -> Any:
    return alpha * beta * (1 - np.tanh(beta * a) ** 2)


def hard_sigmoid_ab(a: Any, alpha: Any, beta: Any) -> Any:
    return np.clip(alpha * a + beta, 0, 1)


def hard_sigmoid_ab_slope(a: Any, alpha: Any, beta: Any) -> Any:
    y = alpha * a + beta
    return np.where((y > 0) & (y < 1), alpha, 0)


# name -> (value, slope), functions of the argument and of as many numbers as ONNX gives them
NUMBERED: dict[str, tuple[Any, Any]] = {
    "affine": (affine, affine_slope),
    "thresholded_relu": (thresholded_relu, thresholded_relu_slope),
    "scaled_tanh": (scaled_tanh, scaled_tanh_slope),
    "hard_sigmoid_ab": (hard_sigmoid_ab, hard_sigmoid_ab_slope),
    "leaky_relu": BY_ARGUMENT["leaky_relu"],
    "elu_alpha": BY_ARGUMENT["elu_alpha"],
}


class Numbered:
    """An activation of the table above with its numbers, as the cells use activations.

    Parameters
    ----------
    name : str
        A name in the table.
    *numbers : float
        Alpha, and beta where the formula has it.
    """

    def __init__(self, name: str, *numbers: Any) -> None:
        self.name = name
        self.numbers = numbers
        self._value, self._slope = NUMBERED[name]

    @quiet
    def forward(self, a: Any) -> Any:
        return self._value(a, *self.numbers).astype(a.dtype), a

    @quiet
    def backward(self, a: Any, dy: Any) -> Any:
        return dy * self._slope(a, *self.numbers).astype(a.dtype)


class Clipped(NamedTuple):
    """An activation of min(max(a, -clip), clip), equation (1e)."""

    activation: Any
    clip: float

    def forward(self, a: Any) -> Any:
        y, kept = self.activation.forward(np.clip(a, -self.clip, self.clip))
        return y, (kept, np.abs(a) < self.clip)

    def backward(self, kept: Any, dy: Any) -> Any:
        kept, inside = kept
        return self.activation.backward(kept, dy) * inside
