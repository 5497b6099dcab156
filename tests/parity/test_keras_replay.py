# SPDX-License-Identifier: Apache-2.0
"""The numbers that Keras' own tests of its recurrent layers expect, asked of ours.

The inputs, the constant initialisers and the expected values are those of Keras 3.15's tests of
SimpleRNN, LSTM, GRU, Bidirectional and Masking. With constant weights all units of a row agree,
so most expectations are one number for a row, or for a step of a row.
"""

import numpy as np
import pytest

from fastrnn import layers, models
from fastrnn.initializers import Constant

# Keras' own: for SimpleRNN and GRU, and for LSTM and Bidirectional.
CLOSE, LOOSE = 1e-6, 1e-5
HOLES = np.array([[True, True, False, True], [True, False, False, True]])
PADDED = np.array([[True, True, True, False], [True, True, False, False]])


def counting(*shape):
    """0, 1, 2, ... as float32."""
    return np.arange(np.prod(shape), dtype="float32").reshape(shape)


def constant(cls, units, kernel=0.01, recurrent=0.02, bias=0.03, **options):
    """A layer whose weights of a kind are all the same."""
    return cls(
        units,
        kernel_initializer=Constant(kernel),
        recurrent_initializer=Constant(recurrent),
        bias_initializer=Constant(bias),
        **options,
    )


def assert_outputs(got, want, tolerance):
    """`want` has the shape of `got`, or one number for all of its units."""
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape[: want.ndim] == want.shape
    if want.ndim < got.ndim:
        want = np.repeat(want[..., None], got.shape[-1], axis=-1)
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


SIMPLE = {
    "plain": ({}, [0.405432, 0.73605347]),
    "unroll": ({"unroll": True}, [0.405432, 0.73605347]),
    "backwards": ({"go_backwards": True}, [0.11144729, 0.5528889]),
    "backwards_unroll": ({"go_backwards": True, "unroll": True}, [0.11144729, 0.5528889]),
}
LSTMS = {
    "plain": ({}, [0.6288687, 0.86899155, 0.9460773]),
    "backwards": ({"go_backwards": True}, [0.35622165, 0.74789524, 0.8872726]),
    "unroll": ({"unroll": True}, [0.6288687, 0.86899155, 0.9460773]),
    "forget": ({"unit_forget_bias": False}, [0.57019705, 0.8661914, 0.9459622]),
    "no_bias": ({"use_bias": False}, [0.54986924, 0.86226785, 0.9443936]),
}
GRUS = {
    "plain": ({}, [0.5217289, 0.6371659, 0.39384964]),
    "backwards": ({"go_backwards": True}, [0.24406259, 0.611516, 0.3928808]),
    "unroll": ({"unroll": True}, [0.5217289, 0.6371659, 0.39384964]),
    "reset_before": ({"reset_after": False}, [0.51447755, 0.6426879, 0.40208298]),
    "no_bias": ({"use_bias": False}, [0.49988455, 0.64701194, 0.4103359]),
}


@pytest.mark.parametrize(("options", "want"), SIMPLE.values(), ids=SIMPLE)
def test_simple_rnn(options, want):
    layer = constant(layers.SimpleRNN, 4, **options)
    assert_outputs(layer(counting(2, 3, 4)), want, CLOSE)


@pytest.mark.parametrize("implementation", [1, 2])
@pytest.mark.parametrize(("options", "want"), LSTMS.values(), ids=LSTMS)
def test_lstm(options, want, implementation):
    layer = constant(layers.LSTM, 3, implementation=implementation, **options)
    assert_outputs(layer(counting(3, 6, 4)), want, LOOSE)


@pytest.mark.parametrize(("options", "want"), GRUS.values(), ids=GRUS)
def test_gru(options, want):
    layer = constant(layers.GRU, 3, **options)
    assert_outputs(layer(counting(3, 6, 4)), want, LOOSE)


def test_gru_from_a_config_with_the_old_implementation():
    config = constant(layers.GRU, 3).get_config() | {"implementation": 0}
    layer = layers.GRU.from_config(config)
    assert_outputs(layer(counting(3, 6, 4)), GRUS["plain"][1], CLOSE)


CARRIED = {
    "simple_rnn": (layers.SimpleRNN, [0.40559256, 0.7361247], CLOSE),
    "lstm": (layers.LSTM, [0.3124785, 0.6863672], LOOSE),
    "gru": (layers.GRU, [0.29542392, 0.5885018], CLOSE),
}


@pytest.mark.parametrize(("cls", "want", "tolerance"), CARRIED.values(), ids=CARRIED)
def test_second_call_of_a_stateful_layer(cls, want, tolerance):
    layer, x = constant(cls, 4, stateful=True), counting(2, 3, 4)
    layer(x)
    assert_outputs(layer(x), want, tolerance)
    layer.reset_state()
    layer(x)
    assert_outputs(layer(x), want, tolerance)


GRU_STARTED = {
    False: [[0.23774096, 0.33508456], [0.83659905, 1.0227708]],
    True: [[0.13486053, 0.23261218], [0.78257304, 0.9691353]],
}


@pytest.mark.parametrize(
    ("backwards", "want"), [(False, [0.33621645, 0.6262637]), (True, [0.07344437, 0.43043602])]
)
def test_simple_rnn_from_a_state(backwards, want):
    layer = constant(layers.SimpleRNN, 4, go_backwards=backwards)
    assert_outputs(layer(counting(2, 4, 3), initial_state=counting(2, 4)), want, CLOSE)


@pytest.mark.parametrize(
    ("backwards", "want"),
    [
        (False, [[0.20574439, 0.3558822], [0.64930826, 0.66276]]),
        (True, [[0.13281618, 0.2790356], [0.5839337, 0.5992567]]),
    ],
)
def test_lstm_from_states(backwards, want):
    layer = constant(layers.LSTM, 2, go_backwards=backwards)
    states = [counting(2, 2), counting(2, 2)]
    assert_outputs(layer(counting(2, 4, 3), initial_state=states), want, LOOSE)


@pytest.mark.parametrize(("backwards", "want"), GRU_STARTED.items())
def test_gru_from_a_state_and_returning_it(backwards, want):
    x, state = counting(2, 4, 3), counting(2, 2)
    alone = constant(layers.GRU, 2, go_backwards=backwards)
    assert_outputs(alone(x, initial_state=state), want, CLOSE)
    layer = constant(layers.GRU, 2, go_backwards=backwards, return_state=True)
    outputs, last = layer(x, initial_state=state)
    assert_outputs(outputs, want, CLOSE)
    assert_outputs(last, want, CLOSE)


# Class, its units, options, the mask, what comes out, how near.
SEQUENCES = {"return_sequences": True}
ZEROED = {"return_sequences": True, "zero_output_for_mask": True}
MASKED = {
    "simple_rnn": (layers.SimpleRNN, {"unroll": True}, HOLES, [0.32951632, 0.61799484]),
    "simple_rnn_sequences": (
        *(layers.SimpleRNN, SEQUENCES, HOLES),
        [
            [0.0599281, 0.15122814, 0.15122814, 0.32394567],
            [0.3969304, 0.3969304, 0.3969304, 0.608085],
        ],
    ),
    "simple_rnn_zeroed": (
        *(layers.SimpleRNN, ZEROED, HOLES),
        [[0.0599281, 0.15122814, 0.0, 0.32394567], [0.3969304, 0.0, 0.0, 0.608085]],
    ),
    "simple_rnn_backwards": (
        *(layers.SimpleRNN, {"go_backwards": True}, HOLES),
        [0.07376196, 0.43645123],
    ),
    "lstm": (layers.LSTM, {"unroll": True}, PADDED, [0.11755939, 0.28556206]),
    "lstm_sequences": (
        *(layers.LSTM, SEQUENCES, PADDED),
        [
            [0.0158891, 0.05552048, 0.11755939, 0.11755939],
            [0.14185596, 0.28556206, 0.28556206, 0.28556206],
        ],
    ),
    "lstm_zeroed": (
        *(layers.LSTM, ZEROED, PADDED),
        [[0.0158891, 0.05552048, 0.11755939, 0.0], [0.14185596, 0.28556206, 0.0, 0.0]],
    ),
    "lstm_backwards": (
        *(layers.LSTM, {"go_backwards": True}, PADDED[:, ::-1]),
        [0.15341201, 0.3844719],
    ),
    "gru": (layers.GRU, {"unroll": True}, HOLES, [0.19393763, 0.30818558]),
    "gru_sequences": (
        *(layers.GRU, SEQUENCES, HOLES),
        [
            [0.03606692, 0.09497581, 0.09497581, 0.19393763],
            [0.16051409, 0.16051409, 0.16051409, 0.30818558],
        ],
    ),
    "gru_zeroed": (
        *(layers.GRU, ZEROED, HOLES),
        [[0.03606692, 0.09497581, 0.0, 0.19393763], [0.16051409, 0.0, 0.0, 0.30818558]],
    ),
    "gru_backwards": (layers.GRU, {"go_backwards": True}, HOLES, [0.11669192, 0.28380975]),
}


@pytest.mark.parametrize(("cls", "options", "mask", "want"), MASKED.values(), ids=MASKED)
def test_masked(cls, options, mask, want):
    # Keras asks SimpleRNN without sequences for four units, the others for two.
    units = 4 if cls is layers.SimpleRNN and "return_sequences" not in options else 2
    layer = constant(cls, units, **options)
    tolerance = LOOSE if cls is layers.LSTM else CLOSE
    assert_outputs(layer(counting(2, 4, 3), mask=mask), want, tolerance)


FORWARD, BACKWARD = [0.39687276, 0.7237238], [0.10004295, 0.53391594]
BIDIRECTIONAL = {
    "concat": np.repeat(np.transpose([FORWARD, BACKWARD]), 2, axis=1),
    "ave": [0.24845785, 0.6288199],
}


@pytest.mark.parametrize(("merge_mode", "want"), BIDIRECTIONAL.items())
def test_bidirectional(merge_mode, want):
    layer = layers.Bidirectional(constant(layers.SimpleRNN, 2), merge_mode=merge_mode)
    assert_outputs(layer(counting(2, 3, 4)), want, LOOSE)


def test_bidirectional_without_a_merge():
    layer = layers.Bidirectional(constant(layers.SimpleRNN, 2), merge_mode=None)
    forward, backward = layer(counting(2, 3, 4))
    assert_outputs(forward, FORWARD, LOOSE)
    assert_outputs(backward, BACKWARD, LOOSE)


def test_bidirectional_with_a_backward_layer():
    backward = constant(layers.SimpleRNN, 2, kernel=0.03, bias=0.01, go_backwards=True)
    layer = layers.Bidirectional(
        constant(layers.SimpleRNN, 2), backward_layer=backward, merge_mode="mul"
    )
    assert_outputs(layer(counting(2, 3, 4)), [0.08374989, 0.6740834], LOOSE)


def test_bidirectional_sequences():
    layer = layers.Bidirectional(
        constant(layers.GRU, 2, return_sequences=True), merge_mode="sum"
    )
    want = [[0.20937867, 0.34462988, 0.40290534], [0.59829646, 0.6734641, 0.6479671]]
    assert_outputs(layer(counting(2, 3, 4)), want, LOOSE)


def test_bidirectional_second_call_of_a_stateful_layer():
    layer = layers.Bidirectional(constant(layers.LSTM, 2, stateful=True))
    x = counting(2, 4, 3)
    want = np.repeat([[0.26234663, 0.16959146], [0.6137073, 0.5381646]], 2, axis=1)
    layer(x)
    assert_outputs(layer(x), want, LOOSE)
    layer.reset_state()
    layer(x)
    assert_outputs(layer(x), want, LOOSE)


def test_bidirectional_from_states():
    layer = layers.Bidirectional(constant(layers.LSTM, 2))
    states = [counting(2, 2) * factor for factor in (1, 2, 3, 4)]
    want = [
        [0.20794602, 0.4577124, 0.14046375, 0.48191673],
        [0.6682636, 0.6711909, 0.60943645, 0.60950446],
    ]
    assert_outputs(layer(counting(2, 4, 3), initial_state=states), want, LOOSE)


def test_bidirectional_masked():
    layer = layers.Bidirectional(constant(layers.GRU, 2))
    want = np.repeat([[0.19393763, 0.11669192], [0.30818558, 0.28380975]], 2, axis=1)
    assert_outputs(layer(counting(2, 4, 3), mask=HOLES), want, LOOSE)


def test_bidirectional_states():
    layer = layers.Bidirectional(constant(layers.LSTM, 2, return_state=True))
    outputs, *states = layer(counting(2, 4, 3))
    joined = np.repeat([[0.1990008, 0.12659755], [0.52335435, 0.44717982]], 2, axis=1)
    assert_outputs(outputs, joined, LOOSE)
    want = [
        [0.1990008, 0.52335435],
        [0.35567185, 1.0492687],
        [0.12659755, 0.44717982],
        [0.2501858, 0.941473],
    ]
    assert len(states) == len(want)
    for state, values in zip(states, want, strict=True):
        assert_outputs(state, values, LOOSE)


@pytest.mark.parametrize("return_state", [False, True])
@pytest.mark.parametrize("merge_mode", ["concat", "ave", "mul", "sum", None])
def test_bidirectional_output_shapes(merge_mode, return_state):
    x = np.array([[[101, 202], [303, 404]]], "float32")
    layer = layers.Bidirectional(
        layers.LSTM(2, return_state=return_state), merge_mode=merge_mode
    )
    outputs, shapes = layer(x), layer.compute_output_shape(x.shape)
    if not return_state and merge_mode:
        outputs, shapes = [outputs], [shapes]
    assert [np.shape(output) for output in outputs] == [tuple(shape) for shape in shapes]


X_MASKED = np.array(
    [
        [[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]],
        [[2.0, 2.0], [0.0, 0.0], [2.0, 1.0]],
    ],
    "float32",
)


def test_masking():
    layer = layers.Masking(mask_value=0.0)
    want = [[False, True, False], [True, False, True]]
    np.testing.assert_array_equal(layer.compute_mask(X_MASKED), want)
    np.testing.assert_array_equal(np.asarray(layer(X_MASKED)), X_MASKED)


def test_masking_reaches_the_next_layer():
    masked = models.Sequential([layers.Masking(mask_value=0.0), layers.LSTM(3)])
    got = np.asarray(masked(X_MASKED))
    # Without its masked steps the first row has one step, the second two.
    alone = masked.layers[1]
    first, second = X_MASKED[:1, 1:2], X_MASKED[1:, ::2]
    np.testing.assert_allclose(got[:1], np.asarray(alone(first)), rtol=1e-6)
    np.testing.assert_allclose(got[1:], np.asarray(alone(second)), rtol=1e-6)


def test_masked_model_saved_and_loaded(tmp_path):
    model = models.Sequential([layers.Masking(mask_value=0.0), layers.LSTM(1)])
    want = np.asarray(model(X_MASKED))
    model.save(tmp_path / "model.keras")
    loaded = models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(loaded(X_MASKED)), want)


# Class, options -> shape of the output, number of weights, number of penalties
BASICS = {
    "dropouts": ({"dropout": 0.5, "recurrent_dropout": 0.5}, (3, 3), 0),
    "dropout": ({"dropout": 0.5}, (3, 3), 0),
    "regularised": (
        {
            "return_sequences": True,
            "bias_regularizer": "l1",
            "kernel_regularizer": "l2",
            "recurrent_regularizer": "l2",
        },
        (3, 2, 3),
        3,
    ),
}


@pytest.mark.parametrize("cls", [layers.SimpleRNN, layers.LSTM, layers.GRU])
@pytest.mark.parametrize(("options", "shape", "penalties"), BASICS.values(), ids=BASICS)
def test_basics(cls, options, shape, penalties, rng):
    layer = cls(3, **options)
    x = rng.standard_normal((3, 2, 4), dtype=np.float32)
    outputs = np.asarray(layer(x, training=True))
    assert outputs.shape == shape == tuple(layer.compute_output_shape(x.shape))
    assert np.isfinite(outputs).all()
    assert len(layer.trainable_weights) == 3
    assert len(layer.non_trainable_weights) == 0
    assert len(layer.losses) == penalties
    assert layer.supports_masking
    again = cls.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("options", "width"),
    [({}, 8), ({"separate": True, "merge_mode": "sum"}, 4)],
    ids=["concat", "sum"],
)
def test_bidirectional_basics(options, width, rng):
    options = dict(options)
    if options.pop("separate", False):
        options["backward_layer"] = layers.SimpleRNN(4, go_backwards=True)
    layer = layers.Bidirectional(layers.SimpleRNN(4), **options)
    x = rng.standard_normal((3, 2, 4), dtype=np.float32)
    assert np.shape(layer(x)) == (3, width) == tuple(layer.compute_output_shape(x.shape))
    assert len(layer.trainable_weights) == 6
    assert len(layer.non_trainable_weights) == 0
    assert layer.supports_masking
