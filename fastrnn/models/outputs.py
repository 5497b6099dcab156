# SPDX-License-Identifier: Apache-2.0
"""The outputs of a model, gathered over batches."""

import numpy as np

from ..structure import flatten


class Gathered:
    """The outputs of all batches, each joined along the rows.

    Parameters
    ----------
    rows : int, optional
        Of all batches, where it is known: the outputs are then written where they belong instead
        of being kept twice.
    """

    def __init__(self, rows=None):
        self._rows, self._given = rows, 0
        self._wholes, self._parts = None, []

    def add(self, outputs, x):
        """Append the outputs of the batch `x`, a list of arrays."""
        count = len(outputs[0])
        if self._given == 0 and self._rows is not None and count < self._rows and all(
                len(array) == count for array in outputs):
            self._wholes = [np.empty((self._rows, *array.shape[1:]), array.dtype)
                            for array in outputs]
        if self._wholes is not None and not self._write(outputs, self._given + count):
            self._parts = [[whole[:self._given] for whole in self._wholes]]
            self._wholes = None
        if self._wholes is None:
            self._parts.append(unshared(outputs, x))
        self._given += count

    def _write(self, outputs, end):
        """Write a batch in its place, up to row `end`; return whether it fits there."""
        for array, whole in zip(outputs, self._wholes, strict=True):
            place = whole[self._given:end]
            if array.shape != place.shape or array.dtype != place.dtype:
                return False
            place[...] = array
        return True

    def arrays(self):
        """Return a list of the whole outputs."""
        if self._wholes is not None:
            return [whole if self._given == self._rows else whole[:self._given]
                    for whole in self._wholes]
        return [np.concatenate(parts) for parts in zip(*self._parts, strict=True)]


def unshared(outputs, x):
    """Return the outputs, copied where they are parts of the inputs or of each other."""
    seen, own = set(map(id, flatten(x))), []
    for array in outputs:
        handed_on = id(array) in seen or not array.flags.owndata
        seen.add(id(array))
        own.append(array.copy() if handed_on else array)
    return own
