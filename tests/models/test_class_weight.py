# SPDX-License-Identifier: Apache-2.0
"""class_weight: each row or step weighs what its own class does, counted by hand."""

import numpy as np
import pytest

import fastrnn
from fastrnn import layers, losses, models
from tolerances import RELATIVE, relative_error

ROWS, STEPS, CLASSES = 6, 5, 4
WEIGHTS = {0: 0.5, 1: 3.0, 3: 7.0}      # class 2 weighs 1


def inputs(rows=ROWS, steps=STEPS, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, steps, 3)).astype("float32")


def of_classes(classes, table=WEIGHTS):
    """The weight of each class of an array, one by one."""
    return np.array([table.get(int(label), 1.0) for label in classes.reshape(-1)],
                    "float32").reshape(classes.shape)


def model_of(width, activation, sequences, masked=False, seed=3):
    fastrnn.utils.set_random_seed(seed)
    return models.Sequential([
        *([layers.Masking(0.0)] if masked else []),
        layers.LSTM(4, return_sequences=sequences), layers.Dense(width, activation=activation)])


# name: (width of the output, activation, loss, targets of classes)
KINDS = {
    "sparse": (CLASSES, "softmax", "sparse_categorical_crossentropy", lambda c: c),
    "sparse_column": (CLASSES, "softmax", "sparse_categorical_crossentropy",
                      lambda c: c[..., None]),
    "sparse_float": (CLASSES, "softmax", "sparse_categorical_crossentropy",
                     lambda c: c.astype("float32")),
    "logits": (CLASSES, None, losses.SparseCategoricalCrossentropy(from_logits=True), lambda c: c),
    "one_hot": (CLASSES, "softmax", "categorical_crossentropy", lambda c: np.eye(CLASSES)[c]),
    "one_hot_int": (CLASSES, "softmax", "categorical_crossentropy",
                    lambda c: np.eye(CLASSES, dtype=int)[c]),
    "one_hot_bool": (CLASSES, "softmax", "categorical_crossentropy",
                     lambda c: np.eye(CLASSES, dtype=bool)[c]),
    "smoothed": (CLASSES, "softmax", "categorical_crossentropy",
                 lambda c: 0.8 * np.eye(CLASSES)[c] + 0.05),
    "one_hot_binary": (CLASSES, "sigmoid", "binary_crossentropy", lambda c: np.eye(CLASSES)[c]),
    "one_hot_mse": (CLASSES, "softmax", "mse", lambda c: np.eye(CLASSES)[c]),
    "crossentropy": (CLASSES, "softmax", "crossentropy", lambda c: c),
    "binary": (1, "sigmoid", "binary_crossentropy", lambda c: (c % 2)),
    "binary_column": (1, "sigmoid", "binary_crossentropy", lambda c: (c % 2)[..., None]),
    "binary_float": (1, "sigmoid", "binary_crossentropy",
                     lambda c: (c % 2).astype("float32")[..., None]),
    "binary_bool": (1, "sigmoid", "binary_crossentropy", lambda c: c % 2 == 1),
    "number": (1, None, "mse", lambda c: c.astype("float32")[..., None]),
}


def check(kind, *, sequences, sample_weight=None, masked=False, rows=ROWS, steps=STEPS):
    """Training with class_weight is training with the weights that are counted by hand."""
    width, activation, loss, made = KINDS[kind]
    x = inputs(rows, steps)
    if masked:
        x[:, 3:] = 0
    rng = np.random.default_rng(1)
    classes = rng.integers(0, CLASSES, (rows, steps) if sequences else rows)
    y = made(classes)
    by_hand = of_classes(classes % 2 if "binary" in kind and width == 1 else classes)
    if sample_weight is not None:
        wide = sample_weight.reshape(sample_weight.shape[:by_hand.ndim])
        by_hand = by_hand * wide.reshape(wide.shape + (1,) * (by_hand.ndim - wide.ndim))
    runs = []
    for options in ({"class_weight": WEIGHTS, "sample_weight": sample_weight},
                    {"sample_weight": by_hand.astype("float32")}):
        model = model_of(width, activation, sequences, masked)
        model.compile("sgd", loss, metrics=["accuracy"], weighted_metrics=["accuracy"])
        history = model.fit(x, y, batch_size=4, epochs=2, verbose=0, shuffle=False,
                            validation_data=(x, y), **options).history
        runs.append((history, model.get_weights()))
    (got, weights), (want, wanted) = runs
    assert got.keys() == want.keys()
    for name, values in want.items():
        assert relative_error(got[name], values) < RELATIVE["float32"], name
    for ours, theirs in zip(weights, wanted, strict=True):
        assert relative_error(ours, theirs) < RELATIVE["float32"]


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
