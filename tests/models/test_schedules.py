# SPDX-License-Identifier: Apache-2.0
"""Learning-rate schedules: Keras' values, and what the formulas say where Keras rounds."""

import numpy as np
import pytest

from fastrnn.optimizers import schedules
from keras_oracle import keras_or_skip

CASES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.6}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.6,
                          "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.2, "decay_steps": 9, "decay_rate": 0.7}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.2, "decay_steps": 9, "decay_rate": 0.7,
                          "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [5, 20, 21], "values": [0.5, 0.3, 0.2, 0.1]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 30}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 30, "power": 0.5,
                         "end_learning_rate": 0.02}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 13, "power": 2.0,
                         "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 37}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 37, "alpha": 0.2}),
    ("CosineDecay", {"initial_learning_rate": 0.01, "decay_steps": 29, "alpha": 0.1,
                     "warmup_target": 0.3, "warmup_steps": 11}),
    ("CosineDecay", {"initial_learning_rate": 0.01, "decay_steps": 29, "warmup_target": 0.3}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 8}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 8, "t_mul": 1.0,
                             "m_mul": 0.8, "alpha": 0.1}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 10, "t_mul": 1.7,
                             "m_mul": 0.9}),
]
every_case = pytest.mark.parametrize(("kind", "arguments"), CASES)


@every_case
def test_values_against_keras(kind, arguments):
    # At a restart Keras may round to the end of the period before; none of these does.
    keras = keras_or_skip()
    ours = getattr(schedules, kind)(**arguments)
    oracle = getattr(keras.optimizers.schedules, kind)(**arguments)
    largest = ours(0)
    for step in range(100):
        got = ours(step)
        assert type(got) is float
        largest = max(largest, got)
        assert got == pytest.approx(float(oracle(step)), rel=1e-6, abs=1e-6 * largest), step


@every_case
def test_configurations_are_those_of_keras(kind, arguments):
    keras = keras_or_skip()
    ours = getattr(schedules, kind)(**arguments)
    oracle = getattr(keras.optimizers.schedules, kind)(**arguments)
    assert ours.get_config() == oracle.get_config()


@every_case
def test_a_saved_schedule_is_the_same(kind, arguments):
    schedule = getattr(schedules, kind)(**arguments)
    again = schedules.deserialize(schedules.serialize(schedule))
    assert type(again) is type(schedule)
    assert [again(step) for step in range(50)] == [schedule(step) for step in range(50)]


@pytest.mark.parametrize("t_mul", [1.0, 1.5, 2.0, 3.0, 10.0])
def test_every_period_starts_at_its_highest(t_mul):
    schedule = schedules.CosineDecayRestarts(0.5, 1000, t_mul=t_mul, m_mul=0.5)
    start = 0
    for period in range(5):
        assert schedule(start) == pytest.approx(0.5 * 0.5**period, rel=1e-9), period
        length = 1000 * t_mul**period
        assert schedule(start + length / 2) == pytest.approx(0.25 * 0.5**period, rel=1e-9)
        start += length


def test_a_schedule_of_ones_own():
    class Mine(schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.5 / (step + 1)

    assert Mine()(1) == 0.25
    with pytest.raises(NotImplementedError, match=r"Mine must have get_config\(\)"):
        schedules.serialize(Mine())
    with pytest.raises(NotImplementedError, match="must have __call__"):
        schedules.LearningRateSchedule()(0)


def test_numpy_steps_are_steps():
    schedule = schedules.CosineDecay(0.1, 20)
    assert schedule(np.int64(7)) == pytest.approx(schedule(7))


BAD_CALLS = [
    (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), "decay_steps must be above 0, got 0"),
    (lambda: schedules.CosineDecayRestarts(0.1, -1), "first_decay_steps must be above 0"),
    (lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2]), "one entry more than"),
    (lambda: schedules.PiecewiseConstantDecay([3, 2], [0.1, 0.2, 0.3]), "must be rising"),
    (lambda: schedules.deserialize({"class_name": "Linear"}), "schedule 'Linear' is not known"),
]


@pytest.mark.parametrize(("call", "message"), BAD_CALLS)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
