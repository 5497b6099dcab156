# SPDX-License-Identifier: Apache-2.0
"""Activations as layers."""

from typing import Any

import numpy as np

from .. import activations
from .base import Layer, Named


class Activation(Layer, activations.Applying):
    """y = activation(x), of any shape.

    Parameters
    ----------
    activation : str or Activation
        A name of `fastrnn.activations`, or an object of one of its classes.
    **options
        Those of every `Layer`.

    Raises
    ------
    ValueError
        If there is no such activation, or it is a function, which has no derivative.
    """

    arguments: tuple[str, ...] = ("activation",)
    supports_masking = True
    is_stepwise = True

    def __init__(self, activation: Named | None, **options: Any) -> None:
        super().__init__(**options)
        self.activation = activations.get(activation)

    def forward(self, inputs: np.ndarray, mask: np.ndarray | None, training: bool,
                keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        if not keep:
            return self.activation.value(inputs), mask, None
        y, kept = self.activation.forward(inputs)
        return y, mask, kept

    def backward(self, kept: Any, doutputs: np.ndarray) -> np.ndarray:
        return self.activation.backward(kept, doutputs)


class ReLU(Activation):
    """y = x above `threshold`, at most `max_value`; negative_slope (x - threshold) elsewhere.

    Parameters
    ----------
    max_value : float, optional
    negative_slope, threshold : float
        At least 0.
    """

    arguments: tuple[str, ...] = ("max_value", "negative_slope", "threshold")

    def __init__(self, max_value: float | None = None, negative_slope: float = 0.0,
                 threshold: float = 0.0, **options: Any) -> None:
        super().__init__(activations.Relu(negative_slope, max_value, threshold), **options)
        for name, value in (("max_value", max_value or 0), ("negative_slope", negative_slope),
                            ("threshold", threshold)):
            if value < 0:
                raise ValueError(f"{name} must be at least 0, got {value}")
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold


class LeakyReLU(Activation):
    """y = x where it is above 0, negative_slope x elsewhere (Maas et al., 2013).

    Parameters
    ----------
    negative_slope : float
        At least 0.
    """

    arguments: tuple[str, ...] = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.3, **options: Any) -> None:
        super().__init__(activations.LeakyRelu(negative_slope), **options)
        if negative_slope < 0:
            raise ValueError(f"negative_slope must be at least 0, got {negative_slope}")
        self.negative_slope = negative_slope


class ELU(Activation):
    """y = x where it is above 0, alpha (exp(x) - 1) elsewhere (Clevert et al., 2016).

    Parameters
    ----------
    alpha : float
    """

    arguments: tuple[str, ...] = ("alpha",)

    def __init__(self, alpha: float = 1.0, **options: Any) -> None:
        super().__init__(activations.Elu(alpha), **options)
        self.alpha = alpha


class Softmax(Activation):
    """y = exp(x) / sum exp(x) along `axis`; a mask passes on and is not looked at.

    Parameters
    ----------
    axis : int
    """

    arguments: tuple[str, ...] = ("axis",)

    def __init__(self, axis: int = -1, **options: Any) -> None:
        super().__init__(activations.Softmax(axis), **options)
        self.axis = axis
