# SPDX-License-Identifier: Apache-2.0
"""The words of a text, and numbers for them that need no vocabulary."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import Literal

from .._common import checks

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


def text_to_word_sequence(input_text: str, filters: str | Sequence[str] = FILTERS,
                          lower: bool = True, split: str = " ") -> list[str]:
    """Return the words of a text.

    Parameters
    ----------
    input_text : str
        The text.
    filters : str or list of str
        Characters that separate words as `split` does and belong to none.
    lower : bool
        Whether to make the words lower case.
    split : str
        What stands between words.

    Returns
    -------
    list of str
        None of them empty.

    Raises
    ------
    TypeError
        If `input_text` is not a str.
    ValueError
        If `split` is empty.
    """
    if not isinstance(input_text, str):
        raise TypeError(f"text must be a str, got {type(input_text).__name__}")
    if lower:
        input_text = input_text.lower()
    words = input_text.translate(_separators("".join(filters), split)).split(split)
    return [word for word in words if word]


@functools.lru_cache(maxsize=16)
def _separators(filters, split):
    return str.maketrans(dict.fromkeys(filters, split))


def one_hot(input_text: str, n: int, filters: str | Sequence[str] = FILTERS, lower: bool = True,
            split: str = " ", analyzer: Callable[[str], list[str]] | None = None) -> list[int]:
    """Return the words of a text as numbers in [1, n) by Python's ``hash``.

    They differ from run to run of Python; `hashing_trick` has a hash that does not. For the
    arguments and the errors see there.
    """
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)


def hashing_trick(text: str, n: int,
                  hash_function: Callable[[str], int] | Literal["md5"] | None = None,
                  filters: str | Sequence[str] = FILTERS, lower: bool = True, split: str = " ",
                  analyzer: Callable[[str], list[str]] | None = None) -> list[int]:
    """Return the words of a text as numbers, ``hash(word) % (n - 1) + 1``.

    Different words may get the same number; none gets 0.

    Parameters
    ----------
    text : str
        The text.
    n : int
        Numbers are in [1, n); at least 2.
    hash_function : callable, "md5" or None
        From a word to an int; None is Python's ``hash``, which differs from run to run.
    filters, lower, split
        As in `text_to_word_sequence`.
    analyzer : callable, optional
        From a text to its words, in place of `text_to_word_sequence`.

    Returns
    -------
    list of int

    Raises
    ------
    TypeError, ValueError
        If `n` is not an int of at least 2, and as `text_to_word_sequence`.
    """
    spread = checks.count("n", n, minimum=2) - 1
    if hash_function is None:
        hash_function = hash
    elif hash_function == "md5":
        hash_function = _md5
    if analyzer is None:
        words = text_to_word_sequence(text, filters, lower, split)
    else:
        words = analyzer(text)
    return [hash_function(word) % spread + 1 for word in words]


def _md5(word):
    return int.from_bytes(hashlib.md5(word.encode(), usedforsecurity=False).digest(), "big")
