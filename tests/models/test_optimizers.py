# SPDX-License-Identifier: Apache-2.0
"""Optimisers: the formulas, Keras' steps, the variables they change."""

import copy
import math

import numpy as np
import pytest

import fastrnn
from fastrnn import optimizers
from fastrnn.demo.parts import Dense
from fastrnn.optimizers import SGD, Adam, AdamW
from keras_oracle import keras_or_skip
from optimizer_cases import (
    COMMON,
    RULES,
    SHAPES,
    assert_same,
    every_rule,
    make,
    random_arrays,
    set_gradients,
    steps,
    weights_of,
)
from tolerances import RELATIVE, relative_error

# -- the formulas --------------------------------------------------------------------------------


def formula(optimizer, p, g, k, s):
    """The step number k of one variable in NumPy's words, `s` being what is kept."""
    o, kind = optimizer, type(optimizer).__name__
    lr = float(o.learning_rate)
    zero = np.zeros_like(p)
    p = p * (1 - lr * (o.weight_decay or 0))
    if kind == "SGD":
        m = s["m"] = o.momentum * s.get("m", zero) - lr * g
        return p + (o.momentum * m - lr * g if o.nesterov else m)
    if kind == "Adagrad":
        v = s["v"] = s.get("v", zero + o.initial_accumulator_value) + g**2
        return p - lr * g / np.sqrt(v + o.epsilon)
    if kind == "RMSprop":
        v = s["v"] = o.rho * s.get("v", zero) + (1 - o.rho) * g**2
        a = s["a"] = (o.rho * s.get("a", zero) + (1 - o.rho) * g) * o.centered
        m = s["m"] = o.momentum * s.get("m", zero) + lr * g / np.sqrt(v - a**2 + o.epsilon)
        return p - m
    if kind == "Adadelta":
        v = s["v"] = o.rho * s.get("v", zero) + (1 - o.rho) * g**2
        d = s.get("d", zero)
        step = np.sqrt(d + o.epsilon) / np.sqrt(v + o.epsilon) * g
        s["d"] = o.rho * d + (1 - o.rho) * step**2
        return p - lr * step
    m = s["m"] = o.beta_1 * s.get("m", zero) + (1 - o.beta_1) * g
    if kind == "Adamax":
        u = s["u"] = np.maximum(o.beta_2 * s.get("u", zero), np.abs(g))
        return p - lr / (1 - o.beta_1**k) * m / (u + o.epsilon)
    v = s["v"] = o.beta_2 * s.get("v", zero) + (1 - o.beta_2) * g**2
    if kind == "Nadam":
        factors = [o.beta_1 * (1 - 0.96**j / 2) for j in range(1, k + 2)]
        ahead = factors[-1] * m / (1 - np.prod(factors))
        now = (1 - factors[-2]) * g / (1 - np.prod(factors[:-1]))
        return p - lr * (ahead + now) / (np.sqrt(v / (1 - o.beta_2**k)) + o.epsilon)
    if o.amsgrad:
        v = s["w"] = np.maximum(s.get("w", zero), v)
    corrected = lr * math.sqrt(1 - o.beta_2**k) / (1 - o.beta_1**k)
    return p - corrected * m / (np.sqrt(v) + o.epsilon)


@every_rule
@pytest.mark.parametrize("decay", [None, 0.3])
def test_the_formulas(rng, dtype, rule, decay):
    start = random_arrays(rng, dtype, 0.1)
    weights = weights_of(start)
    optimizer = make(rule, weight_decay=decay or RULES[rule][1].get("weight_decay"))
    wanted = {name: p.astype("float64") for name, p in start.items()}
    kept = {name: {} for name in start}
    for k in range(1, 21):
        gradients = random_arrays(rng, dtype)
        steps(optimizer, weights, [gradients])
        for name, g in gradients.items():
            wanted[name] = formula(optimizer, wanted[name], g.astype("float64"), k, kept[name])
        if k == 10:
            optimizer.learning_rate = 0.003
    assert optimizer.iterations == 20
    for weight in weights:
        assert weight.array.dtype == dtype
        change = weight.array - start[weight.name]
        assert relative_error(change, wanted[weight.name] - start[weight.name]) < RELATIVE[dtype]


@every_rule
@pytest.mark.parametrize("common", COMMON)
def test_steps_against_keras(rng, rule, common):
    keras = keras_or_skip()
    arguments = COMMON[common]
    ours, oracle = make(rule, **arguments), make(rule, keras.optimizers, **arguments)
    start = random_arrays(rng, "float32", 0.1)
    weights = weights_of(start)
    variables = [keras.Variable(p, name=name) for name, p in start.items()]
    for k in range(14):
        gradients = random_arrays(rng, "float32", 10.0**(k % 3 - 1))
        steps(ours, weights, [gradients])
        oracle.apply([keras.ops.convert_to_tensor(g) for g in gradients.values()], variables)
        if k == 10:
            ours.learning_rate = oracle.learning_rate = 0.003
    ours.finalize_variable_values(weights)
    oracle.finalize_variable_values(variables)
    assert ours.iterations == int(oracle.iterations)
    for weight, variable in zip(weights, variables, strict=True):
        assert relative_error(weight.array, variable.numpy()) < 1e-6


def test_weight_decay_leaves_out_what_keras_leaves_out(rng):
    keras = keras_or_skip()
    start = random_arrays(rng, "float32")
    weights = weights_of(start)
    variables = [keras.Variable(p, name=name) for name, p in start.items()]
    ours, oracle = AdamW(0.01, 3.0), keras.optimizers.AdamW(0.01, 3.0)
    ours.exclude_from_weight_decay(var_list=weights[:1], var_names=["bias"])
    oracle.exclude_from_weight_decay(var_list=variables[:1], var_names=["bias"])
    gradients = random_arrays(rng, "float32")
    steps(ours, weights, [gradients])
    oracle.apply([keras.ops.convert_to_tensor(g) for g in gradients.values()], variables)
    for weight, variable in zip(weights, variables, strict=True):
        assert relative_error(weight.array, variable.numpy()) < 1e-6


def test_gradients_stay_as_they_are(rng):
    weights, gradients = weights_of(random_arrays(rng)), random_arrays(rng)
    steps(Adam(clipnorm=0.1), weights, [gradients])
    for weight in weights:
        assert np.array_equal(weight.gradient, gradients[weight.name])


def test_clipping_by_norm_measures_large_float32(rng):
    weights = weights_of(random_arrays(rng, "float32"))
    before = copy.deepcopy(weights)
    steps(SGD(1.0, clipnorm=1.0), weights, [{k: np.full(s, 1e30) for k, s in SHAPES.items()}])
    for weight, old in zip(weights, before, strict=True):
        assert np.linalg.norm(weight.array - old.array) == pytest.approx(1, rel=1e-5)


def test_a_schedule_is_asked_for_every_step(rng):
    rates = [0.1, 0.0, 0.02]
    asked = []

    class Listed(optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            asked.append(step)
            return rates[step]

    weights = weights_of(random_arrays(rng))
    optimizer = SGD(Listed())
    want = {weight.name: weight.array.copy() for weight in weights}
    for rate in rates:
        gradients = random_arrays(rng)
        steps(optimizer, weights, [gradients])
        for name, g in gradients.items():
            want[name] -= rate * g
    assert asked == [0, 1, 2]
    for weight in weights:
        assert relative_error(weight.array, want[weight.name]) < RELATIVE["float64"]


def test_a_callable_gives_the_rate(rng):
    weights = weights_of(random_arrays(rng))
    before = copy.deepcopy(weights)
    optimizer = SGD(lambda: 0.25)
    gradients = random_arrays(rng)
    steps(optimizer, weights, [gradients])
    for weight, old in zip(weights, before, strict=True):
        assert relative_error(weight.array, old.array - 0.25 * gradients[weight.name]) < 1e-9
    assert float(optimizer.learning_rate) == 0.25


def test_the_learning_rate_can_be_set_and_read():
    optimizer = Adam()
    optimizer.learning_rate = np.float32(0.5)
    assert optimizer.learning_rate == 0.5
    assert optimizer.learning_rate.numpy() == np.float32(0.5)
    schedule = optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    optimizer.learning_rate = schedule
    optimizer.iterations = 10
    assert float(optimizer.learning_rate) == pytest.approx(0.05)
    with pytest.raises(TypeError, match="comes from a LearningRateSchedule"):
        optimizer.learning_rate = 0.1
    assert float(optimizer.learning_rate) == pytest.approx(0.05)


@every_rule
def test_the_same_bits_for_any_place_in_memory(rng, dtype, rule):
    start, gradients = random_arrays(rng, dtype), [random_arrays(rng, dtype) for _ in range(3)]
    first, second = weights_of(start), weights_of(start)
    for weight in second:
        for part in ("array", "gradient"):
            value = getattr(weight, part)
            room = np.zeros(value.size + 3, dtype)
            setattr(weight, part, room[3:].reshape(value.shape))
            getattr(weight, part)[...] = value
    steps(make(rule), first, gradients)
    steps(make(rule), second, gradients)
    assert_same(first, second)


# -- variables -----------------------------------------------------------------------------------


def test_some_of_the_variables_may_be_changed_alone(rng):
    gradients = [random_arrays(rng) for _ in range(2)]
    weights = weights_of(random_arrays(rng))
    others = copy.deepcopy(weights)
    optimizer, other = Adam(), Adam()
    steps(optimizer, weights, gradients[:1])
    steps(other, others, gradients[:1])
    left = copy.deepcopy(weights[::2])
    steps(optimizer, weights[1:2], gradients[1:])
    steps(other, others, gradients[1:])
    assert_same(weights[1:2], others[1:2])
    assert_same(weights[::2], left)


def test_another_model_needs_another_optimizer(rng):
    optimizer = Adam()
    steps(optimizer, weights_of(random_arrays(rng)), [random_arrays(rng)])
    others = weights_of(random_arrays(rng))
    before = copy.deepcopy(others)
    with pytest.raises(ValueError, match=r"unknown .* \(kernel, recurrent, bias"):
        optimizer.apply(others)
    assert_same(others, before)
    with pytest.raises(ValueError, match="repeated"):
        Adam().apply([others[0], others[0]])


def test_a_variable_without_gradient_is_left_with_a_warning(rng):
    weights = weights_of(random_arrays(rng))
    before = copy.deepcopy(weights)
    gradients = random_arrays(rng)
    set_gradients(weights, gradients)
    weights[1].gradient = None
    optimizer = SGD(0.5, weight_decay=0.1)
    with pytest.warns(UserWarning, match="no gradient for recurrent"):
        optimizer.apply(weights)
    assert optimizer.iterations == 1
    assert np.array_equal(weights[1].array, before[1].array)
    for k in (0, 2):
        assert not np.array_equal(weights[k].array, before[k].array)
    for weight in weights:
        weight.gradient = None
    with pytest.raises(ValueError, match="no variable has a gradient"):
        optimizer.apply(weights)


BAD_ARRAYS = [
    ("gradient", np.zeros((7, 5)), ValueError, r"gradient of recurrent must be .*\(5, 7\), got"),
    ("gradient", np.zeros((5, 7), "f4"), ValueError, "must be float64 .* got float32"),
    ("gradient", np.zeros((7, 5)).T, ValueError, "gradient of recurrent must be a C-contiguous"),
    ("gradient", [1.0], ValueError, "gradient of recurrent must be"),
    ("array", np.zeros((7, 5)).T, ValueError, "recurrent must be a C-contiguous array"),
    ("array", np.zeros((5, 7), "f2"), TypeError, "recurrent must be .*float32 or float64"),
    ("array", np.zeros((5, 7), ">f8"), ValueError, "native byte order"),
    ("array", np.zeros((5, 7), "f4"), ValueError, "must have one dtype"),
    ("array", np.zeros((5, 8)), ValueError, "of recurrent must be float64 of shape"),
]


@pytest.mark.parametrize(("part", "value", "error", "message"), BAD_ARRAYS)
@pytest.mark.parametrize("first", [True, False])
def test_bad_arrays_change_nothing(rng, part, value, error, message, first):
    weights, optimizer = weights_of(random_arrays(rng)), Adam()
    if not first:
        steps(optimizer, weights, [random_arrays(rng)])
    setattr(weights[1], part, value)
    before = copy.deepcopy(weights)
    made = optimizer.iterations
    with pytest.raises(error, match=message):
        optimizer.apply(weights)
    assert optimizer.iterations == made
    assert_same(weights[::2], before[::2])


def test_read_only_variables_stay_as_they_are(rng):
    weights = weights_of(random_arrays(rng))
    set_gradients(weights, random_arrays(rng))
    weights[2].array.flags.writeable = False
    before = copy.deepcopy(weights)
    with pytest.raises(ValueError, match="bias is read-only"):
        SGD().apply(weights)
    assert_same(weights, before)


@pytest.mark.parametrize("clip", ["clipnorm", "global_clipnorm"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("accumulation", [None, 2])
def test_clipping_names_gradients_that_are_not_finite(rng, clip, value, accumulation):
    weights = weights_of(random_arrays(rng))
    optimizer = Adam(**{clip: 1.0}, gradient_accumulation_steps=accumulation)
    steps(optimizer, weights, [random_arrays(rng)])
    weights[2].gradient[1] = value
    before = copy.deepcopy(weights)
    state = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(FloatingPointError, match=r"not finite: .* in bias$"):
        optimizer.apply(weights)
    assert_same(weights, before)
    for key, array in optimizer.state_dict().items():
        assert np.array_equal(array, state[key]), key


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_a_step_reaches_the_packed_weights(rng, name):
    model = getattr(fastrnn, name)(3, 4, seed=0).train()
    x = rng.standard_normal((5, 2, 3)).astype(np.float32)
    y, _ = model(x)
    model.backward(y)
    loss = np.sum(y**2)
    Adam(0.01).step(model)
    assert np.sum(model(x)[0] ** 2) < loss


@every_rule
def test_steps_go_down_the_slope(rng, rule):
    layer = Dense(3, 2, dtype="float64", seed=0).train()
    optimizer = make(rule, learning_rate=1.0 if rule == "adadelta" else 0.05)
    x = rng.standard_normal((20, 3))
    wanted = x @ rng.standard_normal((3, 2))
    losses = []
    for _ in range(100):
        error = layer(x) - wanted
        losses.append(np.mean(error**2))
        layer.zero_grad()
        layer.backward(2 * error / error.size)
        optimizer.step(layer)
    assert losses[-1] < losses[0] / 1.5


def test_an_optimizer_serves_one_module():
    optimizer = Adam()
    optimizer.step(Dense(3, 4))
    with pytest.raises(ValueError, match="optimizer's m of weight must be float32 of shape"):
        optimizer.step(Dense(4, 4))
    with pytest.raises(ValueError, match="unknown or repeated variables"):
        optimizer.step(fastrnn.LSTM(3, 4))
