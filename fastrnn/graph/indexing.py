# SPDX-License-Identifier: Apache-2.0
"""Indexing: what `tensor[key]` is inside a model."""

from typing import Any

import numpy as np

from .broadcasting import Shape
from .operation import Operation


class GetItem(Operation):
    """y = x[key].

    Parameters
    ----------
    key : int, slice, None, Ellipsis, list of int, or tuple of them
        The batch must stay as it is: a tuple begins with ``:`` or ``...``.
    keeps_batch : bool
        Whether the batch must stay. Without it the key may be any that NumPy takes, and the
        operation is for eager tensors alone: in a graph the batch is the first axis.
    **options
        Those of every `Operation`.

    Raises
    ------
    IndexError
        If the key selects rows of the batch, or does not fit the inputs.
    """

    arguments = ("key",)
    casts_inputs = False

    def __init__(self, key: Any, keeps_batch: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self._keeps_batch = keeps_batch
        if not keeps_batch:
            self.key = key
            parts = key if type(key) is tuple else (key,)
            self._repeats = any(isinstance(part, list | np.ndarray) for part in parts)
            return
        self.key = tuple(map(_read, key)) if isinstance(key, tuple | list) else (_read(key),)
        first = self.key[0] if self.key else None
        if first is not Ellipsis and not (isinstance(first, slice) and first == slice(None)):
            raise IndexError(f"indexing inside a model must leave the batch axis as it is: begin "
                             f"with ':' as in x[:, -1], got [{_text(self.key)}]")
        lists = sum(isinstance(part, np.ndarray) for part in self.key)
        if lists > 1 or (lists and any(isinstance(part, int | np.integer) for part in self.key)):
            raise IndexError("indexing inside a model takes one list of ints, and no int beside "
                             f"it; got [{_text(self.key)}]")
        self._repeats = lists > 0

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        # Two probes that differ where a size is open show which sizes of the result are open.
        shapes = [self._of(_probe(input_shape, size), input_shape).shape
                  for size in (2**20, 2**20 + 3)]
        sizes = tuple(a if a == b else None for a, b in zip(*shapes, strict=True))
        return (input_shape[0], *sizes[1:])

    def _of(self, array, shape):
        """Return array[key]; `shape` is that of the message."""
        if not self._keeps_batch:
            return array[self.key]
        try:
            result = array[self.key]
        except IndexError as reason:
            raise IndexError(f"{self.name}: [{_text(self.key)}] does not fit inputs of shape "
                             f"{tuple(shape)}: {reason}") from None
        if result.ndim == 0 or result.shape[0] != array.shape[0]:
            raise IndexError(f"{self.name}: [{_text(self.key)}] does not leave the batch axis of "
                             f"inputs of shape {tuple(shape)} as it is")
        return result

    def forward(self, inputs: np.ndarray, mask: Any, training: bool,
                keep: int) -> tuple[np.ndarray, None, tuple[int, ...]]:
        outputs = self._of(inputs, inputs.shape)
        return np.asarray(outputs), None, inputs.shape

    def backward(self, shape: tuple[int, ...], doutputs: np.ndarray) -> np.ndarray:
        dx = np.zeros(shape, doutputs.dtype)
        if self._repeats:
            np.add.at(dx, self.key, doutputs)
        else:
            dx[self.key] = doutputs
        return dx

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config["key"] = [_described(part) for part in self.key]
        return config


def _probe(shape, open_size):
    """Return an array of zeros of a shape, of which it takes no memory."""
    batch, *sizes = shape
    sizes = [open_size if size is None else size for size in sizes]
    return np.broadcast_to(np.float32(0), (batch or 2, *sizes))


def _read(part):
    """Return a part of a key, also of one that `get_config` described."""
    if isinstance(part, dict):
        return slice(*part["slice"]) if part else Ellipsis
    if isinstance(part, list | np.ndarray):
        part = np.asarray(part)
        if part.dtype.kind in "iu" and part.ndim == 1:
            return part
    elif part is None or part is Ellipsis or isinstance(part, slice | int | np.integer):
        return part
    raise IndexError("an index inside a model must be of ints, slices, lists of ints, None and "
                     f"Ellipsis, got {part!r}")


def _described(part):
    if part is Ellipsis:
        return {}
    if isinstance(part, slice):
        return {"slice": [part.start, part.stop, part.step]}
    return part.tolist() if isinstance(part, np.ndarray) else part


def _text(key):
    return ", ".join(map(_part_text, key))


def _part_text(part):
    if isinstance(part, slice):
        ends = ["" if end is None else str(end) for end in (part.start, part.stop)]
        return ":".join(ends if part.step is None else [*ends, str(part.step)])
    return "..." if part is Ellipsis else str(part)
