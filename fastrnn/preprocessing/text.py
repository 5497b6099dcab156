# SPDX-License-Identifier: Apache-2.0
"""Texts as sequences of word numbers, in the words of Keras 2 (Keras 3 has no such module)."""

from __future__ import annotations

import json
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .._common import checks, oldnames
from .._common.quiet import quiet
from .word_matrix import MODES, word_matrix
from .words import FILTERS, hashing_trick, one_hot, text_to_word_sequence

__all__ = [
    "Tokenizer",
    "hashing_trick",
    "one_hot",
    "text_to_word_sequence",
    "tokenizer_from_json",
]


class Tokenizer:
    """Numbers the words of texts: 1 is the most frequent, 0 stands for no word.

    Parameters
    ----------
    num_words : int, optional
        Only numbers below it are used: the ``num_words - 1`` most frequent words. None or 0: all.
    filters, lower, split
        As in `text_to_word_sequence`.
    char_level : bool
        Whether the characters of a text are its words.
    oov_token : str, optional
        A word that stands for all unknown ones, with the number 1; without it they are left out.
    analyzer : callable, optional
        From a text to its words, in place of `text_to_word_sequence`.
    document_count : int
        Texts seen so far.

    Attributes
    ----------
    word_counts : OrderedDict of str to int
        How often each word occurs, in the order of first occurrence.
    word_docs : dict of str to int
        In how many texts each word occurs.
    word_index, index_word : dict
        From words to numbers and back, of all words whatever `num_words`.
    index_docs : dict of int to int
        In how many texts the word of each number occurs.
    document_count : int
        Texts seen so far.

    Notes
    -----
    A text given as a list of str is a list of words already. All methods take any iterable of
    texts; one str is read as a text for each character.
    """

    @oldnames.arguments
    def __init__(self, num_words: int | None = None, filters: str | Sequence[str] = FILTERS,
                 lower: bool = True, split: str = " ", char_level: bool = False,
                 oov_token: str | None = None, analyzer: Callable[[str], list[str]] | None = None,
                 document_count: int = 0) -> None:
        if num_words is not None:
            num_words = checks.count("num_words", num_words, minimum=0)
        self.num_words = num_words
        self.filters = filters
        self.lower = lower
        self.split = split
        self.char_level = char_level
        self.oov_token = oov_token
        self.analyzer = analyzer
        self.document_count = document_count
        self.word_counts: OrderedDict[str, int] = OrderedDict()
        self.word_docs: defaultdict[str, int] = defaultdict(int)
        self.index_docs: defaultdict[int, int] = defaultdict(int)
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    def fit_on_texts(self, texts: Iterable[str | Sequence[str]]) -> None:
        """Count the words of `texts`, beside those counted before, and number all of them anew.

        Equally frequent words are numbered in the order of first occurrence.

        Parameters
        ----------
        texts : iterable of str or of list of str
            The texts.

        Raises
        ------
        TypeError
            If a text is neither; nothing is counted then.
        """
        counts: Counter[str] = Counter()
        documents: Counter[str] = Counter()
        read = 0
        for text in texts:
            words = Counter(self._words(text))
            counts.update(words)
            documents.update(words.keys())
            read += 1
        self.document_count += read
        for word, count in counts.items():
            self.word_counts[word] = self.word_counts.get(word, 0) + count
            self.word_docs[word] += documents[word]
        self._number()

    def _number(self):
        ranked = sorted(self.word_counts, key=self.word_counts.get, reverse=True)
        if self.oov_token is not None:
            ranked.insert(0, self.oov_token)
        self.word_index = {word: number for number, word in enumerate(ranked, 1)}
        self.index_word = {number: word for word, number in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def _words(self, text):
        if isinstance(text, list | tuple):
            return [word.lower() for word in text] if self.lower else text
        if not isinstance(text, str):
            raise TypeError("each text must be a str or a list of str, "
                            f"got {type(text).__name__}")
        if self.char_level:
            return text.lower() if self.lower else text
        if self.analyzer is not None:
            return self.analyzer(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def fit_on_sequences(self, sequences: Sequence[Sequence[int]]) -> None:
        """Count in how many sequences each number occurs, for "tfidf" without `fit_on_texts`.

        Parameters
        ----------
        sequences : list of sequences of int
            Texts as numbers.
        """
        self.document_count += len(sequences)
        for numbers in sequences:
            for number in set(numbers):
                self.index_docs[number] += 1

    def texts_to_sequences(self, texts: Iterable[str | Sequence[str]]) -> list[list[int]]:
        """Return a list of the word numbers of each text; see the class for unknown words.

        Raises
        ------
        TypeError
            If a text is neither a str nor a list of str.
        ValueError
            If there is an `oov_token` that has no number, as before `fit_on_texts`.
        """
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self,
                                     texts: Iterable[str | Sequence[str]]) -> Iterator[list[int]]:
        """Yield what `texts_to_sequences` returns, one text at a time."""
        unknown = self._unknown()
        limit = self.num_words or np.inf
        numbers = {word: number if number < limit else unknown
                   for word, number in self.word_index.items()}
        for text in texts:
            found = [numbers.get(word, unknown) for word in self._words(text)]
            yield [number for number in found if number is not None]

    def _unknown(self):
        """Return the number for unknown words, None where they are left out."""
        if self.oov_token is None:
            return None
        if self.oov_token not in self.word_index:
            raise ValueError(f"oov_token {self.oov_token!r} has no number yet: call fit_on_texts "
                             "first")
        return self.word_index[self.oov_token]

    def sequences_to_texts(self, sequences: Iterable[Sequence[int]]) -> list[str]:
        """Return the words of each sequence of numbers, joined by spaces.

        Numbers without a word, or of `num_words` and more, become the `oov_token` or nothing.

        Raises
        ------
        ValueError
            If there is an `oov_token` that has no number, as before `fit_on_texts`.
        """
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Sequence[int]]) -> Iterator[str]:
        """Yield what `sequences_to_texts` returns, one sequence at a time."""
        unknown = self.index_word.get(self._unknown())
        limit = self.num_words or np.inf
        words = {number: word if number < limit else unknown
                 for number, word in self.index_word.items()}
        for numbers in sequences:
            found = (words.get(number, unknown) for number in numbers)
            yield " ".join(word for word in found if word is not None)

    def texts_to_matrix(self, texts: Iterable[str | Sequence[str]],
                        mode: str = "binary") -> np.ndarray:
        """Return one row for each text, one column for each word number.

        For `mode` and the errors see `sequences_to_matrix`.

        Returns
        -------
        ndarray (N, V), float64
        """
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    @quiet
    def sequences_to_matrix(self, sequences: Iterable[Sequence[int]],
                            mode: str = "binary") -> np.ndarray:
        """Return one row for each sequence, one column for each number.

        Parameters
        ----------
        sequences : iterable of N sequences of int
            Texts as numbers; numbers of V and more do not count.
        mode : {"binary", "count", "tfidf", "freq"}
            With n the number of occurrences, L the length of the sequence, D texts seen and d
            those that hold the word: 1 if n > 0; n; (1 + log n) log(1 + D / (1 + d)) if n > 0;
            n / L.

        Returns
        -------
        ndarray (N, V), float64
            V is `num_words`, or where that is None one more than there are words.

        Raises
        ------
        ValueError
            If `mode` is none of these, V or D is not known yet, or a number is negative.
        TypeError
            If the sequences do not hold integers.
        """
        checks.choice("mode", mode, MODES)
        if not self.num_words and not self.word_index:
            raise ValueError("num_words must be given, or fit_on_texts called first: the number "
                             "of columns is not known")
        if mode == "tfidf" and not self.document_count:
            raise ValueError("mode 'tfidf' needs texts to be counted: call fit_on_texts or "
                             "fit_on_sequences first")
        return word_matrix(list(sequences), self.num_words or len(self.word_index) + 1, mode,
                           self.document_count, self.index_docs)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments but the analyzer, and what was counted as JSON texts."""
        return {
            "num_words": self.num_words,
            "filters": self.filters,
            "lower": self.lower,
            "split": self.split,
            "char_level": self.char_level,
            "oov_token": self.oov_token,
            "document_count": self.document_count,
            **{name: json.dumps(getattr(self, name)) for name in _COUNTED},
        }

    def to_json(self, **kwargs: Any) -> str:
        """Return the tokenizer as a JSON text, as Keras 2 writes it; kwargs go to json.dumps."""
        return json.dumps({"class_name": "Tokenizer", "config": self.get_config()}, **kwargs)


_COUNTED = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """Return the tokenizer of a JSON text that `Tokenizer.to_json`, or Keras 2's, wrote.

    Raises
    ------
    ValueError
        If it is not the JSON text of a tokenizer.
    """
    stored = json.loads(json_string)
    try:
        config = dict(stored["config"])
        counted = {name: json.loads(config.pop(name)) for name in _COUNTED}
        tokenizer = Tokenizer(**config)
        tokenizer.word_counts.update(counted["word_counts"])
        tokenizer.word_docs.update(counted["word_docs"])
        tokenizer.index_docs.update(_int_keys(counted["index_docs"]))
        tokenizer.index_word = _int_keys(counted["index_word"])
        tokenizer.word_index = counted["word_index"]
    except (KeyError, TypeError, AttributeError) as reason:
        raise ValueError(f"json_string is not that of a Tokenizer: {reason!r}") from None
    return tokenizer


def _int_keys(mapping):
    """JSON has only strings for keys."""
    return {int(key): value for key, value in mapping.items()}
