# SPDX-License-Identifier: Apache-2.0
"""Choosing the next token of each row from a model's scores.

Scores are logits or log-probabilities (..., V): what is added to all scores of a row changes no
choice. A score of -inf is a token that is never chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._common import checks
from .._common.quiet import quiet


@quiet
def filter_top_k(scores: np.ndarray, k: int) -> np.ndarray:
    """Return `scores` with -inf for all but the k largest of each row.

    Parameters
    ----------
    scores : array (..., V)
        Logits or log-probabilities.
    k : int
        At least 1. Scores equal to the k-th largest all stay.

    Returns
    -------
    ndarray (..., V)

    Raises
    ------
    TypeError, ValueError
        If `k` is not an int of at least 1.
    """
    k = checks.count("top_k", k)
    size = scores.shape[-1]
    if k >= size:
        return scores
    bound = np.partition(scores, size - k, axis=-1)[..., size - k, None]
    return np.where(scores < bound, -np.inf, scores)


@quiet
def filter_top_p(scores: np.ndarray, p: float) -> np.ndarray:
    """Return `scores` with -inf outside the nucleus of each row (Holtzman et al., 2020).

    The nucleus is the smallest set of most likely tokens whose probabilities sum to at least p.

    Parameters
    ----------
    scores : array (..., V)
        Logits or log-probabilities.
    p : float
        In (0, 1]. Of equal scores at the border those of lower index come first.

    Returns
    -------
    ndarray (..., V)

    Raises
    ------
    ValueError
        If `p` is not in (0, 1].
    """
    if checks.probability("top_p", p) == 0:
        raise ValueError(f"top_p must be greater than 0, got {p}")
    if p == 1:
        return scores
    order = np.argsort(-scores, axis=-1, kind="stable")
    ranked = np.take_along_axis(scores, order, axis=-1)
    weights = np.exp((ranked - ranked[..., :1]).astype(np.float64))
    cumulative = weights.cumsum(axis=-1)
    likelier = cumulative - weights
    ranked = np.where(likelier < p * cumulative[..., -1:], ranked, -np.inf)
    result = np.empty_like(ranked)
    np.put_along_axis(result, order, ranked, axis=-1)
    return result


@quiet
def draw(scores: np.ndarray, temperature: float, rng: np.random.Generator) -> np.ndarray:
    """Return an index for each row, drawn from softmax(scores / temperature).

    Parameters
    ----------
    scores : array (N, V)
        Logits or log-probabilities.
    temperature : float
        0 always takes the largest score.
    rng : numpy.random.Generator
        Gives one number for each row; none where the temperature is 0.

    Returns
    -------
    ndarray (N,), int64

    Raises
    ------
    FloatingPointError
        If a row holds NaN or inf, or nothing but -inf.
    """
    largest = scores.max(axis=-1, keepdims=True)
    if not np.isfinite(largest).all():
        row = int((~np.isfinite(largest)).argmax())
        raise FloatingPointError(f"the scores of row {row} have no finite largest one: "
                                 f"{largest[row, 0]}")
    if temperature == 0:
        return scores.argmax(axis=-1)
    cumulative = np.exp((scores - largest).astype(np.float64) / temperature).cumsum(axis=-1)
    total = cumulative[:, -1]
    # Rounding may take the product up to the total, which would be past the last token.
    at = np.minimum(rng.random(len(total)) * total, np.nextafter(total, 0))
    return (cumulative <= at[:, None]).sum(axis=-1)


def chooser(temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None,
            rng: np.random.Generator | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from scores (N, V) to one token for each row, (N,).

    The scores are divided by the temperature, then filtered by `filter_top_k` and `filter_top_p`
    where these are given, then drawn from. At a temperature of 0 no `rng` is needed.

    Raises
    ------
    TypeError, ValueError
        If `temperature` is not a finite number of at least 0, `top_k` not an int of at least 1,
        or `top_p` not in (0, 1].
    """
    checks.number("temperature", temperature)
    if not 0 <= temperature < np.inf:
        raise ValueError(f"temperature must be finite and at least 0, got {temperature}")
    filters: list[tuple[Callable[..., np.ndarray], Any]] = [
        (keep, limit) for keep, limit in ((filter_top_k, top_k), (filter_top_p, top_p))
        if limit is not None]
    for keep, limit in filters:
        keep(np.zeros(1), limit)  # refuses a wrong limit now, not at the first token
    if temperature == 0 or not filters:
        source: Any = rng   # none is needed at temperature 0
        return lambda scores: draw(scores, temperature, source)

    @quiet
    def choose(scores):
        shifted = scores - scores.max(axis=-1, keepdims=True)
        scores = shifted.astype(np.float64) / temperature
        for keep, limit in filters:
            scores = keep(scores, limit)
        return draw(scores, 1.0, rng)

    return choose
