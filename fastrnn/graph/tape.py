# SPDX-License-Identifier: Apache-2.0
"""The tape: which operation made which value, so that gradients find their way back.

One tape serves every kind of model, at the granularity of layers. While a model runs, each layer
or operator that is called puts one record on the tape; `Tape.backward` walks the records from the
last to the first and hands each the gradients of what it made (reverse accumulation; Linnainmaa
1970). Inside a layer there is no tape: its own `backward` knows the equations. The layers of a
model inside another are on the tape of the outer one; only a layer that calls a model by its
`forward`, as TimeDistributed does, has a tape inside.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from operator import index
from typing import Any

import numpy as np

from .operators import Operators

# What a forward is asked to keep: nothing, what the gradients of weights need, or those of the
# inputs as well. They are ordered, and the first is false.
NOTHING, FOR_WEIGHTS, FOR_INPUTS = 0, 1, 2


class Tensor(Operators):
    """A value inside a model call.

    Attributes
    ----------
    array : ndarray
        The value. It must not be written to: a layer may have kept it.
    mask : ndarray (N, T) of bool, or None
        Which steps count.
    tracked : bool
        Whether a gradient has a way from here to a weight.
    gradient : ndarray or None
        Of the loss, while `Tape.backward` runs.
    """

    __slots__ = ("array", "gradient", "mask", "tracked")

    def __init__(self, array: np.ndarray, mask: np.ndarray | None = None,
                 tracked: bool = False) -> None:
        self.array = array
        self.mask = mask
        self.tracked = tracked
        self.gradient: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    def numpy(self) -> np.ndarray:
        """Return a copy of the value; no gradient flows through it."""
        return self.array.copy()

    def __array__(self, dtype=None, copy=None):
        if self.tracked:
            raise TypeError(
                "NumPy cannot be applied to a tensor while gradients are recorded: it would stop "
                "them silently; use layers and operators, or tensor.numpy() where that is meant"
            )
        return np.array(self.array, dtype=dtype, copy=copy)

    def __bool__(self):
        return bool(self.array)

    def __float__(self):
        return float(self.array.item())

    def __int__(self):
        return int(self.array.item())

    def __index__(self):
        return index(self.array.item())

    def __repr__(self):
        return f"Tensor({self.array!r})"

    def add_gradient(self, gradient: np.ndarray) -> None:
        """Add a reader's gradient; the arrays handed in stay as they are.

        It gets the dtype of the value, which the kernels below rely on.
        """
        if gradient.dtype is not self.array.dtype:
            gradient = gradient.astype(self.array.dtype, copy=False)
        self.gradient = gradient if self.gradient is None else self.gradient + gradient


class _Current(threading.local):
    """What calls of layers in this thread are part of."""

    tape: "Tape | None" = None              # where they are recorded
    training = False
    penalties: list[float] | None = None    # values that activity regularisers add to the loss


current = _Current()


class calling:
    """Make layer calls inside part of `tape` (None: recorded nowhere), in training mode or not."""

    __slots__ = ("_before", "_now")

    def __init__(self, tape: "Tape | None", training: bool) -> None:
        self._now = tape, training

    def __enter__(self):
        self._before = current.tape, current.training
        current.tape, current.training = self._now

    def __exit__(self, *error):
        current.tape, current.training = self._before


@contextmanager
def collecting_penalties() -> Iterator[list[float]]:
    """Yield the list to which activity regularisers append their values."""
    before = current.penalties
    penalties: list[float] = []
    current.penalties = penalties
    try:
        yield penalties
    finally:
        current.penalties = before


class Tape:
    """Records of the calls of operations and layers, in the order they were made."""

    __slots__ = ("_penalised", "_records")

    def __init__(self) -> None:
        self._records: list[tuple[Any, Any, Any, Any, bool, bool]] = []
        self._penalised: list[tuple[Tensor, np.ndarray]] = []

    def record(self, operation: Any, kept: Any, inputs: tuple[Tensor, ...],
               outputs: tuple[Tensor, ...], takes_list: bool = False,
               gives_list: bool = False) -> None:
        """Note a call.

        Parameters
        ----------
        operation : Operation
        kept : object
            What its `forward` kept for its `backward`.
        inputs, outputs : tuple of Tensor
        takes_list, gives_list : bool
            Whether `forward` was given a list, and gave one: so `backward` gives and is given one.
        """
        self._records.append((operation, kept, inputs, outputs, takes_list, gives_list))

    def penalise(self, tensor: Tensor, gradient: np.ndarray) -> None:
        """Note that a part of the loss depends on `tensor` alone, and its gradient."""
        self._penalised.append((tensor, gradient))

    def backward(self) -> None:
        """Propagate from the Tensors whose `gradient` is set to all that lead to them.

        Layers add the gradients of their weights to them. The tape is spent afterwards.
        """
        for tensor, gradient in self._penalised:
            tensor.add_gradient(gradient)
        records = self._records
        while records:
            operation, kept, inputs, outputs, takes_list, gives_list = records.pop()
            if gives_list:
                doutputs = [tensor.gradient for tensor in outputs]
                if all([gradient is None for gradient in doutputs]):
                    continue
            else:
                made, = outputs
                doutputs, made.gradient = made.gradient, None
                if doutputs is None:
                    continue
            dinputs = operation.backward(kept, doutputs)
            for tensor, gradient in zip(inputs, dinputs if takes_list else (dinputs,),
                                        strict=True):
                if gradient is not None and tensor.tracked:
                    tensor.add_gradient(gradient)
