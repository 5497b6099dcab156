# SPDX-License-Identifier: Apache-2.0
"""Data sets that are read from their first element to the last, and the steps on their way.

The words are those of ``tf.data``: a program that takes, skips, maps and batches runs as it is.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import random
from .._common import checks
from ..graph.structure import flatten, pack
from .values import as_plain, as_values

# Numbers of elements that are none.
INFINITE, UNKNOWN = -1, -2


class Dataset:
    """Elements one after another, such as batches, that can be read any number of times.

    An element is an array, or a tuple, list or dict of arrays. Those that a program iterates over
    have a method ``numpy()``, as tensors have.

    A subclass gives ``elements()``, an iterator over the elements as plain arrays that begins anew
    at each call, and ``number()``, how many there are, `INFINITE` or `UNKNOWN`.
    """

    def elements(self) -> Iterator[Any]:
        """Return an iterator over the elements, of plain arrays."""
        raise NotImplementedError(f"{type(self).__name__} must define elements")

    def number(self) -> int:
        """Return the number of elements as an int."""
        return UNKNOWN

    def __iter__(self) -> Iterator[Any]:
        return map(as_values, self.elements())

    def as_numpy_iterator(self) -> Iterator[Any]:
        """Return an iterator over the elements, of plain arrays."""
        return iter(self.elements())

    def __len__(self) -> int:
        number = self.number()
        if number < 0:
            raise TypeError("the length of the data set is "
                            + ("infinite" if number == INFINITE else "not known"))
        return number

    def cardinality(self) -> int:
        """Return the number of elements; -1 where there is no end, -2 where it is not known."""
        return as_values(self.number())

    # -- steps -------------------------------------------------------------------------------

    def take(self, count: int, name: str | None = None) -> Dataset:
        """Return the data set of the first `count` elements; -1 for all."""
        count = checks.count("count", count, minimum=-1)
        if count == -1:
            return self
        number = self.number()
        return _Step(_taken, (self, count), count if number == INFINITE else (
            number if number < 0 else min(number, count)))

    def skip(self, count: int, name: str | None = None) -> Dataset:
        """Return the data set without the first `count` elements; -1 for none of them."""
        count = checks.count("count", count, minimum=-1)
        number = self.number()
        if count == -1:
            return self.take(0)
        return _Step(_skipped, (self, count), number if number < 0 else max(0, number - count))

    def batch(self, batch_size: int, drop_remainder: bool = False,
              num_parallel_calls: int | None = None, deterministic: bool | None = None,
              name: str | None = None) -> Dataset:
        """Return the data set of batches: `batch_size` elements stacked on a new first axis.

        Parameters
        ----------
        batch_size : int
        drop_remainder : bool
            Whether to leave out a last batch of fewer.
        num_parallel_calls, deterministic, name
            Without effect.

        Raises
        ------
        ValueError
            When it is read, if elements of a batch differ in shape.
        """
        size = checks.count("batch_size", batch_size)
        number = self.number()
        if number >= 0:
            number = number // size if drop_remainder else -(-number // size)
        return _Step(_batched, (self, size, checks.flag("drop_remainder", drop_remainder)), number)

    def unbatch(self, name: str | None = None) -> Dataset:
        """Return the data set of the rows of all elements."""
        number = self.number()
        return _Step(_rows, (self,), number if number in (INFINITE, 0) else UNKNOWN)

    def shuffle(self, buffer_size: int, seed: int | None = None,
                reshuffle_each_iteration: bool = True, name: str | None = None) -> Dataset:
        """Return the data set in another order: each element is drawn from the next `buffer_size`.

        Parameters
        ----------
        buffer_size : int
            The number of all elements, or more, for an order in which each is as likely.
        seed : int, optional
            The same seed gives the same first, second, ... pass.
        reshuffle_each_iteration : bool
            Whether each pass has another order.
        """
        size = checks.count("buffer_size", buffer_size)
        seed = random.draw_seed() if seed is None else seed
        rng = checks.random_source(seed) if reshuffle_each_iteration is not False else None
        return _Step(_shuffled, (self, size, seed, rng), self.number())

    def map(self, map_func: Callable[..., Any], num_parallel_calls: int | None = None,
            deterministic: bool | None = None, name: str | None = None) -> Dataset:
        """Return the data set of what a function gives for each element.

        Parameters
        ----------
        map_func : callable
            Called with the element, or with the parts of one that is a tuple.
        num_parallel_calls, deterministic, name
            Without effect: it is called in the thread that reads.
        """
        return _Step(_mapped, (self, _function("map_func", map_func)), self.number())

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """Return the data set of the elements for which a function gives true; see `map`."""
        number = self.number()
        return _Step(_filtered, (self, _function("predicate", predicate)),
                     0 if number == 0 else UNKNOWN)

    def repeat(self, count: int | None = None, name: str | None = None) -> Dataset:
        """Return the data set `count` times over; None or -1 is without end."""
        if count is not None:
            count = checks.count("count", count, minimum=-1)
        number = self.number()
        if count in (None, -1):
            return _Step(_repeated, (self, None), INFINITE if number else 0)
        if number >= 0:
            number *= count
        return _Step(_repeated, (self, count), number if count else 0)

    def enumerate(self, start: int = 0, name: str | None = None) -> Dataset:
        """Return the data set of (number, element), counted from `start`."""
        return _Step(_enumerated, (self, checks.count("start", start, minimum=0)), self.number())

    def cache(self, filename: str | os.PathLike[str] = "", name: str | None = None) -> Dataset:
        """Return the data set whose elements are made in its first whole pass and kept in memory.

        `filename` is without effect.
        """
        return _Cache(self)

    def prefetch(self, buffer_size: int | None = None, name: str | None = None) -> Dataset:
        """Return the data set itself: elements are made when they are asked for."""
        return self


class _Step(Dataset):
    """What a function makes of the elements of data sets."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...],
                 number: int) -> None:
        self._function, self._arguments, self._number = function, arguments, number

    def elements(self) -> Iterator[Any]:
        return self._function(*self._arguments)

    def number(self) -> int:
        return self._number


class _Cache(Dataset):
    """The elements of a data set, kept once all of them were read."""

    def __init__(self, source: Dataset) -> None:
        self._source = source
        self._kept: list[Any] | None = None

    def number(self) -> int:
        return self._source.number() if self._kept is None else len(self._kept)

    def elements(self) -> Iterator[Any]:
        if self._kept is not None:
            yield from self._kept
            return
        kept = []
        for element in self._source.elements():
            kept.append(element)
            yield element
        self._kept = kept


def _function(name, value):
    if not callable(value):
        raise TypeError(f"{name} must be callable, got {type(value).__name__}")
    return value


def _taken(source, count):
    return itertools.islice(source.elements(), count)


def _skipped(source, count):
    return itertools.islice(source.elements(), count, None)


def _batched(source, size, drop_remainder):
    elements = source.elements()
    while group := list(itertools.islice(elements, size)):
        if len(group) == size or not drop_remainder:
            leaves = zip(*map(flatten, group), strict=True)
            yield pack(group[0], [np.stack(rows) for rows in leaves])


def _rows(source):
    for element in source.elements():
        for rows in zip(*flatten(element), strict=True):
            yield pack(element, rows)


def _shuffled(source, size, seed, rng):
    rng = checks.random_source(seed) if rng is None else rng
    waiting = []
    for element in source.elements():
        if len(waiting) < size:
            waiting.append(element)
            continue
        drawn = int(rng.integers(size))
        yield waiting[drawn]
        waiting[drawn] = element
    for index in rng.permutation(len(waiting)).tolist():
        yield waiting[index]


def _called(function, element):
    element = as_values(element)
    return function(*element) if isinstance(element, tuple) else function(element)


def _mapped(source, function):
    return (as_plain(_called(function, element)) for element in source.elements())


def _filtered(source, predicate):
    return (element for element in source.elements() if _called(predicate, element))


def _repeated(source, count):
    passes = itertools.count() if count is None else range(count)
    for _ in passes:
        element = None
        for element in source.elements():
            yield element
        if element is None:
            return


def _enumerated(source, start):
    return ((np.int64(number), element)
            for number, element in enumerate(source.elements(), start))
