# SPDX-License-Identifier: Apache-2.0
"""A text as the characters a model knows: their numbers, and blocks of them to train on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .._common import checks


class Vocabulary:
    """The characters a model knows; a character's number is its place among them.

    Parameters
    ----------
    characters : str
        Each character once, in ascending order; `from_text` finds those of a text.
    """

    def __init__(self, characters: str) -> None:
        if not isinstance(characters, str):
            raise TypeError(f"characters must be a str, got {type(characters).__name__}")
        if not characters or "".join(sorted(set(characters))) != characters:
            raise ValueError("characters must be at least one, each once and in ascending order")
        self.characters = characters
        self._codes = _codes(characters)

    @classmethod
    def from_text(cls, text: str) -> Vocabulary:
        """Return the vocabulary of the characters that occur in `text`."""
        return cls("".join(sorted(set(_text(text)))))

    def __len__(self) -> int:
        return len(self.characters)

    def __eq__(self, other):
        return isinstance(other, Vocabulary) and self.characters == other.characters

    def __hash__(self):
        return hash(self.characters)

    def __repr__(self):
        return f"Vocabulary({self.characters!r})"

    def encode(self, text: str) -> np.ndarray:
        """Return the numbers of the characters of `text`, int64 (len(text),).

        Raises
        ------
        TypeError
            If `text` is not a str.
        ValueError
            Naming the characters that are not in the vocabulary.
        """
        codes = _codes(text)
        ids = np.searchsorted(self._codes, codes)
        ids[ids == len(self)] = 0
        if (self._codes[ids] != codes).any():
            unknown = "".join(sorted(set(text) - set(self.characters)))
            raise ValueError(f"characters not in the vocabulary: {unknown[:20]!r}")
        return ids

    def decode(self, ids: npt.ArrayLike) -> str:
        """Return the text of a sequence of numbers.

        Raises
        ------
        IndexError
            If a number is not in [0, len(self)).
        """
        ids = np.asarray(ids, dtype=np.int64)
        if ids.size and (ids.min() < 0 or ids.max() >= len(self)):
            raise IndexError(f"ids must be in [0, {len(self)})")
        return "".join(self.characters[k] for k in ids.tolist())


def _text(value):
    if not isinstance(value, str):
        raise TypeError(f"text must be a str, got {type(value).__name__}")
    return value


def _codes(text):
    """Return the code points of `text`, uint32."""
    return np.frombuffer(_text(text).encode("utf-32-le", "surrogatepass"), dtype="<u4")


class Blocks(Sequence):
    """One long text as blocks for truncated backpropagation through time.

    The text is cut into N rows of equal length, which are read side by side. Block k holds the
    next T steps of every row: inputs (T, N) and targets (T, N), the targets one step later. The
    state at the end of a block is the initial state of the next (Williams and Peng, 1990).

    Parameters
    ----------
    ids : array (L,)
        The text, as integers.
    batch_size : int
        N.
    steps : int
        T.
    offset : int
        Where to begin; another one for each pass moves the block boundaries.
    whole : bool
        Whether what is left at the rows' ends, less than T steps, is left out; else it is
        the last block.

    Raises
    ------
    ValueError
        If the text is too short for one block.
    """

    def __init__(self, ids: npt.ArrayLike, batch_size: int, steps: int, offset: int = 0,
                 whole: bool = True) -> None:
        rows = checks.count("batch_size", batch_size)
        self.steps = checks.count("steps", steps)
        offset = checks.count("offset", offset, minimum=0)
        ids = np.asarray(ids)
        if ids.ndim != 1 or ids.dtype.kind not in "iu":
            raise TypeError(f"ids must be a 1-D array of integers, got {ids.ndim}-D {ids.dtype}")
        length = max(0, len(ids) - 1 - offset) // rows
        needed = self.steps if whole else 1
        if length < needed:
            raise ValueError(f"the text is too short: {len(ids)} characters, at least "
                             f"{rows * needed + 1 + offset} are needed for {rows} rows "
                             f"of {needed} steps")
        stop = offset + rows * length
        self._inputs = ids[offset:stop].reshape(rows, length).T
        self._targets = ids[offset + 1:stop + 1].reshape(rows, length).T
        self._length = length // self.steps if whole else -(-length // self.steps)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        k = range(self._length)[index]
        steps = slice(k * self.steps, (k + 1) * self.steps)
        return self._inputs[steps], self._targets[steps]
