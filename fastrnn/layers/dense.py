# SPDX-License-Identifier: Apache-2.0
"""The dense layer: the same affine map at every position."""

from typing import Any

import numpy as np

from .. import activations, constraints, initializers, regularizers
from .._common import checks
from .._common.products import add_products_of_rows, multiply_rows
from ..graph.broadcasting import Shape
from ..graph.tape import FOR_INPUTS
from .base import Layer, Named, known
from .variable import Variable


class Dense(Layer):
    """y = activation(x W + b) over the last axis.

    Parameters
    ----------
    units : int
        U, the size of the last axis of y.
    activation : str or Activation, optional
        None is linear.
    use_bias : bool
        Whether b is added.
    kernel_initializer, bias_initializer : str or Initializer
    kernel_regularizer, bias_regularizer, activity_regularizer : str or Regularizer, optional
    kernel_constraint, bias_constraint : str or Constraint, optional
    lora_rank, lora_alpha, quantization_config : None
        There is neither low-rank adaptation nor quantisation here.
    **options
        Those of every `Layer`.

    Attributes
    ----------
    kernel : Variable (F, U)
        W, once the layer is built.
    bias : Variable (U,) or None
        b.

    Raises
    ------
    ValueError
        If the inputs (N, ..., F) have fewer than two axes, or another F than the layer was
        built for.
    """

    arguments = ("units", "activation", "use_bias", "kernel_initializer", "bias_initializer",
                 "kernel_regularizer", "bias_regularizer", "kernel_constraint", "bias_constraint")
    supports_masking = True
    is_stepwise = True

    def __init__(self, units: int, activation: Named | None = None, use_bias: bool = True,
                 kernel_initializer: Named = "glorot_uniform", bias_initializer: Named = "zeros",
                 kernel_regularizer: Named | None = None, bias_regularizer: Named | None = None,
                 activity_regularizer: Named | None = None,
                 kernel_constraint: Named | None = None, bias_constraint: Named | None = None,
                 lora_rank: None = None, lora_alpha: None = None, quantization_config: None = None,
                 **options: Any) -> None:
        refuse_adaptation("Dense", lora_rank, lora_alpha, quantization_config)
        super().__init__(activity_regularizer=activity_regularizer, **options)
        self.units = checks.count("units", units)
        self.activation = activations.get(activation)
        self.use_bias = checks.flag("use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.kernel: Variable | Any = None      # until the layer is built
        self.bias: Variable | None = None
        self._linear = self.activation is activations.linear

    def build(self, input_shape: Shape) -> None:
        self._check(input_shape)
        self.kernel = self.add_weight(
            "kernel", (known(self, input_shape), self.units), self.kernel_initializer,
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", (self.units,), self.bias_initializer,
                regularizer=self.bias_regularizer, constraint=self.bias_constraint,
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._check(input_shape)
        return (*input_shape[:-1], self.units)

    def _check(self, shape):
        if len(shape) < 2:
            raise ValueError(f"{self.name}: inputs must have two axes or more, the batch and "
                             f"features; got shape {tuple(shape)}")
        if self.kernel is not None and shape[-1] not in (self.kernel.shape[0], None):
            raise ValueError(f"{self.name}: the last axis of the inputs must be "
                             f"{self.kernel.shape[0]}, as the layer was built for; "
                             f"got shape {tuple(shape)}")

    def forward(self, inputs: np.ndarray, mask: np.ndarray | None, training: bool,
                keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        shape = inputs.shape
        kernel = self.kernel.array
        if len(shape) < 2 or shape[-1] != len(kernel):
            self._check(shape)
        rows = inputs if len(shape) == 2 else inputs.reshape(-1, shape[-1])
        y = multiply_rows(rows, kernel)
        if len(shape) > 2:
            y = y.reshape(*shape[:-1], self.units)
        bias = None if self.bias is None else self.bias.array
        y, activated = self.activation.forward_in_place(y, bias, keep)
        return y, mask, (rows, shape, activated, keep) if keep else None

    def backward(self, kept: Any, doutputs: np.ndarray) -> np.ndarray | None:
        rows, shape, activated, keep = kept
        dy = doutputs if self._linear else self.activation.backward(activated, doutputs)
        if len(shape) > 2:
            dy = dy.reshape(-1, self.units)
        if self._trainable:
            add_products_of_rows(rows, dy, self.kernel.gradient)
            if self.bias is not None:
                dbias = self.bias.gradient
                dbias += dy.sum(axis=0)
        if keep < FOR_INPUTS:
            return None
        dx = multiply_rows(dy, self.kernel.array.T)
        return dx if len(shape) == 2 else dx.reshape(shape)


def refuse_adaptation(kind: str, lora_rank: Any, lora_alpha: Any, quantization_config: Any) -> None:
    """Raise for what Keras can do with weights and we cannot."""
    if lora_rank is not None or lora_alpha is not None:
        raise ValueError(f"{kind} has no low-rank adaptation: lora_rank and lora_alpha must be "
                         f"None, got {lora_rank!r} and {lora_alpha!r}")
    if quantization_config is not None:
        raise ValueError(f"{kind} has no quantised weights: quantization_config must be None, "
                         f"got {quantization_config!r}")
