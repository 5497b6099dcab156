# SPDX-License-Identifier: Apache-2.0
"""Initial states that are constants of a functional model."""

import copy

import numpy as np
import pytest

import fastrnn
from fastrnn import layers, models
from fastrnn.graph.tape import Tensor
from gradient_check import central_differences
from keras_oracle import keras_or_skip
from tolerances import FINITE_DIFFERENCES, RELATIVE, relative_error

N, T, F, H = 3, 4, 5, 6
KINDS = {"SimpleRNN": 1, "LSTM": 2, "GRU": 1, "Bidirectional": 4}
FORMS = {
    "arrays": lambda k, s: list(s), "tuple": lambda k, s: tuple(s),
    "lists": lambda k, s: [v.tolist() for v in s],
    "tensors": lambda k, s: [k.ops.convert_to_tensor(v) if hasattr(k, "ops") else Tensor(v)
                             for v in s],
    "one_row": lambda k, s: [v[:1] for v in s],
}


def layer_of(k, kind, **options):
    if kind == "Bidirectional":
        return k.layers.Bidirectional(k.layers.LSTM(H, **options))
    return getattr(k.layers, kind)(H, **options)


def values(kind):
    rng = np.random.default_rng(2)
    return [rng.standard_normal((N, H)).astype(np.float32) for _ in range(KINDS[kind])]


def model_of(k, kind, form, states):
    x = k.layers.Input((T, F))
    given = FORMS[form](k, states)
    return k.Model(x, layer_of(k, kind)(x, initial_state=given))


def weighted(model):
    rng = np.random.default_rng(4)
    model.set_weights([rng.standard_normal(w.shape) * 0.4 for w in model.get_weights()])
    return model


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", FORMS)
def test_constants_are_taken_as_in_keras(kind, form, rng):
    x = rng.standard_normal((N, T, F)).astype(np.float32)
    states = values(kind)
    # Of nested lists Keras' SimpleRNN and GRU take every number for a state.
    theirs = weighted(model_of(keras_or_skip(), kind, "arrays" if form == "lists" else form,
                               states))
    ours = weighted(model_of(fastrnn, kind, form, states))
    want = theirs.predict(x, verbose=0)
    for state in states:
        state[...] = 7      # the graph has its own
    assert relative_error(ours.predict(x), want) < RELATIVE["float32"]


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU"])
def test_one_state_needs_no_list(kind, rng):
    x = layers.Input((T, F))
    layer = layer_of(fastrnn, kind)
    (state,) = values(kind)
    data = rng.standard_normal((N, T, F)).astype(np.float32)
    want = np.asarray(layer(data, initial_state=[state]))
    for given in (state, state.tolist(), (state,), Tensor(state)):
        got = models.Model(x, layer(x, initial_state=given)).predict(data)
        np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(layer(data, initial_state=given), want)


def mixed():
    """A symbolic h beside a constant c, and two heads that need gradients."""
    x, h = layers.Input((T, F), name="x"), layers.Input((H,), name="h")
    y = layers.LSTM(H, name="rnn")(x, initial_state=[layers.Dense(H, name="before")(h),
                                                     values("LSTM")[1]])
    return weighted(models.Model([x, h], layers.Dense(1, name="out")(y)))


@pytest.mark.parametrize("how", ["file", "json", "clone", "deepcopy"])
def test_models_with_constants_are_saved(how, rng, tmp_path):
    model = mixed()
    data = [rng.standard_normal((N, T, F)).astype(np.float32),
            rng.standard_normal((N, H)).astype(np.float32)]
    if how == "file":
        model.save(tmp_path / "model")
        again = models.load_model(tmp_path / "model")
    else:
        again = {"json": lambda: models.model_from_json(model.to_json()),
                 "clone": lambda: models.clone_model(model),
                 "deepcopy": lambda: copy.deepcopy(model)}[how]()
        again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(data), model.predict(data))
    lines = []
    model.summary(print_fn=lines.append)
    assert any("rnn" in line for line in lines)


def test_models_with_constants_are_trained(rng):
    model = mixed()
    data = [rng.standard_normal((N, T, F)), rng.standard_normal((N, H))]
    model.compile(fastrnn.optimizers.SGD(0.05), "mse")
    before = model.get_weights()
    history = model.fit(data, rng.standard_normal((N, 1)), epochs=30, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
def test_a_row_for_all_has_the_gradients_of_all(kind, rng):
    layer = layer_of(fastrnn, kind, dtype="float64")
    layer.build((None, T, F))
    x, dy = rng.standard_normal((N, T, F)), rng.standard_normal((N, H))
    states = [rng.standard_normal((1, H)) for _ in range(KINDS[kind])]
    masks = [None] * (1 + len(states))

    def loss():
        return np.sum(dy * layer.forward([x, *states], masks, True, 0)[0])

    _, *got = layer.backward(layer.forward([x, *states], masks, True, 2)[2], dy)
    for gradient, state in zip(got, states, strict=True):
        assert relative_error(gradient, central_differences(loss, state)) < FINITE_DIFFERENCES


def call(kind, *states, batch=None):
    x = layers.Input(batch_shape=(batch, T, F))
    return models.Model(x, layer_of(fastrnn, kind)(x, initial_state=list(states)))


ROWS = np.zeros((2, H))


@pytest.mark.parametrize(("make", "error", "words"), [
    (lambda: call("LSTM", ROWS), ValueError, "initial_state must be 2 arrays, got 1"),
    (lambda: call("Bidirectional", ROWS, ROWS), ValueError, "must be 4 arrays, got 2"),
    (lambda: call("GRU", np.zeros((2, H + 1))), ValueError, r"must have shape \(None, 6\).*\(2, 7"),
    (lambda: call("GRU", np.zeros((2, 1, H))), ValueError, r"must have shape .* got \(2, 1, 6\)"),
    (lambda: call("GRU", ROWS, batch=3), ValueError, r"must have shape \(3, 6\).*got \(2, 6\)"),
    (lambda: call("Bidirectional", *[ROWS] * 4, batch=3), ValueError, r"must have shape \(3, 6\)"),
    (lambda: call("GRU", ROWS).predict(np.zeros((3, T, F))), ValueError, r"\(3, 6\).*got \(2, 6\)"),
    (lambda: call("GRU", np.array([["a"] * H])), TypeError, "real numbers"),
    (lambda: layers.GRU(H)([np.zeros((2, T, F)), layers.Input((H,))]), TypeError,
     "all inputs must be symbolic"),
    (lambda: layers.Add()([layers.Input((H,)), np.zeros((2, H))]), TypeError,
     "all inputs must be symbolic"),
])
def test_states_that_do_not_fit_are_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()
