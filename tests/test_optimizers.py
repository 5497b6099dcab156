# SPDX-License-Identifier: Apache-2.0
"""SGD, Adam and clipping: torch's steps, going on from a saved state, refusals."""

import math

import numpy as np
import pytest

import fastrnn
from fastrnn.modules import Dense
from fastrnn.optimizers import SGD, Adam, clip_global_norm
from tolerances import RELATIVE, relative_error

SHAPES = {"w": (4, 3), "b": (3,)}

# Ours and torch's: name of the class and arguments that mean the same.
PAIRS = {
    "sgd": (lambda: SGD(0.1), "SGD", {"lr": 0.1}),
    "momentum": (lambda: SGD(0.1, momentum=0.9), "SGD", {"lr": 0.1, "momentum": 0.9}),
    "nesterov": (
        lambda: SGD(0.1, momentum=0.8, nesterov=True),
        "SGD", {"lr": 0.1, "momentum": 0.8, "nesterov": True},
    ),
    "adam": (lambda: Adam(0.01), "Adam", {"lr": 0.01}),
    "adam betas": (
        lambda: Adam(0.02, betas=(0.7, 0.95), eps=1e-3),
        "Adam", {"lr": 0.02, "betas": (0.7, 0.95), "eps": 1e-3},
    ),
    "adamw": (
        lambda: Adam(0.01, decoupled_weight_decay=0.1), "AdamW", {"lr": 0.01, "weight_decay": 0.1},
    ),
}
every_optimizer = pytest.mark.parametrize("make", [p[0] for p in PAIRS.values()], ids=PAIRS)


def random_arrays(rng, dtype="float64"):
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in SHAPES.items()}


@pytest.mark.parametrize("name", PAIRS)
def test_steps_against_torch(rng, dtype, name):
    torch = pytest.importorskip("torch", reason="torch is the oracle")
    make, oracle_class, arguments = PAIRS[name]
    params = random_arrays(rng, dtype)
    oracle_params = {key: torch.tensor(p, requires_grad=True) for key, p in params.items()}
    optimizer = make()
    oracle = getattr(torch.optim, oracle_class)(oracle_params.values(), **arguments)
    for k in range(20):
        grads = random_arrays(rng, dtype)
        optimizer.update(params, grads)
        for key, p in oracle_params.items():
            p.grad = torch.tensor(grads[key])
        oracle.step()
        if k == 10:
            optimizer.lr = oracle.param_groups[0]["lr"] = 0.003
    for key, p in params.items():
        assert p.dtype == dtype
        assert relative_error(p, oracle_params[key].detach()) < RELATIVE[dtype]


@every_optimizer
def test_a_saved_state_goes_on_with_the_same_bits(rng, make):
    gradients = [random_arrays(rng) for _ in range(6)]
    start = random_arrays(rng)
    whole = {name: p.copy() for name, p in start.items()}
    optimizer = make()
    for grads in gradients:
        optimizer.update(whole, grads)
    parts = {name: p.copy() for name, p in start.items()}
    first, second = make(), make()
    for grads in gradients[:3]:
        first.update(parts, grads)
    second.load_state_dict(first.state_dict())
    for grads in gradients[3:]:
        second.update(parts, grads)
    assert second.steps == 6
    for name, p in parts.items():
        assert np.array_equal(p, whole[name])


@every_optimizer
@pytest.mark.parametrize("dtype", [">f4", ">f8", "f4", "f8"])
def test_arrays_in_any_order_change_alike(rng, make, dtype):
    start, grads = random_arrays(rng), random_arrays(rng)
    plain = {name: p.astype(np.dtype(dtype).newbyteorder("=")) for name, p in start.items()}
    strided = {name: p.astype(dtype)[..., ::-1] for name, p in start.items()}
    make().update(plain, {name: g.astype(plain[name].dtype) for name, g in grads.items()})
    make().update(strided, {name: g.astype(dtype)[..., ::-1] for name, g in grads.items()})
    for name, p in strided.items():
        assert np.array_equal(p[..., ::-1], plain[name])


def test_adam_refuses_other_numbers_and_changes_nothing():
    optimizer, params = Adam(), {"v": np.ones(2, "f4"), "w": np.zeros(3, "f2")}
    with pytest.raises(TypeError, match="w must be float32 or float64, got float16"):
        optimizer.update(params, {"v": np.ones(2, "f4"), "w": np.ones(3, "f2")})
    assert optimizer.steps == 0
    assert np.all(params["v"] == 1)


@every_optimizer
def test_read_only_parameters_stay_as_they_are(rng, make):
    model = fastrnn.LSTM(3, 4, seed=0)
    before = {name: p.copy() for name, p in model.state_dict().items()}
    with pytest.raises(ValueError, match="read-only"):
        make().update(model.state_dict(), before)
    for name, p in model.state_dict().items():
        assert np.array_equal(p, before[name])


@pytest.mark.parametrize("cell", ["RNN", "LSTM", "GRU"])
def test_a_step_reaches_the_packed_weights(rng, cell):
    model = getattr(fastrnn, cell)(3, 4, seed=0).train()
    x = rng.standard_normal((5, 2, 3)).astype(np.float32)
    y, _ = model(x)
    model.backward(y)
    loss = np.sum(y**2)
    Adam(0.01).step(model)
    assert np.sum(model(x)[0] ** 2) < loss


@every_optimizer
def test_steps_go_down_the_slope(rng, make):
    layer = Dense(3, 2, dtype="float64", seed=0).train()
    optimizer = make()
    x = rng.standard_normal((20, 3))
    wanted = x @ rng.standard_normal((3, 2))
    losses = []
    for _ in range(100):
        error = layer(x) - wanted
        losses.append(np.mean(error**2))
        layer.zero_grad()
        layer.backward(2 * error / error.size)
        optimizer.step(layer)
    assert losses[-1] < losses[0] / 2


# -- clipping ------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_norm", [0.1, 1e6, math.inf])
def test_clipping_against_torch(rng, dtype, max_norm):
    torch = pytest.importorskip("torch", reason="torch is the oracle")
    grads = random_arrays(rng, dtype)
    oracle = [torch.zeros(shape, dtype=getattr(torch, dtype)) for shape in SHAPES.values()]
    for p, g in zip(oracle, grads.values(), strict=True):
        p.grad = torch.tensor(g)
    want = torch.nn.utils.clip_grad_norm_(oracle, max_norm)
    got = clip_global_norm(grads, max_norm)
    assert relative_error(got, want.item()) < RELATIVE[dtype]
    if max_norm < math.inf:
        for p, g in zip(oracle, grads.values(), strict=True):
            assert relative_error(g, p.grad) < 2 * RELATIVE["float32"]  # torch adds 1e-6


def test_clipping_measures_large_float32_and_no_gradient():
    grads = {"w": np.full((2, 2), 1e30, np.float32)}
    assert clip_global_norm(grads, 1.0) == pytest.approx(2e30)
    assert np.linalg.norm(grads["w"]) == pytest.approx(1)
    assert clip_global_norm({"w": np.zeros(3)}, 1.0) == 0


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_clipping_names_gradients_that_are_not_finite(rng, value):
    grads = random_arrays(rng)
    grads["b"][1] = value
    before = {name: g.copy() for name, g in grads.items()}
    with pytest.raises(FloatingPointError, match=r"NaN or infinity in b$"):
        clip_global_norm(grads, 1.0)
    for name, g in grads.items():
        assert np.array_equal(g, before[name], equal_nan=True)


# -- refusals ------------------------------------------------------------------------------------

BAD_CALLS = [
    (lambda: SGD(-0.1), ValueError, "lr must be at least 0, got -0.1"),
    (lambda: SGD("fast"), TypeError, "lr must be a number, got str"),
    (lambda: SGD(math.nan), ValueError, "lr must be at least 0, got nan"),
    (lambda: SGD(0.1, momentum=1.0), ValueError, "momentum must be at least 0 and below 1"),
    (lambda: SGD(0.1, nesterov=True), ValueError, "nesterov needs a momentum"),
    (lambda: Adam(0.1, betas=(0.9, 1.0)), ValueError, r"betas\[1\] must be"),
    (lambda: Adam(0.1, eps=0), ValueError, "eps must be above 0"),
    (lambda: Adam(decoupled_weight_decay=-1), ValueError, "decoupled_weight_decay must be"),
    (lambda: clip_global_norm({}, 0), ValueError, "max_norm must be above 0"),
    (lambda: Adam().load_state_dict([]), TypeError, "state_dict must be a mapping"),
    (lambda: Adam().load_state_dict({}), ValueError, "has no 'steps'"),
    (lambda: SGD(1).load_state_dict({"steps": [1], "m.w": [1]}), ValueError, "'m.w' is not part"),
    (lambda: Adam().load_state_dict({"steps": [1], "m.w": [1]}), ValueError, "different names"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD_CALLS)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


BAD_GRADIENTS = [
    ({"w": np.zeros((4, 3))}, "in one only: b"),
    ({"w": np.zeros((3, 4)), "b": np.zeros(3)}, r"w must be float64 of shape \(4, 3\), got"),
    ({"w": np.zeros((4, 3), np.float32), "b": np.zeros(3)}, "got float32"),
]


@pytest.mark.parametrize(("grads", "message"), BAD_GRADIENTS)
def test_bad_gradients_change_nothing(rng, grads, message):
    params = random_arrays(rng)
    before = {name: p.copy() for name, p in params.items()}
    optimizer = Adam()
    with pytest.raises(ValueError, match=message):
        optimizer.update(params, grads)
    assert optimizer.steps == 0
    for name, p in params.items():
        assert np.array_equal(p, before[name])


def test_an_optimizer_serves_one_module(rng):
    optimizer = Adam()
    optimizer.step(Dense(3, 4))
    with pytest.raises(ValueError, match="the optimiser's m: weight must be float32 of shape"):
        optimizer.step(Dense(4, 4))


@pytest.mark.parametrize("betas", [0.9, None, (0.9,), (0.9, 0.99, 0.999), "ab", (0.9, "b")],
                         ids=str)
def test_betas_must_be_a_pair(betas):
    with pytest.raises(TypeError, match="betas"):
        Adam(betas=betas)


BAD_STATES = [
    ({"steps": np.arange(3)}, ValueError, "steps must be one integer"),
    ({"steps": np.array([-1])}, ValueError, "steps must be one integer of at least 0"),
    ({"steps": 2.5}, ValueError, "steps must be one integer"),
    ({"steps": None}, ValueError, "steps must be one integer"),
    ({"steps": [[1], [2, 3]]}, TypeError, "steps must be an array"),
    ({3: np.zeros(3)}, ValueError, "3 is not part of the state of Adam"),
    ({"m.b": "abc"}, ValueError, "m.b must be an array of floats"),
    ({"m.b": [[1.0], [2.0, 3.0]]}, TypeError, "m.b must be an array"),
]


@pytest.mark.parametrize(("change", "error", "message"), BAD_STATES)
def test_bad_states_change_nothing(rng, change, error, message):
    optimizer = Adam()
    optimizer.update(random_arrays(rng), random_arrays(rng))
    before = {key: array.copy() for key, array in optimizer.state_dict().items()}
    with pytest.raises(error, match=message):
        optimizer.load_state_dict({**before, **change})
    after = optimizer.state_dict()
    assert after.keys() == before.keys()
    assert all(np.array_equal(after[key], array) for key, array in before.items())
