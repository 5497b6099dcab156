# SPDX-License-Identifier: Apache-2.0
"""Batches for training: of arrays, of generators, of any iterable."""

import itertools
from typing import Any

import numpy as np

from .. import random
from .._common import checks
from .._common.notices import warn
from ..graph.structure import convert, flatten
from ..utils.datasets import PyDataset
from ..utils.pipelines import INFINITE, Dataset
from .arrays import Stored, as_arrays, is_array, parted, read, row_count, take


class ArrayBatches:
    """Batches of rows of arrays.

    Parameters
    ----------
    x, y, sample_weight : array, or list or dict of arrays, or None
        All with the same number of rows.
    batch_size : int
    shuffle : bool
        Whether each pass takes the rows in another order.

    Attributes
    ----------
    parts : list of x, y and sample_weight
        Read, and cast, by the rows of a batch.
    """

    ended = False

    def __init__(self, x: Any, y: Any = None, sample_weight: Any = None, batch_size: int = 32,
                 shuffle: bool = False) -> None:
        self.parts = as_arrays("x", x), as_arrays("y", y), as_arrays("sample_weight",
                                                                     sample_weight)
        self.batch_size = checks.count("batch_size", batch_size)
        self.shuffle = shuffle
        self._given: slice | np.ndarray | None = None
        self.rows = row_count(self.parts)
        if self.rows == 0:
            raise ValueError("x must have at least one row, got none")

    @property
    def stored(self) -> bool:
        """Whether an array is not in memory, so that its numbers are known by batches only."""
        return any(type(leaf) is Stored for leaf in flatten(self.parts))

    def restart(self) -> None:
        """Every pass begins at the first batch."""

    def count(self) -> int:
        """Return the number of batches."""
        return len(self)

    def rows_given(self) -> slice | np.ndarray | None:
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
            yield tuple([part[rows] if type(part) is np.ndarray else take(part, rows)
                         for part in self.parts])


class IterableBatches:
    """Batches of a generator or of anything that can be iterated over.

    Each item is x, (x, y) or (x, y, sample_weight).

    Parameters
    ----------
    source : iterable, or an object with an index and a number of batches
        One that is its own iterator, as a generator is, goes on in the next epoch where it was
        in the last.
    steps : int, optional
        Batches of an epoch; without it an epoch is all that the source gives.
    class_weight : optional
        If it is given, batches must not come with sample weights.
    shuffle : bool
        Whether each pass takes the batches of a source with an index in another order.
    lists : bool
        Whether a list of arrays is a batch as a tuple is, rather than several inputs.

    Attributes
    ----------
    ended : bool
        Whether the source has nothing more to give, in this epoch or a later one.
    """

    def __init__(self, source: Any, steps: int | None = None,
                 class_weight: Any = None, shuffle: bool = False,
                 lists: bool = False) -> None:
        self.source = source
        self.shuffle = shuffle
        self.steps = None if steps is None else checks.count("steps_per_epoch", steps)
        self.class_weight = class_weight
        self.lists = lists or _is_data_loader(source)
        self.ended = False
        self._indexed = _is_indexed(source)
        self._going = None
        self._length = None
        self._began = False

    def count(self) -> int | None:
        """Return the number of batches, or None where it is not known yet."""
        if self.steps is not None:
            return self.steps
        return _number(self.source) if self._length is None else self._length

    def rows_given(self) -> slice | np.ndarray | None:
        """Return which rows of arrays the last batch has, None where it comes from no arrays."""
        return getattr(self.source, "rows_given", lambda: None)()

    def restart(self) -> None:
        """Begin the next epoch at the first batch again, where the source can."""
        self._going = None

    def __iter__(self):
        self._tell("on_epoch_begin")
        given = 0
        while given != self.steps:
            item = self._next(first=given == 0)
            if item is None:
                break
            given += 1
            yield self._parts(*item)
        if self.steps is None:
            self._length = given or self._length
        elif 0 < given < self.steps:
            warn(f"the data ended after {given} of {self.steps} batches")
        self._tell("on_epoch_end")

    def _tell(self, hook):
        """Call a hook of the source, if it has it."""
        called = getattr(self.source, hook, None)
        if called is not None:
            called()

    def _pass(self):
        """An iterator over the batches of the source."""
        source = self.source
        if not self._indexed:
            return iter(source.elements() if isinstance(source, Dataset) else source)
        number = _number(source)
        if number is None:
            order = itertools.count()
        else:
            order = random.generator().permutation(number).tolist() if self.shuffle else (
                range(number))
        return (source[index] for index in order)

    def _next(self, first):
        """The next batch in a tuple, None at the end of the data; the `first` of an epoch is, if
        there are no more, that of another pass."""
        for going in (self._going, None):
            if going is None:
                going = self._going = self._pass()
            # No loop: it would ask for the iterator again, and some begin anew when asked.
            item = _drawn(going)
            if item is not None:
                self._began = True
                return item
            self._going = None
            if not first:
                if going is self.source:
                    self._look_ahead()
                return None
        if not self._began:
            raise ValueError("the data gave no batch: a generator can be used up; give one that "
                             "does not end with steps_per_epoch, or something that can be "
                             "iterated over again")
        self.ended = True
        return None

    def _look_ahead(self):
        """Draw from a source that is its own iterator and came to its end: only so it shows
        whether it begins anew."""
        going = self._pass()
        item = _drawn(going)
        self.ended = item is None
        if item is not None:
            self._going = itertools.chain(item, _rest(going))

    def _parts(self, batch):
        x, y, weight = unpack(batch, self.lists)
        x, y, weight = as_arrays("x", x), as_arrays("y", y), as_arrays("sample_weight", weight)
        if self.class_weight is not None and weight is not None:
            raise ValueError("batches with sample weights need no class_weight: give one of "
                             "the two")
        return x, y, weight


class RememberedBatches:
    """The batches of a generator, drawn once and given again in every pass.

    The first is drawn at once, so that a generator that gives none is refused before training.
    """

    ended = False

    def __init__(self, source: IterableBatches) -> None:
        self._source, self._drawing = source, iter(source)
        self._batches = [_owned(next(self._drawing))]

    def rows_given(self) -> None:
        """Nothing: batches of a generator come from no arrays."""

    def count(self) -> int | None:
        return self._source.count() if self._drawing is not None else len(self._batches)

    def restart(self) -> None:
        """Every pass begins at the first batch."""

    def __iter__(self):
        yield from self._batches
        for batch in self._drawing or ():
            self._batches.append(_owned(batch))
            yield self._batches[-1]
        self._drawing = None


def _drawn(iterator):
    """The next item in a tuple, None at the end."""
    try:
        return (next(iterator),)
    except StopIteration:
        return None


def _rest(iterator):
    """What an iterator still gives, without asking it for its iterator."""
    while (item := _drawn(iterator)) is not None:
        yield from item


def unpack(batch: Any, lists: bool = False) -> tuple[Any, ...]:
    """Return (x, y, sample_weight) of what a data source gives, None for what is missing.

    With `lists`, a list of arrays is what a tuple of them is.
    """
    if not isinstance(batch, tuple) and not (lists and isinstance(batch, list)
                                             and is_array(batch)):
        return batch, None, None
    if not 1 <= len(batch) <= 3:
        raise ValueError("a batch must be x, (x, y) or (x, y, sample_weight); "
                         f"got a {type(batch).__name__} of {len(batch)}")
    return *batch, *(None,) * (3 - len(batch))


def batches(x: Any, y: Any = None, sample_weight: Any = None, *, batch_size: int | None = None,
            steps: int | None = None, shuffle: bool = False,
            class_weight: dict[Any, Any] | list[Any] | None = None,
            lists: bool = False) -> ArrayBatches | IterableBatches:
    """Return what iterates over the batches of any data that `Model.fit` takes.

    Parameters
    ----------
    x, y, sample_weight, batch_size, steps, shuffle, class_weight
        As `fit` takes them. `steps` is for iterables only: arrays are left whole.
    lists : bool
        See `IterableBatches`.

    Raises
    ------
    TypeError
        If x is a data set of torch, which gives samples and no batches.
    ValueError
        If an iterable comes with targets, weights or a batch size of its own beside it, has no
        batch or no end, or numbers of rows differ.
    """
    if is_iterable_of_batches(x):
        for name, value in (("y", y), ("sample_weight", sample_weight)):
            if value is not None:
                raise ValueError(f"{name} must not be given where x gives batches itself")
        if batch_size is not None:
            warn("batch_size is not used where x gives batches itself")
        _check_iterable(x, steps)
        return IterableBatches(x, steps, class_weight, shuffle, lists)
    return ArrayBatches(x, y, sample_weight, 32 if batch_size is None else batch_size, shuffle)


def _check_iterable(x, steps):
    if _is_torch(x, "torch.utils.data.dataset") and not hasattr(x, "__iter__"):
        raise TypeError("a data set of torch gives single samples: give a DataLoader, which makes "
                        "batches, torch.utils.data.DataLoader(dataset, batch_size=32); "
                        "batch_size=None if the data set makes them itself")
    if steps is not None:
        return
    if (x.number() == INFINITE if isinstance(x, Dataset)
            else _is_indexed(x) and _number(x) is None):
        raise ValueError("the data have no end: give the number of batches of an epoch, "
                         "steps_per_epoch in fit, validation_steps, or steps")
    if _number(x) == 0:
        raise ValueError("the data gave no batch: their length is 0")


def is_iterable_of_batches(x: Any) -> bool:
    """Whether x gives batches, rather than being data itself."""
    if isinstance(x, PyDataset | Dataset):
        return True
    if isinstance(x, list | tuple | dict) or is_array(x):
        return False
    return hasattr(x, "__iter__") or hasattr(x, "__getitem__")


def _is_indexed(source):
    """Whether batches are got by their numbers: no iterator would know the last."""
    return hasattr(source, "__getitem__") and (
        hasattr(source, "num_batches")
        or (hasattr(source, "__len__") and not hasattr(source, "__iter__")))


def _number(source):
    """The number of batches of a source, or None where it does not say."""
    if hasattr(source, "num_batches"):
        return source.num_batches
    try:
        return len(source)
    except TypeError:
        return None


def _is_torch(value, module):
    """Whether it is an object of that module of torch, which is not imported for it."""
    return any(kind.__module__.startswith(module) for kind in type(value).__mro__)


def _is_data_loader(value):
    return _is_torch(value, "torch.utils.data.dataloader")


def _owned(batch):
    """A batch to be kept: copied where a generator may fill the same array anew."""
    return tuple(convert(lambda leaf: leaf.copy() if leaf.flags.owndata else leaf, part)
                 for part in map(read, batch))


def split(parts: tuple[Any, ...], share: float) -> tuple[Any, ...]:
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
    return parted(parts, share)
