# SPDX-License-Identifier: Apache-2.0
"""Batches for training: of arrays, of generators, of any iterable."""

import numpy as np

from .. import checks, random
from ..structure import flatten, is_nested, pack
from ..utils.datasets import PyDataset


class ArrayBatches:
    """Batches of rows of arrays.

    Parameters
    ----------
    x, y, sample_weight : array, or list or dict of arrays, or None
        All with the same number of rows.
    batch_size : int
    shuffle : bool
        Whether each pass takes the rows in another order.
    """

    def __init__(self, x, y=None, sample_weight=None, batch_size=32, shuffle=False):
        self.parts = as_arrays("x", x), as_arrays("y", y), as_arrays("sample_weight",
                                                                     sample_weight)
        self.batch_size = checks.count("batch_size", batch_size)
        self.shuffle = shuffle
        self._given = None
        self.rows = _rows(self.parts)
        if self.rows == 0:
            raise ValueError("x must have at least one row, got none")

    def restart(self):
        """Every pass begins at the first batch."""

    def count(self):
        """Return the number of batches."""
        return len(self)

    def rows_given(self):
        """Return which rows the last batch has, a slice or an array of int."""
        return self._given

    def __len__(self):
        return -(-self.rows // self.batch_size)

    def __iter__(self):
        size = self.batch_size
        order = random.generator().permutation(self.rows) if self.shuffle else None
        for first in range(0, self.rows, size):
            rows = slice(first, first + size) if order is None else order[first:first + size]
            self._given = rows
            yield tuple([part[rows] if type(part) is np.ndarray else _take(part, rows)
                         for part in self.parts])


class IterableBatches:
    """Batches of a generator or of anything that can be iterated over.

    Each item is x, (x, y) or (x, y, sample_weight).

    Parameters
    ----------
    source : iterable
        One that is its own iterator, as a generator is, goes on in the next epoch where it was
        in the last.
    steps : int, optional
        Batches of an epoch; without it an epoch is all that the source gives.
    class_weight : optional
        If it is given, batches must not come with sample weights.
    shuffle : bool
        Whether each pass takes the batches of a `PyDataset` in another order.
    """

    def __init__(self, source, steps=None, class_weight=None, shuffle=False):
        self.source = source
        self.shuffle = shuffle and isinstance(source, PyDataset)
        self.steps = None if steps is None else checks.count("steps_per_epoch", steps)
        self.class_weight = class_weight
        self._going = None
        self._length = None

    def __len__(self):
        if self.steps is not None:
            return self.steps
        return self._length if self._length is not None else len(self.source)

    def count(self):
        """Return the number of batches, or None where it is not known yet."""
        try:
            return len(self)
        except TypeError:
            return None

    def rows_given(self):
        """Return which rows of arrays the last batch has, None where it comes from no arrays."""
        return self.source.rows_given() if isinstance(self.source, ArrayBatches) else None

    def restart(self):
        """Begin the next epoch at the first batch again, where the source can."""
        self._going = None

    def __iter__(self):
        self._tell("on_epoch_begin")
        given = 0
        while self.steps is None or given < self.steps:
            batch = self._next(first=given == 0)
            if batch is None:
                break
            given += 1
            yield self._parts(batch)
        if self.steps is None:
            self._length = given
            self._going = None
            self._tell("on_epoch_end")
        elif given < self.steps:
            import warnings

            warnings.warn(f"the data ended after {given} of {self.steps} batches", UserWarning,
                          stacklevel=2)

    def _tell(self, hook):
        """Call a hook of the source, if it has it."""
        called = getattr(self.source, hook, None)
        if called is not None:
            called()

    def _pass(self):
        """An iterator over the batches of the source."""
        source = self.source
        if not self.shuffle or source.num_batches is None:
            return iter(source)
        order = random.generator().permutation(source.num_batches).tolist()
        return (source[index] for index in order)

    def _next(self, first):
        """The next batch, None at the end of the data; `first` of an epoch, from the start."""
        for going in (self._going, None):
            if going is None:
                going = self._going = self._pass()
            for batch in going:
                return batch
            self._going = None
            if not first:
                return None
        raise ValueError("the data gave no batch: a generator can be used up; give one that does "
                         "not end with steps_per_epoch, or something that can be iterated over "
                         "again")

    def _parts(self, batch):
        x, y, weight = unpack(batch)
        x, y, weight = as_arrays("x", x), as_arrays("y", y), as_arrays("sample_weight", weight)
        if self.class_weight is not None and weight is not None:
            raise ValueError("batches with sample weights need no class_weight: give one of "
                             "the two")
        return x, y, weight


class RememberedBatches:
    """The batches of a generator, drawn once and given again in every pass."""

    def __init__(self, source):
        self._source, self._batches = source, None

    def rows_given(self):
        """Nothing: batches of a generator come from no arrays."""

    def count(self):
        return self._source.count() if self._batches is None else len(self._batches)

    def restart(self):
        """Every pass begins at the first batch."""

    def __iter__(self):
        if self._batches is None:
            self._batches = list(self._source)
        return iter(self._batches)


def unpack(batch):
    """Return (x, y, sample_weight) of what a data source gives, None for what is missing."""
    if not isinstance(batch, tuple):
        return batch, None, None
    if not 1 <= len(batch) <= 3:
        raise ValueError("a batch must be x, (x, y) or (x, y, sample_weight); "
                         f"got a tuple of {len(batch)}")
    return batch + (None,) * (3 - len(batch))


def batches(x, y=None, sample_weight=None, *, batch_size=None, steps=None, shuffle=False,
            class_weight=None):
    """Return what iterates over the batches of any data that `Model.fit` takes.

    Raises
    ------
    ValueError
        If an iterable comes with targets, weights or a batch size of its own beside it, or
        numbers of rows differ.
    """
    if is_iterable_of_batches(x):
        for name, value in (("y", y), ("sample_weight", sample_weight)):
            if value is not None:
                raise ValueError(f"{name} must not be given where x gives batches itself")
        if batch_size is not None:
            import warnings

            warnings.warn("batch_size is not used where x gives batches itself", UserWarning,
                          stacklevel=3)
        return IterableBatches(x, steps, class_weight, shuffle)
    made = ArrayBatches(x, y, sample_weight, 32 if batch_size is None else batch_size, shuffle)
    if steps is not None and steps != len(made):
        return IterableBatches(made, steps)
    return made


def is_iterable_of_batches(x):
    """Whether x gives batches, rather than being data itself."""
    if isinstance(x, np.ndarray | list | tuple | dict) or hasattr(x, "__array__"):
        return False
    return hasattr(x, "__iter__") or hasattr(x, "__getitem__")


def as_arrays(name, data):
    """Return data as an ndarray, or as a list or dict of them; None stays None."""
    if data is None:
        return None
    if isinstance(data, dict):
        return {key: as_arrays(f"{name}[{key!r}]", value) for key, value in data.items()}
    if isinstance(data, list | tuple) and data and all(_is_array(value) for value in data):
        return [as_arrays(f"{name}[{k}]", value) for k, value in enumerate(data)]
    array = data if type(data) is np.ndarray else checks.as_ndarray(name, data)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be numbers, got dtype {array.dtype}")
    return array


def _is_array(value):
    return isinstance(value, np.ndarray) or hasattr(value, "__array__") or (isinstance(
        value, list | tuple | dict) and any(map(_is_array, flatten(value))))


def _take(part, rows):
    if part is None:
        return None
    return pack(part, [leaf[rows] for leaf in flatten(part)])


def _rows(parts):
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


def split(parts, share):
    """Return (first rows, last rows) of (x, y, sample_weight); the last are `share` of all.

    Raises
    ------
    ValueError
        If the data are no arrays, or a part would be empty.
    """
    if not 0 < share < 1:
        raise ValueError(f"validation_split must be in (0, 1), got {share}")
    if is_iterable_of_batches(parts[0]):
        raise ValueError("validation_split needs arrays; give validation_data beside a generator")
    parts = tuple(as_arrays(name, part)
                  for name, part in zip(("x", "y", "sample_weight"), parts, strict=True))
    rows = _rows(parts)
    cut = int(rows * (1 - share))
    if cut in (0, rows):
        raise ValueError(f"validation_split={share} of {rows} rows leaves nothing to "
                         + ("train on" if cut == 0 else "validate on"))
    return (tuple(_take(part, slice(cut)) for part in parts),
            tuple(_take(part, slice(cut, None)) for part in parts))
