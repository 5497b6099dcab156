# SPDX-License-Identifier: Apache-2.0
"""Files and descriptions of models."""

import numpy as np
import pytest

import fastrnn
from fastrnn import layers, models
from fastrnn.io import FileFormatError
from model_cases import States, sequences, small, targets


def test_a_saved_model_goes_on_as_if_it_had_never_stopped(tmp_path):
    x, y = sequences(), targets()
    model = small()
    model.compile(fastrnn.optimizers.Adam(0.01, clipnorm=1.0), "mse", metrics=["mae"])
    model.fit(x, y, epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "m.keras")
    other = models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(model.predict(x), other.predict(x))
    histories = [m.fit(x, y, epochs=2, shuffle=False, verbose=0).history for m in (model, other)]
    assert histories[0] == histories[1]
    assert [layer.name for layer in other.layers] == [layer.name for layer in model.layers]


def spread(y_true, y_pred):
    return np.abs(y_pred - y_true).max(axis=-1)


def test_a_metric_of_ones_own_is_saved_by_its_name(tmp_path):
    model, x, y = small(), sequences(), targets()
    model.compile("adam", "mse", metrics=[spread, "mae"])
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "m")
    with pytest.raises(FileFormatError, match=r"custom_objects=\{'spread'"):
        models.load_model(tmp_path / "m")
    other = models.load_model(tmp_path / "m", custom_objects={"spread": spread})
    assert other.evaluate(x, y) == model.evaluate(x, y)


def test_functional_models_are_saved_with_their_graph(tmp_path):
    a, b = layers.Input((5, 3), name="a"), layers.Input((5, 3), name="b")
    shared = layers.Bidirectional(layers.LSTM(3, return_sequences=True))
    attended = layers.Attention()([shared(a), shared(b)])
    model = models.Model([a, b], {"y": layers.Dense(1)(attended[:, -1] * 2.0)})
    model.save(tmp_path / "m")
    other = models.load_model(tmp_path / "m")
    data = [sequences(), sequences()]
    np.testing.assert_array_equal(model.predict(data)["y"], other.predict(data)["y"])


def test_subclassed_models_are_loaded_by_their_class(tmp_path):
    model, x = States(), sequences()
    expected = model.predict(x)[0]
    model.save(tmp_path / "m")
    with pytest.raises(FileFormatError, match="custom_objects"):
        models.load_model(tmp_path / "m")
    other = models.load_model(tmp_path / "m", custom_objects={"States": States})
    np.testing.assert_array_equal(other.predict(x)[0], expected)


def test_weights_of_another_model_are_refused(tmp_path):
    model = small()
    model.save_weights(tmp_path / "w")
    other = small(units=5)
    before = other.get_weights()
    with pytest.raises(FileFormatError, match="its weights are"):
        other.load_weights(tmp_path / "w")
    assert all((a == b).all() for a, b in zip(before, other.get_weights(), strict=True))
    with pytest.raises(ValueError, match="weights"):
        other.set_weights(model.get_weights()[:-1])


def test_files_of_keras_itself_are_named(tmp_path):
    (tmp_path / "m.keras").write_bytes(b"PK\x03\x04 and more")
    with pytest.raises(FileFormatError, match="Keras itself"):
        models.load_model(tmp_path / "m.keras")


def test_the_summary_lists_layers_shapes_and_numbers():
    printed = []
    small().summary(print_fn=printed.append)
    text = "\n".join(printed)
    assert "(None, 5, 4)" in text
    assert "Total params: 258" in text


@pytest.mark.parametrize("make", [small, lambda: models.clone_model(small())])
def test_json_describes_a_model(make):
    model = make()
    other = models.model_from_json(model.to_json())
    other.set_weights(model.get_weights())
    x = sequences()
    np.testing.assert_array_equal(model.predict(x), other.predict(x))
