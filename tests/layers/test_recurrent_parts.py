# SPDX-License-Identifier: Apache-2.0
"""What programs read and set of recurrent layers: states, cells, weights; and torch's names."""

import copy
import pickle

import numpy as np
import pytest

import fastrnn
from fastrnn import layers
from keras_oracle import keras_or_skip
from tolerances import RELATIVE, relative_error

N, T, F, H = 3, 4, 5, 6
KINDS = {"SimpleRNN": 1, "LSTM": 2, "GRU": 1}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def pair(kind, keras, rng, wrapped=False, **options):
    """The same built layer of Keras and here, with random weights."""
    made = []
    for k in (keras, fastrnn):
        layer = getattr(k.layers, kind)(H, stateful=True, **options)
        layer = k.layers.Bidirectional(layer) if wrapped else layer
        model = k.Sequential([k.layers.Input(batch_shape=(N, T, F)), layer])
        made.append((model, layer))
    weights = [rng.standard_normal(w.shape) * 0.4 for w in made[0][1].get_weights()]
    for _, layer in made:
        layer.set_weights(weights)
    return made


@pytest.mark.parametrize("wrapped", [False, True])
def test_states_are_read_and_assigned_as_in_keras(kind, wrapped, rng):
    keras = keras_or_skip()
    (theirs, their_layer), (ours, our_layer) = pair(kind, keras, rng, wrapped)
    x = rng.standard_normal((N, T, F)).astype(np.float32)
    count = KINDS[kind] * (2 if wrapped else 1)
    kept = list(our_layer.states)
    assert len(kept) == count
    values = [rng.standard_normal((N, H)).astype(np.float32) for _ in range(count)]
    for layer in (their_layer, our_layer):
        parts = [layer.forward_layer, layer.backward_layer] if wrapped else [layer]
        states = [state for part in parts for state in part.states]
        for state, value in zip(states, values, strict=True):
            state.assign(value)
        assert [tuple(s.shape) for s in states] == [(N, H)] * count
    for _ in range(2):
        want, got = theirs.predict(x, verbose=0), ours.predict(x)
        assert relative_error(got, want) < RELATIVE["float32"]
    their_states = [s for part in ([their_layer.forward_layer, their_layer.backward_layer]
                                   if wrapped else [their_layer]) for s in part.states]
    for a, b in zip(our_layer.states, their_states, strict=True):
        assert relative_error(a.numpy(), keras.ops.convert_to_numpy(b)) < RELATIVE["float32"]
    assert all(a is b for a, b in zip(kept, our_layer.states, strict=True))
    for model in (theirs, ours):
        for layer in model.layers:
            layer.reset_state()
    assert relative_error(ours.predict(x), theirs.predict(x, verbose=0)) < RELATIVE["float32"]


@pytest.mark.parametrize("wrapped", [False, True])
def test_reset_states_sets_them_with_the_old_signature(kind, wrapped, rng):
    _, (model, layer) = pair(kind, fastrnn, rng, wrapped)
    x = rng.standard_normal((N, T, F)).astype(np.float32)
    values = [rng.standard_normal((N, H)).astype(np.float32) for _ in layer.states]
    layer.reset_states(states=values if len(values) > 1 else values[0])
    for state, value in zip(layer.states, values, strict=True):
        np.testing.assert_array_equal(state, value)
    assert relative_error(model.predict(x), layer(x, initial_state=values)) < RELATIVE["float32"]
    layer.reset_states()
    assert not any(state.numpy().any() for state in layer.states)
    model.reset_states()


def test_a_refused_state_changes_nothing(rng):
    _, (_, layer) = pair("LSTM", fastrnn, rng)
    h, c = rng.standard_normal((2, N, H))
    layer.reset_states([h, c])
    with pytest.raises(ValueError, match=r"states must be 2 arrays, got 1"):
        layer.reset_states(h)
    with pytest.raises(ValueError, match=r"lstm.*/state_1 must have shape \(3, 6\), got \(1, 6\)"):
        layer.reset_states([c, c[:1]])
    with pytest.raises(ValueError, match=r"state_0 must have shape"):
        layer.states[0].assign(h[:, :2])
    np.testing.assert_allclose(layer.states[0], h, rtol=1e-6)
    with pytest.raises(ValueError, match="it is not stateful"):
        layers.GRU(3).reset_states(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="not built yet"):
        layers.GRU(3, stateful=True).reset_states(np.zeros((2, 3)))


def test_states_are_no_weights_and_do_not_spoil_gradients(rng):
    layer = layers.LSTM(H, stateful=True, dtype="float64")
    model = fastrnn.Sequential([layers.Input(batch_shape=(N, T, F), dtype="float64"), layer])
    assert len(model.weights) == len(model.trainable_weights) == 3
    x, dy = rng.integers(-3, 4, (N, T, F)) / 2, rng.standard_normal((N, H))
    states = rng.standard_normal((2, N, H))
    layer.reset_states(list(states))
    call = model.run(x, True, keep=True)
    layer.reset_states()        # between a call and its gradients
    call.backward([dy])
    other = layers.LSTM(H, dtype="float64")
    other.build((N, T, F))
    other.set_weights(model.get_weights())
    other.backward(other.forward([x, *states], [None] * 3, True, 2)[2], dy)
    for a, b in zip(layer.weights, other.weights, strict=True):
        assert relative_error(a.gradient, b.gradient) < RELATIVE["float64"]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_have_states_of_their_own(duplicate, rng):
    _, (model, layer) = pair("LSTM", fastrnn, rng)
    x = rng.standard_normal((N, T, F)).astype(np.float32)
    model.predict(x)
    again = duplicate(model)
    before = [state.numpy() for state in layer.states]
    again.predict(x)
    for state, value, other in zip(layer.states, before, again.layers[0].states, strict=True):
        np.testing.assert_array_equal(state, value)
        assert not np.array_equal(other.numpy(), value)
        assert other.owner is again.layers[0]


# -- cells ---------------------------------------------------------------------------------------

READ = ["units", "use_bias", "dropout", "recurrent_dropout", "output_size", "name", "trainable"]


@pytest.mark.parametrize("wrapped", [False, True])
def test_cells_have_the_weights_and_arguments_of_keras(kind, wrapped, rng):
    keras = keras_or_skip()
    (_, theirs), (_, ours) = pair(kind, keras, rng, wrapped)
    if wrapped:
        theirs, ours = theirs.backward_layer, ours.backward_layer
    for name in ("kernel", "recurrent_kernel", "bias"):
        a, b = getattr(ours.cell, name), getattr(theirs.cell, name)
        assert tuple(a.shape) == tuple(b.shape)
        np.testing.assert_array_equal(a.numpy(), keras.ops.convert_to_numpy(b))
        assert a is getattr(ours, name)
    assert len(ours.cell.weights) == len(theirs.cell.weights)
    for a, b in zip(ours.cell.get_weights(), theirs.cell.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for name in READ:
        if name != "name":
            assert getattr(ours.cell, name) == getattr(theirs.cell, name), name
    assert ours.cell.activation.name == theirs.cell.activation.__name__
    flat = np.ravel
    assert list(flat(ours.cell.state_size)) == list(flat(theirs.cell.state_size))


def test_what_is_assigned_to_a_cell_is_the_layers(rng):
    _, (model, layer) = pair("GRU", fastrnn, rng)
    x = rng.standard_normal((N, T, F)).astype(np.float32)
    before = model.predict(x)
    layer.reset_states()
    layer.cell.kernel.assign(layer.cell.kernel.numpy() * 2)
    changed = model.predict(x)
    assert not np.allclose(before, changed)
    layer.reset_states()
    layer.cell.kernel.assign(layer.kernel / 2)
    np.testing.assert_array_equal(model.predict(x), before)
    layer.cell.trainable = False
    assert not layer.trainable_weights
    assert "units=6" in repr(layer.cell)
    for wrong in ("return_sequences", "states", "nothing", "_packed"):
        with pytest.raises(AttributeError, match=wrong):
            getattr(layer.cell, wrong)
    assert pickle.loads(pickle.dumps(layer.cell)).units == H


# -- torch's names -------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("batched", [True, False])
def test_a_call_takes_torchs_names(cell, batched, rng):
    torch = pytest.importorskip("torch")
    model = getattr(fastrnn, cell)(F, H, num_layers=2, seed=0)
    other = getattr(torch.nn, cell)(F, H, num_layers=2)
    other.load_state_dict({k: torch.from_numpy(v) for k, v in model.state_dict().items()})
    rows = (N,) if batched else ()
    x = rng.standard_normal((T, *rows, F)).astype(np.float32)
    h, c = rng.standard_normal((2, 2, *rows, H)).astype(np.float32)
    hx = (h, c) if cell == "LSTM" else h
    theirs = (torch.from_numpy(h), torch.from_numpy(c)) if cell == "LSTM" else torch.from_numpy(h)
    want, _ = other(input=torch.from_numpy(x), hx=theirs)
    for y, _ in (model(x, hx=hx), model(input=x, hx=hx), model(x, state=hx), model(x, hx)):
        assert relative_error(y, want.detach().numpy()) < RELATIVE["float32"]
    np.testing.assert_array_equal(model(x, hx=None)[0], model(x)[0])
    np.testing.assert_array_equal(model(input=x)[0], model(x)[0])


def test_two_names_of_one_argument_are_refused(rng):
    model = fastrnn.GRU(F, H)
    x, h = np.zeros((T, N, F), np.float32), np.zeros((1, N, H), np.float32)
    with pytest.raises(TypeError, match="hx is torch's name of state"):
        model(x, h, hx=h)
    with pytest.raises(TypeError, match="input is torch's name of x"):
        model(x, input=x)
    with pytest.raises(RuntimeError, match=r"hx must have shape \(1, 3, 6\)"):
        model(x, hx=h[:, :1])
    with pytest.raises(TypeError):
        model(hx=h)
