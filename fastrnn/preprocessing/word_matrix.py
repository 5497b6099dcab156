# SPDX-License-Identifier: Apache-2.0
"""Texts as rows of a matrix: how often each word number occurs, and what is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np

MODES = ("binary", "count", "tfidf", "freq")


def word_matrix(sequences: Sequence[Sequence[int]], columns: int, mode: str, documents: int,
                documents_with: Mapping[int, int]) -> np.ndarray:
    """Return a row of `columns` numbers for each sequence of word numbers.

    Parameters
    ----------
    sequences : list of N sequences of int
        Numbers of `columns` and more do not count.
    columns : int
        V.
    mode : {"binary", "count", "tfidf", "freq"}
        See `Tokenizer.sequences_to_matrix`.
    documents : int
        D, how many texts were counted.
    documents_with : mapping of int to int
        In how many of them each word occurs.

    Returns
    -------
    ndarray (N, V), float64
    """
    counts = _counts(sequences, columns)
    if mode == "count":
        return counts
    if mode == "binary":
        return (counts > 0).astype(np.float64)
    if mode == "freq":
        lengths = np.array([len(numbers) or 1 for numbers in sequences])
        return counts / lengths[:, None] if len(counts) else counts
    return _tfidf(counts, documents, documents_with)


def _tfidf(counts, documents, documents_with):
    """Return (1 + log n) log(1 + D / (1 + d)) (Manning, Raghavan and Schütze, 2008, ch. 6)."""
    d = np.array([documents_with.get(k, 0) for k in range(counts.shape[1])])
    rarity = np.log(1 + documents / (1 + d))
    present = counts > 0
    logs = np.log(counts, out=np.zeros_like(counts), where=present)
    return np.where(present, 1 + logs, 0) * rarity


def _counts(sequences, columns):
    """Return how often each number below `columns` occurs in each sequence, float64 (N, V)."""
    lengths = [len(numbers) for numbers in sequences]
    numbers = np.array(list(chain.from_iterable(sequences)))
    if numbers.size and numbers.dtype.kind not in "iu":
        raise TypeError(f"sequences must hold integers, got {numbers.dtype}")
    if numbers.size and numbers.min() < 0:
        raise ValueError(f"sequences must hold numbers of at least 0, got {numbers.min()}")
    rows = np.repeat(np.arange(len(lengths)), lengths)
    known = numbers < columns
    cells = rows[known] * columns + numbers[known].astype(np.int64)
    counts = np.bincount(cells, minlength=len(lengths) * columns)
    return counts.reshape(len(lengths), columns).astype(np.float64)
