# SPDX-License-Identifier: Apache-2.0
"""Embedding beside Keras', its start and its gradients."""

import numpy as np
import pytest

from fastrnn import layers
from fastrnn.graph.tape import Tape, calling
from keras_layer_cases import N, T
from keras_oracle import keras_or_skip
from tolerances import RELATIVE, relative_error

# Keras' own way of reading arrays.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "float32", "float64"])
@pytest.mark.parametrize("mask_zero", [False, True])
def test_embedding_does_what_keras_does(rng, dtype, mask_zero):
    keras = keras_or_skip()
    ids = rng.integers(0, 7, (N, T)).astype(dtype)
    ours = layers.Embedding(7, 3, mask_zero=mask_zero)
    theirs = keras.layers.Embedding(7, 3, mask_zero=mask_zero)
    y, want = ours(ids), theirs(ids)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights] == ["embeddings"]
    theirs.set_weights(ours.get_weights())
    want = theirs(ids)
    assert np.array_equal(y, keras.ops.convert_to_numpy(want))
    mask = getattr(want, "_keras_mask", None)
    assert (y.mask is None) == (mask is None) == (not mask_zero)
    assert not mask_zero or np.array_equal(y.mask, keras.ops.convert_to_numpy(mask))
    assert not mask_zero or np.array_equal(ours.compute_mask(ids), ids != 0)


def test_an_embedding_starts_small_or_as_it_is_told(rng):
    layer = layers.Embedding(200, 50)
    layer(np.array([[0]]))
    (values,) = layer.get_weights()
    assert 0.045 < np.abs(values).max() <= 0.05
    given = rng.standard_normal((4, 2)).astype(np.float32)
    for weights in (given, [given]):
        layer = layers.Embedding(4, 2, weights=weights, input_length=9)
        assert np.array_equal(layer(np.array([3, 0])), given[[3, 0]])


def test_gradients_of_an_embedding_add_up_like_those_of_a_loop_over_ids(rng):
    layer = layers.Embedding(300, 4)
    want = np.zeros((300, 4))
    for _ in range(2):
        ids = rng.integers(0, 300, (40, 30))
        tape = Tape()
        with calling(tape, True):
            y = layer(ids)
        y.gradient = rng.standard_normal(y.shape).astype(np.float32)
        np.add.at(want, ids, y.gradient)
        tape.backward()
    assert relative_error(layer.embeddings.gradient, want) < RELATIVE["float32"]
