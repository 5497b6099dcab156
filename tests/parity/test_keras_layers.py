# SPDX-License-Identifier: Apache-2.0
"""Layers beside Keras': outputs, shapes, masks, weights, configurations; and what they refuse."""

import json
import warnings

import numpy as np
import pytest

from fastrnn import layers
from fastrnn.graph.tape import Tape, Tensor, calling
from fastrnn.layers.variable import Variable
from keras_layer_cases import CASES, HOLES, STEPS, WORDS, F, N, T, inputs_of
from keras_oracle import keras_or_skip
from tolerances import RELATIVE, relative_error

# Keras' own way of reading arrays.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def test_a_layer_does_what_keras_does(case, rng):
    keras = keras_or_skip()
    make, shapes, masks, options = case
    inputs = inputs_of(shapes, rng)
    ours, theirs = make(layers), make(keras.layers)
    # The first call builds the layer.
    run_ours(ours, inputs, masks, options)
    run_keras(keras, theirs, inputs, masks, options)
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        assert (mine.name, mine.shape) == (other.name, tuple(other.shape))
    weights = [rng.uniform(0.5, 1.5, w.shape) for w in ours.get_weights()]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    got, got_masks = run_ours(ours, inputs, masks, options)
    want, want_masks = run_keras(keras, theirs, inputs, masks, options)
    for a, b in zip(got, want, strict=True):
        assert a.dtype == np.float32
        assert relative_error(a, b) < RELATIVE["float32"]
    for a, b in zip(got_masks, want_masks, strict=True):
        assert (a is None) == (b is None)
        assert a is None or np.array_equal(a, b)
    # The moving averages of a batch normalisation.
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert relative_error(a, b) < RELATIVE["float32"]


def test_shapes_are_known_beforehand(case):
    make, shapes, masks, options = case
    options = {name: value for name, value in options.items() if name != "training"}
    layer = make(layers)
    several = len(shapes) > 1
    given = [tuple(shape) for shape in shapes]
    open_shapes = [(None, *shape[1:]) for shape in shapes]
    layer.ensure_built(open_shapes if several else open_shapes[0])
    found = layer.compute_output_shape(given if several else given[0], **options)
    wanted, _ = run_ours(layer, inputs_of(shapes, np.random.default_rng(1)), masks, options)
    assert (found if isinstance(found, list) else [found]) == [y.shape for y in wanted]
    symbols = [layers.Input(batch_shape=shape) for shape in open_shapes]
    made = layer(symbols if several else symbols[0], **options)
    for symbol, y in zip(made if isinstance(made, list) else [made], wanted, strict=True):
        assert symbol.shape == (None, *y.shape[1:])


def test_a_configuration_makes_an_equal_layer(case, rng):
    make, shapes, masks, options = case
    layer = make(layers)
    inputs = inputs_of(shapes, rng)
    run_ours(layer, inputs, masks, options)
    again = layers.deserialize(json.loads(json.dumps(layers.serialize(layer))))
    assert again.name == layer.name
    assert again.get_config() == layer.get_config()
    run_ours(again, inputs, masks, options)
    again.set_weights(layer.get_weights())
    for a, b in zip(run_ours(again, inputs, masks, options)[0],
                    run_ours(layer, inputs, masks, options)[0], strict=True):
        assert np.array_equal(a, b)


def run_ours(layer, inputs, masks, options):
    """Return outputs and masks as lists."""
    tensors = [Tensor(x, m) for x, m in zip(inputs, masks, strict=True)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = layer(tensors if len(tensors) > 1 else tensors[0], **options)
    made = made if isinstance(made, list) else [made]
    return [np.asarray(tensor) for tensor in made], [tensor.mask for tensor in made]


def run_keras(keras, layer, inputs, masks, options):
    """Return outputs and masks as lists."""
    tensors = [keras.ops.convert_to_tensor(x) for x in inputs]
    for tensor, m in zip(tensors, masks, strict=True):
        if m is not None:
            tensor._keras_mask = keras.ops.convert_to_tensor(m)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = layer(tensors if len(tensors) > 1 else tensors[0], **options)
    made = list(made) if isinstance(made, list | tuple) else [made]
    found = [getattr(tensor, "_keras_mask", None) for tensor in made]
    return ([keras.ops.convert_to_numpy(tensor) for tensor in made],
            [None if m is None else keras.ops.convert_to_numpy(m) for m in found])


# -- masks ---------------------------------------------------------------------------------------


def test_steps_with_a_missing_value_are_masked(rng):
    x = rng.standard_normal(STEPS).astype(np.float32)
    x[0, 1, 2] = x[2, 3] = np.nan
    x[1, 1] = 0
    for layer in (layers.Masking(nan=True), layers.Masking(mask_value=np.nan)):
        y = layer(x)
        want = np.ones((N, T), bool)
        want[0, 1] = want[2, 3] = False
        assert np.array_equal(y.mask, want)
        assert np.array_equal(layer.compute_mask(x), want)
        assert np.array_equal(y, np.where(want[..., None], x, 0))


def test_a_dropped_mask_is_told_once():
    layer = layers.Flatten()
    x = Tensor(np.zeros(STEPS, np.float32), HOLES)
    with pytest.warns(UserWarning, match="does not pass it on"):
        assert layer(x).mask is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer(x)


def test_the_mean_over_no_step_is_zero(rng):
    x = rng.standard_normal(STEPS).astype(np.float32)
    mask = HOLES.copy()
    mask[1] = False
    y = np.asarray(layers.GlobalAveragePooling1D()(Tensor(x, mask)))
    assert np.array_equal(y[1], np.zeros(F))
    assert y[[0, 2]].all()


def test_time_distributed_hands_masks_of_words_on(rng):
    x = rng.standard_normal((N, T, 2, F)).astype(np.float32)
    sentences = layers.TimeDistributed(layers.GlobalAveragePooling1D())
    y = sentences(Tensor(x, WORDS))
    want = (x * WORDS[..., None]).sum(axis=2) / np.maximum(WORDS.sum(axis=2), 1)[..., None]
    assert relative_error(y, want) < RELATIVE["float32"]
    assert np.array_equal(y.mask, WORDS.any(axis=2))
    words = layers.TimeDistributed(layers.Dense(3))
    assert np.array_equal(words(Tensor(x, WORDS)).mask, WORDS)


# -- operators -----------------------------------------------------------------------------------


def test_operators_compute_and_lead_gradients_back(rng):
    x = Tensor(rng.standard_normal(STEPS), tracked=True)
    tape = Tape()
    with calling(tape, True):
        y = (2 - x[:, -1]) * x[:, 0] / np.arange(1.0, 6) + [1, 2, 3, 4, 5] - (-x[:, 1])
    a, b, c = x.array[:, -1], x.array[:, 0], x.array[:, 1]
    i = np.arange(1.0, 6)
    assert y.dtype == np.float64
    assert relative_error(y.array, (2 - a) * b / i + i + c) < RELATIVE["float64"]
    y.gradient = dy = rng.standard_normal(y.shape)
    tape.backward()
    want = np.zeros(STEPS)
    want[:, -1], want[:, 0], want[:, 1] = -dy * b / i, dy * (2 - a) / i, dy
    assert relative_error(x.gradient, want) < RELATIVE["float64"]


def test_symbolic_operators_have_the_shapes_of_numpy():
    x = layers.Input((None, 6))
    array = np.zeros((2, 50, 6))
    for operation in (lambda x: x[:, -1], lambda x: x[:, :, 0:2], lambda x: x[..., None],
                      lambda x: x[:, 3:30:2], lambda x: x[:, :, [0, 2, 0]], lambda x: x[:, None],
                      lambda x: 1 / x, lambda x: x[..., :1] * np.ones(4), lambda x: x - x[:, :1]):
        want = operation(array).shape
        got = operation(x).shape
        assert got[0] is None
        assert len(got) == len(want)
        assert all(g in (w, None) for g, w in zip(got, want, strict=True))
        assert None in got[1:] or 50 not in want


def test_an_eager_tensor_is_indexed_like_an_array(rng):
    x = rng.standard_normal((4, 3)).astype(np.float32)
    y = layers.Activation("linear")(x)
    assert np.array_equal(y[1:, 0], x[1:, 0])
    assert [np.asarray(row).tolist() for row in y] == x.tolist()


def test_operators_travel_as_configurations(rng):
    x = rng.standard_normal(STEPS).astype(np.float32)
    for layer in (layers.GetItem((slice(None), slice(1, 3), None)), layers.GetItem((..., [2, 0])),
                  layers.Arithmetic("divide", np.ones((T, 1)) * 3, constant_first=True)):
        again = layers.deserialize(json.loads(json.dumps(layers.serialize(layer))))
        assert np.array_equal(again(x), layer(x))


# -- functions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["add", "average", "concatenate", "dot", "maximum", "minimum",
                                  "multiply", "subtract"])
def test_functions_apply_their_layers(rng, name):
    a, b = (rng.standard_normal(STEPS).astype(np.float32) for _ in range(2))
    layer = layers.Dot(-1) if name == "dot" else getattr(layers, name.title())()
    function = getattr(layers, name)
    assert np.array_equal(function([a, b]), layer([a, b]))


def test_a_lambda_may_be_any_function_where_no_gradient_passes(rng):
    x = rng.standard_normal(STEPS).astype(np.float32)
    layer = layers.Lambda(lambda x, scale: np.tanh(x) * scale, arguments={"scale": 2})
    assert relative_error(layer(x), 2 * np.tanh(x)) < RELATIVE["float32"]
    assert layer.compute_output_shape((None, T, F)) == (None, T, F)
    with calling(Tape(), True), pytest.raises(TypeError, match=r"cannot be trained through.*Layer"):
        layer(Tensor(x, tracked=True))
    last = layers.Lambda(lambda x, mask: x[:, -1] if mask is None else x[:, 0])
    assert np.array_equal(last(x), x[:, -1])
    assert np.array_equal(last(x, mask=HOLES), x[:, 0])
    with pytest.raises(ValueError, match="cannot be saved"):
        layer.get_config()


# -- refusals ------------------------------------------------------------------------------------


def x_of(*shape):
    return np.zeros(shape, np.float32)


def built_dense():
    layer = layers.Dense(2)
    layer(x_of(3, 5))
    return layer


BAD_CALLS = [
    (lambda: layers.Dense(0), ValueError, "units must be at least 1, got 0"),
    (lambda: layers.Dense(2, lora_rank=4), ValueError, "no low-rank adaptation"),
    (lambda: layers.Dense(2, quantization_config={}), ValueError, "no quantised weights"),
    (lambda: layers.Dense(2, colour=1), TypeError, "Dense has no argument colour"),
    (lambda: layers.Dense(2)(x_of(3)), ValueError, r"two axes or more.*got shape \(3,\)"),
    (lambda: built_dense()(x_of(3, 4)), ValueError, r"must be 5, .*got shape \(3, 4\)"),
    (lambda: built_dense()(layers.Input((4,))), ValueError, r"must be 5, .*\(None, 4\)"),
    (lambda: layers.Dense(2)(layers.Input((None,))), ValueError, "must be known, got None"),
    (lambda: layers.Embedding(4, 2)(np.array([[0, 4]])), ValueError,
     r"ids must be in \[0, 4\), as input_dim = 4 says; got 4 at \(0, 1\)"),
    (lambda: layers.Embedding(4, 2)(np.array([[0], [-1]])), ValueError, r"got -1 at \(1, 0\)"),
    (lambda: layers.Embedding(4, 2)(np.array([[0.5]])), ValueError,
     r"whole numbers; got 0.5 at \(0, 0\)"),
    (lambda: layers.Embedding(4, 2)(np.array([[np.nan]])), ValueError, "whole numbers; got nan"),
    (lambda: layers.Embedding(4, 2)(np.array([[np.inf]])), ValueError, "ids must be .*got"),
    (lambda: layers.Embedding(4, 2, weights=x_of(4, 3)), ValueError, r"\(4, 2\), got \(4, 3\)"),
    (lambda: layers.Dropout(1.5), ValueError, r"rate must be a number in \[0, 1\], got 1.5"),
    (lambda: layers.Dropout(0.5, noise_shape="a"), ValueError, "noise_shape must be a tuple"),
    (lambda: layers.Dropout(0.5, noise_shape=(1, 0)), ValueError, "noise_shape must be at least"),
    (lambda: layers.Dropout(0.5, (None, 2))(x_of(3, 5), training=True), ValueError,
     r"noise_shape \(None, 2\) does not fit inputs of shape \(3, 5\)"),
    (lambda: layers.Dropout(0.5, (None, 1))(x_of(3, 5, 2), training=True), ValueError,
     "does not fit"),
    (lambda: layers.SpatialDropout1D(0.5)(x_of(3, 5), training=True), ValueError, "must be 3-D"),
    (lambda: layers.GaussianDropout(1), ValueError, "rate must be below 1"),
    (lambda: layers.Activation("loud"), ValueError, "loud"),
    (lambda: layers.ReLU(-1.0), ValueError, "max_value must be at least 0"),
    (lambda: layers.Flatten("middle"), ValueError, "data_format must be one of"),
    (lambda: layers.Reshape((2, 4))(x_of(3, 5)), ValueError,
     r"5 elements a row.*do not fit target_shape \(2, 4\)"),
    (lambda: layers.Reshape((2, -1))(layers.Input((5,))), ValueError, "do not fit"),
    (lambda: layers.Reshape((-1, -1)), ValueError, "may have one -1"),
    (lambda: layers.Permute((1, 3)), ValueError, r"numbers from 1.*got \(1, 3\)"),
    (lambda: layers.Permute((2, 1))(x_of(3, 5)), ValueError, "must be 3-D"),
    (lambda: layers.RepeatVector(2.0), TypeError, "n must be an int"),
    (lambda: layers.RepeatVector(2)(x_of(3, 5, 2)), ValueError, r"2-D.*\(3, 5, 2\)"),
    (lambda: layers.Add()(x_of(3, 5)), ValueError, "must be called on a list of inputs"),
    (lambda: layers.Subtract()([x_of(3, 5)]), ValueError, "on 2 inputs, got 1"),
    (lambda: layers.Add()([x_of(3, 5), x_of(3, 4)]), ValueError,
     r"shapes \(3, 5\), \(3, 4\) do not fit"),
    (lambda: layers.Add()([x_of(3, 5), x_of(1, 5)]), ValueError,
     r"\(3, 5\), \(1, 5\) do not fit each other: the batches differ"),
    (lambda: layers.Concatenate()([x_of(3, 5, 2), x_of(3, 4, 2)]), ValueError,
     r"\(3, 5, 2\), \(3, 4, 2\) must agree in all axes but -1"),
    (lambda: layers.Concatenate()([x_of(3, 5), x_of(2, 5)]), ValueError,
     r"\(3, 5\), \(2, 5\) must agree"),
    (lambda: layers.Concatenate(0), ValueError, "axis must not be 0"),
    (lambda: layers.Concatenate(2)([x_of(3, 5), x_of(3, 5)]), ValueError, "axis 2 is not one of"),
    (lambda: layers.Dot(0), ValueError, "without 0, the batch"),
    (lambda: layers.Dot(1)([x_of(3, 5), x_of(3, 4)]), ValueError, "differ at the axes"),
    (lambda: layers.Attention()(x_of(3, 5, 2)), ValueError, r"\[query, value\].*got one input"),
    (lambda: layers.Attention()([x_of(3, 5, 2)] * 4), ValueError, "got 4 inputs"),
    (lambda: layers.Attention()([x_of(3, 5, 2), x_of(3, 5, 4)]), ValueError,
     r"features of query and key must be the same, got 2 and 4"),
    (lambda: layers.Attention()([x_of(3, 5, 2), x_of(2, 5, 2)]), ValueError, "batches of query"),
    (lambda: layers.Attention()([x_of(3, 2), x_of(3, 2)]), ValueError, "must be 3-D"),
    (lambda: layers.Attention()([x_of(3, 5, 2)] * 2, mask=[None, HOLES]), ValueError,
     r"mask of the value must have shape \(3, 5\), got \(3, 4\)"),
    (lambda: layers.Attention(score_mode="sum"), ValueError, "score_mode must be one of"),
    (lambda: layers.LayerNormalization(axis=0)(x_of(3, 5)), ValueError, "the batch not counted"),
    (lambda: layers.LayerNormalization(axis="a"), TypeError, "axis must be an int"),
    (lambda: layers.LayerNormalization(rms_scaling=True), ValueError, "rms_scaling"),
    (lambda: layers.BatchNormalization(renorm=True), ValueError, "neither renorm"),
    (lambda: layers.GlobalAveragePooling1D()(x_of(3, 5)), ValueError, "must be 3-D"),
    (lambda: layers.MaxPooling1D(6)(x_of(3, 5, 2)), ValueError, "pool_size 6 is more than the 5"),
    (lambda: layers.TimeDistributed("a"), TypeError, "layer must be a Layer, got str"),
    (lambda: layers.TimeDistributed(layers.Dense(2))(x_of(3, 5)), ValueError, "three axes or more"),
    (lambda: layers.TimeDistributed(layers.Dense(2))(x_of(3, 5, 2), mask=HOLES), ValueError,
     r"must begin with \(3, 5\), got shape \(3, 4\)"),
    (lambda: layers.Lambda(3), TypeError, "function must be callable"),
    (lambda: layers.Input((4,))[0], IndexError, r"leave the batch axis as it is.*got \[0\]"),
    (lambda: layers.Input((4,))[:, 7], IndexError, r"\[:, 7\] does not fit.*\(None, 4\)"),
    (lambda: layers.Input((4,))[:, "a"], IndexError, "ints, slices, lists of ints"),
    (lambda: layers.Input((4, 2)) + np.ones((3, 4, 2)), ValueError, "the batch axis must stay"),
    (lambda: layers.Input((4, 2)) + layers.Input((2,)), ValueError, "different numbers of axes"),
    (lambda: layers.Input((4,)) + "a", TypeError, "other operand of add must be a tensor"),
    (lambda: layers.Input((4,)) * layers.Input((3,)), ValueError, "do not fit each other"),
    (lambda: layers.deserialize({"class_name": "Loud"}), ValueError, "is named 'Loud'"),
    (lambda: layers.loud, AttributeError, "no attribute 'loud'"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD_CALLS)
def test_refusals_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_refused_input_leaves_the_layer_unbuilt():
    layer = layers.Dense(2)
    with pytest.raises(ValueError, match="two axes"):
        layer(x_of(3))
    assert not layer.built
    assert layer(x_of(3, 5)).shape == (3, 2)
    assert all(isinstance(weight, Variable) for weight in layer.weights)


def test_every_public_name_is_there():
    for name in layers.__all__:
        assert getattr(layers, name).__name__ == name
    assert set(layers.__all__) <= set(dir(layers))
