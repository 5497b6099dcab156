# SPDX-License-Identifier: Apache-2.0
"""The outputs of a model, gathered over batches."""

from typing import Any

import numpy as np

from ..graph.structure import flatten


class Gathered:
    """The outputs of all batches, each joined along the rows.

    Parameters
    ----------
    rows : int, optional
        Of all batches, where it is known: the outputs are then written where they belong instead
        of being kept twice.
    """

    def __init__(self, rows: int | None = None) -> None:
        self._rows, self._given = rows, 0
        self._wholes: list[np.ndarray] | None = None
        self._parts: list[list[np.ndarray]] = []

    def add(self, outputs: list[np.ndarray], x: Any) -> None:
        """Append the outputs of the batch `x`, a list of arrays."""
        first = self._given
        self._given = end = first + len(outputs[0])
        if first == 0:
            self._wholes = self._begun(outputs, end)
        if self._wholes is not None:
            for array, whole in zip(outputs, self._wholes, strict=True):
                place = whole[first:end]
                if array.shape != place.shape or array.dtype != place.dtype:
                    self._parts = [[whole[:first] for whole in self._wholes]]
                    self._wholes = None
                    break
                place[...] = array
            else:
                return
        self._parts.append(unshared(outputs, x))

    def _begun(self, outputs, count):
        """Return the whole outputs, still empty, or None where one batch, or what is not known to
        be rows, is all there is to keep."""
        if self._rows is None or count >= self._rows or any(
                len(array) != count for array in outputs):
            return None
        return [np.empty((self._rows, *array.shape[1:]), array.dtype) for array in outputs]

    def arrays(self) -> list[np.ndarray]:
        """Return a list of the whole outputs."""
        if self._wholes is not None:
            return [whole if self._given == self._rows else whole[:self._given]
                    for whole in self._wholes]
        return [np.concatenate(parts) for parts in zip(*self._parts, strict=True)]


def unshared(outputs: list[np.ndarray], x: Any) -> list[np.ndarray]:
    """Return the outputs, copied where they are parts of the inputs or of each other."""
    seen, own = set(map(id, flatten(x))), []
    for array in outputs:
        handed_on = id(array) in seen or not array.flags.owndata
        seen.add(id(array))
        own.append(array.copy() if handed_on else array)
    return own
