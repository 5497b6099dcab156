# SPDX-License-Identifier: Apache-2.0
"""class_weight: each row or step weighs what its own class does, counted by hand."""

import numpy as np
import pytest

import fastrnn
from class_weight_cases import (
    CLASSES,
    KINDS,
    ROWS,
    STEPS,
    WEIGHTS,
    check,
    inputs,
    model_of,
    of_classes,
)
from fastrnn import layers, losses, models
from tolerances import RELATIVE, relative_error


@pytest.mark.parametrize("kind", KINDS)
def test_each_row_weighs_by_its_class(kind):
    check(kind, sequences=False)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_each_step_weighs_by_its_class(kind, masked):
    check(kind, sequences=True, masked=masked)


@pytest.mark.parametrize("kind", ["sparse", "sparse_column", "one_hot", "binary"])
def test_as_many_rows_as_steps(kind):
    check(kind, sequences=True, rows=STEPS)
    check(kind, sequences=True, rows=CLASSES, steps=CLASSES)


@pytest.mark.parametrize("kind", ["sparse", "one_hot", "binary"])
@pytest.mark.parametrize("shape", [(ROWS,), (ROWS, 1), (ROWS, STEPS), (ROWS, STEPS, 1)])
def test_sample_weights_are_multiplied_with_it(shape, kind):
    weight = np.random.default_rng(2).uniform(0.1, 2, shape).astype("float32")
    check(kind, sequences=True, sample_weight=weight)
    if len(shape) < 3 and shape != (ROWS, STEPS):
        check(kind, sequences=False, sample_weight=weight)


def test_the_value_by_hand():
    """The first loss of a batch: the mean of -weight log p."""
    x, labels = inputs(), np.random.default_rng(1).integers(0, CLASSES, (ROWS, STEPS))
    model = model_of(CLASSES, "softmax", True)
    model.compile("sgd", "sparse_categorical_crossentropy")
    p = np.take_along_axis(model.predict(x), labels[..., None], -1)[..., 0]
    want = -(of_classes(labels) * np.log(p)).mean()
    assert relative_error(model.train_on_batch(x, labels, class_weight=WEIGHTS), want) \
        < RELATIVE["float32"]


def test_labels_of_steps_are_not_columns():
    """tensorflow#45649: 1 in column 3 is not class 3."""
    y = np.zeros((10, 6), int)
    y[:, 3] = 1
    first = []
    for class_weight in (None, {3: 100.0}):
        model = model_of(3, "softmax", True)
        model.compile("sgd", "sparse_categorical_crossentropy")
        first.append(model.fit(inputs(10, 6), y, class_weight=class_weight, verbose=0,
                               shuffle=False).history["loss"][0])
    assert relative_error(*first) < RELATIVE["float32"]


def test_one_step_is_a_step_of_the_weight(rng):
    """Only steps of class 1 weigh anything: what they lose is the loss."""
    x, y = inputs(), rng.integers(0, 2, (ROWS, STEPS))
    model = model_of(1, "sigmoid", True)
    model.compile("sgd", "binary_crossentropy")
    p = model.predict(x)[..., 0]
    want = -np.log(p[y == 1]).sum() / y.size
    assert relative_error(model.train_on_batch(x, y, class_weight={0: 0.0}), want) \
        < RELATIVE["float32"]


def test_generators_and_data_sets():
    x, y = inputs(12), np.random.default_rng(1).integers(0, CLASSES, (12, STEPS))
    results = []
    for data in ((x, y), lambda: ((x[k:k + 4], y[k:k + 4]) for k in (0, 4, 8)),
                 [(x[k:k + 4], y[k:k + 4]) for k in (0, 4, 8)].__iter__):
        model = model_of(CLASSES, "softmax", True)
        model.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
        if callable(data):
            history = model.fit(data(), class_weight=WEIGHTS, verbose=0).history
        else:
            history = model.fit(*data, batch_size=4, shuffle=False, class_weight=WEIGHTS,
                                verbose=0).history
        results.append(history)
    assert results[0] == results[1] == results[2]


def test_steps_per_epoch():
    x, y = inputs(12), np.random.default_rng(1).integers(0, CLASSES, (12, STEPS))
    both = []
    for steps in (None, 2):
        model = model_of(CLASSES, "softmax", True)
        model.compile("sgd", "sparse_categorical_crossentropy")
        rows = slice(None) if steps else slice(8)
        history = model.fit(x[rows], y[rows], batch_size=4, steps_per_epoch=steps, shuffle=False,
                            class_weight=WEIGHTS, verbose=0).history
        both.append(history["loss"])
    assert both[0] == both[1]


def test_what_is_validated_is_not_weighed():
    x, y = inputs(), np.random.default_rng(1).integers(0, CLASSES, (ROWS, STEPS))
    model = model_of(CLASSES, "softmax", True)
    model.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    history = model.fit(x, y, class_weight=WEIGHTS, validation_data=(x, y), verbose=0).history
    want = model.evaluate(x, y, verbose=0)
    assert [history["val_loss"][0], history["val_accuracy"][0]] == want


def test_a_callback_that_evaluates_does_not_end_it():
    class Evaluating(fastrnn.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            other.evaluate(x, y, verbose=0)
            self.model.predict(x, verbose=0)

        def on_epoch_begin(self, epoch, logs=None):
            self.model.evaluate(x, y, verbose=0)
            self.model.reset_metrics()

    x, y = inputs(), np.random.default_rng(1).integers(0, CLASSES, (ROWS, STEPS))
    results = []
    for callbacks in ([], [Evaluating()]):
        model, other = model_of(CLASSES, "softmax", True), model_of(CLASSES, "softmax", True)
        for each in (model, other):
            each.compile("sgd", "sparse_categorical_crossentropy")
        results.append(model.fit(x, y, epochs=2, class_weight=WEIGHTS, shuffle=False, verbose=0,
                                 callbacks=callbacks).history)
    assert results[0] == results[1]


class Named(models.Model):
    def __init__(self):
        super().__init__()
        self.lstm = layers.LSTM(4, return_sequences=True)
        self.head = layers.Dense(CLASSES, activation="softmax")

    def call(self, inputs):
        return self.head(self.lstm(inputs))


def test_a_subclassed_model():
    x, y = inputs(), np.random.default_rng(1).integers(0, CLASSES, (ROWS, STEPS))
    losses_of = []
    for options in ({"class_weight": WEIGHTS}, {"sample_weight": of_classes(y)}):
        fastrnn.utils.set_random_seed(5)
        model = Named()
        model.compile("sgd", "sparse_categorical_crossentropy")
        losses_of.append(model.fit(x, y, shuffle=False, verbose=0, **options).history["loss"])
    assert relative_error(*losses_of) < RELATIVE["float32"]


def test_negative_classes_and_ignored_ones():
    x, y = inputs(), np.random.default_rng(1).choice([-1, 1], (ROWS, STEPS, 1))
    got = []
    for options in ({"class_weight": {-1: 3.0, 1: 0.5}},
                    {"sample_weight": of_classes(y[..., 0], {-1: 3.0, 1: 0.5})}):
        model = model_of(1, "tanh", True)
        model.compile("sgd", "hinge")
        got.append(model.train_on_batch(x, y, **options))
    assert relative_error(*got) < RELATIVE["float32"]
    y = np.random.default_rng(1).integers(-1, CLASSES, (ROWS, STEPS))
    model = model_of(CLASSES, "softmax", True)
    model.compile("sgd", losses.SparseCategoricalCrossentropy(ignore_class=-1))
    p = np.take_along_axis(model.predict(x), y.clip(0)[..., None], -1)[..., 0]
    want = -(of_classes(y) * np.log(p))[y >= 0].mean()
    got = model.train_on_batch(x, y, class_weight={**WEIGHTS, -1: 50.0})
    assert relative_error(got, want) < RELATIVE["float32"]
