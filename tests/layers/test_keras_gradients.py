# SPDX-License-Identifier: Apache-2.0
"""Layers' gradients against central differences in float64, and the rules of the protocol."""

import copy

import numpy as np
import pytest

from fastrnn import layers
from fastrnn.graph.tape import FOR_INPUTS, FOR_WEIGHTS, NOTHING
from gradient_check import central_differences
from tolerances import FINITE_DIFFERENCES, RELATIVE, relative_error

N, T, F = 3, 4, 5
STEPS = (N, T, F)
F64 = {"dtype": "float64"}
HOLES = np.array([[1, 1, 0, 1], [0, 1, 1, 1], [1, 0, 0, 0]], bool)
FIRST = np.array([[1, 1, 0, 1], [1, 0, 0, 1], [1, 0, 0, 0]], bool)
ENDS = np.array([[1, 1, 1, 0], [1, 1, 1, 1], [0, 0, 1, 1]], bool)


def encoder():
    """A model that makes a vector of the words of a sentence."""
    from fastrnn import models

    return models.Sequential([layers.Dense(4, activation="tanh", **F64),
                              layers.GlobalAveragePooling1D(**F64), layers.Dense(2, **F64)])


# name: (layer, shapes of the inputs, masks, options of the call)
CASES = {
    "dense": (lambda: layers.Dense(3, **F64), [(N, F)], [None], {}),
    "dense-tanh": (lambda: layers.Dense(3, activation="tanh", **F64), [STEPS], [None], {}),
    "dense-softmax": (lambda: layers.Dense(3, "softmax", use_bias=False, **F64), [STEPS], [HOLES],
                      {}),
    "dense-4d": (lambda: layers.Dense(2, **F64), [(2, 2, 3, F)], [None], {}),
    "dense-large": (lambda: layers.Dense(1, **F64), [(9, 40000)], [None], {"some": 3}),
    "dropout": (lambda: layers.Dropout(0.4, seed=1, **F64), [STEPS], [HOLES], {}),
    "dropout-steps": (lambda: layers.Dropout(0.4, (None, 1, F), seed=1, **F64), [STEPS], [None],
                      {}),
    "spatial-dropout": (lambda: layers.SpatialDropout1D(0.4, seed=1, **F64), [STEPS], [None], {}),
    "gaussian-noise": (lambda: layers.GaussianNoise(0.4, seed=1, **F64), [STEPS], [None], {}),
    "gaussian-dropout": (lambda: layers.GaussianDropout(0.4, seed=1, **F64), [STEPS], [None], {}),
    "activation": (lambda: layers.Activation("softsign", **F64), [STEPS], [HOLES], {}),
    "elu": (lambda: layers.ELU(0.7, **F64), [STEPS], [None], {}),
    "relu": (lambda: layers.ReLU(1.0, 0.1, 0.2, **F64), [STEPS], [None], {}),
    "leaky-relu": (lambda: layers.LeakyReLU(**F64), [STEPS], [None], {}),
    "softmax": (lambda: layers.Softmax(axis=1, **F64), [STEPS], [None], {}),
    "masking": (lambda: layers.Masking(**F64), [STEPS], [None], {}),
    "flatten": (lambda: layers.Flatten(**F64), [STEPS], [None], {}),
    "flatten-first": (lambda: layers.Flatten("channels_first", **F64), [(2, 3, 4, 2)], [None], {}),
    "reshape": (lambda: layers.Reshape((F, -1), **F64), [STEPS], [None], {}),
    "permute": (lambda: layers.Permute((3, 1, 2), **F64), [(2, 3, 4, 5)], [None], {}),
    "repeat": (lambda: layers.RepeatVector(3, **F64), [(N, F)], [None], {}),
    "add": (lambda: layers.Add(**F64), [STEPS, STEPS, STEPS], [HOLES, None, ENDS], {}),
    "add-wide": (lambda: layers.Add(**F64), [STEPS, (N, 1, F), (N, F)], [None] * 3, {}),
    "subtract": (lambda: layers.Subtract(**F64), [STEPS, (N, T, 1)], [HOLES, ENDS], {}),
    "average": (lambda: layers.Average(**F64), [STEPS, STEPS], [None, None], {}),
    "multiply": (lambda: layers.Multiply(**F64), [STEPS, STEPS, (N, 1, 1)], [None] * 3, {}),
    "multiply-masked": (lambda: layers.Multiply(**F64), [STEPS, STEPS], [HOLES, ENDS], {}),
    "multiply-one": (lambda: layers.Multiply(**F64), [STEPS, STEPS], [None, ENDS], {}),
    "maximum": (lambda: layers.Maximum(**F64), [STEPS, STEPS, STEPS], [None] * 3, {}),
    "maximum-wide": (lambda: layers.Maximum(**F64), [(N, F), STEPS], [None] * 2, {}),
    "maximum-masked": (lambda: layers.Maximum(**F64), [STEPS] * 3, [HOLES, ENDS, HOLES], {}),
    "minimum-one": (lambda: layers.Minimum(**F64), [STEPS] * 3, [HOLES, None, ENDS], {}),
    "concatenate": (lambda: layers.Concatenate(**F64), [STEPS, (N, T, 2)], [HOLES, ENDS], {}),
    "concatenate-steps": (lambda: layers.Concatenate(1, **F64), [STEPS, (N, 2, F), STEPS],
                          [HOLES, None, ENDS], {}),
    "dot": (lambda: layers.Dot(2, **F64), [STEPS, (N, 3, F)], [None] * 2, {}),
    "dot-cosine": (lambda: layers.Dot((1, 2), normalize=True, **F64), [STEPS, (N, 3, T)],
                   [None] * 2, {}),
    "dot-vectors": (lambda: layers.Dot(-1, **F64), [(N, F), (N, F)], [None] * 2, {}),
    "attention": (lambda: layers.Attention(**F64), [STEPS, (N, 6, F)], [None] * 2, {}),
    "attention-scale": (lambda: layers.Attention(use_scale=True, dropout=0.3, seed=2, **F64),
                        [(N, 2, F), (N, T, 3), STEPS], [None, HOLES, None], {}),
    "attention-causal": (lambda: layers.Attention(**F64), [STEPS, STEPS], [HOLES, FIRST],
                         {"use_causal_mask": True, "return_attention_scores": True}),
    "attention-concat": (lambda: layers.Attention(True, "concat", **F64), [STEPS, (N, 2, F)],
                         [HOLES, None], {"return_attention_scores": True}),
    "attention-concat-plain": (lambda: layers.Attention(score_mode="concat", **F64),
                               [STEPS, (N, 2, F)], [None] * 2, {}),
    "additive": (lambda: layers.AdditiveAttention(**F64), [(N, 2, F), STEPS], [None, ENDS], {}),
    "additive-plain": (lambda: layers.AdditiveAttention(False, 0.3, seed=3, **F64),
                       [(N, 2, F), (N, T, 2), STEPS], [None] * 3, {}),
    "layer-norm": (lambda: layers.LayerNormalization(**F64), [STEPS], [HOLES], {}),
    "layer-norm-axes": (lambda: layers.LayerNormalization([1, 3], **F64), [(2, 3, 2, 4)], [None],
                        {}),
    "layer-norm-plain": (lambda: layers.LayerNormalization(1, center=False, scale=False, **F64),
                         [STEPS], [None], {}),
    "batch-norm": (lambda: layers.BatchNormalization(**F64), [STEPS], [None], {}),
    "batch-norm-masked": (lambda: layers.BatchNormalization(**F64), [STEPS], [HOLES], {}),
    "batch-norm-axis": (lambda: layers.BatchNormalization(1, scale=False, **F64), [STEPS], [None],
                        {}),
    "batch-norm-fixed": (lambda: layers.BatchNormalization(**F64), [STEPS], [None],
                         {"training": False}),
    "global-average": (lambda: layers.GlobalAveragePooling1D(**F64), [STEPS], [None], {}),
    "global-average-masked": (lambda: layers.GlobalAveragePooling1D(keepdims=True, **F64), [STEPS],
                              [HOLES], {}),
    "global-average-first": (lambda: layers.GlobalAveragePooling1D("channels_first", **F64),
                             [(N, F, T)], [ENDS], {}),
    "global-max": (lambda: layers.GlobalMaxPooling1D(**F64), [STEPS], [None], {}),
    "average-pooling": (lambda: layers.AveragePooling1D(3, 2, "same", **F64), [STEPS], [None], {}),
    "max-pooling": (lambda: layers.MaxPooling1D(3, 1, data_format="channels_first", **F64),
                    [STEPS], [None], {}),
    "time-distributed": (lambda: layers.TimeDistributed(layers.Dense(2, "tanh", **F64)),
                         [(2, 3, 2, F)], [None], {}),
    "time-distributed-model": (lambda: layers.TimeDistributed(encoder()), [(2, 3, 4, F)], [None],
                               {}),
    "lambda": (lambda: layers.Lambda(lambda x: 2 * x[:, -1] / (1 + x[:, 0] * x[:, 0]), **F64),
               [STEPS], [None], {}),
    "item": (lambda: layers.GetItem((slice(None), slice(1, None, 2), None), **F64), [STEPS],
             [None], {}),
    "item-list": (lambda: layers.GetItem((slice(None), [0, 2, 0, -1]), **F64), [STEPS], [None],
                  {}),
    "item-last": (lambda: layers.GetItem((..., -2), **F64), [STEPS], [None], {}),
    "plus": (lambda: layers.Arithmetic("add", **F64), [STEPS, (N, 1, F)], [None] * 2, {}),
    "minus": (lambda: layers.Arithmetic("subtract", **F64), [STEPS, (N, T, 1)], [None] * 2, {}),
    "times": (lambda: layers.Arithmetic("multiply", **F64), [STEPS, STEPS], [None] * 2, {}),
    "over": (lambda: layers.Arithmetic("divide", **F64), [STEPS, STEPS], [None] * 2,
             {"plus": 5}),
    "over-constant": (lambda: layers.Arithmetic("divide", constant=np.arange(1, 6.0), **F64),
                      [STEPS], [None], {}),
    "constant-over": (lambda: layers.Arithmetic("divide", constant=3, constant_first=True, **F64),
                      [STEPS], [None], {"plus": 5}),
    "constant-minus": (lambda: layers.Arithmetic("subtract", np.ones((1, T, 2)), True, **F64),
                       [(N, T, 1)], [None], {}),
}


class Call:
    """One case: a built layer with random weights, inputs, and how it is called on them."""

    def __init__(self, case, rng):
        make, shapes, masks, options = CASES[case]
        self.layer = make()
        self.options = dict(options)
        # Central differences do not see a pole at 0.
        plus = self.options.pop("plus", 0)
        self.inputs = [plus + rng.standard_normal(shape) for shape in shapes]
        self.masks = masks
        self.training = self.options.pop("training", True)
        # Of many inputs only some are looked at.
        self.some = self.options.pop("some", None)
        self.several = len(shapes) > 1
        self.layer.ensure_built(shapes if self.several else shapes[0])
        for variable in self.layer.weights:
            variable.array[...] = rng.uniform(0.5, 1.5, variable.array.shape)
        self.state = copy.deepcopy(vars(self.layer).get("_source"))
        self.moving = [v for v in self.layer.weights if not v.trainable]
        self.before = [v.array.copy() for v in self.moving]

    def forward(self, inputs, keep=NOTHING):
        """Run the layer with the same noise, and the same moving averages, every time."""
        if self.state is not None:
            self.layer._source = copy.deepcopy(self.state)
        for variable, value in zip(self.moving, self.before, strict=True):
            variable.array[...] = value
        values = (inputs, self.masks) if self.several else (inputs[0], self.masks[0])
        return self.layer.forward(*values, self.training, keep, **self.options)

    def gradients(self, keep, doutputs):
        """Return the gradients of the inputs and of the weights, as lists."""
        for variable in self.layer.weights:
            variable.gradient[...] = 0
        dx = self.layer.backward(self.forward(self.inputs, keep)[2], doutputs)
        return dx if isinstance(dx, list) else [dx], [v.gradient.copy() for v in self.trained()]

    def trained(self):
        return [v for v in self.layer.weights if v.trainable]


def like(rng, outputs):
    """Return random gradients of the outputs."""
    if isinstance(outputs, list):
        return [rng.standard_normal(y.shape) for y in outputs]
    return rng.standard_normal(outputs.shape)


def dot(a, b):
    pairs = zip(a, b, strict=True) if isinstance(a, list) else [(a, b)]
    return float(sum(np.sum(x * y) for x, y in pairs))


@pytest.fixture(params=CASES)
def call(request, rng):
    return Call(request.param, rng)


def test_gradients_are_those_of_central_differences(call, rng):
    dy = like(rng, call.forward(call.inputs)[0])
    dx, dw = call.gradients(FOR_INPUTS, dy)

    def loss():
        return dot(dy, call.forward(call.inputs)[0])

    for got, x in zip(dx, call.inputs, strict=True):
        assert got.shape == x.shape
        if call.some:
            got, x = got[0, :call.some], x[0, :call.some]
        assert relative_error(got, central_differences(loss, x)) < FINITE_DIFFERENCES
    for got, variable in zip(dw, call.trained(), strict=True):
        array = variable.array[:call.some] if call.some else variable.array
        want = central_differences(loss, array)
        assert relative_error(got[:call.some] if call.some else got, want) < FINITE_DIFFERENCES


def test_nothing_is_written_to_what_is_given(call, rng):
    for array in (*call.inputs, *(m for m in call.masks if m is not None)):
        array.flags.writeable = False
    try:
        outputs, _, kept = call.forward(call.inputs, FOR_INPUTS)
        dy = like(rng, outputs)
        for arrays in (outputs, dy):
            for array in arrays if isinstance(arrays, list) else [arrays]:
                array.flags.writeable = False
        call.layer.backward(kept, dy)
    finally:
        for mask in (HOLES, FIRST, ENDS):
            mask.flags.writeable = True


def test_what_is_kept_does_not_change_the_outputs_or_the_gradients_of_weights(call, rng):
    outputs = call.forward(call.inputs)[0]
    dy = like(rng, outputs)
    _, want = call.gradients(FOR_INPUTS, dy)
    for keep in (FOR_WEIGHTS, FOR_INPUTS):
        again = call.forward(call.inputs, keep)[0]
        for a, b in zip(again, outputs, strict=True):
            assert np.array_equal(a, b)
    if want:
        for got, gradient in zip(call.gradients(FOR_WEIGHTS, dy)[1], want, strict=True):
            assert np.array_equal(got, gradient)


@pytest.mark.parametrize("case", [
    "dense", "dense-softmax", "dense-large", "attention-scale", "attention-concat", "additive",
    "layer-norm", "batch-norm-fixed", "time-distributed", "time-distributed-model",
])
def test_gradients_of_weights_add_up_and_rest_where_a_layer_is_frozen(case, rng):
    call = Call(case, rng)
    dy = like(rng, call.forward(call.inputs)[0])
    _, once = call.gradients(FOR_INPUTS, dy)
    call.layer.backward(call.forward(call.inputs, FOR_INPUTS)[2], dy)
    for variable, gradient in zip(call.trained(), once, strict=True):
        assert relative_error(variable.gradient, 2 * gradient) < RELATIVE["float64"]
    call.layer.trainable = False
    _, frozen = call.gradients(FOR_INPUTS, dy)
    assert not any(gradient.any() for gradient in frozen)


def test_gradients_of_an_embedding(rng):
    layer = layers.Embedding(6, 3, **F64)
    ids = rng.integers(0, 6, (4, 5))
    layer.ensure_built(ids.shape)
    dy = rng.standard_normal((4, 5, 3))
    for keep in (FOR_WEIGHTS, FOR_INPUTS):
        layer.embeddings.gradient[...] = 0
        assert layer.backward(layer.forward(ids, None, True, keep)[2], dy) is None
        want = central_differences(lambda: float(np.sum(dy * layer.forward(ids, None, True, 0)[0])),
                                   layer.embeddings.array)
        assert relative_error(layer.embeddings.gradient, want) < FINITE_DIFFERENCES


def test_masked_steps_have_no_gradient(rng):
    for layer in (layers.Masking(**F64), layers.Masking(nan=True, **F64)):
        x = rng.standard_normal(STEPS)
        x[~HOLES] = np.nan if layer.nan else 0
        _, mask, kept = layer.forward(x, None, True, FOR_INPUTS)
        assert np.array_equal(mask, HOLES)
        dy = rng.standard_normal(STEPS)
        assert np.array_equal(layer.backward(kept, dy), np.where(HOLES[..., None], dy, 0))


def test_equal_largest_values_share_the_gradient():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    for kind in (layers.Maximum, layers.Minimum):
        layer = kind(**F64)
        layer.ensure_built([x.shape, x.shape])
        kept = layer.forward([x, x.copy()], [None, None], True, FOR_INPUTS)[2]
        da, db = layer.backward(kept, np.full((2, 2), 6.0))
        assert np.array_equal(da, np.full((2, 2), 3.0))
        assert np.array_equal(db, da)


def test_equal_largest_steps_share_the_gradient_of_all_and_the_first_has_that_of_a_window():
    x = np.array([0.0, 2.0, 2.0, 1.0]).reshape(1, 4, 1)
    for layer, want in ((layers.GlobalMaxPooling1D(**F64), [0, 3, 3, 0]),
                        (layers.MaxPooling1D(4, **F64), [0, 6, 0, 0])):
        y, _, kept = layer.forward(x, None, True, FOR_INPUTS)
        assert layer.backward(kept, np.full_like(y, 6)).reshape(-1).tolist() == want


@pytest.mark.parametrize("which", [0, 1])
def test_attention_passes_the_gradient_of_one_output_alone(rng, which):
    layer = layers.Attention(**F64)
    q, v = rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 5, 4))
    layer.ensure_built([q.shape, v.shape])

    def forward(keep=NOTHING):
        return layer.forward([q, v], [None, None], True, keep, return_attention_scores=True)

    dy = [None, None]
    dy[which] = rng.standard_normal(forward()[0][which].shape)
    gradients = layer.backward(forward(FOR_INPUTS)[2], dy)
    for x, got in zip((q, v), gradients, strict=True):
        want = central_differences(lambda: float(np.sum(dy[which] * forward()[0][which])), x)
        assert relative_error(got, want) < FINITE_DIFFERENCES
