# SPDX-License-Identifier: Apache-2.0
"""What stands at steps that do not count has no influence: targets, weights, labels."""

import numpy as np
import pytest

import fastrnn
from fastrnn import layers, losses, models
from tolerances import RELATIVE, relative_error

ROWS, STEPS, CLASSES = 6, 5, 4
GARBAGE = [-1, 255, 1e30, -1e30, np.nan, np.inf]
# loss: (targets, activation of the output)
KINDS = {
    "mse": ("numbers", None), "mae": ("numbers", None), "huber": ("numbers", None),
    "log_cosh": ("numbers", None), "mape": ("numbers", None), "msle": ("positive", "softplus"),
    "poisson": ("positive", "softplus"), "kl_divergence": ("shares", "softmax"),
    "cosine_similarity": ("numbers", None), "hinge": ("binary", "tanh"),
    "squared_hinge": ("binary", "tanh"), "categorical_hinge": ("one_hot", "softmax"),
    "binary_crossentropy": ("binary", "sigmoid"),
    "categorical_crossentropy": ("one_hot", "softmax"),
    "sparse_categorical_crossentropy": ("labels", "softmax"),
}


def targets(kind, rng, dtype="float32"):
    labels = rng.integers(0, CLASSES, (ROWS, STEPS))
    made = {"labels": labels, "one_hot": np.eye(CLASSES)[labels],
            "binary": rng.integers(0, 2, (ROWS, STEPS, CLASSES)),
            "positive": rng.uniform(0.1, 2, (ROWS, STEPS, CLASSES)),
            "shares": rng.dirichlet(np.ones(CLASSES), (ROWS, STEPS)),
            "numbers": rng.standard_normal((ROWS, STEPS, CLASSES))}[kind]
    return made.astype(dtype)


def padded(rng):
    x = rng.standard_normal((ROWS, STEPS, 3)).astype("float32")
    mask = np.arange(STEPS) < rng.integers(1, STEPS, (ROWS, 1))
    x[~mask] = 0
    return x, mask


def trained(loss, activation, x, y, masked=True, **options):
    """Return all figures of two epochs of a model, and its weights."""
    fastrnn.utils.set_random_seed(4)
    model = models.Sequential([
        *([layers.Masking(0.0)] if masked else []), layers.GRU(4, return_sequences=True),
        layers.Dense(CLASSES, activation=activation)])
    judge = getattr(losses, loss)
    model.compile("sgd", loss, metrics=[judge] if masked else [], weighted_metrics=[judge])
    history = model.fit(x, y, epochs=2, batch_size=4, verbose=0, **options).history
    judged = model.evaluate(x, y, verbose=0, sample_weight=options.get("sample_weight"))
    return [history[name] for name in sorted(history)], judged, model.get_weights()


def same(got, want):
    for ours, theirs in zip(got, want, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert np.isfinite(a).all()
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("loss", KINDS)
def test_targets_of_masked_steps(loss, garbage, rng):
    kind, activation = KINDS[loss]
    x, mask = padded(rng)
    y = targets(kind, rng)
    want = trained(loss, activation, x, y)
    y[~mask] = garbage
    same(trained(loss, activation, x, y), want)


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("loss", KINDS)
def test_targets_of_weight_0(loss, garbage, rng):
    kind, activation = KINDS[loss]
    x, mask = padded(rng)
    y, weight = targets(kind, rng), mask * rng.uniform(0.5, 2, (ROWS, 1)).astype("float32")
    want = trained(loss, activation, x, y, masked=False, sample_weight=weight)
    y[~mask] = garbage
    same(trained(loss, activation, x, y, masked=False, sample_weight=weight), want)


@pytest.mark.parametrize("dtype", ["int8", "int64", "float64"])
def test_labels_of_padding_are_no_classes(dtype, rng):
    x, mask = padded(rng)
    labels = rng.integers(0, CLASSES, (ROWS, STEPS)).astype(dtype)
    want = trained("sparse_categorical_crossentropy", "softmax", x, labels)
    for shape in ((ROWS, STEPS), (ROWS, STEPS, 1)):
        wrong = np.where(mask, labels, -1).astype(dtype).reshape(shape)
        same(trained("sparse_categorical_crossentropy", "softmax", x, wrong), want)


@pytest.mark.parametrize("garbage", GARBAGE[2:])
def test_sample_weights_of_masked_steps(garbage, rng):
    x, mask = padded(rng)
    y = targets("numbers", rng)
    weight = rng.uniform(0.5, 2, (ROWS, STEPS)).astype("float32")
    want = trained("mse", None, x, y, sample_weight=weight)
    weight[~mask] = garbage
    same(trained("mse", None, x, y, sample_weight=weight), want)


def test_class_weights_of_masked_steps(rng):
    x, mask = padded(rng)
    y = targets("labels", rng, int)
    options = {"class_weight": {0: 0.5, 2: 3.0}}
    want = trained("sparse_categorical_crossentropy", "softmax", x, y, **options)
    y[~mask] = -7
    same(trained("sparse_categorical_crossentropy", "softmax", x, y, **options), want)
    y = targets("one_hot", rng)
    want = trained("categorical_crossentropy", "softmax", x, y, **options)
    y[~mask] = 1        # of all classes
    same(trained("categorical_crossentropy", "softmax", x, y, **options), want)


@pytest.mark.parametrize("axis", [1, 2])
def test_another_axis_of_classes(axis, rng):
    y_pred = rng.dirichlet(np.ones(CLASSES), (3, CLASSES)).astype("float32")
    y_true = np.eye(CLASSES, dtype="float32")[rng.integers(0, CLASSES, (3, CLASSES))]
    mask = rng.random((3, CLASSES)) < 0.6
    y_pred, y_true = (np.moveaxis(array, -1, axis) for array in (y_pred, y_true.copy()))
    loss = losses.CategoricalCrossentropy(axis=axis)
    value, gradient = loss.value_and_gradient(y_true, y_pred, None, mask)
    np.moveaxis(y_true, axis, -1)[~mask] = np.nan
    got, slopes = loss.value_and_gradient(y_true, y_pred, None, mask)
    assert got == value
    assert np.isfinite(value)
    np.testing.assert_array_equal(slopes, gradient)


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
def test_outputs_of_zeros_at_masked_steps(loss, rng):
    """The shares of classes in zeros are 0 / 0, in the value and in the gradient."""
    x, mask = padded(rng)
    fastrnn.utils.set_random_seed(4)
    model = models.Sequential([layers.Masking(0.0), layers.GRU(
        CLASSES, activation="softplus", return_sequences=True, zero_output_for_mask=True)])
    model.compile("sgd", loss, metrics=[loss])
    y = targets(KINDS[loss][0], rng)
    history = model.fit(x, y, epochs=2, batch_size=ROWS, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert relative_error(history["loss"], history[loss]) < RELATIVE["float32"]
    p = model.predict(x)
    labels = y if y.ndim == 2 else y.argmax(-1)
    share = np.take_along_axis(p / np.where(mask, p.sum(-1), 1)[..., None],
                               labels[..., None].astype(int), -1)[..., 0]
    want = -np.log(share[mask]).mean()
    assert relative_error(model.evaluate(x, y, verbose=0)[0], want) < RELATIVE["float32"]


@pytest.mark.parametrize("shape", [(ROWS,), (ROWS, 1), (ROWS, STEPS), (ROWS, STEPS, 1)])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@pytest.mark.parametrize("name", ["MeanSquaredError", "Huber", "BinaryCrossentropy"])
def test_targets_of_steps_of_one_number(name, reduction, shape, rng):
    """(N, T) and (N, T, 1) for an output (N, T, 1), with weights and a mask of steps."""
    y_true = rng.integers(0, 2, (ROWS, STEPS)).astype("float64")
    y_pred = rng.uniform(0.1, 0.9, (ROWS, STEPS, 1))
    mask, weight = rng.random((ROWS, STEPS)) < 0.6, rng.integers(1, 4, shape)
    loss = getattr(losses, name)(reduction=reduction)
    scale = STEPS if reduction == "sum" else 1      # a row of targets (N, T) is one sample of it
    for arguments in ((weight, None), (weight, mask), (None, mask)):
        want, slopes = loss.value_and_gradient(y_true[..., None], y_pred, *arguments)
        got, gradient = loss.value_and_gradient(y_true, y_pred, *arguments)
        assert relative_error(got * scale, want) < RELATIVE["float64"]
        assert relative_error(gradient * scale, slopes) < RELATIVE["float64"]
        assert relative_error(loss(y_true, y_pred, *arguments), got) < RELATIVE["float64"]
    plain = loss.value_and_gradient(y_true, y_pred)
    ones = loss.value_and_gradient(y_true, y_pred, np.ones(shape))
    assert relative_error(ones[0], plain[0]) < RELATIVE["float64"]
    assert relative_error(ones[1], plain[1]) < RELATIVE["float64"]


def test_the_mean_by_weights_of_rows_is_a_mean(rng):
    """Rows weigh all of their steps: the mean of a value that is everywhere 4 is 4."""
    loss = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    weight = rng.random((ROWS, 1))
    assert relative_error(loss(np.zeros((ROWS, STEPS, 2)), np.full((ROWS, STEPS, 2), 2.0), weight),
                          4) < RELATIVE["float64"]
