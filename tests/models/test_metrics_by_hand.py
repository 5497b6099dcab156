# SPDX-License-Identifier: Apache-2.0
"""Every metric of a model, with masks and sample weights, against its value counted by hand.

By hand: what a mask leaves out is dropped, a sample of weight 3 is there three times, and the
formula is applied to what is left, all batches together.
"""

import numpy as np
import pytest

from fastrnn import layers, losses, metrics, models
from tolerances import RELATIVE, relative_error

ROWS, STEPS, CLASSES = 7, 4, 5
PAD = 9.0       # of the inputs, where the mask leaves a step out


def cosine(t, p):
    lengths = np.linalg.norm(t, axis=-1) * np.linalg.norm(p, axis=-1)
    return ((t * p).sum(-1) / lengths).mean()


def huber(t, p):
    e = np.abs(p - t)
    return np.where(e <= 1, e * e / 2, e - 0.5).mean()


def binary_entropy(t, p):
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()


def entropy(t, p):
    return -(t * np.log(p / p.sum(-1, keepdims=True))).sum(-1).mean()


def of_labels(function):
    return lambda labels, p: function(np.eye(p.shape[-1])[labels], p)


def top(t, p, k=2):
    best = np.argsort(p, axis=-1)[:, -k:]
    return (best == t.argmax(-1)[:, None]).any(-1).mean()


def counts(t, p, threshold=0.5):
    above, t = p > threshold, t != 0
    return (above & t).sum(), (above & ~t).sum(), (~above & ~t).sum(), (~above & t).sum()


def precision(t, p):
    tp, fp, _, _ = counts(t, p)
    return tp / (tp + fp)


def recall(t, p):
    tp, _, _, fn = counts(t, p)
    return tp / (tp + fn)


def roc_area(t, p):
    levels = [-1e-7, *np.arange(1, 199) / 199, 1 + 1e-7]
    points = [counts(t, p, np.float32(level)) for level in levels]
    x = [fp / (fp + tn) for _, fp, tn, _ in points]
    y = [tp / (tp + fn) for tp, _, _, fn in points]
    return sum((x[k] - x[k + 1]) * (y[k] + y[k + 1]) / 2 for k in range(len(x) - 1))


def f_beta(t, p, beta):
    positive = p == p.max(-1, keepdims=True)
    scores = []
    for k in range(t.shape[-1]):
        tp = (positive[:, k] & (t[:, k] == 1)).sum()
        share, found = tp / max(positive[:, k].sum(), 1), tp / max((t[:, k] == 1).sum(), 1)
        scores.append((1 + beta**2) * share * found / max(beta**2 * share + found, 1e-7))
    return np.array(scores)


def r2(t, p):
    return (1 - ((t - p) ** 2).sum(0) / ((t - t.mean(0)) ** 2).sum(0)).mean()


def divergence(t, p):
    t = np.maximum(t, 1e-7)
    return (t * np.log(t / p)).sum(-1).mean()


def hinge(t, p):
    return np.maximum(1 - (2 * t - 1) * p, 0)


def categorical_hinge(t, p):
    return np.maximum(1 + ((1 - t) * p).max(-1) - (t * p).sum(-1), 0).mean()


# class: (kind of targets, options, the value by hand)
BY_HAND = {
    "AUC": ("binary", {}, roc_area),
    "Accuracy": ("whole", {}, lambda t, p: (t == p).mean()),
    "BinaryAccuracy": ("binary", {}, lambda t, p: ((p > 0.5) == t).mean()),
    "BinaryCrossentropy": ("binary", {}, binary_entropy),
    "CategoricalAccuracy": ("one_hot", {}, lambda t, p: (t.argmax(-1) == p.argmax(-1)).mean()),
    "CategoricalCrossentropy": ("one_hot", {}, entropy),
    "CategoricalHinge": ("one_hot", {}, categorical_hinge),
    "CosineSimilarity": ("numbers", {}, cosine),
    "F1Score": ("one_hot", {}, lambda t, p: f_beta(t, p, 1)),
    "FBetaScore": ("one_hot", {"beta": 2.0}, lambda t, p: f_beta(t, p, 2)),
    "FalseNegatives": ("binary", {}, lambda t, p: counts(t, p)[3]),
    "FalsePositives": ("binary", {}, lambda t, p: counts(t, p)[1]),
    "Hinge": ("binary", {}, lambda t, p: hinge(t, p).mean()),
    "KLDivergence": ("one_hot", {}, divergence),
    "LogCoshError": ("numbers", {}, lambda t, p: np.log(np.cosh(p - t)).mean()),
    "MeanAbsoluteError": ("numbers", {}, lambda t, p: np.abs(p - t).mean()),
    "MeanAbsolutePercentageError": ("numbers", {},
                                    lambda t, p: 100 * np.abs((p - t) / t).mean()),
    "MeanSquaredError": ("numbers", {}, lambda t, p: ((p - t) ** 2).mean()),
    "MeanSquaredLogarithmicError": ("positive", {},
                                    lambda t, p: (np.log((p + 1) / (t + 1)) ** 2).mean()),
    "Poisson": ("positive", {}, lambda t, p: (p - t * np.log(p)).mean()),
    "Precision": ("binary", {}, precision),
    "R2Score": ("numbers", {}, r2),
    "Recall": ("binary", {}, recall),
    "RootMeanSquaredError": ("numbers", {}, lambda t, p: np.sqrt(((p - t) ** 2).mean())),
    "SparseCategoricalAccuracy": ("labels", {}, lambda t, p: (t == p.argmax(-1)).mean()),
    "SparseCategoricalCrossentropy": ("labels", {}, of_labels(entropy)),
    "SparseTopKCategoricalAccuracy": ("labels", {"k": 2}, of_labels(top)),
    "SquaredHinge": ("binary", {}, lambda t, p: (hinge(t, p) ** 2).mean()),
    "TopKCategoricalAccuracy": ("one_hot", {"k": 2}, top),
    "TrueNegatives": ("binary", {}, lambda t, p: counts(t, p)[2]),
    "TruePositives": ("binary", {}, lambda t, p: counts(t, p)[0]),
}
OF_ROWS = ("F1Score", "FBetaScore", "R2Score")      # outputs of two axes only


def test_every_metric_is_counted():
    assert {cls.__name__ for cls in metrics._CLASSES} == {*BY_HAND, "Mean", "Sum"}


def data(kind, axes, width, rng):
    """Return targets and an output; the output tells a little about the targets."""
    shape = (*axes, width)
    labels = rng.integers(0, width, axes)
    one_hot = np.eye(width, dtype=np.float32)[labels]
    if kind == "labels":
        return labels, rng.dirichlet(np.ones(width), axes).astype(np.float32) + one_hot / 4
    if kind == "one_hot":
        return one_hot, rng.dirichlet(np.ones(width), axes).astype(np.float32) + one_hot / 4
    if kind == "binary":
        target = rng.integers(0, 2, shape)
        return target, (0.15 * target + rng.uniform(0.02, 0.8, shape)).astype(np.float32)
    if kind == "whole":
        return rng.integers(0, 3, shape), rng.integers(0, 3, shape).astype(np.float32)
    if kind == "positive":
        return tuple(rng.uniform(0.1, 3, (2, *shape)).astype(np.float32))
    target = rng.standard_normal(shape).astype(np.float32)
    return target, (target + rng.standard_normal(shape) / 2).astype(np.float32)


def judged(metric, y_true, y_pred, mask, weight, batch_size):
    """Return the metric without and with weights, of a model that gives its inputs back."""
    x = y_pred if mask is None else np.where(mask[..., None], y_pred, np.float32(PAD))
    model = models.Sequential([layers.Input(y_pred.shape[1:]),
                               *([layers.Masking(PAD)] if mask is not None else []),
                               layers.Activation("linear")])
    model.compile("sgd", None, metrics=[metric()], weighted_metrics=[metric()])
    got = model.evaluate(x, y_true, batch_size=batch_size, sample_weight=weight, verbose=0,
                         return_dict=True)
    got.pop("loss")
    plain, weighted = sorted(got, key=lambda name: name.startswith("weighted_"))
    return got[plain], got[weighted]


def samples(array, times):
    """Return the samples of an array, each as often as `times` says."""
    return np.repeat(array.reshape(times.size, *array.shape[times.ndim:]), times.reshape(-1), 0)


def check(metric, hand, y_true, y_pred, mask, weight, *, width_of_target=None):
    axes = y_pred.shape[:-1]
    once = np.ones(axes, int) if mask is None else mask.astype(int)
    times = once if weight is None else once * np.broadcast_to(
        weight.reshape(weight.shape[:len(axes)] + (1,) * (len(axes) - weight.ndim)), axes)
    truth = y_true if width_of_target is None else y_true.reshape(*axes, width_of_target)
    truth, output = (array.astype(np.float64) if array.dtype.kind == "f" else array
                     for array in (truth, y_pred))
    for batch_size in (32, 3):
        plain, weighted = judged(metric, y_true, y_pred, mask,
                                 None if weight is None else weight.astype(np.float32), batch_size)
        assert relative_error(plain, hand(samples(truth, once), samples(output, once))) \
            < RELATIVE["float32"]
        assert relative_error(weighted, hand(samples(truth, times), samples(output, times))) \
            < RELATIVE["float32"]


def weights_of(shape, rng):
    if shape is None:
        return None
    weight = rng.integers(0, 4, shape)
    weight[:2] = [[[1]], [[3]]][:2] if weight.ndim == 3 else np.array([[1], [3]])[
        (slice(None),) if weight.ndim == 2 else (slice(None), 0)]
    return weight


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("weights", [None, (ROWS,), (ROWS, 1), (ROWS, STEPS), (ROWS, STEPS, 1)])
@pytest.mark.parametrize("name", [name for name in BY_HAND if name not in OF_ROWS])
def test_metric_of_steps(name, weights, masked, rng):
    kind, options, hand = BY_HAND[name]
    y_true, y_pred = data(kind, (ROWS, STEPS), CLASSES, rng)
    mask = rng.random((ROWS, STEPS)) < 0.6 if masked else None
    check(lambda: getattr(metrics, name)(**options), hand, y_true, y_pred, mask,
          weights_of(weights, rng))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("weights", [None, (ROWS,), (ROWS, STEPS), (ROWS, STEPS, 1)])
@pytest.mark.parametrize("axes", [(ROWS, STEPS), (ROWS, STEPS, 1)])
@pytest.mark.parametrize("name", [name for name, (kind, _, _) in BY_HAND.items() if kind in (
    "binary", "numbers", "positive", "whole") and name not in (*OF_ROWS, "CosineSimilarity")])
def test_metric_of_one_number_a_step(name, axes, weights, masked, rng):
    """Targets (N, T) and (N, T, 1) mean the same for an output (N, T, 1)."""
    kind, options, hand = BY_HAND[name]
    y_true, y_pred = data(kind, (ROWS, STEPS), 1, rng)
    mask = rng.random((ROWS, STEPS)) < 0.6 if masked else None
    check(lambda: getattr(metrics, name)(**options), hand, y_true.reshape(axes), y_pred, mask,
          weights_of(weights, rng), width_of_target=1)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("weights", [None, (40,), (40, 1)])
@pytest.mark.parametrize("name", BY_HAND)
def test_metric_of_rows(name, weights, masked, rng):
    kind, options, hand = BY_HAND[name]
    y_true, y_pred = data(kind, (40,), CLASSES, rng)
    mask = rng.random(40) < 0.7 if masked else None
    check(lambda: getattr(metrics, name)(**options), hand, y_true, y_pred, mask,
          weights_of(weights, rng))


def squared(y_true, y_pred):
    return (y_true - y_pred) ** 2


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("weights", [None, (6,), (6, STEPS)])
@pytest.mark.parametrize(("metric", "hand"), [
    (squared, BY_HAND["MeanSquaredError"][2]), (losses.huber, huber),
    (losses.Huber(), huber), (losses.mae, BY_HAND["MeanAbsoluteError"][2]),
])
def test_functions_and_losses_as_metrics(metric, hand, weights, masked, rng):
    y_true, y_pred = data("numbers", (6, STEPS), CLASSES, rng)
    mask = rng.random((6, STEPS)) < 0.6 if masked else None
    check(lambda: metric, hand, y_true, y_pred, mask, weights_of(weights, rng))


@pytest.mark.parametrize("name", ["crossentropy", "ce"])
@pytest.mark.parametrize(("kind", "width", "hand"), [
    ("binary", 1, binary_entropy), ("one_hot", CLASSES, entropy),
    ("labels", CLASSES, of_labels(entropy))])
def test_the_crossentropy_that_fits_the_shapes(name, kind, width, hand, rng):
    y_true, y_pred = data(kind, (6, STEPS), width, rng)
    mask = rng.random((6, STEPS)) < 0.6
    check(lambda: name, hand, y_true, y_pred, mask, weights_of((6, STEPS), rng))


def test_a_metric_of_ones_own_gets_mask_and_weights_as_weights(rng):
    class Weights(metrics.Metric):
        seen = ()

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.seen = [*self.seen, sample_weight]

        def result(self):
            return len(self.seen)

        def reset_state(self):
            self.seen = ()

    own = [Weights(name="plain"), Weights(name="weighted")]
    y_true, y_pred = data("numbers", (6, STEPS), 2, rng)
    mask, weight = rng.random((6, STEPS)) < 0.6, rng.random(6).astype(np.float32)
    model = models.Sequential([layers.Input((STEPS, 2)), layers.Masking(PAD)])
    model.compile("sgd", "mse", metrics=own[:1], weighted_metrics=own[1:])
    model.evaluate(np.where(mask[..., None], y_pred, np.float32(PAD)), y_true,
                   sample_weight=weight, verbose=0)
    np.testing.assert_array_equal(own[0].seen[0], mask)
    np.testing.assert_array_equal(own[1].seen[0], mask * weight[:, None])


def test_each_output_has_its_own_mask_and_weights(rng):
    a, b = (layers.Input((STEPS, 1), name=name) for name in "ab")
    outputs = {"left": layers.Masking(PAD, name="left")(a),
               "right": layers.Masking(PAD, name="right")(b)}
    model = models.Model([a, b], list(outputs.values()))
    model.compile("sgd", None, metrics={"left": ["Precision"], "right": ["mse"]},
                  weighted_metrics={"left": ["AUC", "Recall"], "right": ["mae"]})
    y, x, weight, times = {}, [], {}, {}
    for name, kind in (("left", "binary"), ("right", "numbers")):
        y[name], y_pred = data(kind, (ROWS, STEPS), 1, rng)
        mask = rng.random((ROWS, STEPS)) < 0.7
        weight[name] = rng.integers(0, 3, (ROWS, STEPS))
        x.append(np.where(mask[..., None], y_pred, np.float32(PAD)))
        times[name] = mask.astype(int), mask * weight[name]
    got = model.evaluate(x, y, sample_weight=weight, batch_size=3, verbose=0, return_dict=True)
    for name, output, which, hand in [
        ("left_Precision", 0, 0, precision), ("left_AUC", 0, 1, roc_area),
        ("left_Recall", 0, 1, recall), ("right_mse", 1, 0, BY_HAND["MeanSquaredError"][2]),
        ("right_mae", 1, 1, BY_HAND["MeanAbsoluteError"][2]),
    ]:
        side = name.split("_")[0]
        want = hand(samples(y[side], times[side][which]), samples(x[output], times[side][which]))
        assert relative_error(got[name], want) < RELATIVE["float32"], name


def test_padding_does_not_change_a_metric(rng):
    """The same steps in batches that are padded further."""
    model = models.Sequential([layers.Input((None, 1)), layers.Masking(PAD)])
    model.compile("sgd", "mse", metrics=["mae", "Precision"], weighted_metrics=["binary_accuracy"])
    short, long = (data("binary", (3, steps), 1, rng) for steps in (2, 6))

    def results(padding):
        def batches():
            for y_true, y_pred in (short, long):
                wide = [(0, 0), (0, padding), (0, 0)]
                weight = np.pad(np.ones(y_true.shape[:2], np.float32), wide[:2])
                yield np.pad(y_pred, wide, constant_values=PAD), np.pad(y_true, wide), weight

        got = model.evaluate(batches(), steps=2, verbose=0, return_dict=True)
        got.pop("loss")
        return got

    want, got = results(0), results(5)
    for name, value in want.items():
        assert relative_error(got[name], value) < RELATIVE["float32"], name
    y_true, y_pred = (np.concatenate([a.reshape(-1), b.reshape(-1)]) for a, b in zip(
        short, long, strict=True))
    assert relative_error(got["mae"], np.abs(y_pred - y_true).mean()) < RELATIVE["float32"]


def test_a_mask_counts_with_weights_of_one():
    """keras#4575: precision was that of all steps."""
    z, y = np.zeros((1, 4, 1), np.float32), np.zeros((1, 4, 1), int)
    z[0, 0], y[0, 0] = 0.9, 1
    model = models.Sequential([layers.Masking(0.0),
                               layers.Dense(1, kernel_initializer="zeros",
                                            bias_initializer="ones")])
    model.compile("sgd", "mse", metrics=["Recall"],
                  weighted_metrics=[metrics.Precision(), "binary_accuracy"])
    got = model.fit(z, y, sample_weight=np.ones((1, 4)), verbose=0).history
    assert got["precision"] == got["binary_accuracy"] == got["Recall"] == [1.0]
