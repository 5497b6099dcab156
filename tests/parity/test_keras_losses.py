# SPDX-License-Identifier: Apache-2.0
"""Losses: values, weights, masks and gradients of Keras; targets that do not fit are refused."""

import pickle

import numpy as np
import pytest

from fastrnn import losses
from fastrnn._common.registry import snake_case
from keras_oracle import keras_or_skip
from tolerances import FINITE_DIFFERENCES, RELATIVE, STEP, relative_error

CASES = [
    ("MeanSquaredError", {}), ("MeanAbsoluteError", {}), ("MeanAbsolutePercentageError", {}),
    ("MeanSquaredLogarithmicError", {}), ("Huber", {}), ("Huber", {"delta": 0.3}), ("LogCosh", {}),
    ("Poisson", {}), ("KLDivergence", {}), ("Hinge", {}), ("SquaredHinge", {}),
    ("CategoricalHinge", {}), ("CosineSimilarity", {}),
    ("BinaryCrossentropy", {}), ("BinaryCrossentropy", {"label_smoothing": 0.2}),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}),
    ("CategoricalCrossentropy", {}), ("CategoricalCrossentropy", {"label_smoothing": 0.2}),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.2}),
    ("SparseCategoricalCrossentropy", {}), ("SparseCategoricalCrossentropy", {"from_logits": True}),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}),
    ("SparseCategoricalCrossentropy", {"ignore_class": 255}),
    ("SparseCategoricalCrossentropy", {"ignore_class": -1, "from_logits": True}),
]
FLAT, STEPS = (6, 4), (5, 3, 4)
REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight"]


def data(name, options, shape, rng, dtype=np.float32):
    """Return targets and an output that the loss is made for."""
    raw = 2 * rng.standard_normal(shape)
    labels = rng.integers(0, shape[-1], shape[:-1])
    shares = np.exp(raw) * rng.uniform(0.5, 2, (*shape[:-1], 1))
    if name == "SparseCategoricalCrossentropy":
        if options.get("ignore_class") in (-1, 255):
            labels[rng.random(labels.shape) < 0.3] = options["ignore_class"]
        return labels, (raw if options.get("from_logits") else shares).astype(dtype)
    if name == "CategoricalCrossentropy" and options.get("from_logits"):
        return rng.random(shape).astype(dtype), raw.astype(dtype)
    if name in ("CategoricalCrossentropy", "CategoricalHinge"):
        return np.eye(shape[-1])[labels].astype(dtype), shares.astype(dtype)
    if name == "BinaryCrossentropy":
        output = raw if options.get("from_logits") else rng.uniform(0.01, 0.99, shape)
        return rng.integers(0, 2, shape), output.astype(dtype)
    if name in ("Hinge", "SquaredHinge"):
        return rng.integers(0, 2, shape), raw.astype(dtype)
    if name == "Poisson":
        return rng.uniform(0, 3, shape).astype(dtype), rng.uniform(0.1, 3, shape).astype(dtype)
    if name == "MeanSquaredLogarithmicError":
        return tuple(rng.uniform(-1, 3, (2, *shape)).astype(dtype))
    if name == "KLDivergence":
        return (rng.dirichlet(np.ones(shape[-1]), shape[:-1]).astype(dtype),
                rng.uniform(0.1, 0.9, shape).astype(dtype))
    return rng.standard_normal(shape).astype(dtype), raw.astype(dtype)


def keras_value_and_gradient(name, options, y_true, y_pred, weights=None, mask=None):
    keras = keras_or_skip()
    import torch

    tensor = torch.tensor(y_pred, requires_grad=True)
    if mask is not None:
        keras.src.backend.set_keras_mask(tensor, torch.tensor(mask))
    value = getattr(keras.losses, name)(**options)(y_true, tensor, sample_weight=weights)
    value.backward()
    return value.item(), tensor.grad.numpy()


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("name", "options"), CASES)
def test_value_and_gradient_are_keras(name, options, reduction, rng):
    options = {**options, "reduction": reduction}
    ours = getattr(losses, name)(**options)
    for shape, weighted, masked in [
        (FLAT, False, False), (FLAT, True, False), (STEPS, False, False), (STEPS, True, False),
        (STEPS, False, True), (STEPS, True, True),
    ]:
        y_true, y_pred = data(name, options, shape, rng)
        weights = rng.random(shape[:-1]).astype(np.float32) if weighted else None
        mask = rng.random(shape[:-1]) < 0.6 if masked else None
        want, dwant = keras_value_and_gradient(name, options, y_true, y_pred, weights, mask)
        value, gradient = ours.value_and_gradient(y_true, y_pred, weights, mask)
        assert type(value) is float
        assert gradient.dtype == np.float32
        assert relative_error(value, want) < RELATIVE["float32"]
        assert relative_error(gradient, dwant) < RELATIVE["float32"]
        assert relative_error(ours(y_true, y_pred, weights, mask), want) < RELATIVE["float32"]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_value_of_each_sample_is_keras(name, options, rng):
    keras = keras_or_skip()
    for shape in (FLAT, STEPS):
        y_true, y_pred = data(name, options, shape, rng)
        weights = rng.random(shape[:-1]).astype(np.float32)
        for reduction in ("none", None):
            ours = getattr(losses, name)(reduction=reduction, **options)
            theirs = getattr(keras.losses, name)(reduction=reduction, **options)
            want = keras.ops.convert_to_numpy(theirs(y_true, y_pred))
            assert relative_error(ours(y_true, y_pred), want) < RELATIVE["float32"]
        want = keras.ops.convert_to_numpy(theirs(y_true, y_pred, sample_weight=weights))
        assert relative_error(ours(y_true, y_pred, weights), want) < RELATIVE["float32"]
        function = getattr(losses, snake_case(name))
        theirs = getattr(keras.losses, snake_case(name))
        want = keras.ops.convert_to_numpy(theirs(y_true, keras.ops.convert_to_tensor(y_pred),
                                                 **options))
        assert relative_error(function(y_true, y_pred, **options), want) < RELATIVE["float32"]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_gradient_is_the_slope(name, options, rng):
    if "ignore_class" in options:
        options = {**options, "reduction": "mean_with_sample_weight"}
    y_true, y_pred = data(name, options, STEPS, rng, np.float64)
    weights, mask = rng.random(STEPS[:2]), rng.random(STEPS[:2]) < 0.7
    loss = getattr(losses, name)(**options)
    towards = rng.standard_normal(STEPS)
    for arguments in ((), (weights, mask)):
        _, gradient = loss.value_and_gradient(y_true, y_pred, *arguments)
        high, low = (loss(y_true, y_pred + step * towards, *arguments) for step in (STEP, -STEP))
        slope = (high - low) / (2 * STEP)
        assert relative_error((gradient * towards).sum(), slope) < 100 * FINITE_DIFFERENCES


@pytest.mark.parametrize("axis", [1, 2, -2])
@pytest.mark.parametrize("name", [
    "BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy",
    "CosineSimilarity",
])
def test_axis_is_keras(name, axis, rng):
    y_true, y_pred = data(name, {}, STEPS, rng)
    y_pred = np.moveaxis(y_pred, -1, axis)
    if name != "SparseCategoricalCrossentropy":
        y_true = np.moveaxis(y_true, -1, axis)
    options = {"axis": axis, "reduction": "sum"}
    want, dwant = keras_value_and_gradient(name, options, y_true, y_pred)
    value, gradient = getattr(losses, name)(**options).value_and_gradient(y_true, y_pred)
    assert relative_error(value, want) < RELATIVE["float32"]
    assert relative_error(gradient, dwant) < RELATIVE["float32"]


def test_probabilities_are_clipped_as_keras():
    y_pred = np.array([[0, 1, 0], [1e-8, 0.5, 0.5], [1, 0, 0], [2e-7, 1 - 4e-7, 2e-7]], np.float32)
    for name, y_true in [
        ("CategoricalCrossentropy", np.eye(3, dtype=np.float32)[[0, 1, 0, 2]]),
        ("SparseCategoricalCrossentropy", np.array([0, 1, 0, 2])),
        ("BinaryCrossentropy", np.eye(3, dtype=np.float32)[[0, 1, 0, 2]]),
    ]:
        want, dwant = keras_value_and_gradient(name, {}, y_true, y_pred)
        value, gradient = getattr(losses, name)().value_and_gradient(y_true, y_pred)
        assert relative_error(value, want) < RELATIVE["float32"]
        assert relative_error(gradient, dwant) < RELATIVE["float32"]


def test_logits_far_from_zero():
    logits = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 300]], np.float32)
    for loss, y_true in [
        (losses.CategoricalCrossentropy(from_logits=True), np.eye(3)[[1, 1]]),
        (losses.SparseCategoricalCrossentropy(from_logits=True), np.array([1, 1])),
        (losses.BinaryCrossentropy(from_logits=True), np.eye(3)[[1, 1]]),
    ]:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            value, gradient = loss.value_and_gradient(y_true, logits)
        assert np.isfinite(value)
        assert value > 1000
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize(("true", "pred"), [
    ((7,), (7, 1)), ((7, 1), (7,)), ((7,), (7,)), ((7, 3, 1), (7, 3)), ((7, 3), (7, 3, 1)),
])
def test_a_last_axis_of_one_may_be_missing(true, pred, rng):
    y_true, y_pred = rng.standard_normal(true), rng.standard_normal(pred).astype(np.float32)
    for reduction in ("sum_over_batch_size", "sum"):
        want, dwant = keras_value_and_gradient("MeanSquaredError", {"reduction": reduction},
                                               y_true, y_pred)
        loss = losses.MeanSquaredError(reduction=reduction)
        value, gradient = loss.value_and_gradient(y_true, y_pred)
        assert relative_error(value, want) < RELATIVE["float32"]
        assert relative_error(gradient, dwant) < RELATIVE["float32"]


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_labels_of_any_number_type(kind, shape, rng):
    labels, y_pred = data("SparseCategoricalCrossentropy", {}, FLAT, rng)
    loss = losses.SparseCategoricalCrossentropy()
    want, dwant = loss.value_and_gradient(labels, y_pred)
    value, gradient = loss.value_and_gradient(labels.reshape(shape).astype(kind), y_pred)
    assert value == want
    np.testing.assert_array_equal(gradient, dwant)


def test_weights_of_rows_weigh_every_step(rng):
    y_true, y_pred = data("MeanSquaredError", {}, STEPS, rng)
    rows = rng.random(5).astype(np.float32)
    loss = losses.MeanSquaredError()
    want, dwant = loss.value_and_gradient(y_true, y_pred, np.repeat(rows[:, None], 3, axis=1))
    for weights in (rows, rows[:, None]):
        value, gradient = loss.value_and_gradient(y_true, y_pred, weights)
        assert relative_error(value, want) < RELATIVE["float32"]
        assert relative_error(gradient, dwant) < RELATIVE["float32"]


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_nothing_that_counts_is_zero(reduction, rng):
    y_true, y_pred = data("MeanSquaredError", {}, STEPS, rng)
    loss = losses.MeanSquaredError(reduction=reduction)
    for weights, mask in ((np.zeros(5), None), (None, np.zeros((5, 3), bool))):
        value, gradient = loss.value_and_gradient(y_true, y_pred, weights, mask)
        assert value == 0
        np.testing.assert_array_equal(gradient, np.zeros(STEPS))


@pytest.mark.parametrize(("name", "true", "pred", "said"), [
    ("MeanSquaredError", (100, 10, 1), (100, 1), r"\(100, 10, 1\).*\(100, 1\).*return_sequences"),
    ("MeanSquaredError", (8,), (8, 3), r"\(8,\).*\(8, 3\)"),
    ("MeanSquaredError", (8, 1), (8, 3), r"\(8, 1\).*\(8, 3\)"),
    ("MeanSquaredError", (1, 3), (8, 3), r"\(1, 3\).*\(8, 3\)"),
    ("BinaryCrossentropy", (8, 3), (8, 1), r"\(8, 3\).*\(8, 1\)"),
    ("CategoricalCrossentropy", (8,), (8, 3), "sparse_categorical_crossentropy"),
    ("CategoricalCrossentropy", (8, 1), (8, 3), "sparse_categorical_crossentropy"),
    ("SparseCategoricalCrossentropy", (8, 3), (8, 3), "want categorical_crossentropy"),
    ("SparseCategoricalCrossentropy", (7,), (8, 3), r"\(8,\)"),
])
def test_shapes_that_do_not_fit_are_refused(name, true, pred, said):
    loss = getattr(losses, name)()
    y_true, y_pred = np.zeros(true), np.full(pred, 0.5, np.float32)
    for call in (loss.value_and_gradient, loss, lambda t, p: loss.check(t.shape, p.shape)):
        with pytest.raises(ValueError, match=said):
            call(y_true, y_pred)


def test_weights_that_do_not_fit_are_refused(rng):
    y_true, y_pred = data("MeanSquaredError", {}, STEPS, rng)
    loss = losses.MeanSquaredError()
    for name, shape in [("sample_weight", (3,)), ("sample_weight", (5, 4)), ("mask", (5, 3, 4)),
                        ("mask", (4, 3))]:
        with pytest.raises(ValueError, match=rf"{name} of shape \({shape[0]}.*\(5, 3\)"):
            loss.value_and_gradient(y_true, y_pred, **{name: np.ones(shape)})


@pytest.mark.parametrize(("labels", "said"), [
    ([[0, 1], [2, 3]], r"y_true\[1, 1\] is 3.*0 to 2"), ([[0, -1], [2, 3]], r"\[0, 1\] is -1"),
    ([[0, 0.5], [1, 2]], r"\[0, 1\] is 0.5"), ([[0, np.nan], [1, 2]], r"\[0, 1\] is nan"),
])
@pytest.mark.parametrize("ignored", [None, 2])
def test_labels_that_are_no_class_are_refused(labels, said, ignored):
    y_pred = np.full((2, 2, 3), 1 / 3, np.float32)
    loss = losses.SparseCategoricalCrossentropy(ignore_class=ignored)
    with pytest.raises(ValueError, match=said):
        loss.value_and_gradient(np.array(labels), y_pred)


@pytest.mark.parametrize("wrong", [2, -1, np.nan])
def test_binary_targets_out_of_range_are_refused(wrong):
    y_true = np.array([[0], [1], [wrong]], np.float32)
    with pytest.raises(ValueError, match=r"y_true\[2, 0\] is .*between 0 and 1"):
        losses.BinaryCrossentropy()(y_true, np.full((3, 1), 0.5))


def test_a_nan_in_the_output_reaches_the_loss(rng):
    for name, options in CASES:
        y_true, y_pred = data(name, options, FLAT, rng)
        y_pred[1] = np.nan
        if "ignore_class" in options:
            y_true[1] = 0
        with np.errstate(invalid="ignore"):
            value, _ = getattr(losses, name)(**options).value_and_gradient(y_true, y_pred)
        assert np.isnan(value), name


@pytest.mark.parametrize(("identifier", "name", "cls"), [
    ("mse", "mse", "MeanSquaredError"), ("MAE", "MAE", "MeanAbsoluteError"),
    ("mean_squared_error", "mean_squared_error", "MeanSquaredError"),
    ("MeanSquaredError", "mean_squared_error", "MeanSquaredError"),
    ("huber", "huber", "Huber"), (losses.Huber, "huber_loss", "Huber"),
    (losses.huber, "huber", "Huber"), (losses.LogCosh(name="mine"), "mine", "LogCosh"),
    ({"class_name": "Huber", "config": {"delta": 2.0}}, "huber_loss", "Huber"),
])
def test_identifiers(identifier, name, cls):
    loss = losses.resolve(identifier, FLAT, FLAT)
    assert loss.name == name
    assert type(loss) is getattr(losses, cls)


@pytest.mark.parametrize(("true", "pred", "cls"), [
    ((8, 1), (8, 1), "BinaryCrossentropy"), ((8,), (8, 1), "BinaryCrossentropy"),
    ((8, 3), (8, 3), "CategoricalCrossentropy"), ((8,), (8, 3), "SparseCategoricalCrossentropy"),
    ((8, 1), (8, 3), "SparseCategoricalCrossentropy"),
    ((8, 5), (8, 5, 3), "SparseCategoricalCrossentropy"),
])
def test_crossentropy_is_chosen_by_shapes(true, pred, cls):
    for identifier in ("crossentropy", "ce"):
        assert type(losses.resolve(identifier, true, pred)) is getattr(losses, cls)


def test_what_cannot_be_a_loss_is_refused():
    class OnlyValues(losses.Loss):
        def call(self, y_true, y_pred):
            return y_true - y_pred

    for wrong in (lambda y_true, y_pred: y_true - y_pred, OnlyValues()):
        with pytest.raises(ValueError, match="no derivative"):
            losses.resolve(wrong, FLAT, FLAT)
    with pytest.raises(ValueError, match="'mze' is not known"):
        losses.get("mze")
    with pytest.raises(ValueError, match="reduction must be one of"):
        losses.MeanSquaredError(reduction="average")
    with pytest.raises(ValueError, match="training wants one number"):
        losses.MeanSquaredError(reduction="none").value_and_gradient(np.zeros(FLAT),
                                                                     np.zeros(FLAT, np.float32))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_config_is_keras(name, options):
    keras = keras_or_skip()
    ours = getattr(losses, name)(name="mine", reduction="sum", **options)
    theirs = getattr(keras.losses, name)(name="mine", reduction="sum", **options)
    assert theirs.get_config().items() <= ours.get_config().items()
    again = losses.deserialize(losses.serialize(ours))
    assert again.get_config() == ours.get_config()


def test_functions_survive_their_description():
    keras = keras_or_skip()
    assert losses.deserialize(losses.serialize(losses.mse)) is losses.mse
    theirs = keras.losses.serialize(keras.losses.huber)
    assert losses.deserialize(theirs) is losses.huber


def test_losses_pickle(rng):
    y_true, y_pred = data("Huber", {}, FLAT, rng)
    loss = losses.Huber(delta=0.4)
    assert pickle.loads(pickle.dumps(loss))(y_true, y_pred) == loss(y_true, y_pred)
    assert pickle.loads(pickle.dumps(losses.mse)) is losses.mse


def test_a_loss_of_ones_own(rng):
    class Quartic(losses.Loss):
        def forward(self, y_true, y_pred):
            error = y_pred - y_true
            return (error**4).sum(-1), error

        def backward(self, error, dvalues):
            return 4 * error**3 * np.expand_dims(dvalues, -1)

    y_true, y_pred = data("MeanSquaredError", {}, STEPS, rng, np.float64)
    weights, mask = rng.random(5), rng.random(STEPS[:2]) < 0.6
    loss = losses.resolve(Quartic(), STEPS, STEPS)
    assert loss.name == "quartic"
    for arguments in ((), (weights, mask)):
        towards = rng.standard_normal(STEPS)
        _, gradient = loss.value_and_gradient(y_true, y_pred, *arguments)
        high, low = (loss(y_true, y_pred + step * towards, *arguments) for step in (STEP, -STEP))
        slope = (high - low) / (2 * STEP)
        assert relative_error((gradient * towards).sum(), slope) < 100 * FINITE_DIFFERENCES
    saved = losses.serialize(loss)
    assert type(losses.deserialize(saved, {"Quartic": Quartic})) is Quartic
    with pytest.raises(ValueError, match="'Quartic' is not known"):
        losses.deserialize(saved)
