# SPDX-License-Identifier: Apache-2.0
"""class_weight of several outputs and of outputs of any shape; what it cannot be."""

import numpy as np
import pytest

import fastrnn
from class_weight_cases import CLASSES, KINDS, ROWS, STEPS, WEIGHTS, inputs, model_of, of_classes
from fastrnn import layers, losses, models
from tolerances import RELATIVE, relative_error


def two_outputs():
    fastrnn.utils.set_random_seed(5)
    x = layers.Input((STEPS, 3))
    sequence = layers.GRU(4, return_sequences=True)(x)
    model = models.Model(x, [layers.Dense(CLASSES, activation="softmax", name="tag")(sequence),
                             layers.Dense(1, activation="sigmoid", name="end")(
                                 layers.GRU(3)(sequence))])
    model.compile("sgd", ["sparse_categorical_crossentropy", "binary_crossentropy"],
                  loss_weights=[1.0, 0.3])
    return model


ENDS = {1: 4.0}


@pytest.mark.parametrize(("class_weight", "tags", "ends"), [
    ({"tag": WEIGHTS, "end": ENDS}, True, True), ([WEIGHTS, ENDS], True, True),
    ({"end": ENDS}, False, True), ({"tag": WEIGHTS, "end": None}, True, False),
    ((None, ENDS), False, True),
])
@pytest.mark.parametrize("weighted", [False, True])
def test_several_outputs(class_weight, tags, ends, weighted):
    rng = np.random.default_rng(1)
    x, y = inputs(), [rng.integers(0, CLASSES, (ROWS, STEPS)), rng.integers(0, 2, ROWS)]
    own = rng.uniform(0.5, 2, ROWS).astype("float32") if weighted else np.ones(ROWS, "float32")
    by_hand = [(of_classes(y[0]) if tags else np.ones((ROWS, STEPS), "float32")) * own[:, None],
               (of_classes(y[1], ENDS) if ends else np.ones(ROWS, "float32")) * own]
    runs = [two_outputs().fit(x, y, shuffle=False, verbose=0, batch_size=4, **options).history
            for options in ({"class_weight": class_weight,
                             **({"sample_weight": own} if weighted else {})},
                            {"sample_weight": by_hand})]
    for name, values in runs[1].items():
        assert relative_error(runs[0][name], values) < RELATIVE["float32"], name


def test_one_dict_is_for_the_only_output_that_is_trained():
    x, y = inputs(), np.random.default_rng(1).integers(0, CLASSES, (ROWS, STEPS))
    losses_of = []
    for options in ({"class_weight": WEIGHTS}, {"sample_weight": of_classes(y)}):
        model = two_outputs()
        model.compile("sgd", ["sparse_categorical_crossentropy", None])
        losses_of.append(model.fit(x, y, shuffle=False, verbose=0, **options).history["loss"])
    assert relative_error(*losses_of) < RELATIVE["float32"]


@pytest.mark.parametrize("key", [np.int64, np.int32, np.float64, float])
def test_kinds_of_keys(key):
    x, y = inputs(), np.random.default_rng(1).integers(0, CLASSES, (ROWS, STEPS))
    got = []
    for table in (WEIGHTS, {key(k): np.float32(v) for k, v in WEIGHTS.items()}):
        model = model_of(CLASSES, "softmax", True)
        model.compile("sgd", "sparse_categorical_crossentropy")
        got.append(model.train_on_batch(x, y, class_weight=table))
    assert got[0] == got[1]


@pytest.mark.parametrize("kind", ["sparse", "sparse_column", "one_hot", "binary", "binary_column"])
def test_outputs_of_more_axes(kind):
    width, activation, loss, made = KINDS[kind]
    rng = np.random.default_rng(1)
    x = rng.standard_normal((ROWS, STEPS, 2, 3)).astype("float32")
    classes = rng.integers(0, CLASSES, x.shape[:3])
    by_hand = of_classes(classes % 2 if width == 1 else classes)
    got = []
    for options in ({"class_weight": WEIGHTS}, {"sample_weight": by_hand}):
        fastrnn.utils.set_random_seed(3)
        model = models.Sequential([layers.Dense(width, activation=activation)])
        model.compile("sgd", loss, weighted_metrics=["accuracy"])
        got.append(model.train_on_batch(x, made(classes), **options))
    assert relative_error(*got) < RELATIVE["float32"]


class Flat(models.Model):
    """One number a row, without an axis of its own; and a state beside it."""

    def __init__(self):
        super().__init__()
        self.gru = layers.GRU(4, return_state=True)
        self.head = layers.Dense(1, activation="sigmoid")

    def call(self, inputs):
        out, state = self.gru(inputs)
        return self.head(out)[:, 0], state


@pytest.mark.parametrize("shape", [(ROWS,), (ROWS, 1)])
def test_an_output_of_one_axis(shape):
    x, y = inputs(), np.random.default_rng(1).integers(0, 2, shape)
    got = []
    for options in ({"class_weight": WEIGHTS}, {"sample_weight": of_classes(y.reshape(-1))}):
        fastrnn.utils.set_random_seed(3)
        model = Flat()
        model.compile("sgd", ["binary_crossentropy", None])
        p = model.predict(x)[0]
        got.append(model.train_on_batch(x, y, **options))
    want = -(of_classes(y.reshape(-1)) * np.log(np.where(y.reshape(-1), p, 1 - p))).mean()
    assert relative_error(got, [want, want]) < RELATIVE["float32"]


def test_no_class_is_named():
    x, y = inputs(), np.random.default_rng(1).integers(0, CLASSES, (ROWS, STEPS))
    got = []
    for class_weight in (None, {}):
        model = model_of(CLASSES, "softmax", True)
        model.compile("sgd", "sparse_categorical_crossentropy")
        got.append(model.train_on_batch(x, y, class_weight=class_weight))
    assert relative_error(*got) < RELATIVE["float32"]


def test_rows_of_zeros_are_of_no_class():
    """One-hot targets padded with zeros."""
    x, classes = inputs(), np.random.default_rng(1).integers(0, CLASSES, (ROWS, STEPS))
    y = np.eye(CLASSES, dtype="float32")[classes]
    y[:, 3:] = 0
    weight = of_classes(classes)
    weight[:, 3:] = 1
    got = []
    for options in ({"class_weight": WEIGHTS}, {"sample_weight": weight}):
        model = model_of(CLASSES, "softmax", True)
        model.compile("sgd", losses.CategoricalCrossentropy(reduction="mean_with_sample_weight"))
        got.append(model.train_on_batch(x, y, **options))
    assert relative_error(*got) < RELATIVE["float32"]


@pytest.mark.parametrize(("class_weight", "error", "said"), [
    ([1.0, 2.0], TypeError, r"must be a dict.*list: dict\(enumerate"),
    (np.ones(3), TypeError, r"ndarray: dict\(enumerate"),
    ("balanced", TypeError, "must be a dict.*str"), (2.0, TypeError, "must be a dict.*float"),
    ({"1": 2.0}, TypeError, "whole numbers, as keys, got '1'"),
    ({0.5: 2.0}, TypeError, "got 0.5"), ({None: 2.0}, TypeError, "got None"),
    ({np.nan: 2.0}, TypeError, "got nan"),
    ({1: "2"}, TypeError, r"class_weight\[1\] must be a number, got '2'"),
    ({1: None}, TypeError, r"class_weight\[1\] must be a number"),
    ({1: [1.0, 2.0]}, TypeError, r"class_weight\[1\] must be a number"),
    ({1: np.nan}, ValueError, r"class_weight\[1\] must be a finite.*nan"),
    ({1: np.inf}, ValueError, "finite"), ({1: -1.0}, ValueError, "at least 0, got -1.0"),
    ({"nowhere": {1: 2.0}}, ValueError, "class_weight names nowhere"),
    ([WEIGHTS, WEIGHTS], ValueError, "one dict for each of the 1 outputs, got 2"),
    ({"out": {1: -2.0}}, ValueError, r"class_weight\['out'\]\[1\]"),
])
def test_what_is_no_class_weight_is_refused(class_weight, error, said):
    x, y = inputs(), np.zeros((ROWS, STEPS), int)
    model = model_of(CLASSES, "softmax", True)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.predict(x)
    before = model.get_weights()
    for call in (model.fit, model.train_on_batch):
        with pytest.raises(error, match=said):
            call(x, y, class_weight=class_weight)
    for got, want in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(got, want)


def test_one_dict_for_several_outputs_is_refused():
    y = [np.zeros((ROWS, STEPS), int), np.zeros(ROWS, int)]
    with pytest.raises(ValueError, match=r"one dict, but 2 outputs are trained.*tag, end"):
        two_outputs().fit(inputs(), y, class_weight=WEIGHTS, verbose=0)
    with pytest.raises(ValueError, match="names tags; the outputs are tag, end"):
        two_outputs().fit(inputs(), y, class_weight={"tags": WEIGHTS}, verbose=0)


def test_samples_of_several_classes_are_refused():
    y = np.eye(CLASSES, dtype=int)[np.zeros((ROWS, STEPS), int)]
    y[2, 1, 3] = 1
    model = model_of(CLASSES, "sigmoid", True)
    model.compile("sgd", "binary_crossentropy")
    with pytest.raises(ValueError, match=r"^y\[2, 1, 0\] is 1.*one class for each"):
        model.fit(inputs(), y, batch_size=2, class_weight=WEIGHTS, verbose=0)


@pytest.mark.parametrize("kind", [list, tuple])
def test_none_in_a_list_of_sample_weights_leaves_an_output_alone(kind):
    rng = np.random.default_rng(1)
    x, y = inputs(), [rng.integers(0, CLASSES, (ROWS, STEPS)), rng.integers(0, 2, ROWS)]
    own = rng.uniform(0.5, 2, ROWS).astype("float32")
    runs = [two_outputs().fit(x, y, shuffle=False, verbose=0, batch_size=4, sample_weight=weight,
                              validation_split=0.5).history
            for weight in (kind([None, own]), {"end": own})]
    assert runs[0] == runs[1]
