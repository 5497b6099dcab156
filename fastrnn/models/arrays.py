# SPDX-License-Identifier: Apache-2.0
"""Arrays as callers hand them in, of which a batch at a time is read and cast.

Nothing here copies an array as a whole: a shape, a cast or a share of the rows is a view or a
promise, and what must look at every number does so in pieces.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from .._common import checks
from .._common.quiet import quiet
from ..graph.structure import convert, flatten, is_nested, pack

# Numbers that are looked at in one go.
_PIECE = 2**16


class Cast:
    """An array whose rows become another dtype when they are taken.

    Parameters
    ----------
    source : ndarray
    dtype : dtype
    """

    __slots__ = ("dtype", "ndim", "shape", "source")

    def __init__(self, source: np.ndarray, dtype: npt.DTypeLike) -> None:
        self.source, self.dtype = source, np.dtype(dtype)
        self.shape, self.ndim = source.shape, source.ndim

    def __len__(self):
        return len(self.source)

    @quiet
    def __getitem__(self, rows):
        return self.source[rows].astype(self.dtype)


class Stored:
    """Rows `first` to `last` of an array that is not in memory, such as one in an HDF5 file.

    Parameters
    ----------
    source
        With `shape`, `dtype` and an index: a slice, or ints in ascending order.
    first, last : int
        All rows by default.
    """

    __slots__ = ("dtype", "first", "ndim", "shape", "source")

    def __init__(self, source: Any, first: int = 0, last: int | None = None) -> None:
        self.source, self.first, self.dtype = source, first, source.dtype
        self.shape = ((source.shape[0] if last is None else last) - first, *source.shape[1:])
        self.ndim = len(self.shape)

    def __len__(self):
        return self.shape[0]

    def part(self, rows: slice) -> "Stored":
        """Return the rows of a slice, not read yet."""
        first, last, _ = rows.indices(len(self))
        return Stored(self.source, self.first + first, self.first + last)

    def __getitem__(self, rows):
        if type(rows) is slice:
            first, last, _ = rows.indices(len(self))
            return self._read(slice(self.first + first, self.first + last))
        order = rows.argsort()
        read = self._read(rows[order] + self.first)
        taken = np.empty_like(read)
        taken[order] = read
        return taken

    def _read(self, rows):
        read = self.source[rows]
        return checks.as_ndarray("rows", read.toarray() if hasattr(read, "toarray") else read)


def is_stored(value: Any) -> bool:
    """Whether it is an array of a kind that is read by rows: it has a shape, a NumPy dtype and an
    index, but is neither in NumPy nor labelled as a table of pandas is."""
    return (not isinstance(value, np.ndarray | np.generic) and hasattr(value, "__getitem__")
            and isinstance(getattr(value, "dtype", None), np.dtype)
            and bool(getattr(value, "shape", ())) and not hasattr(value, "iloc"))


def is_array(value: Any) -> bool:
    """Whether it is an array, or a structure that has one in it."""
    return (isinstance(value, np.ndarray) or hasattr(value, "__array__")
            or hasattr(value, "numpy") or is_stored(value)
            or (isinstance(value, list | tuple | dict) and any(map(is_array, flatten(value)))))


def as_arrays(name: str, data: Any) -> Any:
    """Return data as an ndarray or `Stored`, or as a list or dict of them; None stays None.

    Arrays and tensors on a CPU are not copied. Lists of numbers become arrays; None may stand in
    a list of arrays.

    Raises
    ------
    TypeError
        If it does not hold numbers, or a tensor cannot be read: one of another device, or one
        whose gradients are recorded.
    """
    if type(data) is not np.ndarray:
        if data is None:
            return None
        if isinstance(data, dict):
            return {key: as_arrays(f"{name}[{key!r}]", value) for key, value in data.items()}
        if isinstance(data, list | tuple) and data and all(
                value is None or is_array(value) for value in data):
            return [as_arrays(f"{name}[{k}]", value) for k, value in enumerate(data)]
        data = Stored(data) if is_stored(data) else checks.as_ndarray(name, data)
    if data.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be numbers, got dtype {data.dtype}")
    return data


def as_dtype(array: np.ndarray, dtype: npt.DTypeLike) -> Cast | np.ndarray:
    """Return an ndarray, to be cast by rows where it is not of `dtype`."""
    return array if array.dtype == dtype else Cast(array, dtype)


def take(part: Any, rows: slice | np.ndarray) -> Any:
    """Return rows, a slice or ints, of each array of a structure, read and cast."""
    if part is None:
        return None
    return pack(part, [None if leaf is None else leaf[rows] for leaf in flatten(part)])


def read(part: Any) -> Any:
    """Return a structure with all of its arrays read and cast."""
    if type(part) is np.ndarray:
        return part
    return convert(lambda leaf: leaf if type(leaf) is np.ndarray else leaf[:], part)


def row_count(parts: tuple[Any, ...]) -> int:
    """Return the number of rows of (x, y, sample_weight).

    Raises
    ------
    ValueError
        If it is not the same for all arrays, or one has no axis of rows.
    """
    if any(leaf is None for leaf in flatten(parts[0])):
        raise ValueError("x must be arrays, a generator or another iterable of batches; got None")
    sizes = {}
    for name, part in zip(("x", "y", "sample_weight"), parts, strict=True):
        for k, leaf in enumerate(flatten(part)):
            if leaf is None:
                continue
            label = f"{name}[{k}]" if is_nested(part) else name
            if leaf.ndim == 0:
                raise ValueError(f"{label} must have a row for each sample, got a single number")
            sizes[label] = len(leaf)
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name}: {rows}" for name, rows in sizes.items())
        raise ValueError(f"all arrays must have the same number of rows, got {listed}")
    return next(iter(sizes.values()))


def parted(parts: tuple[Any, ...], share: float) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return (first rows, last rows) of (x, y, sample_weight); the last are `share` of all.

    Raises
    ------
    ValueError
        If a part would be empty.
    """
    parts = tuple(as_arrays(name, part)
                  for name, part in zip(("x", "y", "sample_weight"), parts, strict=True))
    rows = row_count(parts)
    cut = int(rows * (1 - share))
    if cut in (0, rows):
        raise ValueError(f"validation_split={share} of {rows} rows leaves nothing to "
                         + ("train on" if cut == 0 else "validate on"))
    return _part(parts, slice(cut)), _part(parts, slice(cut, None))


def _part(parts, rows):
    """Rows of all parts as views, not read or cast yet."""
    return tuple(convert(lambda leaf: leaf.part(rows) if type(leaf) is Stored else leaf[rows],
                         part) for part in parts)


def missing(array: Any) -> tuple[int, tuple[int, ...]] | None:
    """Return the number of NaN in an array, or `Cast`, and the place of the first, or None."""
    array = getattr(array, "source", array)
    if array.dtype.kind != "f":
        return None
    rows = len(array)
    step = max(1, _PIECE * rows // max(array.size, 1))
    number = 0
    place: tuple[int, ...] = ()
    for first in range(0, rows, step):
        piece = array[first:first + step]
        if not np.isnan(piece).any():
            continue
        is_nan = np.isnan(piece)
        if not place:
            row, *others = np.unravel_index(is_nan.argmax(), is_nan.shape)
            place = (first + int(row), *map(int, others))
        number += int(np.count_nonzero(is_nan))
    return (number, place) if number else None
