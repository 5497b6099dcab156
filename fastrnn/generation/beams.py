# SPDX-License-Identifier: Apache-2.0
"""Beam search: the continuations a model finds likeliest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._common import checks
from .._common.quiet import quiet


def beam_search(step: Callable[..., Any], log_probabilities: np.ndarray, state: Any, steps: int,
                beams: int, stop: Sequence[int] = (),
                length_penalty: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the best continuations that are found by keeping `beams` of them at every step.

    A continuation Y scores log p(Y) / |Y|^length_penalty (Wu et al., 2016, without their shift of
    the length). At every step each one kept is tried with every next token; those that have ended
    stand beside them as they are; the `beams` of the highest scores are kept.

    Parameters
    ----------
    step : callable
        ``step(ids (N * beams,), state) -> (log-probabilities (N * beams, V), state)``: reads one
        token of each row.
    log_probabilities : array (N, V)
        Of the first token.
    state : object
        After the prompt; ``state.take(rows)`` is a state whose rows are those of the given
        indices, int64, some of them several times.
    steps : int
        Longest continuation.
    beams : int
        How many to keep for each row.
    stop : sequence of int
        Tokens that end a continuation.
    length_penalty : float
        At least 0. 0 compares probabilities, 1 their mean per token; more favours long ones.

    Returns
    -------
    ids : ndarray (N, beams, L), int64
        Best first; L is at most `steps`. What has ended goes on repeating its last token.
    scores : ndarray (N, beams), float64
        -inf where there are not as many continuations.

    Raises
    ------
    FloatingPointError
        If a log-probability is NaN.
    TypeError, ValueError
        If `steps` or `beams` is not an int of at least 1, or `length_penalty` not a finite number
        of at least 0.
    """
    steps = checks.count("steps", steps)
    search = _Beams(len(log_probabilities), checks.count("beams", beams), stop, length_penalty)
    rows = np.repeat(np.arange(search.rows), search.beams)
    log_probabilities, state = log_probabilities[rows], state.take(rows)
    for remaining in range(steps - 1, -1, -1):
        parents = search.extend(log_probabilities)
        if remaining == 0 or search.finished():
            break
        log_probabilities, state = step(search.tokens.ravel(), state.take(parents))
    return search.continuations(), search.scores()


class _Beams:
    """The continuations that are kept: their tokens and where each came from, step by step."""

    def __init__(self, rows: int, beams: int, stop: Sequence[int], length_penalty: float) -> None:
        checks.number("length_penalty", length_penalty)
        if not 0 <= length_penalty < np.inf:
            raise ValueError(f"length_penalty must be finite and at least 0, got {length_penalty}")
        self.rows, self.beams = rows, beams
        self.tokens = np.zeros((rows, beams), np.int64)
        self._stop = np.asarray(stop, np.int64)
        self._length_penalty = length_penalty
        # At first all beams are the empty continuation, which must count once.
        self._totals = np.full((rows, beams), -np.inf)
        self._totals[:, 0] = 0
        self._lengths = np.zeros((rows, beams))
        self._ended = np.zeros((rows, beams), bool)
        self._history: list[tuple[np.ndarray, np.ndarray]] = []

    @quiet
    def extend(self, log_probabilities: np.ndarray) -> np.ndarray:
        """Keep the best after one more token; return which row of the state each came from."""
        if np.isnan(log_probabilities).any():
            raise FloatingPointError("log-probabilities are NaN")
        symbols = log_probabilities.shape[-1]
        totals = self._extended(log_probabilities.reshape(self.rows, self.beams, symbols))
        lengths = self._lengths + ~self._ended
        scores = totals / (lengths**self._length_penalty)[..., None]
        best = _largest(scores.reshape(self.rows, -1), self.beams)
        parents, self.tokens = best // symbols, best % symbols
        self._totals = np.take_along_axis(totals.reshape(self.rows, -1), best, axis=1)
        self._lengths = np.take_along_axis(lengths, parents, axis=1)
        self._ended = np.take_along_axis(self._ended, parents, axis=1)
        self._ended |= np.isin(self.tokens, self._stop)
        self._history.append((parents, self.tokens))
        return (parents + self.beams * np.arange(self.rows)[:, None]).ravel()

    def _extended(self, log_probabilities):
        """Return log p of every kept continuation with every next token, (N, beams, V).

        One that has ended has a single next token: its last again, at no cost.
        """
        totals = self._totals[..., None] + log_probabilities
        ended = np.nonzero(self._ended)
        totals[ended] = -np.inf
        totals[*ended, self.tokens[ended]] = self._totals[ended]
        return totals

    def finished(self) -> bool:
        return bool((self._ended | (self._totals == -np.inf)).all())

    @quiet
    def scores(self) -> np.ndarray:
        return self._totals / self._lengths**self._length_penalty

    def continuations(self) -> np.ndarray:
        """Return the tokens of the kept continuations, read from the last step back."""
        ids = np.empty((self.rows, self.beams, len(self._history)), np.int64)
        beam = np.broadcast_to(np.arange(self.beams), (self.rows, self.beams))
        for k in range(len(self._history) - 1, -1, -1):
            parents, tokens = self._history[k]
            ids[:, :, k] = np.take_along_axis(tokens, beam, axis=1)
            beam = np.take_along_axis(parents, beam, axis=1)
        return ids


def _largest(scores, count):
    """Return the indices of the `count` largest of each row, the largest first."""
    if count < scores.shape[1]:
        found = np.argpartition(-scores, count - 1, axis=1)[:, :count]
    else:
        found = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    order = np.argsort(-np.take_along_axis(scores, found, axis=1), axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)
