# SPDX-License-Identifier: Apache-2.0
"""Activations, initialisers, regularisers, constraints and the seed, against Keras."""

import numpy as np
import pytest

from fastrnn import activations, constraints, initializers, random, regularizers
from keras_oracle import keras_or_skip
from tolerances import FINITE_DIFFERENCES, RELATIVE, STEP, relative_error

ACTIVATIONS = [
    *((name, {}) for name in activations.names()),
    ("relu", {"negative_slope": 0.3}), ("relu", {"max_value": 1.5}), ("relu", {"threshold": 0.4}),
    ("relu", {"negative_slope": 0.3, "max_value": 1.5, "threshold": 0.4}),
    ("leaky_relu", {"negative_slope": 0.05}), ("elu", {"alpha": 0.3}),
    ("gelu", {"approximate": True}), ("softmax", {"axis": 1}), ("log_softmax", {"axis": 1}),
]
IN_TIME_LOOP = {"tanh", "sigmoid", "hard_sigmoid", "relu", "linear", "elu", "softplus", "softsign"}

RANDOM_INITIALIZERS = [
    ("RandomNormal", {"mean": 0.4, "stddev": 0.3}), ("RandomUniform", {"minval": -1, "maxval": 3}),
    ("TruncatedNormal", {"mean": 0.4, "stddev": 0.3}), ("GlorotUniform", {}), ("GlorotNormal", {}),
    ("HeUniform", {}), ("HeNormal", {}), ("LecunUniform", {}), ("LecunNormal", {}),
    ("VarianceScaling", {"scale": 3.0, "mode": "fan_out", "distribution": "untruncated_normal"}),
    ("VarianceScaling", {"scale": 3.0, "mode": "fan_avg", "distribution": "normal"}),
    ("VarianceScaling", {"input_axes": [1], "output_axes": [0], "distribution": "uniform"}),
    ("Orthogonal", {"gain": 2.0}),
]

REGULARIZERS = [
    ("L1", {}), ("L2", {"l2": 0.3}), ("L1L2", {"l1": 0.2, "l2": 0.3}),
    ("OrthogonalRegularizer", {"factor": 0.2}),
    ("OrthogonalRegularizer", {"factor": 0.2, "mode": "columns"}),
]

CONSTRAINTS = [
    ("MaxNorm", {}), ("MaxNorm", {"max_value": 0.7, "axis": 1}), ("NonNeg", {}), ("UnitNorm", {}),
    ("UnitNorm", {"axis": [0, 1]}),
    ("MinMaxNorm", {"min_value": 0.5, "max_value": 0.9, "rate": 0.3, "axis": 0}),
]


@pytest.mark.parametrize(("name", "options"), ACTIVATIONS)
def test_activation_and_derivative_are_keras(name, options, rng):
    keras = keras_or_skip()
    import torch

    x = (4 * rng.standard_normal((3, 5, 4))).astype(np.float32)
    dy = rng.standard_normal(x.shape).astype(np.float32)
    tensor = torch.tensor(x, requires_grad=True)
    want = getattr(keras.activations, name)(tensor, **options)
    want.backward(torch.tensor(dy))

    activation = type(activations.get(name))(**options)
    x_before, dy_before = x.copy(), dy.copy()
    y, kept = activation.forward(x)
    y_before = y.copy()
    dx = activation.backward(kept, dy)

    assert y.dtype == dx.dtype == np.float32
    assert relative_error(y, want.detach().numpy()) < RELATIVE["float32"]
    assert relative_error(dx, tensor.grad.numpy()) < RELATIVE["float32"]
    np.testing.assert_array_equal(getattr(activations, name)(x, **options), y)
    for array, before in ((x, x_before), (y, y_before), (dy, dy_before)):
        np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("name", activations.names())
def test_activation_backward_is_the_slope(name, rng):
    x = 2 * rng.standard_normal((4, 5))
    x[abs(x) < 0.01] = 0.5
    dy = rng.standard_normal(x.shape)
    activation = activations.get(name)
    dx = activation.backward(activation.forward(x)[1], dy)
    towards = rng.standard_normal(x.shape)
    high, low = (activation(x + step * towards) for step in (STEP, -STEP))
    assert relative_error((dx * towards).sum(), ((high - low) * dy).sum() / (2 * STEP)) < (
        10 * FINITE_DIFFERENCES)


@pytest.mark.parametrize("name", activations.names())
def test_activation_is_finite_far_from_zero(name, dtype):
    far = np.array([[-1e4, -100, -90, 0, 88, 100, 1e4]], dtype)
    if name == "exponential":
        far = far[:, :5]
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        activation = activations.get(name)
        y, kept = activation.forward(far)
        dx = activation.backward(kept, np.ones_like(far))
    assert y.dtype == dx.dtype == dtype
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "elu", "silu"])
def test_activation_of_a_small_number_has_digits(name):
    formulas = {
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "softplus": lambda x: np.log1p(np.exp(x)),
        "elu": np.expm1, "silu": lambda x: x / (1 + np.exp(-x)),
    }
    x = np.array([-30, -12, -1e-3], np.float32)
    want = formulas[name](x.astype(np.float64))
    np.testing.assert_allclose(activations.get(name)(x), want, rtol=1e-6)


def test_activations_of_the_time_loop():
    assert {n for n in activations.names() if activations.get(n).recurrent} == IN_TIME_LOOP
    assert not activations.Elu(0.5).recurrent
    assert not activations.Relu(max_value=2.0).recurrent


def test_activation_identifiers():
    assert activations.get(None) is activations.linear
    assert activations.get("swish") is activations.silu
    assert activations.get(activations.Elu).alpha == 1
    with pytest.raises(ValueError, match=r"no derivative.*tanh"):
        activations.get(lambda x: x)
    with pytest.raises(ValueError, match=r"one of elu, .*'reluu'"):
        activations.get("reluu")


@pytest.mark.parametrize(("name", "options"), ACTIVATIONS)
def test_activation_survives_its_description(name, options):
    activation = type(activations.get(name))(**options)
    again = activations.deserialize(activations.serialize(activation))
    assert type(again) is type(activation)
    assert again.get_config() == activation.get_config()
    if not options:
        assert activations.serialize(name) == activation.name


@pytest.mark.parametrize(("name", "options"), RANDOM_INITIALIZERS)
def test_initializer_is_distributed_as_keras(name, options):
    keras = keras_or_skip()
    shape = (300, 200)
    want = getattr(keras.initializers, name)(seed=5, **options)(shape)
    want = keras.ops.convert_to_numpy(want).astype(np.float64)
    got = getattr(initializers, name)(seed=5, **options)(shape)
    assert got.dtype == np.float32
    spread = want.std()
    assert abs(got.mean(dtype=np.float64) - want.mean()) < 0.02 * spread
    assert abs(got.std(dtype=np.float64) - spread) < 0.01 * spread
    # Five standard errors of the difference of two samples' outer quantiles.
    quantiles = np.linspace(0.05, 0.95, 25)
    assert np.abs(np.quantile(got, quantiles) - np.quantile(want, quantiles)).max() < 0.06 * spread
    if name not in ("RandomNormal", "Orthogonal") and "untruncated_normal" not in options.values():
        assert abs(np.abs(got).max() - np.abs(want).max()) < 0.02 * spread


@pytest.mark.parametrize(("name", "options"), RANDOM_INITIALIZERS)
def test_initializer_config_is_keras(name, options):
    keras = keras_or_skip()
    ours = getattr(initializers, name)(seed=3, **options)
    assert ours.get_config() == getattr(keras.initializers, name)(seed=3, **options).get_config()
    again = initializers.deserialize(initializers.serialize(ours))
    np.testing.assert_array_equal(again((6, 4)), ours((6, 4)))


@pytest.mark.parametrize("name", ["glorot_uniform", "he_normal", "orthogonal", "random_normal"])
def test_seeds_of_initializers(name):
    cls = type(initializers.get(name))
    seeded = cls(seed=7)
    np.testing.assert_array_equal(seeded((5, 4)), seeded((5, 4)))
    np.testing.assert_array_equal(seeded((5, 4)), cls(seed=7)((5, 4)))
    unseeded = cls()
    np.testing.assert_array_equal(unseeded((5, 4)), unseeded((5, 4)))
    assert not np.array_equal(unseeded((5, 4)), cls()((5, 4)))
    assert not np.array_equal(initializers.get(name)((5, 4)), initializers.get(name)((5, 4)))
    row = cls(seed=random.SeedGenerator(7))
    assert not np.array_equal(row((5, 4)), row((5, 4)))


def test_set_seed_repeats_everything():
    def draw():
        random.set_seed(11)
        return (initializers.GlorotUniform()((3, 4)), random.draw_seed(),
                random.SeedGenerator().next(), random.generator().permutation(20))

    for first, second in zip(draw(), draw(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert random.draw_seed() != random.draw_seed()


def test_a_refused_seed_changes_nothing():
    random.set_seed(3)
    first = random.draw_seed()
    random.set_seed(3)
    for wrong in (-1, 1.5, "a", True):
        with pytest.raises((TypeError, ValueError), match="seed"):
            random.set_seed(wrong)
    assert random.draw_seed() == first


@pytest.mark.parametrize("shape", [(5, 20), (20, 5), (6, 6), (2, 3, 4)])
def test_orthogonal(shape):
    w = initializers.Orthogonal(gain=2.0, seed=1)(shape, np.float64).reshape(-1, shape[-1])
    gram = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    assert relative_error(gram, 4 * np.eye(len(gram))) < RELATIVE["float64"]


def test_fixed_initializers():
    values = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(initializers.get("zeros")((2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(initializers.get("ones")((2, 3)), np.ones((2, 3)))
    np.testing.assert_array_equal(initializers.Constant(2.5)((2, 3)), np.full((2, 3), 2.5))
    np.testing.assert_array_equal(initializers.Identity(3)((2, 3)), 3 * np.eye(2, 3))
    np.testing.assert_array_equal(initializers.get(values)((2, 3)), values)

    def fill(shape, dtype=None):
        return np.full(shape, 4, dtype)

    assert initializers.get(fill) is fill


def test_initializers_refuse():
    for wrong in ("glorot", 3, {"config": {}}):
        with pytest.raises(ValueError, match="initializer"):
            initializers.get(wrong)
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(3, 2\)"):
        initializers.get(np.zeros((2, 3)))((3, 2))
    with pytest.raises(ValueError, match="two axes"):
        initializers.Orthogonal()((3,))
    with pytest.raises(ValueError, match="matrices"):
        initializers.Identity()((3,))
    for wrong in ({"scale": 0}, {"mode": "fan"}, {"distribution": "cauchy"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            initializers.VarianceScaling(**wrong)


@pytest.mark.parametrize(("name", "options"), REGULARIZERS)
def test_regularizer_and_gradient_are_keras(name, options, rng):
    keras = keras_or_skip()
    import torch

    w = rng.standard_normal((5, 4)).astype(np.float32)
    tensor = torch.tensor(w, requires_grad=True)
    want = getattr(keras.regularizers, name)(**options)(tensor)
    want.backward()
    ours = getattr(regularizers, name)(**options)
    gradient = ours.gradient(w)
    assert gradient.dtype == np.float32
    assert relative_error(ours(w), want.item()) < RELATIVE["float32"]
    assert relative_error(gradient, tensor.grad.numpy()) < RELATIVE["float32"]
    again = regularizers.deserialize(regularizers.serialize(ours))
    assert again(w) == ours(w)


def test_regularizer_identifiers():
    assert regularizers.get(None) is None
    assert regularizers.get("l2").l2 == 0.01
    assert regularizers.get("l1_l2").get_config() == {"l1": 0.01, "l2": 0.01}
    with pytest.raises(ValueError, match="no gradient"):
        regularizers.get(lambda w: 0.0)
    with pytest.raises(ValueError, match="'l3' is not known"):
        regularizers.get("l3")
    for wrong in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="l2"):
            regularizers.L2(wrong)
    with pytest.raises(ValueError, match="rank 2"):
        regularizers.OrthogonalRegularizer()(np.zeros(3, np.float32))


def test_orthogonal_regularizer_of_a_zero_row(rng):
    w = rng.standard_normal((3, 4)).astype(np.float32)
    w[1] = 0
    assert np.isfinite(regularizers.OrthogonalRegularizer().gradient(w)).all()


@pytest.mark.parametrize(("name", "options"), CONSTRAINTS)
def test_constraint_is_keras(name, options, rng):
    keras = keras_or_skip()
    w = rng.standard_normal((5, 4)).astype(np.float32)
    before = w.copy()
    ours = getattr(constraints, name)(**options)
    want = keras.ops.convert_to_numpy(getattr(keras.constraints, name)(**options)(w))
    assert ours(w).dtype == np.float32
    assert relative_error(ours(w), want) < RELATIVE["float32"]
    np.testing.assert_array_equal(w, before)
    again = constraints.deserialize(constraints.serialize(ours))
    np.testing.assert_array_equal(again(w), ours(w))


def test_constraint_identifiers():
    assert constraints.get(None) is None
    assert type(constraints.get("max_norm")) is constraints.MaxNorm
    with pytest.raises(ValueError, match="'norm' is not known"):
        constraints.get("norm")
