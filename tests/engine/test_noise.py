# SPDX-License-Identifier: Apache-2.0
"""The draws of dropout: how many, how independent, how repeatable."""

import copy

import numpy as np
import pytest

from fastrnn.layers.dropout import RandomMask

ROWS, COLUMNS = 3000, 400


@pytest.fixture(scope="module")
def mask():
    return RandomMask(0.3, seed=1).draw((ROWS, COLUMNS)).astype(np.float64)


def test_the_share_kept_is_right_in_every_place(mask):
    deviation = np.sqrt(0.3 * 0.7)
    assert abs(mask.mean() - 0.7) < 5 * deviation / np.sqrt(mask.size)
    for axis, count in ((0, ROWS), (1, COLUMNS)):
        z = (mask.mean(axis=axis) - 0.7) / (deviation / np.sqrt(count))
        assert abs(z).max() < 5.5
        assert 0.9 < z.std() < 1.1


@pytest.mark.parametrize("distance", [1, 2, 3, 4, 8, 16, 32, 64, 1024, 1025])
def test_neighbours_at_any_distance_are_independent(mask, distance):
    flat = mask.ravel() - 0.7
    correlation = np.mean(flat[:-distance] * flat[distance:]) / 0.21
    assert abs(correlation) < 5 / np.sqrt(flat.size)


def test_triples_are_independent(mask):
    flat = mask.ravel()[:3 * (mask.size // 3)].reshape(-1, 3).astype(int)
    counts = np.bincount(flat @ [4, 2, 1], minlength=8) / len(flat)
    expected = [0.3**(3 - k.bit_count()) * 0.7**k.bit_count() for k in range(8)]
    np.testing.assert_allclose(counts, expected, atol=5 * 0.5 / np.sqrt(len(flat)))


def test_a_seed_repeats_and_calls_go_on():
    a, b = RandomMask(0.5, seed=3), RandomMask(0.5, seed=3)
    first = a.draw((7, 333))
    np.testing.assert_array_equal(first, b.draw((7, 333)))
    assert (first != a.draw((7, 333))).any()
    assert (RandomMask(0.5, seed=4).draw((7, 333)) != first).any()
    later = copy.deepcopy(a)
    np.testing.assert_array_equal(a.draw((50,)), later.draw((50,)))


@pytest.mark.parametrize(("rate", "scale"), [(0.0, 1.0), (0.5, 2.0), (0.75, 4.0), (1.0, 0.0)])
def test_the_scale_keeps_the_mean(rate, scale):
    source = RandomMask(rate, seed=0)
    assert source.scale == scale
    values = source.factors((1000,), np.float32)
    assert set(np.unique(values)) <= {0.0, scale}
    assert rate in (0.0, 1.0) or len(np.unique(values)) == 2
