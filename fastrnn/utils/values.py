# SPDX-License-Identifier: Apache-2.0
"""Arrays with the one method of tensors that programs call on what a data set gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.structure import convert


class Values(np.ndarray):
    """A view of an array that has ``numpy()``, as its parts and single numbers do; what is
    computed or pickled is a plain array."""

    def numpy(self) -> Any:
        """Return the plain array, not copied; a scalar for a single number."""
        array = self.view(np.ndarray)
        return array if array.ndim else array[()]

    def __getitem__(self, index: Any) -> Any:
        item = super().__getitem__(index)
        return item if isinstance(item, np.ndarray) else np.asarray(item).view(Values)

    def __array_wrap__(self, array, context=None, return_scalar=False):
        array = np.asarray(array)
        return array[()] if return_scalar or not array.ndim else array

    def __reduce__(self):
        return self.view(np.ndarray).__reduce__()

    def __hash__(self):
        # Of a single number; numpy() of more has none.
        return hash(self.numpy())

    def __repr__(self):
        return repr(self.view(np.ndarray))


def as_values(structure: Any) -> Any:
    """Return a structure with a view of each array that is `Values`."""
    return convert(lambda leaf: np.asarray(leaf).view(Values), structure)


def as_plain(structure: Any) -> Any:
    """Return a structure with plain arrays for those that are `Values`."""
    return convert(lambda leaf: leaf.numpy() if type(leaf) is Values else leaf, structure)
