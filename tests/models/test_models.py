# SPDX-License-Identifier: Apache-2.0
"""Models: how they are put together, what they know of their layers, what they refuse."""

from typing import NamedTuple

import numpy as np
import pytest

from fastrnn import layers, models
from model_cases import RNG, sequences, small, targets

# -- putting together ----------------------------------------------------------------------------


def test_a_sequential_is_built_by_its_first_shape():
    model = models.Sequential([layers.LSTM(4, input_shape=(5, 3)), layers.Dense(2)])
    assert model.built
    assert model.output_shape == (None, 2)
    assert model.count_params() == 4 * 4 * (3 + 4 + 1) + 4 * 2 + 2


def test_a_sequential_without_a_shape_is_built_by_data():
    model = models.Sequential([layers.LSTM(4), layers.Dense(2)])
    assert not model.built
    assert model.predict(sequences()).shape == (12, 2)
    assert [w.shape for w in model.get_weights()] == [(3, 16), (4, 16), (16,), (4, 2), (2,)]


def test_layers_that_do_not_follow_leave_the_model_as_it_was():
    model = models.Sequential([layers.LSTM(4, input_shape=(5, 3))])
    with pytest.raises(ValueError, match="3-D"):
        model.add(layers.LSTM(4))
    assert len(model.layers) == 1
    with pytest.raises(ValueError, match="named"):
        model.add(layers.Dense(2, name=model.layers[0].name))
    with pytest.raises(TypeError, match="layers, got int"):
        model.add(3)
    model.add(layers.Dense(2))
    assert model.predict(sequences()).shape == (12, 2)
    assert isinstance(model.pop(), layers.Dense)
    assert model.output_shape == (None, 4)


def test_a_graph_that_lacks_an_input_is_named():
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    both = layers.Add()([a, b])
    with pytest.raises(ValueError, match="'b'"):
        models.Model(a, both)


def test_a_shared_layer_has_the_gradients_of_all_its_calls():
    dense = layers.Dense(3, use_bias=False)
    x = layers.Input((3,))
    model = models.Model(x, dense(dense(x)))
    data = RNG.standard_normal((4, 3), np.float32)
    call = model.run(data, True, keep=True)
    dy = RNG.standard_normal((4, 3), np.float32)
    call.backward([dy])
    w = dense.kernel.numpy()
    expected = (data @ w).T @ dy + data.T @ (dy @ w.T)
    np.testing.assert_allclose(dense.kernel.form.show(dense.kernel.gradient), expected,
                               rtol=1e-5, atol=1e-5)
    assert len(model.weights) == 1


def test_inputs_and_targets_by_name():
    a, b = layers.Input((5, 3), name="a"), layers.Input((2,), name="b")
    joined = layers.Concatenate()([layers.GRU(4)(a), b])
    outputs = {"p": layers.Dense(1, name="first")(joined), "q": layers.Dense(2)(joined)}
    model = models.Model({"a": a, "b": b}, outputs)
    model.compile("sgd", {"p": "mse", "q": "mae"}, loss_weights={"p": 2.0, "q": 0.5},
                  metrics={"q": ["mse"]})
    data = {"b": RNG.standard_normal((12, 2), np.float32), "a": sequences()}
    history = model.fit(data, {"q": targets(), "p": targets(columns=1)}, verbose=0).history
    assert {"loss", "p_loss", "q_loss", "q_mse"} == set(history)
    assert history["loss"][0] == pytest.approx(
        2 * history["p_loss"][0] + 0.5 * history["q_loss"][0], rel=1e-5)
    assert {key: value.shape for key, value in model.predict(data).items()} == {
        "p": (12, 1), "q": (12, 2)}
    with pytest.raises(ValueError, match="missing: b"):
        model.predict({"a": data["a"]})


def test_a_nested_model_trains_its_layers():
    inner = models.Sequential([layers.Input((5, 3)), layers.GRU(4)])
    x = layers.Input((5, 3))
    model = models.Model(x, layers.Dense(1)(inner(x)))
    model.compile("adam", "mse")
    before = [w.copy() for w in inner.get_weights()]
    model.fit(sequences(), targets(columns=1), verbose=0)
    assert all((a != b).any() for a, b in zip(before, inner.get_weights(), strict=True))
    assert len(model.weights) == 5


def test_frozen_layers_keep_their_weights():
    model = small()
    model.layers[0].trainable = False
    model.compile("adam", "mse")
    before = model.get_weights()
    model.fit(sequences(), targets(), verbose=0)
    after = model.get_weights()
    assert all((a == b).all() for a, b in zip(before[:3], after[:3], strict=True))
    assert (before[3] != after[3]).any()


# -- subclassed ----------------------------------------------------------------------------------


def test_layers_know_what_they_were_called_on():
    model = small()
    features = models.Model(model.input, model.layers[0].output)
    np.testing.assert_array_equal(features.predict(sequences()[:2]).shape, (2, 5, 4))
    assert model.layers[1].input_shape == (None, 5, 4)
    with pytest.raises(AttributeError, match="not called"):
        _ = layers.Dense(2).output


def test_models_that_refer_to_each_other_are_walked_once():
    class Child(models.Model):
        def __init__(self, parent):
            super().__init__()
            self.parent, self.me = parent, [self]
            self.dense = layers.Dense(1)
            self.words = {str(k): k for k in range(10_000)}

        def call(self, inputs):
            return self.dense(inputs)

    class Parent(models.Model):
        def __init__(self):
            super().__init__()
            self.child = Child(self)

        def call(self, inputs):
            return self.child(inputs)

    model = Parent()
    model.compile("sgd", "mse")
    model.fit(targets(), targets(columns=1), verbose=0)
    assert len(model.trainable_weights) == len(model.get_weights()) == 2
    model.trainable = False
    assert model.trainable_weights == []


def test_names_of_layers_must_differ_in_a_graph():
    x = layers.Input((3,))
    y = layers.Dense(2, name="a")(layers.Dense(2, name="a")(x))
    with pytest.raises(ValueError, match="more than one is named a"):
        models.Model(x, y)


def test_layers_are_found_by_name_and_place():
    model = small()
    assert model.get_layer(index=1) is model.layers[1]
    assert model.get_layer(model.layers[2].name) is model.layers[2]
    with pytest.raises(ValueError, match="no layer is named 'x'"):
        model.get_layer("x")
    assert model.layers[0].state_size == [4, 4]
    assert [s.shape for s in model.layers[0].get_initial_state(3)] == [(3, 4), (3, 4)]


def test_a_call_may_return_a_named_tuple():
    class Out(NamedTuple):
        y: object
        h: object

    class Named(models.Model):
        def __init__(self):
            super().__init__()
            self.rnn = layers.GRU(4, return_state=True)

        def call(self, inputs):
            return Out(*self.rnn(inputs))

    out = Named().predict(sequences())
    assert type(out) is Out
    np.testing.assert_array_equal(out.y, out.h)


def test_a_model_without_weights_says_so():
    model = models.Sequential([layers.Input((2,)), layers.Activation("tanh")])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="no weights to train"):
        model.fit(targets(), targets(), verbose=0)


def test_a_long_sequential_is_put_together_quickly():
    model = models.Sequential([layers.Input((2,))])
    for _ in range(400):
        model.add(layers.Activation("linear"))
    assert len(model.layers) == 400
    np.testing.assert_array_equal(model.predict(np.eye(2, dtype=np.float32)), np.eye(2))


def test_one_tensor_in_a_list_is_the_tensor():
    x = layers.Input((3,))
    model = models.Model([x], [layers.Dense(2)(x)])
    assert model.predict(targets(columns=3)).shape == (12, 2)
