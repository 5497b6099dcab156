# SPDX-License-Identifier: Apache-2.0
"""Kinds of model: several inputs and outputs, shared layers, nested and subclassed models."""

import numpy as np

from .figures import (
    BATCH,
    RATE,
    UNITS,
    I,
    N,
    T,
    as_array,
    flat,
    formed,
    ids,
    noise,
    one_hot,
    predicted,
    set_start,
    stack,
    trained,
)
from .masks import padded
from .recurrent import rnn, two_heads
from .registry import case

INPUTS = {"steps": noise(N, T, I), "static": noise(N, 2, seed=2)}
TARGETS = {"value": noise(N, 1, seed=1), "label": one_hot(ids(N, below=3), 3)}
LOSSES = {"value": "mse", "label": "categorical_crossentropy"}
FORMS = {"lists": list, "dicts": dict}


@case(x=FORMS, y=FORMS, loss=FORMS)
def several_inputs_and_outputs(k, x, y, loss):
    model = two_heads(k)
    model.compile(optimizer=k.optimizers.SGD(RATE), loss=formed(LOSSES, loss))
    return trained(model, formed(INPUTS, x), formed(TARGETS, y))


@case(weights={"list": [0.3, 2.0], "dict": {"value": 0.3, "label": 2.0}})
def loss_weights(k, weights):
    model = two_heads(k)
    loss = formed(LOSSES, type(weights))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss=loss, loss_weights=weights)
    return trained(model, INPUTS, formed(TARGETS, type(weights)))


@case(
    metrics={
        "dict": {"value": ["mae"], "label": ["accuracy", "mse"]},
        "dict_of_texts": {"value": "mae", "label": "accuracy"},
        "one": {"label": ["accuracy"]},
        "lists": [["mae", "mse"], ["accuracy"]],
    }
)
def metrics_of_several_outputs(k, metrics):
    model = two_heads(k)
    model.compile(optimizer=k.optimizers.SGD(RATE), loss=LOSSES, metrics=metrics)
    data = (INPUTS, TARGETS)
    return trained(model, *data, validation_data=data)


@case()
def one_loss_for_all_outputs(k):
    x = k.Input((T, I))
    hidden = rnn(k, "GRU", UNITS)(x)
    outputs = [k.layers.Dense(1, name="one")(hidden), k.layers.Dense(2, name="two")(hidden)]
    model = k.Model(x, outputs)
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, noise(N, T, I), [noise(N, 1, seed=1), noise(N, 2, seed=1)])


@case()
def dict_of_outputs(k):
    x = k.Input((T, I))
    hidden = rnn(k, "GRU", UNITS)(x)
    outputs = {
        "value": k.layers.Dense(1, name="value")(hidden),
        "label": k.layers.Dense(3, activation="softmax", name="label")(hidden),
    }
    model = k.Model(x, outputs)
    model.compile(optimizer=k.optimizers.SGD(RATE), loss=LOSSES)
    return trained(model, noise(N, T, I), TARGETS)


@case()
def dict_of_inputs(k):
    inputs = {"b": k.Input((T, I)), "a": k.Input((T, I))}
    hidden = k.layers.Concatenate()([rnn(k, "GRU", UNITS)(inputs[key]) for key in "ab"])
    model = k.Model(inputs, k.layers.Dense(1)(hidden))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    x = {"a": noise(N, T, I), "b": noise(N, T, I, seed=5)}
    return trained(model, x, noise(N, 1, seed=1))


@case()
def shared_layer(k):
    """Two sentences, one reader: its gradients add up."""
    reader = rnn(k, "LSTM", UNITS)
    left, right = k.Input((T, I)), k.Input((4, I))
    read = [reader(left), reader(right)]
    joined = k.layers.Concatenate()([*read, k.layers.Multiply()(read)])
    model = k.Model([left, right], k.layers.Dense(1, activation="sigmoid")(joined))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="binary_crossentropy")
    return trained(model, [noise(N, T, I), noise(N, 4, I)], ids(N, 1, below=2))


@case()
def shared_model(k):
    encoder = stack(k, rnn(k, "GRU", UNITS), k.layers.Dense(2, activation="tanh"))
    left, right = k.Input((T, I)), k.Input((T, I))
    distance = k.layers.Subtract()([encoder(left), encoder(right)])
    model = k.Model([left, right], k.layers.Dense(1)(distance))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, [noise(N, T, I), noise(N, T, I, seed=4)], noise(N, 1, seed=1))


@case()
def layer_used_twice_in_a_row(k):
    same = rnn(k, "GRU", I, return_sequences=True)
    x = k.Input((T, I))
    model = k.Model(x, k.layers.Dense(1)(same(same(x))))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, noise(N, T, I), noise(N, T, 1, seed=1))


@case()
def nested_functional(k):
    a, b = k.Input((T, I)), k.Input((2,))
    hidden = k.layers.Concatenate()([rnn(k, "LSTM", UNITS)(a), b])
    inner = k.Model([a, b], [k.layers.Dense(2)(hidden), k.layers.Dense(2)(hidden)])
    x, z = k.Input((T, I)), k.Input((2,))
    outputs = k.layers.Dense(1)(k.layers.Multiply()(inner([x, z])))
    model = k.Model([x, z], outputs)
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, [noise(N, T, I), noise(N, 2, seed=2)], noise(N, 1, seed=1))


@case()
def model_of_a_models_inside(k):
    """A second model that shares the layers of the first has its weights too."""
    x = k.Input((T, I))
    hidden = rnn(k, "LSTM", UNITS, return_sequences=True)(x)
    model = k.Model(x, k.layers.Dense(1)(rnn(k, "GRU", UNITS)(hidden)))
    inside = k.Model(x, hidden)
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    figures = trained(model, noise(N, T, I), noise(N, 1, seed=1))
    return figures | {"after.inside": predicted(inside, noise(4, T, I))}


@case(frozen={"first": 0, "second": 1})
def frozen_layer(k, frozen):
    model = stack(k, rnn(k, "LSTM", UNITS, return_sequences=True), rnn(k, "GRU", UNITS))
    model.layers[frozen].trainable = False
    model.add(k.layers.Dense(1))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, noise(N, T, I), noise(N, 1, seed=1))


@case()
def built_by_its_data(k):
    """A Sequential without an input shape."""
    model = k.Sequential()
    model.add(rnn(k, "GRU", UNITS))
    model.add(k.layers.Dense(1))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, noise(N, T, I), noise(N, 1, seed=1))


@case()
def layers_added_and_taken(k):
    model = stack(k, rnn(k, "GRU", UNITS), k.layers.Dense(4))
    model.pop()
    model.add(k.layers.Dense(1))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, noise(N, T, I), noise(N, 1, seed=1))


def plain_subclass(k):
    class Reader(k.Model):
        def __init__(self):
            super().__init__()
            self.reader = rnn(k, "LSTM", UNITS, return_sequences=True)
            self.drop = k.layers.Dropout(0.0)
            self.last = rnn(k, "GRU", UNITS)
            self.head = k.layers.Dense(3, activation="softmax")

        def call(self, inputs, training=False):
            return self.head(self.last(self.drop(self.reader(inputs), training=training)))

    return Reader()


@case()
def subclassed(k):
    model = plain_subclass(k)
    model.compile(
        optimizer=k.optimizers.SGD(RATE), loss="categorical_crossentropy", metrics=["accuracy"]
    )
    return trained(model, noise(N, T, I), one_hot(ids(N, below=3), 3))


@case()
def subclassed_list_of_layers(k):
    """Layers in a list, and one of them used twice."""

    class Deep(k.Model):
        def __init__(self):
            super().__init__()
            self.deep = [rnn(k, "GRU", I, return_sequences=True) for _ in range(2)]
            self.head = k.layers.Dense(1)

        def call(self, inputs):
            x = inputs
            for layer in (*self.deep, self.deep[0]):
                x = layer(x)
            return self.head(x)

    model = Deep()
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, noise(N, T, I), noise(N, T, 1, seed=1))


@case()
def subclassed_dict_inputs(k):
    class Pair(k.Model):
        def __init__(self):
            super().__init__()
            self.reader = rnn(k, "LSTM", UNITS)
            self.join = k.layers.Concatenate()
            self.head = k.layers.Dense(1)

        def call(self, inputs):
            return self.head(self.join([self.reader(inputs["steps"]), inputs["static"]]))

    model = Pair()
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, INPUTS, TARGETS["value"])


@case()
def subclassed_with_arithmetic(k):
    """Tensors added, scaled and sliced between the layers."""

    class Residual(k.Model):
        def __init__(self):
            super().__init__()
            self.reader = rnn(k, "GRU", I, return_sequences=True)
            self.head = k.layers.Dense(1)

        def call(self, inputs):
            x = inputs + 0.5 * self.reader(inputs)
            return self.head(x[:, -1] - x[:, 0])

    model = Residual()
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, noise(N, T, I), noise(N, 1, seed=1))


def with_states(k, cell="LSTM"):
    """The tutorial's model, whose call returns the outputs and the states."""

    class Reader(k.Model):
        def __init__(self):
            super().__init__()
            self.reader = rnn(k, cell, UNITS, return_sequences=True, return_state=True)
            self.head = k.layers.Dense(3, activation="softmax")

        def call(self, inputs, states=None):
            outputs, *states = self.reader(inputs, initial_state=states)
            return self.head(outputs), states

    return Reader()


@case(
    form={
        "flat": ("LSTM", ["categorical_crossentropy", None, None]),
        "nested": ("LSTM", ("categorical_crossentropy", [None, None])),
        "flat_gru": ("GRU", ["categorical_crossentropy", None]),
        "nested_gru": ("GRU", ("categorical_crossentropy", [None])),
    }
)
def subclassed_returns_states(k, form):
    """The states have no loss and no targets."""
    cell, loss = form
    model = with_states(k, cell)
    model.compile(optimizer=k.optimizers.SGD(RATE), loss=loss)
    # Keras takes a batch of as many rows as there are outputs for a list of targets.
    return trained(model, noise(N, T, I), one_hot(ids(N, T, below=3), 3), batch_size=4)


@case()
def subclassed_returns_states_for_one_loss(k):
    """The tutorial's form, one loss for the outputs: Keras wants to be told of the states."""
    loss = "categorical_crossentropy"
    model = with_states(k)
    model.compile(
        optimizer=k.optimizers.SGD(RATE),
        loss=(loss, [None, None]) if k.__name__ == "keras" else loss,
    )
    return trained(model, noise(N, T, I), one_hot(ids(N, T, below=3), 3))


@case(cell=["LSTM", "GRU", "SimpleRNN"])
def subclassed_carries_states(k, cell):
    """Called by hand, a part of the sequence at a time, the states handed on."""
    model = with_states(k, cell)
    x = noise(4, T, I)
    set_start(model, x)
    whole, _ = model(x)
    first, states = model(x[:, :2])
    second, states = model(x[:, 2:], states=states)
    return {"before": [as_array(v) for v in (whole, first, second, *states)]}


def simple(k, **options):
    model = stack(k, rnn(k, "GRU", UNITS), k.layers.Dense(1))
    options = {"loss": "mse", "metrics": ["mae"], **options}
    model.compile(optimizer=k.optimizers.SGD(RATE), **options)
    return model


@case()
def train_on_batch(k):
    """The metrics go on from call to call, as `reset_metrics` has not been called."""
    model = simple(k)
    x, y = noise(N, T, I), noise(N, 1, seed=1)
    set_start(model, x)
    runs = [model.train_on_batch(x[i : i + 4], y[i : i + 4]) for i in (0, 4, 8)]
    weighed = model.train_on_batch(x, y, sample_weight=np.abs(noise(N)), return_dict=True)
    model.reset_metrics()
    tested = model.test_on_batch(x, y)
    return {
        "history": flat([runs, weighed, tested]),
        "after": [model.predict_on_batch(x[:4])],
        "weights": model.get_weights(),
    }


@case(weights={"plain": None, "rows": np.abs(noise(N, seed=3))})
def evaluate(k, weights):
    model = simple(k, weighted_metrics=["mse"])
    x, y = noise(N, T, I), noise(N, 1, seed=1)
    set_start(model, x)
    options = {"batch_size": BATCH, "verbose": 0, "sample_weight": weights}
    as_list = model.evaluate(x, y, **options)
    as_dict = model.evaluate(x, y, return_dict=True, **options)
    steps = model.evaluate(x, y, batch_size=4, steps=2, verbose=0)
    return {"history": flat([as_list, steps]), **{f"history.{n}": [v] for n, v in as_dict.items()}}


@case()
def fit_twice(k):
    """A second fit goes on from the first, its optimiser's iterations too."""
    model = stack(k, rnn(k, "LSTM", UNITS), k.layers.Dense(1))
    schedule = k.optimizers.schedules.InverseTimeDecay(0.02, 2, 0.5)
    model.compile(optimizer=k.optimizers.Adam(schedule), loss="mse")
    x, y = noise(N, T, I), noise(N, 1, seed=1)
    first = trained(model, x, y)
    history = model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0).history
    after = {"after.second": predicted(model, x[:4]), "weights.second": model.get_weights()}
    return first | after | {"history.second": flat(history["loss"])}


@case()
def compiled_again(k):
    """Compiling anew keeps the weights and starts another optimiser."""
    model = simple(k)
    x, y = noise(N, T, I), noise(N, 1, seed=1)
    first = trained(model, x, y)
    model.compile(optimizer=k.optimizers.SGD(0.05, momentum=0.9), loss="mae")
    history = model.fit(x, y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0).history
    return first | {
        "history.second": flat(history["loss"]),
        "weights.second": model.get_weights(),
    }


@case()
def sequence_to_sequence_with_attention(k):
    """Masks, states, attention and two inputs at once."""
    source, target = k.Input((T, I)), k.Input((4, 2))
    seen = k.layers.Masking()(source)
    encoded, h, c = rnn(k, "LSTM", UNITS, return_sequences=True, return_state=True)(seen)
    decoded = rnn(k, "LSTM", UNITS, return_sequences=True)(target, initial_state=[h, c])
    context = k.layers.Attention()([decoded, encoded])
    joined = k.layers.Concatenate()([decoded, context])
    head = k.layers.TimeDistributed(k.layers.Dense(3, activation="softmax"))
    model = k.Model([source, target], head(joined))
    model.compile(
        optimizer=k.optimizers.RMSprop(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return trained(model, [padded("left"), noise(N, 4, 2)], ids(N, 4, below=3))
