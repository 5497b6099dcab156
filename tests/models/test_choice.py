# SPDX-License-Identifier: Apache-2.0
"""Choosing a token: the k likeliest, the smallest set, the frequencies of draws."""

import itertools

import numpy as np
import pytest

from fastrnn.generation import chooser, draw, filter_top_k, filter_top_p
from scores import random_scores, softmax


@pytest.mark.parametrize("k", [1, 2, 5, 7, 9])
def test_top_k_keeps_the_k_largest(k):
    scores = random_scores(20, 7)
    kept = filter_top_k(scores, k)
    for row, scores_row in zip(kept, scores, strict=True):
        largest = sorted(scores_row, reverse=True)[:k]
        assert sorted(row[row > -np.inf], reverse=True) == largest
        assert set(row) <= {*scores_row, -np.inf}
        assert all(a in (b, -np.inf) for a, b in zip(row, scores_row, strict=True))


def test_top_k_keeps_all_that_are_equal_at_the_border():
    kept = filter_top_k(np.array([[3.0, 1.0, 2.0, 1.0, 0.0]]), 3)
    assert kept.tolist() == [[3, 1, 2, 1, -np.inf]]


@pytest.mark.parametrize("p", [1e-9, 0.3, 0.7, 0.95, 1.0])
def test_top_p_keeps_the_smallest_set_of_at_least_p(p):
    scores = random_scores(30, 6, seed=1)
    kept = filter_top_p(scores, p) > -np.inf
    for row, chances in zip(kept, softmax(scores), strict=True):
        sums = {s: sum(chances[list(s)]) for n in range(1, 7)
                for s in itertools.combinations(range(6), n)}
        enough = [s for s in sums if sums[s] >= min(p, 1 - 1e-12)]
        smallest = min(map(len, enough))
        best = max((s for s in enough if len(s) == smallest), key=sums.get)
        assert set(np.flatnonzero(row)) == set(best)


def test_top_p_takes_equal_scores_by_index():
    assert (filter_top_p(np.zeros((1, 4)), 0.5) > -np.inf).tolist() == [[True, True, False, False]]


def frequencies(choose, scores, count=40_000):
    rows = np.tile(scores, (count, 1))
    return np.bincount(choose(rows), minlength=len(scores)) / count


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_draws_have_the_softmax_frequencies(temperature):
    scores = random_scores(5, seed=2)
    rng = np.random.default_rng(0)
    got = frequencies(lambda rows: draw(rows, temperature, rng), scores)
    assert np.abs(got - softmax(scores / temperature)).max() < 0.01  # four standard deviations


def test_each_row_is_drawn_from_its_own_scores():
    scores = np.where(np.eye(6) > 0, 0.0, -1e4)[[3, 1, 5, 0]]
    assert draw(scores, 1.0, np.random.default_rng(0)).tolist() == [3, 1, 5, 0]
    assert draw(scores, 0, None).tolist() == [3, 1, 5, 0]


class Extreme:
    """A source whose numbers are as near to 1 as they can be, or 0."""

    def __init__(self, value):
        self.value = value

    def random(self, size):
        return np.full(size, self.value)


@pytest.mark.parametrize("value", [0.0, np.nextafter(1, 0)])
def test_what_was_filtered_is_never_drawn(value):
    rng = np.random.default_rng(3)
    for _ in range(200):
        scores = rng.standard_normal((1, 9))
        scores[0, [0, 4, 7, 8]] = -np.inf
        assert draw(scores, 1.0, Extreme(value))[0] == (1 if value == 0 else 6)


def test_the_chooser_scales_then_filters():
    scores = np.log(np.array([0.4, 0.3, 0.2, 0.1]))
    rng = np.random.default_rng(1)
    # At temperature 1/2 the chances go as the squares 16 : 9 : 4 : 1; 0.8 is first passed by two.
    got = frequencies(chooser(0.5, top_p=0.8, rng=rng), scores)
    assert np.abs(got - np.array([16, 9, 0, 0]) / 25).max() < 0.01
    got = frequencies(chooser(1.0, top_k=3, rng=rng), scores)
    assert np.abs(got - np.array([4, 3, 2, 0]) / 9).max() < 0.01
    # Of the two left by top_k, 4 of 7 pass 0.5; of all four, 4 of 10 do not.
    assert frequencies(chooser(1.0, top_k=2, top_p=0.5, rng=rng), scores).tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("temperature", [0, 1.0])
@pytest.mark.parametrize("row", [[0.0, np.nan], [-np.inf, -np.inf], [np.inf, 0.0]])
def test_scores_that_say_nothing_are_refused(temperature, row):
    scores = np.array([[0.0, 1.0], row])
    with pytest.raises(FloatingPointError, match="row 1"):
        draw(scores, temperature, np.random.default_rng(0))
