# SPDX-License-Identifier: Apache-2.0
"""Recurrent layers with every activation: Keras, central differences, and each way to name one."""

import pickle

import numpy as np
import pytest

from fastrnn import activations, initializers, layers, random
from fastrnn.generation import generate
from fastrnn.generation.stepper import Stepper
from fastrnn.graph.tape import FOR_INPUTS, NOTHING
from fastrnn.layers.described import deserialize, serialize
from fastrnn.models import (
    Input,
    Model,
    Sequential,
    clone_model,
    load_model,
    model_from_json,
)
from gradient_check import central_differences
from keras_oracle import keras_or_skip
from tolerances import FINITE_DIFFERENCES, RELATIVE, relative_error

CELLS = [("SimpleRNN", {}), ("LSTM", {}), ("GRU", {"reset_after": True}),
         ("GRU", {"reset_after": False})]
MASK = np.array([[1, 1, 0, 1, 1], [0, 1, 1, 0, 1], [1, 1, 1, 0, 0], [0, 0, 0, 0, 0]], bool)

all_cells = pytest.mark.parametrize(("cell", "options"), CELLS)


class Bent(activations.Activation):
    """y = (x + sin(x)) / 3: neither its value nor a name tells the slope."""

    def forward(self, x):
        return (x + np.sin(x)) / 3, x

    def backward(self, x, dy):
        return dy * (1 + np.cos(x)) / 3


class Halved(activations.Tanh):
    """One of ours with a forward of its own."""

    def forward(self, x):
        y, kept = super().forward(x)
        return y / 2, kept

    def backward(self, kept, dy):
        return super().backward(kept, dy / 2)


OTHERS = [
    activations.LeakyRelu(0.1), activations.Relu(0.3, 0.4, 0.1), activations.Relu(-0.5),
    activations.Elu(0.3), activations.Elu(-0.5), activations.Gelu(approximate=True), Bent(),
    Halved(),
]


def built(cell, activation, rng, dtype="float32", inputs=3, **options):
    """A layer of 4 units with random weights, both activations the same."""
    if cell != "SimpleRNN":
        options.setdefault("recurrent_activation", activation)
    layer = getattr(layers, cell)(4, activation=activation, return_sequences=True, dtype=dtype,
                                  **options)
    layer.build((4, 5, inputs))
    weights = [0.3 * rng.standard_normal(w.shape) for w in layer.get_weights()]
    if activations.get(activation).name == "exponential":
        # Which has no end above: gates and states of a tenth.
        weights = [w / 10 for w in weights[:2]] + [weights[2] / 10 - 2]
    layer.set_weights(weights)
    return layer


def forward(layer, x, mask=None, keep=NOTHING):
    return layer.forward(x, mask, False, keep)


@all_cells
@pytest.mark.parametrize("name", [*activations.names(), "swish"])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_every_name_is_keras(cell, options, name, go_backwards, rng):
    keras = keras_or_skip()
    import torch

    ours = built(cell, name, rng, go_backwards=go_backwards, **options)
    given = {"recurrent_activation": name} if cell != "SimpleRNN" else {}
    theirs = getattr(keras.layers, cell)(4, activation=name, return_sequences=True,
                                         go_backwards=go_backwards, **given, **options)
    theirs.build((4, 5, 3))
    theirs.set_weights(ours.get_weights())
    x = rng.standard_normal((4, 5, 3)).astype(np.float32)
    dy = rng.standard_normal((4, 5, 4)).astype(np.float32)
    tensor = torch.tensor(x, requires_grad=True)
    want = theirs(tensor, mask=torch.tensor(MASK))
    want.backward(torch.tensor(dy))

    y, _, kept = forward(ours, x, MASK, FOR_INPUTS)
    dx = ours.backward(kept, dy)
    assert y.dtype == dx.dtype == np.float32
    # Gates without bounds multiply what is rounded.
    tolerance = 20 * RELATIVE["float32"]
    assert relative_error(y, want.detach().numpy()) < tolerance
    assert relative_error(dx, tensor.grad.numpy()) < tolerance
    for variable, weight in zip(ours.weights, theirs.trainable_variables, strict=True):
        gradient = variable.form.show(variable.gradient)
        assert relative_error(gradient, weight.value.grad.numpy()) < tolerance, variable.name


@all_cells
@pytest.mark.parametrize("activation", [*activations.names(), *OTHERS], ids=str)
@pytest.mark.parametrize("mask", [None, MASK], ids=["whole", "masked"])
def test_gradients_are_central_differences(cell, options, activation, mask, rng):
    layer = built(cell, activation, rng, "float64", return_state=True, **options)
    x = rng.standard_normal((4, 5, 3))
    states = [0.5 * rng.standard_normal((4, 4)) for _ in layer.state_size]
    dy = rng.standard_normal((4, 5, 4))
    dfinal = [rng.standard_normal((4, 4)) for _ in states]
    masks = [mask, *[None] * len(states)]

    def loss():
        layer.version += 1
        (y, *final), *_ = forward(layer, [x, *states], masks)
        return (y * dy).sum() + sum((h * dh).sum() for h, dh in zip(final, dfinal, strict=True))

    _, _, kept = forward(layer, [x, *states], masks, FOR_INPUTS)
    dx, *dstates = layer.backward(kept, [dy, *dfinal])
    found = [(dx, x), *zip(dstates, states, strict=True),
             *((v.gradient, v.array) for v in layer.weights)]
    for gradient, array in found:
        assert relative_error(gradient, central_differences(loss, array)) < (
            10 * FINITE_DIFFERENCES)


@all_cells
@pytest.mark.parametrize("name", ["gelu", "softmax", "selu"])
def test_dropout_of_the_state(cell, options, name, rng):
    layer = built(cell, name, rng, "float64", recurrent_dropout=0.4, dropout=0.2, **options)
    x, dy = rng.standard_normal((4, 5, 3)), rng.standard_normal((4, 5, 4))
    factors = layer._dropout_factors(4)
    layer._dropout_factors = lambda N: factors
    assert 0 in factors.recurrent

    def loss():
        layer.version += 1
        return (layer.forward(x, MASK, True, NOTHING)[0] * dy).sum()

    dx = layer.backward(layer.forward(x, MASK, True, FOR_INPUTS)[2], dy)
    for gradient, array in ((dx, x), *((v.gradient, v.array) for v in layer.weights)):
        assert relative_error(gradient, central_differences(loss, array)) < (
            10 * FINITE_DIFFERENCES)


class Named(activations.Tanh):
    """tanh, and yet not the one that the compiled loop knows."""


@all_cells
def test_the_compiled_loop_and_the_steps_agree(cell, options, rng, dtype):
    layer = built(cell, "tanh", rng, dtype, **options)
    x, dy = (rng.standard_normal((4, 5, n)).astype(dtype) for n in (3, 4))
    results = []
    for chosen in (activations.tanh, Named()):
        layer.activation = chosen
        layer.version += 1
        for weight in layer.weights:
            weight.gradient[...] = 0
        y, _, kept = forward(layer, x, MASK, FOR_INPUTS)
        dx = layer.backward(kept, dy)
        results.append([y, dx, *(w.gradient.copy() for w in layer.weights)])
    for fast, slow in zip(*results, strict=True):
        assert relative_error(fast, slow) < RELATIVE[dtype]


@pytest.mark.parametrize(("given", "want"), [
    ("gelu", activations.gelu), (activations.gelu, activations.gelu),
    (activations.Gelu, activations.gelu), ("swish", activations.silu),
    (layers.LeakyReLU(), activations.LeakyRelu(0.3)),
    (layers.LeakyReLU, activations.LeakyRelu(0.3)),
    (layers.LeakyReLU(0.1), activations.LeakyRelu(0.1)),
    (layers.ReLU(max_value=1), activations.Relu(max_value=1)),
    (layers.ELU(0.5), activations.Elu(0.5)), (layers.Softmax(), activations.softmax),
    (layers.Activation("mish"), activations.mish), (None, activations.linear),
], ids=str)
@all_cells
def test_each_way_to_give_one(cell, options, given, want, rng, tmp_path):
    x = rng.standard_normal((4, 5, 3)).astype(np.float32)
    layer = built(cell, given, rng, **options)
    weights = layer.get_weights()
    y = forward(layer, x)[0]
    expected = built(cell, want, rng, **options)
    expected.set_weights(weights)
    np.testing.assert_array_equal(y, forward(expected, x)[0])

    again = deserialize(serialize(layer))
    again.build(x.shape)
    again.set_weights(weights)
    np.testing.assert_array_equal(y, forward(again, x)[0])
    model = Sequential([Input((5, 3)), layer])
    model.save(tmp_path / "model.keras")
    for other in (load_model(tmp_path / "model.keras"), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(y, other.predict(x, verbose=0))


def test_keras_own_description_is_read(rng):
    keras = keras_or_skip()
    x = rng.standard_normal((4, 5, 3)).astype(np.float32)
    for activation in (keras.layers.LeakyReLU(negative_slope=0.1), keras.layers.ReLU(max_value=1),
                       keras.layers.Softmax(), keras.activations.gelu):
        theirs = keras.layers.LSTM(4, activation=activation)
        theirs.build(x.shape)
        config = keras.saving.serialize_keras_object(theirs)["config"]
        given = config["activation"]
        ours = layers.LSTM(4, activation=given)
        ours.build(x.shape)
        ours.set_weights(theirs.get_weights())
        y = forward(ours, x)[0]
        assert relative_error(y, theirs(x).detach().numpy()) < RELATIVE["float32"]


def test_an_activation_of_ones_own_is_saved_and_loaded(rng, tmp_path):
    x = rng.standard_normal((4, 5, 3)).astype(np.float32)
    model = Sequential([Input((5, 3)), built("GRU", Bent(), rng)])
    y = model.predict(x, verbose=0)
    model.save(tmp_path / "model.keras")
    known = {"Bent": Bent}
    loaded = load_model(tmp_path / "model.keras", custom_objects=known)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), y)
    assert type(model_from_json(model.to_json(), known).layers[-1].activation) is Bent
    with pytest.raises(ValueError, match="bent"):
        load_model(tmp_path / "model.keras")


class Halved(initializers.Initializer):
    fields = ("size",)

    def __init__(self, size=0.5):
        self.size = size

    def __call__(self, shape, dtype=None):
        return np.full(shape, self.size, dtype)


@pytest.mark.parametrize("wrapped", [
    lambda: layers.Bidirectional(layers.GRU(4, activation=Bent(), bias_initializer=Halved(0.25))),
    lambda: layers.TimeDistributed(layers.Dense(3, activation=Bent(),
                                                bias_initializer=Halved(0.25))),
])
def test_one_s_own_parts_are_in_copies(wrapped, rng, tmp_path):
    x = rng.standard_normal((4, 5, 3)).astype(np.float32)
    model = Sequential([Input((5, 3)), wrapped()])
    y = model.predict(x, verbose=0)
    twin = clone_model(model)
    biases = [w for w in twin.get_weights() if (w == 0.25).all()]
    assert len(biases) == len(twin.layers[-1].sublayers())
    twin.set_weights(model.get_weights())
    np.testing.assert_array_equal(twin.predict(x, verbose=0), y)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras", {"Bent": Bent, "Halved": Halved})
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), y)


@all_cells
def test_state_goes_on_from_batch_to_batch(cell, options, rng):
    x = rng.standard_normal((4, 6, 3)).astype(np.float32)
    whole = built(cell, "gelu", rng, **options)
    parts = built(cell, "gelu", rng, stateful=True, **options)
    parts.set_weights(whole.get_weights())
    y = np.concatenate([forward(parts, x[:, :2])[0], forward(parts, x[:, 2:])[0]], axis=1)
    np.testing.assert_allclose(y, forward(whole, x)[0], rtol=1e-5, atol=1e-6)
    assert np.abs(parts.states[0].numpy()).max() > 0


@all_cells
@pytest.mark.parametrize("name", ["gelu", "exponential"])
def test_both_directions_train(cell, options, name, rng):
    keras = keras_or_skip()
    x = rng.standard_normal((4, 5, 3)).astype(np.float32)
    y = rng.standard_normal((4, 8)).astype(np.float32)
    losses = []
    weights = None
    for words in (layers, keras.layers):
        model = (Sequential if words is layers else keras.Sequential)([
            words.Input((5, 3)), words.Masking(),
            words.Bidirectional(getattr(words, cell)(4, activation=name, **options))])
        model.compile("sgd", "mse")
        if weights is None:
            weights = [0.1 * rng.standard_normal(w.shape) for w in model.get_weights()]
        model.set_weights(weights)
        losses.append(model.fit(x, y, epochs=4, verbose=0, shuffle=False).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-4)


@all_cells
def test_a_text_is_read_step_by_step(cell, options):
    random.set_seed(0)
    inner = {} if cell == "SimpleRNN" else {"recurrent_activation": layers.Softmax()}
    model = Sequential([Input((None,)), layers.Embedding(7, 5),
                        getattr(layers, cell)(6, activation="gelu", **inner, **options),
                        layers.Dense(7, activation="softmax")])
    ids = np.random.default_rng(1).integers(7, size=(3, 8))
    stepper = Stepper(model)
    scores, state = stepper.start(ids[:, :4])
    for k in range(4, 8):
        scores, state = stepper.step(ids[:, k], state)
    np.testing.assert_allclose(np.exp(scores), model.predict(ids, verbose=0), rtol=1e-4)
    assert len(generate(model, ids[:1], 5)[0]) >= 5


def test_errors_of_numpy_that_raise_change_nothing(rng):
    x = (30 * rng.standard_normal((4, 5, 3))).astype(np.float32)
    layer = built("LSTM", "softmax", rng)
    layer.set_weights([40 * w for w in layer.get_weights()])
    with np.errstate(all="raise"):
        y, _, kept = forward(layer, x, MASK, FOR_INPUTS)
        dx = layer.backward(kept, np.full_like(y, 1e-30))
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()


@pytest.mark.parametrize("name", ["activation", "recurrent_activation"])
def test_what_is_no_activation_is_refused(name):
    for wrong in ("geluu", lambda x: x, layers.Dense(3), 3):
        with pytest.raises(ValueError, match="activation"):
            layers.LSTM(4, **{name: wrong})


def test_functional_model_with_several_uses(rng):
    inputs = Input((5, 3))
    layer = layers.GRU(4, activation="silu", return_sequences=True)
    model = Model(inputs, layers.LSTM(2, activation="softmax")(layer(inputs)))
    model.compile("adam", "mse")
    x = rng.standard_normal((8, 5, 3)).astype(np.float32)
    losses = model.fit(x, np.eye(2, dtype=np.float32)[[0, 1] * 4], epochs=30,
                       verbose=0).history["loss"]
    assert losses[-1] < losses[0]
