# SPDX-License-Identifier: Apache-2.0
"""Optimisers that go on: saved states, copies, configurations, names; refusals."""

import copy
import math
import pickle

import numpy as np
import pytest

from fastrnn import optimizers
from fastrnn.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from keras_oracle import keras_or_skip
from optimizer_cases import (
    COMMON,
    RULES,
    assert_same,
    every_rule,
    make,
    random_arrays,
    steps,
    weights_of,
)


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
