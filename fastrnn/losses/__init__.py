# SPDX-License-Identifier: Apache-2.0
"""Losses: a number to make small, and its gradient.

Each is a class, whose objects give one number of targets and an output, and a function, which
gives the value of each sample.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, overload

import numpy as np

from .._common import oldnames
from .._common.registry import Registry, snake_case
from .base import Loss
from .choice import ByShapes, kind_of_targets  # noqa: F401 - a name of this package
from .crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from .regression import (
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SquaredHinge,
)

_CLASSES = (
    BinaryCrossentropy, CategoricalCrossentropy, CategoricalHinge, CosineSimilarity, Hinge, Huber,
    KLDivergence, LogCosh, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError,
    MeanSquaredLogarithmicError, Poisson, SparseCategoricalCrossentropy, SquaredHinge,
)


def _function_of(cls: type[Loss]) -> Callable[..., np.ndarray]:
    """Return the function of a loss: ``function(y_true, y_pred, *options)`` of the class."""
    options: tuple[str, ...] = getattr(
        cls, "options", tuple(f for f in cls.fields if f not in Loss.fields))

    def function(y_true, y_pred, *values, **named):
        return cls(**dict(zip(options, values, strict=False)), **named).values(y_true, y_pred)

    made: Any = function
    made.__name__ = made.__qualname__ = snake_case(cls.__name__)
    made.__doc__ = f"Return the value of each sample: {inspect.getdoc(cls)}"
    made.loss_class = cls
    return made


binary_crossentropy = _function_of(BinaryCrossentropy)
categorical_crossentropy = _function_of(CategoricalCrossentropy)
categorical_hinge = _function_of(CategoricalHinge)
cosine_similarity = _function_of(CosineSimilarity)
hinge = _function_of(Hinge)
huber = _function_of(Huber)
kl_divergence = kld = KLD = _function_of(KLDivergence)
log_cosh = _function_of(LogCosh)
mean_absolute_error = mae = MAE = _function_of(MeanAbsoluteError)
mean_absolute_percentage_error = mape = MAPE = _function_of(MeanAbsolutePercentageError)
mean_squared_error = mse = MSE = _function_of(MeanSquaredError)
mean_squared_logarithmic_error = msle = MSLE = _function_of(MeanSquaredLogarithmicError)
poisson = _function_of(Poisson)
sparse_categorical_crossentropy = _function_of(SparseCategoricalCrossentropy)
squared_hinge = _function_of(SquaredHinge)

_FUNCTIONS = (
    binary_crossentropy, categorical_crossentropy, categorical_hinge, cosine_similarity, hinge,
    huber, kl_divergence, log_cosh, mean_absolute_error, mean_absolute_percentage_error,
    mean_squared_error, mean_squared_logarithmic_error, poisson, sparse_categorical_crossentropy,
    squared_hinge,
)
_ALIASES = {
    "bce": binary_crossentropy, "kld": kl_divergence, "mae": mean_absolute_error,
    "mape": mean_absolute_percentage_error, "mse": mean_squared_error,
    "msle": mean_squared_logarithmic_error,
}

_registry = Registry(
    "loss", _CLASSES,
    {f.__name__: f for f in _FUNCTIONS} | _ALIASES | {k.upper(): f for k, f in _ALIASES.items()},
)
get, serialize, deserialize = _registry.get, _registry.serialize, _registry.deserialize

_BY_SHAPES = dict.fromkeys(("crossentropy", "ce"), ByShapes(
    binary_crossentropy, sparse_categorical_crossentropy, categorical_crossentropy))


def check(identifier: Any) -> None:
    """Raise ValueError unless `resolve` knows what `identifier` stands for, whatever the shapes."""
    if not (isinstance(identifier, str) and identifier in _BY_SHAPES):
        get(identifier)


@overload
def resolve(identifier: None, y_true_shape: tuple[int, ...],
            y_pred_shape: tuple[int, ...]) -> None: ...
@overload
def resolve(identifier: Any, y_true_shape: tuple[int, ...],
            y_pred_shape: tuple[int, ...]) -> Loss: ...
def resolve(identifier: Any, y_true_shape: tuple[int, ...],
            y_pred_shape: tuple[int, ...]) -> Loss | None:
    """Return the `Loss` of what was given to ``compile``, or None.

    Parameters
    ----------
    identifier : str, Loss, function of this module, dict or None
        "crossentropy" and "ce" stand for the one of the three that fits the shapes.
    y_true_shape, y_pred_shape : tuple of int
        The shapes of targets and output.

    Raises
    ------
    ValueError
        If it is not known, or a function of the caller's: it has no derivative.
    """
    if isinstance(identifier, str) and identifier.lower() in _BY_SHAPES:
        found = _BY_SHAPES[identifier.lower()].fitting(y_true_shape, y_pred_shape)
    else:
        found = get(identifier)
    if found is None or (isinstance(found, Loss) and type(found).backward is not Loss.backward):
        return found
    if not hasattr(found, "loss_class"):
        raise ValueError(f"loss {found!r} has no derivative, so a model cannot be trained with "
                         f"it: give one of {', '.join(_registry.names())}, or a subclass of "
                         f"losses.Loss with forward and backward")
    name = identifier if isinstance(identifier, str) else found.__name__
    return found.loss_class(name=name)


def __getattr__(name):
    return oldnames.find(__name__, name)
