# SPDX-License-Identifier: Apache-2.0
"""Layers of noise: rates, independence, seeds, shapes."""

import numpy as np
import pytest

from fastrnn import layers, random
from fastrnn.layers.dropout import RandomMask
from tolerances import RELATIVE, relative_error

# Keras' own way of reading arrays.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5, 0.93])
def test_dropout_drops_at_its_rate_and_keeps_the_mean(rng, rate):
    x = np.ones((200, 100, 10), np.float32)
    y = np.asarray(layers.Dropout(rate, seed=4)(x, training=True))
    share = np.mean(y == 0)
    # Five standard deviations.
    assert abs(share - rate) < 5 * np.sqrt(rate * (1 - rate) / y.size)
    assert np.allclose(y[y > 0], 1 / (1 - rate), rtol=2e-4)
    assert abs(y.mean() - 1) < 5 * np.sqrt(rate / (1 - rate) / y.size)


def test_the_bits_of_a_mask_are_independent_of_each_other_and_of_their_places():
    mask = RandomMask(0.3, seed=5).draw((1000, 1001)) - 0.7
    for shift in (1, 2, 3, 4, 8, 1001):
        flat = mask.reshape(-1)
        correlation = np.mean(flat[shift:] * flat[:-shift]) / 0.21
        assert abs(correlation) < 5 / np.sqrt(flat.size)
    assert np.abs(mask.mean(axis=0)).max() < 6 * np.sqrt(0.21 / 1000)


def test_rates_are_multiples_of_two_to_the_minus_16():
    assert RandomMask(0.5, seed=0).scale == 2
    assert RandomMask(0.2, seed=0).scale == 65536 / (65536 - 13107)
    assert RandomMask(1e-6, seed=0).draw((100, 1000)).all()
    assert not RandomMask(1 - 1e-6, seed=0).draw((100, 1000)).any()


def test_seeds_decide_what_is_dropped(rng):
    x = rng.standard_normal((20, 30)).astype(np.float32)

    def draws(layer):
        return [np.asarray(layer(x, training=True)) for _ in range(2)]

    for kind in (layers.Dropout, layers.GaussianNoise, layers.GaussianDropout):
        first, again, other = (draws(kind(0.4, seed=seed)) for seed in (3, 3, 4))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)
        assert not np.array_equal(*first)
        random.set_seed(8)
        unseeded = draws(kind(0.4))
        random.set_seed(8)
        assert np.array_equal(unseeded, draws(kind(0.4)))


def test_noise_of_a_shape_is_the_same_along_its_axes_of_one(rng):
    x = np.ones((6, 7, 8), np.float32)
    for layer in (layers.SpatialDropout1D(0.5, seed=1), layers.Dropout(0.5, (None, 1, 8), seed=1),
                  layers.Dropout(0.5, [6, 1, None], seed=1)):
        y = np.asarray(layer(x, training=True))
        assert np.array_equal(y, np.broadcast_to(y[:, :1], y.shape))
        assert 0 < np.mean(y == 0) < 1
        assert len(np.unique(y[:, 0], axis=0)) > 1


def test_gaussian_noise_has_its_deviation():
    x = np.full((100, 1000), 2, np.float32)
    added = np.asarray(layers.GaussianNoise(0.3, seed=1)(x, training=True)) - 2
    assert abs(added.std() - 0.3) < 0.005
    assert abs(added.mean()) < 0.005
    times = np.asarray(layers.GaussianDropout(0.2, seed=1)(x, training=True)) / 2
    assert abs(times.std() - 0.5) < 0.008
    assert abs(times.mean() - 1) < 0.008


def test_attention_drops_weights_in_training_only(rng):
    q, v = (rng.standard_normal((8, 9, 4)).astype(np.float32) for _ in range(2))
    plain, dropping = layers.Attention(), layers.Attention(dropout=0.5, seed=1)
    _, want = plain([q, v], return_attention_scores=True)
    y, weights = dropping([q, v], return_attention_scores=True, training=True)
    weights, want = np.asarray(weights), np.asarray(want)
    assert 0.4 < np.mean(weights == 0) < 0.6
    assert relative_error(weights, np.where(weights == 0, 0, 2 * want)) < RELATIVE["float32"]
    assert relative_error(y, weights @ v) < RELATIVE["float32"]
    assert np.array_equal(dropping([q, v]), plain([q, v]))
