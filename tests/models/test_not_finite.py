# SPDX-License-Identifier: Apache-2.0
"""A loss that is not finite: the error names the number it comes from, where the caller has it."""

import copy
import pickle
import re

import numpy as np
import pytest

import fastrnn
from fastrnn import layers, losses, models, optimizers, regularizers
from fastrnn.initializers import Constant

ROWS, STEPS = 20, 4


def data(seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((ROWS, STEPS, 3)).astype("float32"),
            rng.standard_normal((ROWS, STEPS, 1)).astype("float32"))


def recurrent(loss="mse", masked=False, optimizer="sgd", **options):
    fastrnn.utils.set_random_seed(1)
    model = models.Sequential([*([layers.Masking(0.0)] if masked else []),
                               layers.GRU(4, return_sequences=True), layers.Dense(1, **options)])
    model.compile(optimizer, loss)
    return model


def error_of(model, *arguments, call="fit", **options):
    """Return the text of the error; the weights are as they were."""
    if call == "fit":
        options = {"verbose": 0, "batch_size": 6, **options}
    with pytest.raises(FloatingPointError) as error:
        getattr(model, call)(*arguments, **options)
    assert all(np.isfinite(value).all() for value in model.get_weights())
    return str(error.value)


def assert_names(text, what):
    """It is this that is said, and the learning rate is not blamed for it."""
    assert re.search(rf"(^|[ :]){re.escape(what)}", text), text
    assert "learning rate" not in text, text


@pytest.mark.parametrize("wrong", [1e30, -1e25, np.inf, np.nan])
@pytest.mark.parametrize("loss", ["mse", "log_cosh", "msle", "poisson"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_target(wrong, loss, shuffle):
    x, y = data()
    y = np.abs(y)
    y[13, 2, 0] = abs(wrong)
    if np.isfinite(wrong) and loss in ("msle", "poisson", "log_cosh"):
        y[13, 2, 0] = np.inf
    text = error_of(recurrent(loss, activation="softplus"), x, y, shuffle=shuffle)
    assert_names(text, f"y[13, 2, 0] is {y[13, 2, 0]:g}")
    assert re.search(r"the loss became (inf|nan|-inf) in epoch 1, batch \d: ", text)
    assert text.endswith("the trainable weights are those before that batch")


def test_the_batch_is_named():
    x, y = data()
    y[13, 2, 0] = 1e30
    assert "in epoch 1, batch 3: " in error_of(recurrent(), x, y, shuffle=False)


def test_the_first_of_a_batch_in_the_order_of_the_caller():
    x, y = data()
    y[5:, 1] = np.nan
    assert_names(error_of(recurrent(), x, y, batch_size=ROWS), "y[5, 1, 0] is nan")


@pytest.mark.parametrize("steps", [None, 3])
def test_targets_of_steps_keep_their_own_index(steps):
    x, y = data()
    y = y[..., 0].copy()
    y[13, 2] = 1e30
    assert_names(error_of(recurrent(), x, y, shuffle=False, steps_per_epoch=steps),
                 "y[13, 2] is 1e+30")


def test_a_target_that_is_infinite_in_single_precision():
    x, y = data()
    y = y.astype("float64")
    y[13, 2, 0] = 1e300
    assert_names(error_of(recurrent(), x, y), "y[13, 2, 0] is inf in float32")


def test_a_sum_that_is_too_large():
    x, y = data()
    y[:] = 1e19
    y[7, 3, 0] = 1.5e19
    assert_names(error_of(recurrent(), x, y, batch_size=ROWS), "y[7, 3, 0] is 1.5e+19, too large")


@pytest.mark.parametrize("wrong", [1e30, np.nan])
def test_a_target_beside_a_mask(wrong):
    """A masked target has no influence, one that counts is named and said to count."""
    x, y = data()
    x[:, 2:] = 0
    y[:, 2:] = wrong
    model = recurrent(masked=True)
    assert np.isfinite(model.fit(x, y, verbose=0).history["loss"]).all()
    y[9, 1] = wrong
    text = error_of(model, x, y)
    assert_names(text, f"y[9, 1, 0] is {wrong:g}")
    assert "at a step that the mask does not leave out" in text


@pytest.mark.parametrize(("wrong", "said"), [
    (np.inf, "x[3, 1, 2] is inf"), (3e38, "x[3, 1, 2] is 3e+38, the largest input")])
def test_an_input(wrong, said):
    x, y = data()
    x[3, 1, 2] = wrong
    model = models.Sequential([layers.Dense(4, kernel_initializer="ones"),
                               layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    assert_names(error_of(model, x, y), said)


def test_an_input_that_only_the_loss_finds_too_large():
    """The output is finite and its square is not: the output is large because of the input."""
    x, y = data()
    x[3, 1, 2] = 1e25
    model = models.Sequential([layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    text = error_of(model, x, y)
    assert_names(text, "x[3, 1, 2] is 1e+25, the largest input")


def two_inputs():
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    left = layers.Dense(1, name="left", kernel_initializer="ones")(layers.Concatenate()([a, b]))
    model = models.Model({"a": a, "b": b}, [left, layers.Dense(1, name="right")(b)])
    model.compile("sgd", "mse")
    return model


def test_one_of_several_inputs():
    (x, _), y = data(), np.zeros((ROWS, 1), "float32")
    given = {"a": x[:, 0], "b": x[:, 1].copy()}
    given["b"][8, 2] = np.inf
    assert_names(error_of(two_inputs(), given, [y, y]), "x[1] (the input 'b')[8, 2] is inf")


@pytest.mark.parametrize(("form", "label"), [
    (list, "y[1]"), (lambda y: dict(zip(("left", "right"), y, strict=True)), "y['right']")])
def test_one_of_several_targets(form, label):
    (x, _), y = data(), np.zeros((ROWS, 1), "float32")
    wrong = y.copy()
    wrong[11] = 1e25
    inputs = {"a": x[:, 0], "b": x[:, 1]}
    assert_names(error_of(two_inputs(), inputs, form([y, wrong])), f"{label}[11, 0] is 1e+25")
    weight = np.ones(ROWS, "float32")
    heavy = weight.copy()
    heavy[11] = np.inf
    label = label.replace("y", "sample_weight")
    text = error_of(two_inputs(), inputs, [y, y], sample_weight=form([weight, heavy]))
    assert_names(text, f"{label}[11] is inf")


@pytest.mark.parametrize("shape", [(ROWS,), (ROWS, 1), (ROWS, STEPS), (ROWS, STEPS, 1)])
@pytest.mark.parametrize("wrong", [np.inf, np.nan, 3e38])
def test_a_sample_weight(shape, wrong):
    x, y = data()
    weight = np.ones(shape, "float32")
    at = (13, 2, 0)[:len(shape)] if shape[1:2] != (1,) else (13, 0)
    weight[at] = wrong
    text = error_of(recurrent(), x, 100 * y, sample_weight=weight)
    assert_names(text, f"sample_weight[{', '.join(map(str, at))}] is {wrong:g}")


def test_a_class_weight():
    x, y = data()
    labels = (y[..., 0] > 0).astype(int)
    options = {"activation": "sigmoid", "bias_initializer": Constant(5)}
    model = recurrent("binary_crossentropy", **options)
    text = error_of(model, x, labels, class_weight={0: 3e38, 1: 1.0})
    assert_names(text, "class_weight[0] is 3e+38")
    text = error_of(model, x, labels, class_weight={0: 3.0}, sample_weight=np.full(ROWS, 3e38))
    assert_names(text, "sample_weight[")


def test_a_weight_of_a_loss():
    x, y = data()
    model = recurrent()
    model.compile("sgd", "mse", loss_weights=[np.inf])
    assert_names(error_of(model, x, y), "loss_weights has inf")


def test_batches_of_a_generator_count_their_own_rows():
    x, y = data()
    y[13, 2, 0] = 1e30
    batches = ((x[k:k + 5], y[k:k + 5]) for k in range(0, ROWS, 5))
    text = error_of(recurrent(), batches, batch_size=None)
    assert_names(text, "y[3, 2, 0] is 1e+30")
    assert "epoch 1, batch 3" in text


@pytest.mark.parametrize("call", ["train_on_batch", "test_on_batch"])
def test_one_batch(call):
    x, y = data()
    y[13, 2, 0] = 1e30
    assert_names(error_of(recurrent(), x, y, call=call), "y[13, 2, 0] is 1e+30")


def test_weights_that_have_grown():
    x, y = data()
    model = models.Sequential([layers.Dense(4), layers.Dense(1)])
    model.compile(optimizers.SGD(1e15), "mse")
    text = error_of(model, x, y, epochs=9)
    assert "a smaller learning rate or clipnorm may help" in text
    assert "y[" not in text
    text = error_of(model_of_rate(0.1), x, y * np.float32(1e17), epochs=9, shuffle=False)
    assert re.search(r"among the targets y\[.*smaller targets, or a smaller learning rate", text)


def model_of_rate(rate):
    fastrnn.utils.set_random_seed(1)
    model = models.Sequential([layers.Dense(4), layers.Dense(1)])
    model.compile(optimizers.SGD(rate), "mse")
    return model


def test_a_weight_that_is_no_number():
    x, y = data()
    model = recurrent()
    model.predict(x)
    kernel, *others = model.layers[-1].get_weights()
    kernel[2] = np.nan
    model.layers[-1].set_weights([kernel, *others])
    with pytest.raises(FloatingPointError, match=r"an output is nan: the weight dense\S*/kernel is "
                                                 "not finite"):
        model.fit(x, y, verbose=0)


def test_an_input_of_an_earlier_batch_that_saturates():
    """The loss of an infinite input is finite where gates saturate; its gradient is not."""
    x, y = data()
    x[0, 2, 0] = np.inf
    with pytest.raises(FloatingPointError, match=r"batch 2: .*kernel is not finite.*inputs "
                                                 "that are infinite"):
        recurrent().fit(x, y, shuffle=False, batch_size=4, verbose=0)


def test_a_penalty():
    x, y = data()
    model = recurrent(kernel_regularizer=regularizers.L2(1e308), kernel_initializer="ones")
    assert "the regularizer of dense" in error_of(model, x, y)


def test_a_loss_of_ones_own(rng):
    class Whole(fastrnn.losses.Loss):
        """One value for each row."""

        def forward(self, y_true, y_pred):
            error = y_pred - y_true
            return (error * error).sum((1, 2)), error

        def backward(self, error, dvalues):
            return 2 * error * np.reshape(dvalues, (-1, 1, 1))

    x, y = data()
    y[13, 2, 0] = 1e30
    assert_names(error_of(recurrent(Whole()), x, y), "y[13, 2, 0] is 1e+30")


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(("loss", "width", "shape"), [
    ("sparse_categorical_crossentropy", 3, (ROWS, STEPS)),
    ("sparse_categorical_crossentropy", 3, (ROWS, STEPS, 1)),
    ("binary_crossentropy", 1, (ROWS, STEPS)), ("binary_crossentropy", 1, (ROWS, STEPS, 1))])
def test_a_target_that_a_loss_does_not_take(loss, width, shape, shuffle):
    """The index is that of the caller's array, whatever the order of the rows is."""
    (x, _), y = data(), np.zeros(shape, int)
    y[13, 2] = 7
    model = models.Sequential([layers.Dense(width, activation="softmax")])
    model.compile("sgd", loss)
    said = rf"^y\[13, 2{', 0' if len(shape) == 3 else ''}\] is 7: {loss} wants"
    with pytest.raises(ValueError, match=said + r".* in epoch 1, batch \d$"):
        model.fit(x, y, batch_size=6, shuffle=shuffle, verbose=0)
    with pytest.raises(ValueError, match=said):
        model.evaluate(x, y, batch_size=6, verbose=0)
    with pytest.raises(ValueError, match=said):
        model.fit(x[:6], y[:6], validation_data=(x, y), batch_size=6, verbose=0)
    with pytest.raises(ValueError, match=said):
        model.train_on_batch(x, y)


def test_a_label_of_one_of_several_outputs():
    (x, _), right, wrong = data(), np.zeros(ROWS, int), np.zeros((ROWS, 1), int)
    wrong[8] = -3
    inputs = layers.Input((3,))
    model = models.Model(inputs, [layers.Dense(3, activation="softmax", name=name)(inputs)
                                  for name in ("left", "right")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    for y, label in (([right, wrong], "y[1]"), ({"left": right, "right": wrong}, "y['right']")):
        with pytest.raises(ValueError, match=re.escape(f"{label}[8, 0] is -3: sparse")):
            model.fit(x[:, 0], y, batch_size=6, verbose=0)


def test_training_that_ends_on_nan_does_not_raise():
    x, y = data()
    y[13, 2, 0] = 1e30
    model = recurrent()
    history = model.fit(x, y, batch_size=6, epochs=3, verbose=0,
                        callbacks=[fastrnn.callbacks.TerminateOnNaN()])
    assert len(history.epoch) == 1
    assert not np.isfinite(history.history["loss"]).any()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_an_error_of_a_target_can_be_pickled(copied):
    """As what a worker of a process pool raised is."""
    with pytest.raises(ValueError, match=r"^y_true\[1\] is 7: ") as error:
        losses.sparse_categorical_crossentropy([0, 7], np.full((2, 3), 0.5))
    again = copied(error.value)
    assert isinstance(again, ValueError)
    assert str(again) == str(error.value)


def test_an_activation_without_bounds_is_named():
    model = models.Sequential([layers.Input((8, 2)),
                               layers.LSTM(4, activation="exponential", seed=1), layers.Dense(1)])
    model.compile("adam", "mse")
    with pytest.raises(FloatingPointError, match=r"no input and no weight is beyond.*exponential"):
        model.fit(np.ones((4, 8, 2)), np.ones((4, 1)), verbose=0)
