# SPDX-License-Identifier: Apache-2.0
"""Metrics: the results of Keras over batches, with weights and masks, under the same names."""

import pickle

import numpy as np
import pytest

from fastrnn import metrics
from fastrnn._common.registry import snake_case
from keras_oracle import keras_or_skip
from tolerances import RELATIVE, relative_error

REGRESSION = [(name, {}) for name in (
    "MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "LogCoshError",
    "RootMeanSquaredError")]
POSITIVE = [("MeanSquaredLogarithmicError", {}), ("Poisson", {})]
CLASSES = [
    ("CategoricalAccuracy", {}), ("TopKCategoricalAccuracy", {}),
    ("TopKCategoricalAccuracy", {"k": 2}), ("CategoricalCrossentropy", {}),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}),
    ("CategoricalHinge", {}), ("KLDivergence", {}), ("CosineSimilarity", {}),
]
LABELS = [
    ("SparseCategoricalAccuracy", {}), ("SparseTopKCategoricalAccuracy", {"k": 2}),
    ("SparseCategoricalCrossentropy", {}), ("SparseCategoricalCrossentropy", {"ignore_class": 1}),
    ("SparseCategoricalCrossentropy", {"from_logits": True}),
]
BINARY = [
    ("BinaryAccuracy", {}), ("BinaryAccuracy", {"threshold": 0.3}), ("BinaryCrossentropy", {}),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}), ("Hinge", {}),
    ("SquaredHinge", {}), ("AUC", {}), ("AUC", {"curve": "PR"}), ("AUC", {"num_thresholds": 7}),
    ("AUC", {"summation_method": "minoring"}), ("AUC", {"thresholds": [0.7, 0.2]}),
    ("AUC", {"curve": "PR", "summation_method": "majoring"}), ("AUC", {"from_logits": True}),
    ("TruePositives", {}), ("FalsePositives", {}), ("TrueNegatives", {}), ("FalseNegatives", {}),
    ("TruePositives", {"thresholds": [0.8, 0.2, 0.5]}), ("Precision", {}), ("Recall", {}),
    ("Precision", {"thresholds": [0.8, 0.2]}), ("Recall", {"thresholds": 0.3}),
]
TOP = [(name, options) for name in ("Precision", "Recall")
       for options in ({"top_k": 2}, {"class_id": 1}, {"top_k": 2, "class_id": 1})]
MATRIX = [
    ("F1Score", {}), ("F1Score", {"average": "micro"}), ("F1Score", {"average": "macro"}),
    ("F1Score", {"average": "weighted"}), ("F1Score", {"threshold": 0.3}),
    ("FBetaScore", {"beta": 2.0}), ("R2Score", {}), ("R2Score", {"class_aggregation": None}),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}),
    ("R2Score", {"num_regressors": 2}),
]
CASES = [*REGRESSION, *POSITIVE, *CLASSES, *LABELS, *BINARY, *TOP, *MATRIX, ("Accuracy", {})]


def data(name, options, shape, rng):
    """Return targets and an output that the metric is made for."""
    kinds = {}
    for kind, cases in (("labels", LABELS), ("positive", POSITIVE), ("binary", [*BINARY, *TOP]),
                        ("classes", [*CLASSES, *MATRIX])):
        kinds.update((case[0], kind) for case in cases)
    kind = "numbers" if name == "R2Score" else kinds.get(name, "numbers")
    shares = rng.dirichlet(np.ones(shape[-1]), shape[:-1]).astype(np.float32)
    labels = rng.integers(0, shape[-1], shape[:-1])
    if name == "Accuracy":
        return rng.integers(0, 3, shape), rng.integers(0, 3, shape)
    if kind == "labels":
        return labels, shares
    if kind == "classes":
        return np.eye(shape[-1], dtype=np.float32)[labels], shares
    if kind == "binary":
        return rng.integers(0, 2, shape), rng.random(shape, dtype=np.float32)
    if kind == "positive":
        return tuple(rng.uniform(0.1, 3, (2, *shape)).astype(np.float32))
    return tuple(rng.standard_normal((2, *shape)).astype(np.float32))


def results(name, options, shape, weighted, masked, rng):
    """Return our result and Keras' after two batches of other sizes."""
    keras = keras_or_skip()
    import torch

    ours = getattr(metrics, name)(**options)
    theirs = getattr(keras.metrics, name)(**options)
    for rows in (shape[0], shape[0] + 3):
        shape = (rows, *shape[1:])
        y_true, y_pred = data(name, options, shape, rng)
        weights = rng.random(shape[:-1]).astype(np.float32) if weighted else None
        mask = rng.random(shape[:-1]) < 0.6 if masked else None
        tensor = torch.tensor(y_pred)
        if masked:
            keras.src.backend.set_keras_mask(tensor, torch.tensor(mask))
        theirs.update_state(y_true, tensor, sample_weight=weights)
        ours.update_masked(y_true, y_pred, weights, mask)
    return ours, theirs, keras.ops.convert_to_numpy(theirs.result())


@pytest.mark.parametrize(("name", "options"), CASES)
def test_result_is_keras(name, options, rng):
    only_matrices = (name, options) in MATRIX
    for shape, weighted, masked in [
        ((9, 6), False, False), ((9, 6), True, False), ((5, 4, 6), False, False),
        ((5, 4, 6), True, False), ((5, 4, 6), False, True), ((5, 4, 6), True, True),
    ]:
        if only_matrices and len(shape) == 3:
            continue
        ours, theirs, want = results(name, options, shape, weighted, masked, rng)
        assert relative_error(ours.result(), want) < RELATIVE["float32"]
        assert snake_case(ours.name) == theirs.name.rstrip("_0123456789") or "score" in ours.name


@pytest.mark.parametrize(("name", "options"), CASES)
def test_reset_forgets(name, options, rng):
    metric = getattr(metrics, name)(**options)
    batches = [data(name, options, (rows, 6), rng) for rows in (9, 20)]
    first = metric(*batches[0])
    metric.update_state(*batches[1])
    assert not np.array_equal(metric.result(), first)
    metric.reset_state()
    metric.update_state(*batches[0])
    np.testing.assert_array_equal(metric.result(), first)


def _with_rows(shape, more):
    return (shape[0] + more, *shape[1:]) if shape else shape


@pytest.mark.parametrize(("values", "weights"), [
    ((4, 3), None), ((4, 3), (4,)), ((4, 3), (4, 1)), ((4, 3), (4, 3)), ((4,), (4,)),
    ((4,), (4, 1)), ((4, 3), ()), ((), ()), ((), None),
])
def test_mean_and_sum_are_keras(values, weights, rng):
    keras = keras_or_skip()
    for name in ("Mean", "Sum"):
        ours, theirs = getattr(metrics, name)(), getattr(keras.metrics, name)()
        for more in (0, 3):
            batch, weight = (None if shape is None else rng.random(_with_rows(shape, more))
                             for shape in (values, weights))
            ours.update_state(batch, weight)
            theirs.update_state(batch, weight)
        assert relative_error(ours.result(), theirs.result().item()) < RELATIVE["float32"]


def test_mean_of_a_batch_weighed_by_its_rows():
    mean = metrics.Mean()
    assert mean.result() == 0
    mean.update_state(2.0, 3)
    mean.update_state(5.0, 1)
    assert mean.result() == 2.75


@pytest.mark.parametrize(("true", "pred", "cls"), [
    ((8, 1), (8, 1), "BinaryAccuracy"), ((8,), (8, 1), "BinaryAccuracy"),
    ((8, 3), (8, 3), "CategoricalAccuracy"), ((8,), (8, 3), "SparseCategoricalAccuracy"),
    ((8, 1), (8, 3), "SparseCategoricalAccuracy"), ((8, 5), (8, 5, 3), "SparseCategoricalAccuracy"),
    ((8, 5, 3), (8, 5, 3), "CategoricalAccuracy"), ((8, 5, 1), (8, 5, 1), "BinaryAccuracy"),
])
def test_accuracy_is_chosen_by_shapes(true, pred, cls):
    for identifier in ("accuracy", "acc", "Accuracy"):
        metric = metrics.resolve(identifier, true, pred)
        assert type(metric) is getattr(metrics, cls)
        assert metric.name == identifier


def squared(y_true, y_pred):
    return (y_true - y_pred) ** 2


def test_names_in_the_history_are_keras(rng):
    keras = keras_or_skip()

    def named(module):
        return ["accuracy", "mse", "MAE", "mean_squared_error", "Precision", "auc",
                module.metrics.MeanAbsoluteError(), module.metrics.AUC(name="area"),
                module.losses.MeanSquaredLogarithmicError(), module.losses.huber, squared,
                lambda y_true, y_pred: y_true * y_pred]

    import fastrnn

    y_true, y_pred = data("CategoricalAccuracy", {}, (8, 3), rng)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Activation("linear")])
    model.compile(loss="mse", metrics=named(keras))
    want = model.evaluate(y_pred, y_true, verbose=0, return_dict=True)
    want.pop("loss")
    got = {}
    for identifier in named(fastrnn):
        metric = metrics.resolve(identifier, y_true.shape, y_pred.shape)
        metric.update_masked(y_true, y_pred)
        got[metric.name] = metric.result()
    assert set(got) == set(want)
    for name, value in want.items():
        assert relative_error(got[name], value) < RELATIVE["float32"], name


def test_mask_takes_values_out_of_a_function(rng):
    y_true, y_pred = rng.standard_normal((2, 5, 4, 1))
    mask = rng.random((5, 4)) < 0.5
    metric = metrics.resolve(squared, y_true.shape, y_pred.shape)
    metric.update_masked(y_true, y_pred, None, mask)
    want = squared(y_true, y_pred)[mask].mean()
    assert relative_error(metric.result(), want) < RELATIVE["float64"]
    metric.reset_state()
    metric.update_state(y_true, y_pred, metrics.weights_with_mask(None, mask))
    assert relative_error(metric.result(), want) < RELATIVE["float64"]


@pytest.mark.parametrize(("name", "true", "pred"), [
    ("MeanSquaredError", (8, 10, 1), (8, 1)), ("BinaryAccuracy", (8,), (8, 3)),
    ("CategoricalAccuracy", (8,), (8, 3)), ("CategoricalAccuracy", (8, 1), (8, 3)),
    ("SparseCategoricalAccuracy", (8, 3), (8, 3)), ("RootMeanSquaredError", (8, 1), (8, 3)),
    ("TopKCategoricalAccuracy", (8, 1), (8, 6)), ("AUC", (8, 2), (8, 1)), ("R2Score", (8,), (8, 3)),
    ("F1Score", (8, 1), (8, 3)),
])
def test_shapes_that_do_not_fit_are_refused(name, true, pred):
    metric = getattr(metrics, name)()
    with pytest.raises(ValueError, match="does not fit the output"):
        metric.update_state(np.zeros(true), np.zeros(pred, np.float32))


def test_what_cannot_be_a_metric_is_refused():
    for wrong in ("acuracy", "huber", 3):
        with pytest.raises(ValueError, match="metric"):
            metrics.get(wrong)
    with pytest.raises(ValueError, match="got None"):
        metrics.resolve(None, (8, 1), (8, 1))
    with pytest.raises(ValueError, match="k is 5, the output has 3 classes"):
        metrics.TopKCategoricalAccuracy()(np.eye(3), np.eye(3))
    with pytest.raises(ValueError, match=r"y_true\[1\] is 6"):
        metrics.SparseTopKCategoricalAccuracy(k=2)(np.array([0, 6]), np.zeros((2, 6)))
    with pytest.raises(ValueError, match=r"thresholds must be in \[0, 1\]"):
        metrics.Precision(thresholds=[0.5, 1.5])
    with pytest.raises(ValueError, match="multi_label"):
        metrics.AUC(multi_label=True)
    with pytest.raises(ValueError, match="sample_weight of shape"):
        metrics.MeanSquaredError()(np.zeros((8, 2)), np.zeros((8, 2)), np.ones(7))


def test_top_k_with_equal_numbers_is_keras():
    keras = keras_or_skip()
    y_true, y_pred = np.eye(4)[[0, 1, 2, 3]], np.array([[1, 1, 1, 0]] * 4, np.float32)
    theirs = keras.metrics.TopKCategoricalAccuracy(k=2)
    assert metrics.TopKCategoricalAccuracy(k=2)(y_true, y_pred) == theirs(y_true, y_pred).item()


def test_sorted_ids_are_keras(rng):
    keras = keras_or_skip()
    y_true = rng.integers(0, 6, 20)
    y_pred = np.argsort(rng.random((20, 6)), axis=1).astype(np.float32)
    options = {"k": 3, "from_sorted_ids": True}
    want = keras.metrics.SparseTopKCategoricalAccuracy(**options)(y_true, y_pred).item()
    got = metrics.SparseTopKCategoricalAccuracy(**options)(y_true, y_pred)
    assert relative_error(got, want) < RELATIVE["float32"]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_config_is_keras(name, options):
    keras = keras_or_skip()
    ours = getattr(metrics, name)(name="mine", **options)
    want = getattr(keras.metrics, name)(name="mine", **options).get_config()
    for left_out in ("dtype", "multi_label", "num_labels", "label_weights"):
        want.pop(left_out, None)
    got = ours.get_config()
    assert set(want) <= set(got)
    assert all(got[key] == value for key, value in want.items() if key in options)
    again = metrics.deserialize(metrics.serialize(ours))
    assert type(again) is type(ours)
    assert again.get_config() == got
    assert pickle.loads(pickle.dumps(ours)).get_config() == got
