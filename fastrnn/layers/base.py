# SPDX-License-Identifier: Apache-2.0
"""The base of layers: operations with weights, which are built, trained and described.

`graph/operation.py` says what `forward` and `backward` owe each other.
"""

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import constraints, initializers, regularizers
from .._common import checks, oldnames
from .._common.quiet import call_back, is_own, quiet
from ..graph.broadcasting import Shape
from ..graph.operation import Operation
from ..graph.tape import current
from .variable import Variable

# An initialiser, regulariser, constraint or activation: its name, its description, or itself.
Named = str | dict[str, Any] | Callable[..., Any]


class Layer(Operation):
    """Base of all layers.

    Subclasses give `forward`, `backward`, `compute_output_shape` and, where they have weights,
    `build`. `arguments` names those of the constructor that make up its configuration; each is
    an attribute too.

    Parameters
    ----------
    name : str, optional
        By default the class's name in small letters, with a number from the second one on.
    trainable : bool
        Whether training changes the layer's weights.
    dtype : str or dtype, optional
        float32 or float64; by default `backend.floatx`.
    input_shape, batch_input_shape, batch_shape : tuple, optional
        Of the inputs, without and with the batch, for the first layer of a `Sequential`.
    input_dim : int, optional
        In place of ``input_shape=(input_dim,)``.
    activity_regularizer : optional
        Adds its value for the outputs, over the batch's size, to the loss.
    """

    # Whether what it does is said by a `call` that uses other layers.
    calls_layers = False

    def __init__(self, *, activity_regularizer: Named | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.built = False
        self.version = 0
        self._variables: list[Variable] = []
        self._mask_warned = False

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "call" in vars(cls) and "forward" not in vars(cls) and not cls.calls_layers:
            raise TypeError(f"{cls.__name__} has call() but no forward() and backward(): a layer "
                            "of one's own needs its derivative; what is made of other layers is "
                            "a subclass of fastrnn.Model")
        if "build" in vars(cls):
            cls.build = _marking_built(cls.build)
        if is_own(cls) and "__init__" in vars(cls):
            cls.__init__ = oldnames.arguments(cls.__init__)

    # -- calling -----------------------------------------------------------------------------

    def _penalise(self, made, tape):
        gradients = activity_penalties(self, [tensor.array for tensor in made])
        if tape is not None:
            for tensor, gradient in zip(made, gradients, strict=True):
                tape.penalise(tensor, gradient)

    def masked(self, mask: np.ndarray | None) -> np.ndarray | None:
        """Return the mask a layer passes on; one that drops it says so once."""
        if self.supports_masking or mask is None:
            return mask
        if not self._mask_warned:
            self._mask_warned = True
            warnings.warn(
                f"layer {self.name} ({type(self).__name__}) was given a mask and does not pass it "
                "on: the layers after it see none", UserWarning, stacklevel=2,
            )
        return None

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        """Return the mask of the outputs; lists where there are several inputs or outputs."""
        return self.masked(mask)

    # -- building ----------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of this shape."""

    def ensure_built(self, input_shape: Any) -> None:
        """Build the layer unless it is."""
        if not self.built:
            self.build(input_shape)
            self.built = True

    @quiet
    def add_weight(self, name: str, shape: Sequence[int], initializer: Named, *,
                   regularizer: Named | None = None, constraint: Named | None = None,
                   trainable: bool = True, form: Any = None) -> Variable:
        """Make a `Variable` of the layer.

        Parameters
        ----------
        name : str
        shape : tuple of int
            As Keras shows it.
        initializer, regularizer, constraint
            Names or objects.
        form : optional
            How it is stored; see `Variable`.
        """
        shape = tuple(shape)
        checks.weight_sizes({name: shape}, {f"shape of {self.name}": max(shape, default=1)},
                            self.dtype.itemsize)
        value = np.asarray(call_back(initializers.get(initializer), shape, self.dtype), self.dtype)
        if value.shape != shape:
            raise ValueError(f"the initializer of {self.name}/{name} must give shape {shape}, "
                             f"got {value.shape}")
        variable = Variable(
            name, value, self, trainable=trainable, regularizer=regularizers.get(regularizer),
            constraint=constraints.get(constraint), **({"form": form} if form else {}),
        )
        self._variables.append(variable)
        return variable


def _marking_built(build):
    """Callers may build a layer themselves; whoever does, it is built afterwards."""
    @functools.wraps(build)
    def marking(self, *args, **options):
        build(self, *args, **options)
        self.built = True

    return marking


def activity_penalties(layer: Any, outputs: list[np.ndarray]) -> list[np.ndarray | None]:
    """Add what a layer's activity regulariser says of `outputs` to the loss of the call that is
    going on; return its gradients, None where there is none."""
    regularizer = layer.activity_regularizer
    if regularizer is None or current.penalties is None:
        return [None] * len(outputs)
    current.penalties += [float(regularizer(out)) / len(out) for out in outputs]
    return [regularizer.gradient(out) / len(out) for out in outputs]


def rank(layer: Any, shape: Shape, ndim: int, what: str) -> None:
    """Raise unless the inputs' shape has `ndim` axes; `what` says what they are."""
    if len(shape) != ndim:
        raise ValueError(f"{layer.name}: inputs must be {ndim}-D, {what}; "
                         f"got {len(shape)}-D, shape {tuple(shape)}")


def known(layer: Any, shape: Shape, axis: int = -1) -> int:
    """Return the size of an axis that must be known to build a layer."""
    size = shape[axis]
    if size is None:
        raise ValueError(f"{layer.name}: axis {axis} of the inputs' shape {tuple(shape)} must be "
                         "known, got None")
    return size
