# SPDX-License-Identifier: Apache-2.0
"""The parts of the demo's model: values, gradients, modes, refusals."""

import copy
import pickle

import numpy as np
import pytest

import fastrnn
from fastrnn.demo.parts import Dense, Embedding, Joined
from gradient_check import central_differences
from tolerances import FINITE_DIFFERENCES, RELATIVE, relative_error

SHAPES = [(7, 3, 5), (4, 5), (5,)]


def numeric_gradients(layer, x, dy):
    """Gradients of sum(dy * layer(x)) by the layer's parameters."""
    with layer._updating() as arrays:
        return {
            name: central_differences(lambda: float(np.sum(dy * layer(x))), array)
            for name, array in arrays.items()
        }


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bias", [True, False])
def test_dense_against_finite_differences(rng, shape, bias):
    layer = Dense(5, 4, bias=bias, dtype="float64", seed=1)
    x, dy = rng.standard_normal(shape), rng.standard_normal((*shape[:-1], 4))
    want = numeric_gradients(layer, x, dy)
    dx_want = central_differences(lambda: float(np.sum(dy * layer(x))), x)
    layer.train()(x)
    dx = layer.backward(dy)
    assert relative_error(dx, dx_want) < FINITE_DIFFERENCES
    assert set(layer.grads) == {"weight", "bias"} if bias else {"weight"}
    for name, gradient in layer.grads.items():
        assert relative_error(gradient, want[name]) < FINITE_DIFFERENCES


@pytest.mark.parametrize("sizes", [(5, 4), (70, 62), (600, 500)])
def test_dense_against_torch(rng, dtype, sizes):
    torch = pytest.importorskip("torch", reason="torch is the oracle")
    inputs, outputs = sizes
    layer = Dense(inputs, outputs, dtype=dtype, seed=2).train()
    oracle = torch.nn.Linear(inputs, outputs, dtype=getattr(torch, dtype))
    oracle.load_state_dict({k: torch.tensor(v) for k, v in layer.state_dict().items()})
    x = rng.standard_normal((41, 3, inputs)).astype(dtype)
    dy = rng.standard_normal((41, 3, outputs)).astype(dtype)
    x_torch = torch.tensor(x, requires_grad=True)
    y_torch = oracle(x_torch)
    y_torch.backward(torch.tensor(dy))
    y = layer(x)
    dx = layer.backward(dy)
    assert y.dtype == dx.dtype == dtype
    assert relative_error(y, y_torch.detach()) < RELATIVE[dtype]
    assert relative_error(dx, x_torch.grad) < RELATIVE[dtype]
    for name, parameter in oracle.named_parameters():
        assert relative_error(layer.grads[name], parameter.grad) < RELATIVE[dtype]


@pytest.mark.parametrize("shape", [(6, 3), (9,), ()])
def test_embedding_against_finite_differences(rng, shape):
    layer = Embedding(5, 4, dtype="float64", seed=1)
    ids = rng.integers(0, 5, shape)
    dy = rng.standard_normal((*shape, 4))
    want = numeric_gradients(layer, ids, dy)
    layer.train()(ids)
    assert layer.backward(dy) is None
    assert relative_error(layer.grads["weight"], want["weight"]) < FINITE_DIFFERENCES


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64])
def test_embedding_against_torch(rng, dtype, kind):
    torch = pytest.importorskip("torch", reason="torch is the oracle")
    layer = Embedding(30, 8, dtype=dtype, seed=2).train()
    oracle = torch.nn.Embedding(30, 8, dtype=getattr(torch, dtype))
    oracle.load_state_dict({"weight": torch.tensor(layer.weight)})
    ids = rng.integers(0, 30, (50, 4)).astype(kind)
    dy = rng.standard_normal((50, 4, 8)).astype(dtype)
    y_torch = oracle(torch.tensor(ids.astype(np.int64)))
    y_torch.backward(torch.tensor(dy))
    assert relative_error(layer(ids), y_torch.detach()) == 0
    layer.backward(dy)
    assert relative_error(layer.grads["weight"], oracle.weight.grad) < RELATIVE[dtype]


def layer_and_input(kind, rng, dtype="float64"):
    if kind == "dense":
        return Dense(3, 4, dtype=dtype, seed=0), rng.standard_normal((5, 2, 3)).astype(dtype)
    return Embedding(6, 4, dtype=dtype, seed=0), rng.integers(0, 6, (5, 2))


both_layers = pytest.mark.parametrize("kind", ["dense", "embedding"])


@both_layers
def test_gradients_add_up_until_zeroed(rng, kind):
    layer, x = layer_and_input(kind, rng)
    dy = rng.standard_normal((5, 2, 4))
    layer.train()
    for _ in range(2):
        layer(x)
        layer.backward(dy)
    twice = {name: g.copy() for name, g in layer.grads.items()}
    layer.zero_grad()
    assert all(not g.any() for g in layer.grads.values())
    layer(x)
    layer.backward(dy)
    for name, gradient in layer.grads.items():
        assert relative_error(2 * gradient, twice[name]) < RELATIVE["float64"]


@both_layers
def test_inputs_and_gradients_are_not_modified_and_strides_do_not_matter(rng, kind):
    layer, x = layer_and_input(kind, rng)
    dy = rng.standard_normal((5, 2, 4))
    y = layer.train()(x)
    layer.backward(dy)
    want = {name: g.copy() for name, g in layer.grads.items()}
    layer.zero_grad()
    x_turned, dy_turned = np.asfortranarray(x), np.asfortranarray(dy)
    for array in (x_turned, dy_turned):
        array.flags.writeable = False
    assert np.array_equal(layer(x_turned), y)
    layer.backward(dy_turned)
    for name, gradient in layer.grads.items():
        assert relative_error(gradient, want[name]) < RELATIVE["float64"]


@both_layers
def test_backward_needs_a_training_forward_once(rng, kind):
    layer, x = layer_and_input(kind, rng)
    dy = rng.standard_normal((5, 2, 4))
    layer(x)
    with pytest.raises(RuntimeError, match="no forward is kept"):
        layer.backward(dy)
    layer.train()(x)
    with pytest.raises(RuntimeError, match=r"dy must have shape \(5, 2, 4\), got \(5, 2, 3\)"):
        layer.backward(dy[..., :3])
    with pytest.raises(ValueError, match="dy must have the model's dtype float64"):
        layer.backward(dy.astype(np.float32))
    layer.backward(dy)  # the refusals used nothing up
    with pytest.raises(RuntimeError, match="no forward is kept"):
        layer.backward(dy)


@both_layers
def test_backward_refuses_a_forward_of_other_weights(rng, kind):
    layer, x = layer_and_input(kind, rng)
    layer.train()(x)
    layer.weight = layer.weight * 2
    with pytest.raises(RuntimeError, match="weights changed"):
        layer.backward(rng.standard_normal((5, 2, 4)))


@both_layers
def test_parameters_are_read_only_and_change_by_assignment(rng, kind):
    layer, x = layer_and_input(kind, rng)
    y = layer(x)
    with pytest.raises(ValueError, match="read-only"):
        layer.weight[0] = 0
    layer.weight = layer.weight.tolist()
    assert np.array_equal(layer(x), y)
    with pytest.raises(ValueError, match="weight must have shape"):
        layer.weight = np.zeros((2, 2))
    with pytest.raises(RuntimeError, match=r"missing: weight.*unexpected: wait"):
        layer.load_state_dict({"wait": layer.weight})
    assert np.array_equal(layer(x), y)


@both_layers
def test_copies_are_equal_and_independent(rng, kind):
    layer, x = layer_and_input(kind, rng)
    y = layer(x)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert np.array_equal(other(x), y)
        other.weight = other.weight + 1
        assert np.array_equal(layer(x), y)
        other.train()(x)
        other.backward(np.ones_like(y))
        assert other.grads["weight"].any()
        assert not layer.grads["weight"].any()


def test_seeds_decide_the_initial_values():
    assert np.array_equal(Dense(3, 4, seed=5).weight, Dense(3, 4, seed=5).weight)
    assert not np.array_equal(Embedding(3, 4, seed=5).weight, Embedding(3, 4, seed=6).weight)
    assert np.abs(Dense(100, 50, seed=0).weight).max() <= 0.1


BAD_LAYERS = [
    (lambda: Dense(0, 4), ValueError, "in_features must be at least 1, got 0"),
    (lambda: Dense(3, 2.0), TypeError, "out_features must be an int"),
    (lambda: Dense(3, 4, bias=1), TypeError, "bias must be a bool"),
    (lambda: Dense(3, 4, dtype="float16"), ValueError, "dtype must be float32 or float64"),
    (lambda: Dense(2**31 - 1, 2**40), ValueError, "too large"),
    (lambda: Embedding(True, 4), TypeError, "num_embeddings must be an int"),
    (lambda: Embedding(4, -1), ValueError, "embedding_dim must be at least 1"),
    (lambda: Dense(3, 4)(np.zeros((2, 3))), ValueError, "x must have the model's dtype float32"),
    (lambda: Dense(3, 4)(np.zeros((2, 4), np.float32)), RuntimeError, "in_features = 3"),
    (lambda: Dense(3, 4)(np.float32(1)), RuntimeError, "in_features = 3"),
    (lambda: Embedding(3, 4)([0.0]), TypeError, "ids must be integers"),
    (lambda: Embedding(3, 4)([True]), TypeError, "ids must be integers"),
    (lambda: Embedding(3, 4)([[0], [1, 2]]), TypeError, "ids must be an array of numbers"),
    (lambda: Embedding(3, 4)(np.ma.masked_array([0, 1], [0, 1])), TypeError, "ids is a masked"),
    (lambda: Embedding(3, 4, seed="a"), TypeError, "seed must be an int"),
    (lambda: Dense(3, 4, seed=-1), ValueError, "seed must be an int"),
    (lambda: Dense(2**20, 2**24), MemoryError, "in_features=1048576, out_features=16777216"),
    (lambda: Embedding(2**20, 2**24), MemoryError, "embedding_dim=16777216"),
    (lambda: setattr(Dense(3, 4, bias=False), "bias", np.zeros(4)), AttributeError,
     "Dense has no parameter bias"),
    (lambda: Embedding(3, 4)([0, 3]), IndexError, r"ids must be in \[0, 3\), got 3"),
    (lambda: Embedding(3, 4)([0, -1]), IndexError, r"ids must be in \[0, 3\), got -1"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD_LAYERS)
def test_refusals_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()


# -- joined parts --------------------------------------------------------------------------------


def joined():
    return Joined({"rnn": fastrnn.GRU(3, 4, seed=0), "out": Dense(4, 2, seed=1)})


def test_joined_parts_have_one_state():
    model = joined()
    names = [f"rnn.{name}" for name in model.rnn.state_dict()] + ["out.weight", "out.bias"]
    assert list(model.state_dict()) == list(model.grads) == names
    assert model.grads["rnn.weight_hh_l0"] is model.rnn.grads["weight_hh_l0"]
    model.train()
    assert model.rnn.training
    assert model.out.training
    model.grads["out.bias"][...] = 1
    model.zero_grad()
    assert not model.out.grads["bias"].any()


def test_joined_parts_load_all_or_nothing(rng):
    model = joined()
    x = rng.standard_normal((2, 1, 3)).astype(np.float32)
    y = model.rnn(x)[0]
    state = {name: array + 1 for name, array in model.state_dict().items()}
    wrong = {**state, "out.bias": np.zeros(3)}
    with pytest.raises(RuntimeError, match=r"out.bias: expected shape \(2,\), got \(3,\)"):
        model.load_state_dict(wrong)
    assert np.array_equal(model.rnn(x)[0], y)
    model.load_state_dict(state)
    assert np.array_equal(model.out.bias, state["out.bias"])
    assert not np.array_equal(model.rnn(x)[0], y)  # the packed weights were rebuilt
