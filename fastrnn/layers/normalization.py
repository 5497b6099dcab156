# SPDX-License-Identifier: Apache-2.0
"""Layers that give what passes mean 0 and variance 1."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import constraints, initializers, regularizers
from .._common import checks
from ..graph.broadcasting import Shape
from .base import Layer, Named, known
from .variable import Variable

# Keeps the mean over no step from dividing by zero.
_EPSILON = 1e-7


class _Normalization(Layer):
    """What both have: y = gamma xhat + beta, where gamma and beta may be missing."""

    supports_masking = True
    is_stepwise = True

    def __init__(self, epsilon: float, center: bool, scale: bool, beta_initializer: Named,
                 gamma_initializer: Named, beta_regularizer: Named | None,
                 gamma_regularizer: Named | None, beta_constraint: Named | None,
                 gamma_constraint: Named | None, options: dict[str, Any]) -> None:
        super().__init__(**options)
        self.epsilon = checks.number("epsilon", epsilon)
        self.center = checks.flag("center", center)
        self.scale = checks.flag("scale", scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma: Variable | None = None
        self.beta: Variable | None = None
        self._wide: tuple[int, ...] | None = None

    def _add_weights(self, shape, wide):
        """Make gamma and beta of `shape`; `wide` is theirs among the axes of the inputs."""
        self._wide = wide
        if self.scale:
            self.gamma = self.add_weight(
                "gamma", shape, self.gamma_initializer, regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
            )
        if self.center:
            self.beta = self.add_weight(
                "beta", shape, self.beta_initializer, regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
            )

    def _check(self, shape):
        """Raise unless inputs of `shape` are such as the layer was built for."""
        if self._wide is not None and (len(shape) != len(self._wide) or any(
            n != 1 and size not in (n, None) for n, size in zip(self._wide, shape, strict=True)
        )):
            sizes = tuple(None if n == 1 else n for n in self._wide)
            raise ValueError(f"{self.name}: inputs must have shape {sizes}, as the layer was "
                             f"built for; got {tuple(shape)}")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._check(input_shape)
        return input_shape

    def _affine(self, xhat):
        y = xhat
        if self.gamma is not None:
            y = y * self.gamma.array.reshape(self._wide)
        if self.beta is not None:
            y = y + self.beta.array.reshape(self._wide)
        return y

    def _affine_backward(self, xhat, dy):
        """Add the gradients of gamma and beta to them; return that of xhat."""
        axes = tuple(axis for axis, n in enumerate(self._wide) if n == 1)
        for variable, gradient in ((self.gamma, dy * xhat), (self.beta, dy)):
            if variable is not None and self._trainable:
                variable.gradient[...] += gradient.sum(axis=axes).reshape(variable.shape)
        return dy if self.gamma is None else dy * self.gamma.array.reshape(self._wide)


class LayerNormalization(_Normalization):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with the mean and the variance of
    each row and step by itself, over `axis` (Ba et al., 2016).

    Parameters
    ----------
    axis : int or sequence of int
        The axes that are normalised, not the batch.
    epsilon : float
    center, scale : bool
        Whether beta and gamma are there.
    beta_initializer, gamma_initializer : str or Initializer
    beta_regularizer, gamma_regularizer : str or Regularizer, optional
    beta_constraint, gamma_constraint : str or Constraint, optional
    rms_scaling : bool
        Of Keras; here it must be False.
    **options
        Those of every `Layer`.

    Attributes
    ----------
    gamma, beta : Variable or None
        Of the sizes of `axis`, once the layer is built.
    """

    arguments = ("axis", "epsilon", "center", "scale", "beta_initializer", "gamma_initializer",
                 "beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint")

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 0.001, center: bool = True,
                 scale: bool = True, beta_initializer: Named = "zeros",
                 gamma_initializer: Named = "ones", beta_regularizer: Named | None = None,
                 gamma_regularizer: Named | None = None, beta_constraint: Named | None = None,
                 gamma_constraint: Named | None = None, rms_scaling: bool = False,
                 **options: Any) -> None:
        if rms_scaling:
            raise ValueError("rms_scaling=True divides by the standard deviation without taking "
                             "off the mean, and is not offered: leave it out")
        super().__init__(epsilon, center, scale, beta_initializer, gamma_initializer,
                         beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint,
                         options)
        axes = (axis,) if isinstance(axis, int) else tuple(axis)
        if not axes or not all(isinstance(a, int) for a in axes):
            raise TypeError(f"axis must be an int or a sequence of ints, got {axis!r}")
        self.axis = axis
        self._axes = axes

    def build(self, input_shape: Shape) -> None:
        ndim = len(input_shape)
        for axis in self._axes:
            if not -ndim < axis < ndim or axis % ndim == 0:
                raise ValueError(f"{self.name}: axis {axis} is not one of inputs of shape "
                                 f"{tuple(input_shape)}, the batch not counted")
        axes = sorted(axis % ndim for axis in self._axes)
        shape = tuple(known(self, input_shape, axis) for axis in axes)
        self._reduced = tuple(axes)
        self._add_weights(shape, tuple(input_shape[axis] if axis in axes else 1
                                       for axis in range(ndim)))

    def forward(self, inputs: np.ndarray, mask: np.ndarray | None, training: bool,
                keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        self._check(inputs.shape)
        xhat = inputs - inputs.mean(axis=self._reduced, keepdims=True)
        variance = np.square(xhat).mean(axis=self._reduced, keepdims=True)
        factor = 1 / np.sqrt(variance + inputs.dtype.type(self.epsilon))
        xhat *= factor
        return self._affine(xhat), mask, (xhat, factor) if keep else None

    def backward(self, kept: Any, doutputs: np.ndarray) -> np.ndarray:
        xhat, factor = kept
        dxhat = self._affine_backward(xhat, doutputs)
        dx = dxhat - dxhat.mean(axis=self._reduced, keepdims=True)
        dx -= xhat * (dxhat * xhat).mean(axis=self._reduced, keepdims=True)
        dx *= factor
        return dx


class BatchNormalization(_Normalization):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, for each feature over all rows and
    steps (Ioffe and Szegedy, 2015).

    In training the mean and the variance are the batch's, of the steps that the mask leaves in,
    and moving averages of them are kept: ``moving = momentum moving + (1 - momentum) batch``. At
    other times, and where the layer is not trainable, the moving averages are used.

    Parameters
    ----------
    axis : int
        That of the features.
    momentum : float
    epsilon : float
    center, scale : bool
        Whether beta and gamma are there.
    beta_initializer, gamma_initializer : str or Initializer
    moving_mean_initializer, moving_variance_initializer : str or Initializer
    beta_regularizer, gamma_regularizer : str or Regularizer, optional
    beta_constraint, gamma_constraint : str or Constraint, optional
    renorm, synchronized : bool
        Batch renormalisation and several devices are not here.
    **options
        Those of every `Layer`.

    Attributes
    ----------
    gamma, beta : Variable (F,) or None
    moving_mean, moving_variance : Variable (F,)
        Not trained, but saved.
    """

    arguments = ("axis", "momentum", "epsilon", "center", "scale", "beta_initializer",
                 "gamma_initializer", "moving_mean_initializer", "moving_variance_initializer",
                 "beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint")

    def __init__(self, axis: int = -1, momentum: float = 0.99, epsilon: float = 0.001,
                 center: bool = True, scale: bool = True, beta_initializer: Named = "zeros",
                 gamma_initializer: Named = "ones", moving_mean_initializer: Named = "zeros",
                 moving_variance_initializer: Named = "ones",
                 beta_regularizer: Named | None = None, gamma_regularizer: Named | None = None,
                 beta_constraint: Named | None = None, gamma_constraint: Named | None = None,
                 renorm: bool = False, renorm_clipping: Any = None,
                 renorm_momentum: float = 0.99, synchronized: bool = False,
                 **options: Any) -> None:
        if renorm or synchronized:
            raise ValueError("BatchNormalization has neither renorm nor synchronized: both must "
                             f"be False, got {renorm!r} and {synchronized!r}")
        super().__init__(epsilon, center, scale, beta_initializer, gamma_initializer,
                         beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint,
                         options)
        self.axis = checks.count("axis", axis, minimum=-checks.MAX_SIZE)
        self.momentum = float(checks.number("momentum", momentum))
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.moving_mean: Variable | Any = None         # until the layer is built
        self.moving_variance: Variable | Any = None

    def build(self, input_shape: Shape) -> None:
        ndim = len(input_shape)
        if not -ndim < self.axis < ndim or self.axis == 0:
            raise ValueError(f"{self.name}: axis {self.axis} is not one of inputs of shape "
                             f"{tuple(input_shape)}, the batch not counted")
        axis = self.axis % ndim
        size = known(self, input_shape, axis)
        self._reduced = tuple(a for a in range(ndim) if a != axis)
        self._add_weights((size,), tuple(size if a == axis else 1 for a in range(ndim)))
        self.moving_mean = self.add_weight("moving_mean", (size,), self.moving_mean_initializer,
                                           trainable=False)
        self.moving_variance = self.add_weight("moving_variance", (size,),
                                               self.moving_variance_initializer, trainable=False)

    def forward(self, inputs: np.ndarray, mask: np.ndarray | None, training: bool,
                keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        self._check(inputs.shape)
        counted = count = None
        if training and self._trainable:
            counted, count = self._counted(inputs, mask)
            mean, variance = self._moments(inputs, counted, count)
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance)
        else:
            mean = self.moving_mean.array.reshape(self._wide)
            variance = self.moving_variance.array.reshape(self._wide)
        factor = 1 / np.sqrt(variance + inputs.dtype.type(self.epsilon))
        xhat = (inputs - mean) * factor
        return self._affine(xhat), mask, (xhat, factor, counted, count) if keep else None

    def _counted(self, inputs, mask):
        """Return which steps the moments are of, None for all, and what their sums are divided by.
        """
        if mask is None:
            return None, inputs.size // self.moving_mean.array.size
        if mask.ndim != inputs.ndim - 1:
            raise ValueError(f"{self.name}: the mask must have one axis less than inputs of "
                             f"shape {inputs.shape}, got shape {mask.shape}")
        counted = mask[..., None]
        # What is counted for each feature; the mask is the same for all, unless axis is not -1.
        wide = np.broadcast_to(counted, inputs.shape)
        count = wide.sum(axis=self._reduced, keepdims=True, dtype=inputs.dtype)
        count += inputs.dtype.type(_EPSILON)
        return counted, count

    def _moments(self, inputs, counted, count):
        x = inputs if counted is None else inputs * counted
        mean = x.sum(axis=self._reduced, keepdims=True) / count
        off = inputs - mean
        if counted is not None:
            off *= counted
        return mean, np.square(off).sum(axis=self._reduced, keepdims=True) / count

    def _move(self, variable, value):
        variable.array *= self.momentum
        variable.array += (1 - self.momentum) * value.reshape(-1)
        variable.changed()

    def backward(self, kept: Any, doutputs: np.ndarray) -> np.ndarray:
        xhat, factor, counted, count = kept
        dxhat = self._affine_backward(xhat, doutputs)
        if count is None:
            return dxhat * factor
        # The moments are sums over the counted steps; all steps were moved by them.
        of_mean = dxhat.sum(axis=self._reduced, keepdims=True) / count
        of_variance = (dxhat * xhat).sum(axis=self._reduced, keepdims=True) / count
        through = of_mean + xhat * of_variance
        if counted is not None:
            through *= counted
        return (dxhat - through) * factor
