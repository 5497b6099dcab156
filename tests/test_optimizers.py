# SPDX-License-Identifier: Apache-2.0
"""Optimisers: the formulas, Keras' steps, going on from a saved state, refusals."""

import copy
import math
import pickle

import numpy as np
import pytest

import fastrnn
from fastrnn import optimizers
from fastrnn.demo.parts import Dense
from fastrnn.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from keras_oracle import keras_or_skip
from tolerances import RELATIVE, relative_error

SHAPES = {"kernel": (40, 33), "recurrent": (5, 7), "bias": (7,)}

# Class and arguments; every rule in every form.
RULES = {
    "sgd": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "nesterov": ("SGD", {"momentum": 0.8, "nesterov": True}),
    "rmsprop": ("RMSprop", {}),
    "rmsprop momentum": ("RMSprop", {"rho": 0.8, "momentum": 0.5}),
    "rmsprop centered": ("RMSprop", {"centered": True, "epsilon": 1e-4}),
    "rmsprop both": ("RMSprop", {"centered": True, "momentum": 0.3}),
    "adam": ("Adam", {}),
    "adam betas": ("Adam", {"beta_1": 0.7, "beta_2": 0.95, "epsilon": 1e-3}),
    "amsgrad": ("Adam", {"amsgrad": True, "beta_2": 0.5}),
    "adamw": ("AdamW", {"weight_decay": 0.5}),
    "adagrad": ("Adagrad", {}),
    "adadelta": ("Adadelta", {"epsilon": 1e-3, "learning_rate": 1.0}),
    "adamax": ("Adamax", {"beta_2": 0.9}),
    "nadam": ("Nadam", {}),
}
every_rule = pytest.mark.parametrize("rule", RULES)

COMMON = {
    "plain": {},
    "clipnorm": {"clipnorm": 0.5},
    "clipvalue": {"clipvalue": 0.3},
    "global_clipnorm": {"global_clipnorm": 0.7},
    "clip out of reach": {"global_clipnorm": 1e6},
    "weight_decay": {"weight_decay": 0.7},
    "mean of variables": {"use_ema": True, "ema_momentum": 0.6, "ema_overwrite_frequency": 5},
    "accumulation": {"gradient_accumulation_steps": 3, "clipnorm": 0.4},
    "accumulation and mean": {
        "gradient_accumulation_steps": 2, "use_ema": True, "ema_overwrite_frequency": 3,
    },
}


class Weight:
    """What `Optimizer.apply` needs of a variable."""

    def __init__(self, name, array):
        self.name = name
        self.array = np.array(array)
        self.gradient = np.zeros_like(self.array)


def random_arrays(rng, dtype="float64", scale=1.0):
    return {k: (scale * rng.standard_normal(s)).astype(dtype) for k, s in SHAPES.items()}


def weights_of(arrays):
    return [Weight(name, array) for name, array in arrays.items()]


def set_gradients(weights, gradients):
    for weight in weights:
        weight.gradient[...] = gradients[weight.name]


def make(rule, module=optimizers, **common):
    kind, arguments = RULES[rule]
    return getattr(module, kind)(**{"learning_rate": 2**-7, **arguments, **common})


def steps(optimizer, weights, gradients):
    for arrays in gradients:
        set_gradients(weights, arrays)
        optimizer.apply(weights)


def assert_same(weights, others):
    for weight, other in zip(weights, others, strict=True):
        assert np.array_equal(weight.array, other.array), weight.name


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


# -- files and configurations --------------------------------------------------------------------


@every_rule
@pytest.mark.parametrize("common", ["plain", "accumulation and mean"])
@pytest.mark.parametrize("at", [0, 3])
def test_a_saved_state_goes_on_with_the_same_bits(rng, rule, common, at):
    gradients = [random_arrays(rng, "float32") for _ in range(6)]
    whole = weights_of(random_arrays(rng, "float32"))
    parts = copy.deepcopy(whole)
    optimizer, first, second = (make(rule, **COMMON[common]) for _ in range(3))
    steps(optimizer, whole, gradients)
    steps(first, parts, gradients[:at])
    second.load_state_dict(first.state_dict())
    steps(second, parts, gradients[at:])
    assert second.iterations == optimizer.iterations
    assert_same(parts, whole)


@every_rule
def test_copies_go_on_with_the_same_bits(rng, rule):
    gradients = [random_arrays(rng) for _ in range(4)]
    weights = weights_of(random_arrays(rng))
    optimizer = make(rule)
    steps(optimizer, weights, gradients[:2])
    state = pickle.loads(pickle.dumps((weights, optimizer)))
    steps(optimizer, weights, gradients[2:])
    steps(state[1], state[0], gradients[2:])
    assert_same(state[0], weights)


@every_rule
def test_a_fresh_state_makes_a_fresh_optimizer(rng, rule):
    gradients = [random_arrays(rng)]
    weights = weights_of(random_arrays(rng))
    start = copy.deepcopy(weights)
    optimizer = make(rule)
    steps(optimizer, weights, gradients)
    first = copy.deepcopy(weights)
    optimizer.load_state_dict(make(rule).state_dict())
    assert optimizer.iterations == 0
    for weight, old in zip(weights, start, strict=True):
        weight.array[...] = old.array
    steps(optimizer, weights, gradients)
    assert_same(weights, first)


BAD_STATES = [
    ({"steps": np.arange(3)}, ValueError, "steps must be one integer"),
    ({"steps": np.array([-1])}, ValueError, "steps must be one integer of at least 0"),
    ({"steps": 2.5}, ValueError, "steps must be one integer"),
    ({"steps": None}, ValueError, "steps must be one integer"),
    ({"steps": [[1], [2, 3]]}, TypeError, "steps must be an array"),
    ({3: np.zeros(3)}, ValueError, "3 is not part of the state of Adam"),
    ({"w.0": np.zeros(3)}, ValueError, "'w.0' is not part of the state of Adam"),
    ({"m.2": "abc"}, ValueError, "m.2 must be an array of floats"),
    ({"m.2": [[1.0], [2.0, 3.0]]}, TypeError, "m.2 must be an array"),
    ({"m.2": np.zeros(8)}, ValueError, r"m of 2 must be float64 of shape \(7,\), got"),
    ({"m.3": np.zeros(8)}, ValueError, "different names"),
    ({"m.3": np.zeros(8), "v.3": np.zeros(8)}, ValueError, "in one only: 3"),
]


@pytest.mark.parametrize(("change", "error", "message"), BAD_STATES)
def test_bad_states_change_nothing(rng, change, error, message):
    optimizer = Adam()
    steps(optimizer, weights_of(random_arrays(rng)), [random_arrays(rng)])
    before = {key: array.copy() for key, array in optimizer.state_dict().items()}
    with pytest.raises(error, match=message):
        optimizer.load_state_dict({**before, **change})
    after = optimizer.state_dict()
    assert after.keys() == before.keys()
    assert all(np.array_equal(after[key], array) for key, array in before.items())


@every_rule
@pytest.mark.parametrize("common", COMMON)
def test_configurations_are_those_of_keras(rule, common):
    keras = keras_or_skip()
    config = make(rule, name="mine", **COMMON[common]).get_config()
    oracle = make(rule, keras.optimizers, name="mine", **COMMON[common]).get_config()
    assert config == oracle
    again = getattr(optimizers, RULES[rule][0]).from_config(config)
    assert again.get_config() == config


@pytest.mark.parametrize("kind", ["SGD", "RMSprop", "Adam", "AdamW", "Adagrad", "Adadelta",
                                  "Adamax", "Nadam"])
def test_defaults_and_names_are_those_of_keras(kind):
    keras = keras_or_skip()
    config = getattr(optimizers, kind)().get_config()
    oracle = getattr(keras.optimizers, kind)().get_config()
    assert oracle.pop("name").startswith(config.pop("name"))
    assert oracle.pop("learning_rate") == pytest.approx(config.pop("learning_rate"))
    assert config == oracle
    assert type(optimizers.get(kind)) is type(optimizers.get(kind.lower()))
    assert type(optimizers.get(kind)) is getattr(optimizers, kind)


def test_a_configuration_brings_the_schedule_back():
    schedule = optimizers.schedules.CosineDecay(0.1, 50, alpha=0.1)
    config = optimizers.serialize(RMSprop(schedule, rho=0.7, clipnorm=2.0))
    again = optimizers.deserialize(config)
    assert again.get_config() == RMSprop(schedule, rho=0.7, clipnorm=2.0).get_config()
    again.iterations = 20
    assert float(again.learning_rate) == schedule(20)


def test_get_takes_what_keras_takes():
    mine = Adam(0.5)
    assert optimizers.get(mine) is mine
    assert optimizers.get(None) is None
    named = optimizers.get({"class_name": "SGD", "config": {"momentum": 0.5}})
    assert isinstance(named, Optimizer)
    assert named.momentum == 0.5


BAD_CALLS = [
    (lambda: SGD(-0.1), ValueError, "learning_rate must be at least 0, got -0.1"),
    (lambda: SGD("fast"), ValueError, "learning_rate must be a float, a LearningRateSchedule"),
    (lambda: SGD(math.nan), ValueError, "learning_rate must be at least 0, got nan"),
    (lambda: SGD(0.1, momentum=1.5), ValueError, "momentum must be at least 0 and at most 1"),
    (lambda: SGD(0.1, nesterov="no"), TypeError, "nesterov must be a bool"),
    (lambda: Adam(0.1, 0.9, 1.0), ValueError, "beta_2 must be at least 0 and below 1"),
    (lambda: Adam(epsilon=-1), ValueError, "epsilon must be at least 0"),
    (lambda: Adam(weight_decay=-1), ValueError, "weight_decay must be at least 0"),
    (lambda: AdamW(weight_decay=None), ValueError, "weight_decay must be a float"),
    (lambda: Adam(clipnorm=1, clipvalue=1), ValueError, "only one of .* got clipnorm=1"),
    (lambda: Adam(clipnorm="x"), TypeError, "clipnorm must be a number"),
    (lambda: Adam(loss_scale_factor=2.0), ValueError, "loss_scale_factor must be None"),
    (lambda: Adam(ema_momentum=2.0), ValueError, "ema_momentum must be"),
    (lambda: Adam(gradient_accumulation_steps=1), ValueError, "must be at least 2, got 1"),
    (lambda: Adam(ema_overwrite_frequency=0), ValueError, "must be at least 1, got 0"),
    (lambda: Adam().load_state_dict([]), TypeError, "state_dict must be a mapping"),
    (lambda: Adam().load_state_dict({}), ValueError, "has no 'steps'"),
    (lambda: optimizers.get("adamm"), ValueError, "optimizer 'adamm' is not known; known are"),
    (lambda: optimizers.get(3), ValueError, "optimizer must be a name"),
    (lambda: setattr(Adam(), "iterations", -1), ValueError, "iterations must be at least 0"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD_CALLS)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_old_decay_is_ignored_with_a_warning():
    with pytest.warns(UserWarning, match="decay is not an argument"):
        Adam(decay=1e-6)


def test_exclusions_come_before_the_first_step(rng):
    optimizer = Adam()
    steps(optimizer, weights_of(random_arrays(rng)), [random_arrays(rng)])
    with pytest.raises(ValueError, match="before the first step"):
        optimizer.exclude_from_weight_decay(var_names=["bias"])
