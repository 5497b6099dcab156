# SPDX-License-Identifier: Apache-2.0
"""Old methods of Keras' models: what they do, and what they say once."""

import warnings

import numpy as np
import pytest

from fastrnn import layers
from fastrnn.models import Model
from old_words import classifier, data, endless, told, twins

pytestmark = pytest.mark.usefixtures("untold")


def test_fit_generator(rng):
    x, y = data(rng)
    model, twin = twins()
    want = twin.fit(endless(x, y), steps_per_epoch=3, epochs=2, validation_data=(x, y), verbose=0,
                    class_weight={0: 2.0, 1: 1.0, 2: 1.0})
    got, texts = told(lambda: model.fit_generator(
        endless(x, y), steps_per_epoch=3, epochs=2, validation_data=(x, y), verbose=0,
        class_weight={0: 2.0, 1: 1.0, 2: 1.0}, max_queue_size=2, workers=2,
        use_multiprocessing=False) if model.history is None else None)
    assert got.history == want.history
    assert texts == ["fit_generator is an old name: use model.fit"]


def test_fit_generator_counts_samples_as_keras_1_did(rng):
    x, y = data(rng)
    model, twin = twins()
    want = twin.fit(endless(x, y), steps_per_epoch=3, epochs=2, validation_data=endless(x, y),
                    validation_steps=2, verbose=0)
    got = model.fit_generator(endless(x, y), samples_per_epoch=20, nb_epoch=2, verbose=0,
                              validation_data=endless(x, y), nb_val_samples=16, max_q_size=3)
    assert got.history == want.history
    with pytest.raises(TypeError, match="not known: speed"):
        model.fit_generator(endless(x, y), 3, speed=1)


def test_evaluate_and_predict_generators(rng):
    x, y = data(rng)
    model = classifier()
    got, texts = told(lambda: model.evaluate_generator(endless(x, y), steps=3, workers=2))
    assert got == model.evaluate(x, y, batch_size=8, verbose=0)
    assert texts == ["evaluate_generator is an old name: use model.evaluate"]
    got, texts = told(lambda: model.predict_generator(endless(x, y), val_samples=24))
    assert np.array_equal(got, model.predict(x, batch_size=8, verbose=0))
    assert texts == ["predict_generator is an old name: use model.predict"]


def test_predict_classes_and_proba(rng):
    x, _ = data(rng)
    model = classifier()
    got, texts = told(lambda: model.predict_classes(x))
    assert np.array_equal(got, model.predict(x, verbose=0).argmax(-1))
    assert len(texts) == 1
    assert "argmax(-1)" in texts[0]
    binary = classifier(1, "sigmoid")
    got = binary.predict_classes(x, batch_size=5)
    assert got.shape == (24, 1)
    assert np.array_equal(got, (binary.predict(x, verbose=0) > 0.5).astype("int32"))
    got, texts = told(lambda: model.predict_proba(x))
    assert np.array_equal(got, model.predict(x, verbose=0))
    assert len(texts) == 1
    assert not hasattr(Model(model.inputs, model.outputs), "predict_classes")


def test_fit_in_old_words(rng):
    x, y = data(rng)
    model, twin = twins()
    want = twin.fit(x, y, epochs=2, shuffle=False, verbose=0).history
    got, texts = told(lambda: model.fit(x, y, nb_epoch=2, shuffle=False, verbose=0, workers=4)
                      if model.history is None else None)
    assert got.history == want
    assert [text.split("=")[0] for text in texts] == ["nb_epoch", "workers"]
    _, texts = told(lambda: model.compile("sgd", "mse", sample_weight_mode="temporal"))
    assert len(texts) == 1


def test_metrics_names_are_known_from_compile_on(rng):
    x, y = data(rng)
    model = classifier()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.metrics_names == ["loss", "acc"]
        model.fit(x, y, verbose=0)
        assert model.metrics_names == ["loss", "acc"]
    a = layers.Input((3,))
    two = Model(a, [layers.Dense(2, name="p")(a), layers.Dense(1, name="q")(a)])
    assert two.metrics_names == []
    two.compile("sgd", "mse", metrics={"q": ["mae"]})
    before = two.metrics_names
    x = rng.standard_normal((8, 3))
    two.train_on_batch(x, [rng.standard_normal((8, 2)), rng.standard_normal((8, 1))])
    assert before == two.metrics_names
    assert len(before) == 4
