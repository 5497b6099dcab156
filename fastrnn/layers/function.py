# SPDX-License-Identifier: Apache-2.0
"""A function as a layer."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .._common.quiet import call_back
from ..graph.broadcasting import Shape
from ..graph.tape import FOR_INPUTS, Tape, Tensor, calling
from .base import Layer

_ADVICE = ("it has no derivative. Use the operators + - * / [] and layers in it, or an Activation, "
           "or write a Layer with forward and backward")


class Lambda(Layer):
    """y = function(x).

    A gradient passes where the function is made of operators (``+ - * / []``) and layers. One that
    is made of NumPy's functions has no derivative: it may stand where no weight lies before it, as
    a step of preparation does.

    Parameters
    ----------
    function : callable
        Of a tensor, and of `mask` and `training` where it has such arguments.
    output_shape : tuple of int or callable, optional
        Of the outputs without the batch, or a function of the inputs' shape; by default it is
        found by a trial.
    mask : callable, optional
        Of the inputs and their mask; returns the outputs' mask. By default there is none.
    arguments : dict, optional
        More arguments of `function`.
    **options
        Those of every `Layer`.

    Raises
    ------
    TypeError
        If `function` is none, or has no derivative where one is needed.
    """

    def __init__(self, function: Callable[..., Any],
                 output_shape: Shape | Callable[[Shape], Shape] | None = None,
                 mask: Callable[..., Any] | None = None, arguments: dict[str, Any] | None = None,
                 **options: Any) -> None:
        if not callable(function):
            raise TypeError(f"function must be callable, got {type(function).__name__}")
        super().__init__(**options)
        self.function = function
        self.supports_masking = mask is not None
        self._output_shape = output_shape
        self._mask = mask
        self._options = dict(arguments or {})
        self._takes = [name for name in ("mask", "training") if name in _names(function)]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        given = self._output_shape
        if callable(given):
            return tuple(given(input_shape))
        if given is not None:
            return (input_shape[0], *given)
        shapes = [self._called(np.zeros([size if s is None else s for s in input_shape],
                                        self.dtype), None, False, trial=True).shape
                  for size in (2, 3)]
        return tuple(a if a == b else None for a, b in zip(*shapes, strict=True))

    def compute_mask(self, inputs: np.ndarray,
                     mask: np.ndarray | None = None) -> np.ndarray | None:
        return self._mask(inputs, mask) if callable(self._mask) else self.masked(mask)

    def _called(self, x, mask, training, trial=False):
        """The function's value; what it makes of the zeros of a trial is no error of its own."""
        given = {"mask": mask, "training": training}
        options = self._options | {name: given[name] for name in self._takes}
        return self.function(x, **options) if trial else call_back(self.function, x, **options)

    def forward(self, inputs: np.ndarray, mask: np.ndarray | None, training: bool,
                keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        out_mask = self.compute_mask(inputs, mask)
        if keep < FOR_INPUTS:
            with calling(None, training):
                y = np.asarray(self._called(inputs, mask, training), self.dtype)
            return y, out_mask, None
        tape = Tape()
        x = Tensor(inputs, mask, True)
        with calling(tape, training):
            try:
                y = self._called(x, mask, training)
            except TypeError as reason:
                raise TypeError(f"{self.name}: the function cannot be trained through: {_ADVICE} "
                                f"({reason})") from None
        if not isinstance(y, Tensor):
            raise TypeError(f"{self.name}: the function gives {type(y).__name__} where a gradient "
                            f"must pass: {_ADVICE}")
        return y.array, out_mask, (tape, x, y)

    def backward(self, kept: Any, doutputs: np.ndarray) -> np.ndarray:
        tape, x, y = kept
        y.add_gradient(doutputs)
        tape.backward()
        return x.gradient

    def get_config(self) -> dict[str, Any]:
        raise ValueError(f"{self.name}: a function cannot be saved: write a Layer with forward, "
                         "backward and get_config in place of Lambda")


def _names(function):
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return ()
