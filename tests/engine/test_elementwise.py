# SPDX-License-Identifier: Apache-2.0
"""Activations, softmax and crossentropies of whole arrays, on every instruction set."""

import copy
import pickle

import numpy as np
import pytest

from fastrnn import activations, layers, losses
from fastrnn._core.elementwise import (
    ARRAY_ACTIVATIONS,
    CROSSENTROPIES,
    Elementwise,
    crossentropy,
    softmax_backward,
    softmax_forward,
)
from fastrnn.graph.tape import FOR_INPUTS, NOTHING
from fastrnn.reference import activations as oracle
from processes import run_python
from test_activations_core import ISAS, skip_without, ulps
from tolerances import RELATIVE, relative_error

NUMBERS = {"leaky_relu": (0.3,), "elu_alpha": (0.7,), "rectifier": (0.3, 1.5, 0.4)}
# Of values: gelu's and mish's tails and gelu_tanh's left one, where the argument's rounding is
# multiplied, have fewer digits than the rest.
ULPS = {"leaky_relu": 2, "elu_alpha": 4, "gelu": 8, "gelu_tanh": 32, "silu": 4, "mish": 6}
LENGTHS = [0, 1, 3, 7, 8, 9, 31, 64, 1037]

all_activations = pytest.mark.parametrize("name", ARRAY_ACTIVATIONS)


def kernel(name):
    return Elementwise(name, NUMBERS.get(name, ()))


# -- against the formulas --------------------------------------------------------------------------


def arguments(name):
    """Where the value is a normal number: from -end to end, and down to the smallest."""
    end = {"gelu": 12.9, "gelu_tanh": 5.0}.get(name, 80.0)
    sizes = np.concatenate([np.geomspace(1e-30, 1, 500), np.linspace(0, end, 20001)])
    return np.concatenate([-sizes, sizes])


def exact(name, x, which):
    """Value or slope in long double; gelu's by the error function of 60 digits."""
    if name == "gelu":
        import mpmath

        mpmath.mp.dps = 60
        at = [mpmath.mpf(float(v)) for v in x]
        tail = [mpmath.erfc(-v / mpmath.sqrt(2)) / 2 for v in at]
        density = [mpmath.exp(-v * v / 2) / mpmath.sqrt(2 * mpmath.pi) for v in at]
        made = [[v * p, p + v * d] for v, p, d in zip(at, tail, density, strict=True)]
        return np.array([np.longdouble(mpmath.nstr(pair[which], 25)) for pair in made])
    return oracle.BY_ARGUMENT[name][which](x.astype(np.longdouble), *NUMBERS.get(name, ()))


def worst_errors(name, dtype):
    """The largest error of the value in ULP, and of the slope in ULP of 1."""
    x = arguments(name).astype(dtype)
    if name == "gelu":
        x = x[::17]
    y, slope = kernel(name).forward(x)
    dx = kernel(name).backward(slope, np.ones_like(x))
    with np.errstate(all="ignore"):
        wanted = exact(name, x, 0), exact(name, x, 1)
    slopes = np.abs(dx - wanted[1]) / np.finfo(dtype).eps
    return float(ulps(y, wanted[0]).max()), float(slopes.max())


def worst_of_all():
    return {f"{name} {dtype}": worst_errors(name, dtype)
            for name in oracle.BY_ARGUMENT for dtype in ("float32", "float64")}


@pytest.mark.parametrize("isa", ISAS)
def test_values_and_slopes_follow_the_formulas(isa):
    skip_without(isa)
    pytest.importorskip("mpmath")
    code = "import json, test_elementwise as t; print(json.dumps(t.worst_of_all()))"
    worst = run_python(code, FASTRNN_ISA=isa)
    assert len(worst) == 2 * len(ULPS)
    for case, (value, slope) in worst.items():
        assert value <= ULPS[case.split()[0]], (case, value)
        assert slope <= 4, (case, slope)


@all_activations
def test_the_cells_have_the_same_values(name, dtype, rng):
    """tanh here is tanh there: against the formulas of the table of the cells."""
    if name not in oracle.ACTIVATIONS:
        pytest.skip("not an activation of the cells")
    x = 3 * rng.standard_normal(1000).astype(dtype)
    dy = rng.standard_normal(1000).astype(dtype)
    y, kept = kernel(name).forward(x)
    value, slope = oracle.ACTIVATIONS[name]
    assert relative_error(y, value(x.astype(float))) < RELATIVE[dtype]
    assert relative_error(kernel(name).backward(kept, dy), dy * slope(y.astype(float))) < (
        RELATIVE[dtype])


@all_activations
def test_what_is_no_number_stays_none(name, dtype):
    x = np.array([np.nan, 1.0, np.nan], dtype)
    y, _ = kernel(name).forward(x)
    assert np.isnan(y).tolist() == [True, False, True]
    ends = kernel(name).forward(np.array([np.inf, -np.inf, 1e30, -1e30, 0.0, -0.0], dtype))[0]
    assert not np.isnan(ends).any()


@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu", "mish"])
def test_gates_end_at_zero_and_at_the_argument(name, dtype):
    x = np.array([np.inf, -np.inf, 1e30, -1e30, 200.0, -800.0], dtype)
    y, slope = kernel(name).forward(x)
    np.testing.assert_array_equal(y, np.maximum(x, 0))
    np.testing.assert_array_equal(slope, x > 0)


# -- the same bits however it is run ---------------------------------------------------------------


@all_activations
@pytest.mark.parametrize("n", LENGTHS)
def test_length_place_and_strides_change_no_bit(name, n, dtype, rng):
    x = 4 * rng.standard_normal(n + 3).astype(dtype)
    dy = rng.standard_normal(n).astype(dtype)
    one = kernel(name)
    alone = [one.forward(x[j:j + 1])[0] for j in range(n)]
    want = np.concatenate([*alone, np.empty(0, dtype)])
    for begin in range(3):
        moved = np.empty(n + 3, dtype)
        moved[begin:begin + n] = x[:n]
        there = moved[begin:begin + n]
        y, kept = one.forward(there)
        np.testing.assert_array_equal(y, want)
        np.testing.assert_array_equal(one.forward(there, None, False, False)[0], want)
        dx = one.backward(kept, dy)
        np.testing.assert_array_equal(there, x[:n])
        onto, again = one.forward(there, None, True)
        assert onto is there
        np.testing.assert_array_equal(there, want)
        np.testing.assert_array_equal(one.backward(again, dy), dx)
    if n < 2:
        return      # contiguous, however it is taken
    every_other = np.repeat(x[:n], 2)[::2]
    backwards = one.forward(every_other[::-1], None, True)[0]
    np.testing.assert_array_equal(backwards[::-1], want)
    np.testing.assert_array_equal(every_other, x[:n])


@all_activations
@pytest.mark.parametrize("columns", [1, 5, 8, 33])
def test_a_bias_is_added_first(name, columns, dtype, rng):
    a = rng.standard_normal((2, 3, columns)).astype(dtype)
    bias = rng.standard_normal(columns).astype(dtype)
    want, kept = kernel(name).forward(a + bias)
    got, kept_too = kernel(name).forward(a.copy(), bias, True)
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(kept_too, kept)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("columns", [1, 5, 8, 33, 3001])
def test_softmax_of_any_row(log, columns, dtype, rng):
    a = 5 * rng.standard_normal((4, columns)).astype(dtype)
    bias = rng.standard_normal(columns).astype(dtype)
    a[2] -= 1000
    wide = (a + bias).astype(np.longdouble)
    want = wide - wide.max(axis=1, keepdims=True)
    want -= np.log(np.exp(want).sum(axis=1, keepdims=True))
    want = want if log else np.exp(want)
    y = softmax_forward(a, log, bias)
    assert relative_error(y, want) < RELATIVE[dtype] / 20
    np.testing.assert_array_equal(softmax_forward(a + bias, log), y)
    np.testing.assert_array_equal(softmax_forward(np.asfortranarray(a), log, bias), y)
    dy = rng.standard_normal(a.shape).astype(dtype)
    p = np.exp(want) if log else want
    dx = dy - p * dy.sum(axis=1, keepdims=True) if log else (
        p * (dy - (p * dy).sum(axis=1, keepdims=True)))
    assert relative_error(softmax_backward(y, dy, log), dx) < RELATIVE[dtype]
    own = a.copy()
    assert softmax_forward(own, log, bias, True) is own
    np.testing.assert_array_equal(own, y)


def test_a_softmax_of_nan_is_nan_in_its_row_alone(dtype):
    a = np.zeros((3, 19), dtype)
    a[1, 4] = np.nan
    assert np.isnan(softmax_forward(a)).all(axis=1).tolist() == [False, True, False]


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("axis", [0, 1, 2, -2, (1, 2), (-1, 0)])
def test_softmax_along_other_axes(name, axis, rng):
    x, dy = rng.standard_normal((2, 4, 5, 6))
    activation = type(activations.get(name))(axis)
    y, kept = activation.forward(x)
    total = np.exp(x).sum(axis=axis, keepdims=True)
    want = np.exp(x) / total
    np.testing.assert_allclose(y, want if name == "softmax" else np.log(want), rtol=1e-12)
    along = (dy * (want if name == "softmax" else 1)).sum(axis=axis, keepdims=True)
    dx = want * (dy - along) if name == "softmax" else dy - want * along
    np.testing.assert_allclose(activation.backward(kept, dy), dx, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("axis", [-1, 0, 1, (0, 2)])
@pytest.mark.parametrize("shape", [(0, 4, 5), (4, 0, 5), (4, 5, 0)])
def test_softmax_of_nothing(name, axis, shape):
    activation = type(activations.get(name))(axis)
    y, kept = activation.forward(np.empty(shape, np.float32))
    assert y.shape == activation.backward(kept, y).shape == shape


# -- crossentropies --------------------------------------------------------------------------------


def wanted_crossentropy(how, logits, t, y):
    """Values and slopes by the formulas, in long double."""
    low, high = y.dtype.type(1e-7), y.dtype.type(1 - 1e-7)
    t, y = t.astype(np.longdouble), y.astype(np.longdouble)
    if how == "binary":
        if logits:
            return (oracle.softplus(y) - t * y).sum(1), oracle.sigmoid(y) - t
        p = np.clip(y, low, high)
        slope = (p - t) / np.maximum(p * (1 - p), 1e-12) * (p == y)
        return -(t * np.log(p) + (1 - t) * np.log1p(-p)).sum(1), slope
    if logits:
        log_p = y - y.max(1, keepdims=True)
        log_p -= np.log(np.exp(log_p).sum(1, keepdims=True))
        return -(t * log_p).sum(1), np.exp(log_p) * t.sum(1, keepdims=True) - t
    total = y.sum(1, keepdims=True)
    share = y / total
    p = np.clip(share, low, high)
    inside = p == share
    seen = (t * inside).sum(1, keepdims=True)
    return -(t * np.log(p)).sum(1), (seen - t / p * inside) / total


@pytest.mark.parametrize("how", CROSSENTROPIES)
@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("columns", [1, 3, 8, 21, 2050])
def test_crossentropy_of_any_row(how, logits, columns, dtype, rng):
    rows = 6
    y = rng.standard_normal((rows, columns)).astype(dtype)
    if not logits:
        y = oracle.sigmoid(2 * y).astype(dtype)
    labels = rng.integers(columns, size=rows)
    t = np.eye(columns, dtype=dtype)[labels] if how == "sparse" else (
        rng.random((rows, columns)).astype(dtype))
    smooth = (1, 0) if how == "sparse" else (0.9, 0.05)
    given = (None, labels) if how == "sparse" else (t, None)
    scale = rng.random(rows).astype(dtype)
    k = *smooth, 1e-7, 1 - 1e-7
    values, gradient = crossentropy(CROSSENTROPIES[how], logits, k, *given, y, scale)
    want, slopes = wanted_crossentropy(how, logits, t * smooth[0] + smooth[1], y)
    assert relative_error(values, want) < RELATIVE[dtype]
    assert relative_error(gradient, slopes * scale[:, None]) < 2 * RELATIVE[dtype]
    alone, none = crossentropy(CROSSENTROPIES[how], logits, k, *given, y)
    assert none is None
    np.testing.assert_array_equal(alone, values)


@pytest.mark.parametrize("how", CROSSENTROPIES)
@pytest.mark.parametrize("logits", [False, True])
def test_a_loss_of_nan_is_nan(how, logits, dtype):
    y = np.full((2, 11), 0.3, dtype)
    y[1, 7] = np.nan
    t = np.eye(11, dtype=dtype)[[7, 7]]
    given = (None, np.array([7, 7])) if how == "sparse" else (t, None)
    values, _ = crossentropy(CROSSENTROPIES[how], logits, (1, 0, 1e-7, 1 - 1e-7), *given, y, 1.0)
    assert np.isnan(values).tolist() == [False, True]


# -- layers, and NumPy's settings ------------------------------------------------------------------


class Shifted(activations.Gelu):
    """One of ours with a forward of its own."""

    def forward(self, x):
        return super().forward(x - 1)


@pytest.mark.parametrize("keep", [NOTHING, FOR_INPUTS])
@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 5)])
@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("activation", [*activations.names(), activations.Softmax(0), Shifted(),
                                        layers.LeakyReLU(0.1)], ids=str)
def test_dense_is_product_bias_and_activation(activation, use_bias, shape, keep, rng):
    layer = layers.Dense(9, activation=activation, use_bias=use_bias)
    layer.build(shape)
    layer.set_weights([rng.standard_normal(w.shape) for w in layer.get_weights()])
    x = rng.standard_normal(shape).astype(np.float32)
    before = x.copy()
    a = x @ layer.kernel.array + (layer.bias.array if use_bias else 0)
    act = activations.get(activation)
    y, _, kept = layer.forward(x, None, keep != NOTHING, keep)
    np.testing.assert_allclose(y, act.forward(a)[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(x, before)
    alone, *_ = layers.Activation(act).forward(a, None, False, keep)
    np.testing.assert_array_equal(alone, act(a))
    if keep:
        dy = rng.standard_normal(y.shape).astype(np.float32)
        da = act.backward(act.forward(a)[1], dy)
        np.testing.assert_allclose(layer.backward(kept, dy), da @ layer.kernel.array.T, rtol=1e-3,
                                   atol=1e-5)


@pytest.mark.parametrize("activation", activations.names())
def test_errors_that_raise_change_nothing(activation, dtype, rng):
    x = (100 * rng.standard_normal((4, 50))).astype(dtype)
    x[0, :4] = 1e-30, -1e-30, 1e4, -1e4
    with np.errstate(all="raise"):
        act = activations.get(activation)
        y, kept = act.forward(x)
        dx = act.backward(kept, np.full_like(x, 1e-30))
    assert dx.shape == y.shape == x.shape
    y_pred = activations.softmax(x)
    labels = rng.integers(50, size=4)
    with np.errstate(all="raise"):
        for loss, t in ((losses.SparseCategoricalCrossentropy(), labels),
                        (losses.CategoricalCrossentropy(), np.eye(50, dtype=dtype)[labels]),
                        (losses.BinaryCrossentropy(), np.eye(50, dtype=dtype)[labels])):
            for z, logits in ((y_pred, False), (x, True)):
                loss.from_logits = logits
                value, gradient = loss.value_and_gradient(t, z)
                assert np.isfinite(value)
                assert np.isfinite(gradient).all()


@pytest.mark.parametrize("activation", [activations.LeakyRelu(0.1), activations.Elu(-0.5),
                                        activations.gelu], ids=str)
def test_activations_are_copied_and_pickled(activation, rng):
    x, dy = rng.standard_normal((2, 3, 4))
    want = activation.backward(activation.forward(x)[1], dy)
    for other in (copy.deepcopy(activation), pickle.loads(pickle.dumps(activation))):
        np.testing.assert_array_equal(other.backward(other.forward(x)[1], dy), want)


def test_other_dtypes_are_read_as_float32():
    for x in (np.arange(4), np.arange(4, dtype=np.float16), np.arange(4, dtype=">f8"), [1, 2]):
        y = activations.gelu(x)
        assert y.dtype == np.float32 if np.asarray(x).dtype != np.float64 else np.float64
        want = oracle.gelu(np.asarray(x, float))
        np.testing.assert_allclose(y, want, rtol=1e-6)
