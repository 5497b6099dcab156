# SPDX-License-Identifier: Apache-2.0
"""Calls in descriptions of Keras 3: the modes and masks that it writes down by itself."""

import json
import random

import numpy as np
import pytest

import fastrnn
from fastrnn import layers, models
from fastrnn.models import keras_calls
from keras_oracle import keras_or_skip
from test_keras_json import assert_same_model, randomised

N, T, F = 4, 5, 3

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")


def read(keras_model):
    return models.model_from_json(keras_model.to_json())


@pytest.mark.parametrize("make", [
    lambda k: k.Dropout(0.5), lambda k: k.LSTM(6, dropout=0.5),
    lambda k: k.GRU(6, recurrent_dropout=0.5), lambda k: k.GaussianNoise(1.0),
], ids=["Dropout", "dropout", "recurrent_dropout", "GaussianNoise"])
def test_dropout_is_on_in_the_training_of_what_keras_wrote(make, rng):
    """It writes training=False at each call of a functional model."""
    keras = keras_or_skip()
    x = keras.Input((T, F))
    model = read(keras.Model(x, make(keras.layers)(x)))
    data = rng.standard_normal((N, T, F)).astype(np.float32)
    a, b = (np.asarray(model(data, training=True)) for _ in range(2))
    assert (a != b).any()
    np.testing.assert_array_equal(model(data), model(data))


def test_batches_are_normalised_in_the_training_of_what_keras_wrote(rng):
    keras = keras_or_skip()
    x = keras.Input((F,))
    model = read(keras.Model(x, keras.layers.BatchNormalization()(x)))
    data = rng.standard_normal((50, F)).astype(np.float32) + 7
    assert abs(np.asarray(model(data, training=True)).mean()) < 0.01
    assert np.asarray(model(data)).mean() > 1


@pytest.mark.parametrize("mode", [True, False])
def test_a_mode_given_by_hand_stays_in_what_we_wrote(mode, rng):
    x = layers.Input((T, F))
    model = models.Model(x, layers.Dropout(0.5)(x, training=mode))
    again = models.model_from_json(model.to_json())
    data = rng.standard_normal((N, T, F)).astype(np.float32)
    dropped = (np.asarray(again(data, training=not mode)) == 0).any()
    assert dropped == mode


def masked_models(k):
    x, ids = k.layers.Input((T, F)), k.layers.Input((T,), dtype="int32")
    masked = k.layers.Masking(-1.0)(x)
    words = k.layers.Embedding(4, F, mask_zero=True)(ids)
    stack = k.layers.Dropout(0.1)(k.layers.Bidirectional(k.layers.GRU(4, return_sequences=True))(
        masked))
    yield x, k.layers.LSTM(4)(masked)
    yield x, k.layers.TimeDistributed(k.layers.Dense(2))(stack)
    yield x, k.layers.GlobalAveragePooling1D()(stack)
    yield ids, k.layers.LSTM(4)(k.layers.GRU(4, return_sequences=True)(words))


@pytest.mark.parametrize("case", range(4))
def test_masks_of_functional_models_of_keras(case, rng, tmp_path):
    """Each layer hands its mask on by itself, so that the model can be saved as one made here."""
    keras = keras_or_skip()
    theirs = randomised(keras.Model(*list(masked_models(keras))[case]))
    ours = read(theirs)
    data = rng.integers(0, 4, (N, T)) if case == 3 else (
        rng.integers(-1, 1, (N, T, 1)) * np.ones(F, np.float32))
    assert_same_model(theirs, ours, data)
    ours.save(tmp_path / "model")
    assert_same_model(ours, models.load_model(tmp_path / "model"), data)
    assert_same_model(ours, keras.models.model_from_json(ours.to_json()), data)


def test_a_mask_by_hand_stays(rng):
    """It is no layer's own: that of another input, or of another value."""
    keras = keras_or_skip()
    x, other = keras.Input((T, F)), keras.Input((T, F))
    for tensor, value in ((other, 0.0), (x, -1.0)):
        mask = keras.ops.any(keras.ops.not_equal(tensor, value), axis=-1)
        outputs = keras.layers.LSTM(4)(keras.layers.Masking(0.0)(x), mask=mask)
        theirs = randomised(keras.Model([x, other], outputs))
        data = [(rng.integers(-1, 2, (N, T, 1)) * np.ones(F)).astype(np.float32)
                for _ in range(2)]
        assert_same_model(theirs, read(theirs), data)


def test_a_graph_in_any_order_is_read_with_two_looks_at_each_call(monkeypatch):
    x = y = layers.Input((F,))
    for _ in range(60):
        y = layers.Dense(F)(y)
    description = json.loads(models.Model(x, y).to_json())
    looks = []
    original = keras_calls.Calls.arguments
    monkeypatch.setattr(keras_calls.Calls, "arguments",
                        lambda self, node: looks.append(node) or original(self, node))
    for shuffle in (list.reverse, random.Random(3).shuffle):
        shuffle(description["config"]["layers"])
        looks.clear()
        assert len(models.model_from_json(json.dumps(description)).layers) == 61
        assert len(looks) <= 2 * 60


@pytest.mark.parametrize(("argument", "value", "words"), [
    ("axis", float("inf"), "axis must be an int, got float"),
    ("axis", 2.5, "axis must be an int, got float"),
    ("axis", 10**30, "axis is too large"),
    ("axis", "x", "axis must be an int, got str"),
    ("dtype", "\ud800", "does not describe a model"),
])
def test_values_that_no_argument_has(argument, value, words):
    text = models.Sequential([layers.Input((T, F)), layers.BatchNormalization()]).to_json()
    description = json.loads(text)
    description["config"]["layers"][1]["config"][argument] = value
    with pytest.raises(ValueError, match=words):
        models.model_from_json(json.dumps(description))


def test_an_axis_in_a_list_as_keras_2_wrote_it():
    layer = {"class_name": "BatchNormalization", "config": {
        "name": "bn", "batch_input_shape": [None, T, F], "axis": [2], "momentum": 0.9}}
    model = models.model_from_json(json.dumps({
        "class_name": "Sequential", "keras_version": "2.11.0",
        "config": {"name": "s", "layers": [layer]}}))
    assert model.layers[0].axis == 2


@pytest.mark.parametrize("given", [None, {}, 3])
def test_what_is_no_text(given):
    with pytest.raises(TypeError, match="the description of a model must be a str, got"):
        models.model_from_json(given)


def test_every_call_of_ours_is_written_for_keras(rng):
    """The name of who wrote it is nothing to Keras."""
    keras = keras_or_skip()
    x = layers.Input((T, F))
    ours = randomised(fastrnn.Model(x, layers.Dropout(0.5)(layers.LSTM(4)(x))))
    data = rng.standard_normal((N, T, F)).astype(np.float32)
    assert_same_model(ours, keras.models.model_from_json(ours.to_json()), data)
