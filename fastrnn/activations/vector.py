# SPDX-License-Identifier: Apache-2.0
"""Activations of each number for itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._common import checks
from .._core.elementwise import Elementwise
from .base import Activation


class _Vector(Activation):
    """An activation by the compiled kernels: `_kernel` is which."""

    _kernel: Elementwise

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
        return self._kernel.forward(x)

    def value(self, x: np.ndarray) -> np.ndarray:
        return self._kernel.forward(x, None, False, False)[0]

    def forward_in_place(self, a: np.ndarray, bias: np.ndarray | None = None,
                         keep: bool = True) -> tuple[np.ndarray, Any]:
        return self._kernel.forward(a, bias, True, keep)

    def backward(self, kept: Any, dy: np.ndarray) -> np.ndarray:
        return self._kernel.backward(kept, dy)


class Linear(_Vector):
    """y = x."""

    name = "linear"
    recurrent = True
    _kernel = Elementwise("linear")

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
        return x, None

    def forward_in_place(self, a: np.ndarray, bias: np.ndarray | None = None,
                         keep: bool = True) -> tuple[np.ndarray, Any]:
        return (a if bias is None else self._kernel.forward(a, bias, True, False)[0]), None

    def backward(self, kept: Any, dy: np.ndarray) -> np.ndarray:
        return dy


class Tanh(_Vector):
    """y = tanh(x); y' = 1 - y^2."""

    name = "tanh"
    recurrent = True
    _kernel = Elementwise("tanh")


class Sigmoid(_Vector):
    """y = 1 / (1 + exp(-x)); y' = y (1 - y)."""

    name = "sigmoid"
    recurrent = True
    _kernel = Elementwise("sigmoid")


class HardSigmoid(_Vector):
    """y = clip(x / 6 + 1/2, 0, 1)."""

    name = "hard_sigmoid"
    recurrent = True
    _kernel = Elementwise("hard_sigmoid")


class Relu(_Vector):
    """The rectifiers: y = x where it is above `threshold`, and at most `max_value`;
    y = negative_slope (x - threshold) elsewhere.

    Parameters
    ----------
    negative_slope : float
    max_value : float, optional
    threshold : float
    """

    name = "relu"
    fields: tuple[str, ...] = ("negative_slope", "max_value", "threshold")

    def __init__(self, negative_slope: float = 0.0, max_value: float | None = None,
                 threshold: float = 0.0) -> None:
        self.negative_slope = checks.number("negative_slope", negative_slope)
        self.max_value = None if max_value is None else checks.number("max_value", max_value)
        self.threshold = checks.number("threshold", threshold)
        self.recurrent = not negative_slope and max_value is None and not threshold
        self._kernel = self._chosen_kernel()

    def _chosen_kernel(self):
        """The value tells the slope where it has the sign of x."""
        if self.max_value is None and not self.threshold and self.negative_slope >= 0:
            slope = float(self.negative_slope)
            return Elementwise("leaky_relu", (slope,)) if slope else Elementwise("relu")
        top = math.inf if self.max_value is None else float(self.max_value)
        return Elementwise("rectifier", (float(self.negative_slope), top, float(self.threshold)))


class LeakyRelu(Relu):
    """y = x where it is above 0, negative_slope x elsewhere (Maas et al., 2013)."""

    name = "leaky_relu"
    fields = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.2) -> None:
        super().__init__(negative_slope)
        self.recurrent = False


class Relu6(Relu):
    """y = min(max(x, 0), 6)."""

    name = "relu6"
    fields = ()

    def __init__(self) -> None:
        super().__init__(max_value=6.0)
        self._kernel = Elementwise("relu6")


class Elu(_Vector):
    """y = x where it is above 0, alpha (exp(x) - 1) elsewhere (Clevert et al., 2016)."""

    name = "elu"
    fields: tuple[str, ...] = ("alpha",)

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = checks.number("alpha", alpha)
        self.recurrent = alpha == 1
        self._kernel = (Elementwise("elu") if alpha == 1 else
                        Elementwise("elu_alpha", (float(alpha),), by_slope=alpha <= 0))


class Selu(Elu):
    """An elu, scaled so that layers keep mean 0 and variance 1 (Klambauer et al., 2017)."""

    name = "selu"
    fields = ()
    scale = 1.0507009873554805

    def __init__(self) -> None:
        super().__init__(1.6732632423543772)
        self.recurrent = False
        self._kernel = Elementwise("selu")


class Softplus(_Vector):
    """y = log(1 + exp(x)); y' = 1 - exp(-y)."""

    name = "softplus"
    recurrent = True
    _kernel = Elementwise("softplus")


class Softsign(_Vector):
    """y = x / (1 + abs(x)); y' = 1 / (1 + abs(x))^2 = (1 - abs(y))^2."""

    name = "softsign"
    recurrent = True
    _kernel = Elementwise("softsign")


class Exponential(_Vector):
    """y = exp(x)."""

    name = "exponential"
    _kernel = Elementwise("exponential")


class Gelu(_Vector):
    """y = x P(N(0, 1) < x) (Hendrycks and Gimpel, 2016).

    Parameters
    ----------
    approximate : bool
        Whether P is (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 instead of the error function.
    """

    name = "gelu"
    fields = ("approximate",)

    def __init__(self, approximate: bool = False) -> None:
        self.approximate = checks.flag("approximate", approximate)
        self._kernel = Elementwise("gelu_tanh" if approximate else "gelu")


class Silu(_Vector):
    """y = x sigmoid(x), also called swish (Ramachandran et al., 2017)."""

    name = "silu"
    _kernel = Elementwise("silu")


class Mish(_Vector):
    """y = x tanh(log(1 + exp(x))) (Misra, 2019)."""

    name = "mish"
    _kernel = Elementwise("mish")
