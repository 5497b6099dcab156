# SPDX-License-Identifier: Apache-2.0
"""The base class of data sets that make their batches one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class PyDataset:
    """A data set that ``fit`` reads batch by batch: subclass it, with ``len`` and an index.

    ``self[k]`` is the batch k, such as ``(x, y)`` or ``(x, y, sample_weight)``, and ``len(self)``
    the number of batches. A subclass need not call this constructor.

    Parameters
    ----------
    workers, use_multiprocessing, max_queue_size
        Kept for programs that give them; batches are made in the calling thread.
    """

    workers = 1
    use_multiprocessing = False
    max_queue_size = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False,
                 max_queue_size: int = 10) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        """Return the batch `index`."""
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__")

    def __len__(self) -> int:
        """Return the number of batches."""
        raise NotImplementedError(f"{type(self).__name__} must define __len__")

    @property
    def num_batches(self) -> int:
        """The number of batches; a subclass without an end overrides it with None."""
        return len(self)

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch, such as to draw another order."""

    def __iter__(self) -> Iterator[Any]:
        number, index = self.num_batches, 0
        while number is None or index < number:
            yield self[index]
            index += 1


Sequence = PyDataset
