# SPDX-License-Identifier: Apache-2.0
"""Models that are subclasses: their calls, layers, places in graphs."""

import numpy as np
import pytest

from fastrnn import layers, models
from model_cases import RNG, States, sequences, targets


def test_a_subclassed_model_gives_outputs_and_states():
    model = States()
    y, (h, c) = model.predict(sequences())
    assert y.shape == (12, 5, 3)
    assert h.shape == c.shape == (12, 4)
    later, _ = model(sequences(), states=[h, c])
    assert later.shape == (12, 5, 3)
    assert [layer.name for layer in model.layers] == [model.lstm.name, model.dense.name]


def test_a_subclassed_model_takes_training_and_operators():
    class Residual(models.Model):
        def __init__(self):
            super().__init__()
            self.rnn = layers.SimpleRNN(3, return_sequences=True)
            self.drop = layers.Dropout(0.5, seed=1)

        def call(self, inputs, training=False):
            seen.append(training)
            return (inputs + 0.5 * self.drop(self.rnn(inputs)))[:, -1]

    seen = []
    model = Residual()
    x, y = sequences(), targets(columns=3)
    model.compile("sgd", "mse")
    before = model.evaluate(x, y)
    model.fit(x, y, epochs=30, verbose=0)
    assert model.evaluate(x, y) < before
    assert set(seen) == {True, False}


def test_numpy_inside_a_call_is_refused_while_gradients_are_recorded():
    class Wrong(models.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, inputs):
            return layers.Dense(1)(np.exp(np.asarray(self.dense(inputs))))

    model = Wrong()
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match="stop them silently"):
        model.fit(targets(), targets(columns=1), verbose=0)


def test_layers_in_lists_and_dicts_are_found_whenever_they_are_put_there():
    class Stack(models.Model):
        def __init__(self):
            super().__init__()
            self.rnns, self.heads = [], {}
            for _ in range(2):
                self.rnns.append(layers.GRU(3, return_sequences=True))
            self.heads["out"] = layers.Dense(1)

        def call(self, inputs):
            for rnn in self.rnns:
                inputs = rnn(inputs)
            return self.heads["out"](inputs[:, -1])

    model = Stack()
    model.compile("sgd", "mse")
    model.fit(sequences(), targets(columns=1), verbose=0)
    assert len(model.layers) == 3
    assert len(model.trainable_weights) == 3 + 3 + 2


def test_steps_of_ones_own_are_refused_rather_than_ignored():
    class Own(models.Model):
        def train_step(self, data):
            raise AssertionError("never called")

    model = Own()
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match=r"Own\.train_step"):
        model.fit(sequences(), targets(), verbose=0)
    with pytest.raises(TypeError, match=r"subclass of fastrnn\.Model"):
        type("Block", (layers.Layer,), {"call": lambda self, x: x})


class Dropped(models.Model):
    """A model whose call has a mode of its own by default."""

    def __init__(self, **options):
        super().__init__(**options)
        self.drop = layers.Dropout(0.5, seed=1)

    def call(self, inputs, training=False):
        return self.drop(inputs, training=training)


def test_a_subclassed_model_inside_a_graph_trains_and_predicts_in_its_mode():
    x = layers.Input((5, 3))
    model = models.Model(x, Dropped()(x))
    data = sequences()
    np.testing.assert_array_equal(model.predict(data), data)
    assert (model(data, training=True).numpy() == 0).any()


def test_a_subclassed_model_inside_a_graph_gives_its_structure():
    x = layers.Input((5, 3))
    y, (h, c) = States()(x)
    assert (y.shape, h.shape, c.shape) == ((None, 5, 3), (None, 4), (None, 4))
    model = models.Model(x, [y, h])
    assert [out.shape for out in model.predict(sequences())] == [(12, 5, 3), (12, 4)]


def test_time_distributed_takes_a_subclassed_model():
    class Summary(models.Model):
        def __init__(self):
            super().__init__()
            self.rnn = layers.GRU(2)

        def call(self, inputs):
            return self.rnn(inputs)

    model = models.Sequential([
        layers.Input((4, 5, 3)), layers.TimeDistributed(Summary()), layers.GRU(2),
    ])
    model.compile("sgd", "mse")
    x = RNG.standard_normal((6, 4, 5, 3), np.float32)
    before = model.get_weights()
    model.fit(x, targets(6), verbose=0)
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
