# SPDX-License-Identifier: Apache-2.0
"""Old names of Keras: their old meaning, and one warning that says what to write."""

import importlib
import warnings

import numpy as np
import pytest

import fastrnn
from fastrnn import (
    backend,
    callbacks,
    constraints,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
    utils,
)
from fastrnn._common import oldnames
from fastrnn.models import Model
from old_words import classifier, data, told
from tolerances import RELATIVE, relative_error

pytestmark = pytest.mark.usefixtures("untold")

GATED = {"recurrent_activation": "hard_sigmoid", "recurrent_initializer": "glorot_uniform"}


# -- arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "old", "new"), [
    (layers.Dense, {"output_dim": 3, "init": "he_normal", "bias": False},
     {"units": 3, "kernel_initializer": "he_normal", "use_bias": False}),
    (layers.Dense, {"units": 2, "W_regularizer": "l2", "b_regularizer": "l1",
                    "W_constraint": "non_neg", "b_constraint": "unit_norm"},
     {"units": 2, "kernel_regularizer": "l2", "bias_regularizer": "l1",
      "kernel_constraint": "non_neg", "bias_constraint": "unit_norm"}),
    (layers.LSTM, {"output_dim": 4, "inner_activation": "hard_sigmoid",
                   "inner_init": "glorot_uniform", "dropout_W": 0.1, "dropout_U": 0.2},
     {"units": 4, "dropout": 0.1, "recurrent_dropout": 0.2, **GATED}),
    (layers.GRU, {"units": 4, "inner_activation": "hard_sigmoid", "U_regularizer": "l2",
                  "inner_init": "glorot_uniform", "consume_less": "gpu"},
     {"units": 4, "recurrent_regularizer": "l2", **GATED}),
    (layers.SimpleRNN, {"output_dim": 4, "U_constraint": "unit_norm"},
     {"units": 4, "recurrent_constraint": "unit_norm"}),
    (layers.Embedding, {"input_dim": 9, "output_dim": 4, "init": "he_normal",
                        "W_regularizer": "l1", "W_constraint": "non_neg"},
     {"input_dim": 9, "output_dim": 4, "embeddings_initializer": "he_normal",
      "embeddings_regularizer": "l1", "embeddings_constraint": "non_neg"}),
    (layers.Dropout, {"p": 0.25}, {"rate": 0.25}),
    (layers.SpatialDropout1D, {"p": 0.25}, {"rate": 0.25}),
    (layers.GaussianNoise, {"sigma": 0.25}, {"stddev": 0.25}),
    (layers.LeakyReLU, {"alpha": 0.25}, {"negative_slope": 0.25}),
    (layers.MaxPooling1D, {"pool_length": 3}, {"pool_size": 3}),
    (layers.AveragePooling1D, {"pool_length": 3, "stride": 2, "border_mode": "same"},
     {"pool_size": 3, "strides": 2, "padding": "same"}),
    (layers.BatchNormalization, {"beta_init": "ones", "gamma_init": "zeros"},
     {"beta_initializer": "ones", "gamma_initializer": "zeros"}),
    (regularizers.L1, {"l": 0.25}, {"l1": 0.25}),
    (regularizers.L2, {"l": 0.25}, {"l2": 0.25}),
    (constraints.MaxNorm, {"m": 3}, {"max_value": 3}),
    *((kind, {"lr": 0.125}, {"learning_rate": 0.125}) for kind in (
        optimizers.SGD, optimizers.RMSprop, optimizers.Adagrad, optimizers.Adadelta,
        optimizers.Adam, optimizers.AdamW, optimizers.Adamax, optimizers.Nadam)),
])
def test_an_old_argument_is_the_new_one(make, old, new):
    made, texts = told(lambda: make(**old))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wanted = make(**new)
    got, want = made.get_config(), wanted.get_config()
    for config in (got, want):
        config.pop("name", None)
    assert repr(got) == repr(want)
    words = set(old) - set(new)
    assert len(texts) == len(words)
    assert {text.split("=")[0] for text in texts} == words


def test_a_callback_s_old_argument():
    made, texts = told(lambda: callbacks.ReduceLROnPlateau(epsilon=0.25))
    assert made.min_delta == 0.25
    assert texts == ["epsilon= is an old name: write min_delta="]


@pytest.mark.parametrize(("period", "epochs"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4])])
def test_a_checkpoint_s_period(period, epochs, rng, tmp_path):
    path = str(tmp_path / "{epoch}.keras")
    checkpoint, texts = told(lambda: callbacks.ModelCheckpoint(path, period=period))
    assert len(texts) == 1
    classifier().fit(*data(rng), epochs=5, verbose=0, callbacks=[checkpoint])
    assert sorted(int(file.stem) for file in tmp_path.iterdir()) == epochs
    with pytest.raises(ValueError, match="period"):
        callbacks.ModelCheckpoint(path, period=0)


def test_a_model_s_and_a_function_s_old_arguments(rng):
    x = layers.Input((3,))
    y = layers.Dense(2)(x)
    model, texts = told(lambda: Model(input=x, output=y))
    assert len(texts) == 2
    a = rng.standard_normal((4, 3)).astype(np.float32)
    assert np.array_equal(model.predict(a), Model(x, y).predict(a))
    made, texts = told(lambda: utils.to_categorical([0, 1], nb_classes=3))
    assert made.shape == (2, 3)
    assert len(texts) == 1


@pytest.mark.parametrize("make", [
    lambda: layers.Dense(3, output_dim=4), lambda: layers.Dense(units=3, output_dim=4),
    lambda: optimizers.Adam(0.1, lr=0.2), lambda: layers.LSTM(4, dropout=0.1, dropout_W=0.1),
])
def test_both_names_at_once_are_refused(make):
    with pytest.warns(oldnames.OldNameWarning), pytest.raises(TypeError, match="old name"):
        make()


@pytest.mark.parametrize("make", [
    lambda: layers.Dense(3, inner_activation="tanh"), lambda: layers.Flatten(p=1),
    lambda: optimizers.Adam(learn=0.1),
])
def test_what_never_was_an_argument_is_still_refused(make):
    with pytest.raises((TypeError, ValueError), match=r"no argument|not known"):
        make()


def test_a_class_of_the_caller_s_keeps_its_own_arguments():
    class Own(layers.Dense):
        def __init__(self, units, init=None, **options):
            self.given = init
            super().__init__(units, **options)

    made, texts = told(lambda: Own(2, init="mine"))
    assert made.given == "mine"
    assert texts == []


def test_a_rate_in_a_config():
    made, texts = told(lambda: optimizers.get({"class_name": "Adam", "config": {"lr": 0.125}}))
    assert float(made.learning_rate) == 0.125
    assert len(texts) == 1


# -- optimisers -----------------------------------------------------------------------------------


def test_the_rate_by_its_old_name():
    model = classifier()
    optimizer = model.optimizer
    value, texts = told(lambda: float(optimizer.lr))
    assert value == 0.1
    assert texts == ["optimizer.lr is an old name: write optimizer.learning_rate"]
    optimizer.lr = 0.25
    assert float(optimizer.learning_rate) == 0.25
    _, texts = told(lambda: backend.set_value(model.optimizer.lr, 0.5))
    assert len(texts) == 1
    value, texts = told(lambda: backend.get_value(model.optimizer.lr))
    assert len(texts) == 1
    assert value == 0.5 == float(optimizer.learning_rate)
    kernel = model.layers[-1].kernel
    backend.set_value(kernel, np.zeros(kernel.shape))
    assert not backend.get_value(kernel).any()


@pytest.mark.parametrize("kind", [optimizers.SGD, optimizers.Adam, optimizers.RMSprop])
def test_decay_divides_the_rate(rng, kind):
    class Weight:
        def __init__(self):
            self.name, self.array, self.gradient = "w", np.ones(3), None

    got, want = Weight(), Weight()
    decayed, texts = told(lambda: kind(lr=0.5, decay=0.25))
    assert len(texts) == 2
    plain = kind(0.5)
    for step in range(4):
        got.gradient = want.gradient = rng.standard_normal(3)
        decayed.apply([got])
        plain.learning_rate = 0.5 / (1 + 0.25 * step)
        plain.apply([want])
        np.testing.assert_array_equal(got.array, want.array)
    assert float(decayed.learning_rate) == 0.5
    again = optimizers.get(optimizers.serialize(decayed))
    assert again.get_config() == decayed.get_config()
    assert "decay" not in plain.get_config()


def test_the_usual_line_of_old_programs():
    made, texts = told(lambda: optimizers.Adam(lr=0.001, beta_1=0.9, beta_2=0.999, epsilon=None,
                                               decay=0.0, amsgrad=False))
    assert made.get_config() == optimizers.Adam().get_config()
    assert len(texts) == 2


# -- classes and places ---------------------------------------------------------------------------


@pytest.mark.parametrize(("old", "new"), [
    ("MaxPool1D", "MaxPooling1D"), ("AvgPool1D", "AveragePooling1D"),
    ("GlobalMaxPool1D", "GlobalMaxPooling1D"), ("GlobalAvgPool1D", "GlobalAveragePooling1D"),
    ("CuDNNLSTM", "LSTM"), ("CuDNNGRU", "GRU"), ("TimeDistributedDense", "Dense"),
])
def test_an_old_class_name(old, new):
    made, texts = told(lambda: getattr(layers, old))
    assert made is getattr(layers, new)
    assert len(texts) == 1
    assert texts[0].endswith(f"use {new}")


@pytest.mark.parametrize(("old", "new"), [
    ("adam", "Adam"), ("sgd", "SGD"), ("rmsprop", "RMSprop"), ("adagrad", "Adagrad"),
    ("adadelta", "Adadelta"), ("adamax", "Adamax"), ("nadam", "Nadam"),
])
def test_an_optimizer_in_small_letters(old, new):
    made, texts = told(lambda: getattr(optimizers, old))
    assert made is getattr(optimizers, new)
    assert len(texts) == 1


@pytest.mark.parametrize(("place", "names"), [
    ("layers.core", "Activation Dense Dropout Flatten Lambda Masking Permute RepeatVector Reshape"),
    ("layers.recurrent", "GRU LSTM SimpleRNN"),
    ("layers.embeddings", "Embedding"),
    ("layers.wrappers", "Bidirectional TimeDistributed"),
    ("layers.merge", "Add Concatenate add concatenate"),
    ("layers.noise", "GaussianDropout GaussianNoise"),
    ("layers.advanced_activations", "ELU LeakyReLU Softmax"),
    ("layers.convolutional", "MaxPooling1D"),
    ("layers.cudnn_recurrent", "CuDNNGRU CuDNNLSTM"),
    ("engine", "Input Layer Model"),
    ("engine.topology", "Input Layer"),
    ("engine.training", "Model"),
    ("objectives", "mean_squared_error"),
    ("optimizers.legacy", "Adam SGD"),
    ("utils.data_utils", "Sequence"),
])
def test_an_old_place(place, names):
    module = importlib.import_module(f"fastrnn.{place}")
    found, texts = told(lambda: [getattr(module, name) for name in names.split()])
    oldnames._told.clear()
    homes = layers, models, losses, optimizers, utils
    with pytest.warns(oldnames.OldNameWarning) if "cudnn" in place else warnings.catch_warnings():
        assert all(any(getattr(home, name, None) is value for home in homes)
                   for name, value in zip(names.split(), found, strict=True))
    own = [text for text in texts if text.startswith(f"fastrnn.{place} is an old place")]
    assert len(own) == 1
    assert len(texts) == 1 + names.count("CuDNN")
    with pytest.raises(AttributeError, match="NoSuchThing"):
        module.NoSuchThing  # noqa: B018


def test_old_places_are_attributes_too():
    assert fastrnn.layers.core.__name__ == "fastrnn.layers.core"
    assert fastrnn.engine.topology.__name__ == "fastrnn.engine.topology"
    assert fastrnn.utils.data_utils.__name__ == "fastrnn.utils.data_utils"
    assert fastrnn.objectives.__name__ == "fastrnn.objectives"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert importlib.util.find_spec("fastrnn.layers.core") is not None


@pytest.mark.parametrize(("module", "old", "new"), [
    ("constraints", "maxnorm", "MaxNorm"), ("constraints", "nonneg", "NonNeg"),
    ("constraints", "unitnorm", "UnitNorm"), ("regularizers", "l1l2", "L1L2"),
    ("initializers", "uniform", "RandomUniform"), ("initializers", "zero", "Zeros"),
    ("losses", "kullback_leibler_divergence", "kl_divergence"), ("losses", "logcosh", "log_cosh"),
    ("losses", "cosine_proximity", "cosine_similarity"),
    ("metrics", "mse", "mean_squared_error"),
])
def test_old_constraints_and_regularizers(module, old, new):
    module = importlib.import_module(f"fastrnn.{module}")
    made, texts = told(lambda: getattr(module, old))
    assert made is getattr(module, new)
    assert len(texts) == 1


def test_where_warnings_are_errors_each_use_raises():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            with pytest.raises(oldnames.OldNameWarning):
                optimizers.SGD(lr=0.1)


@pytest.mark.parametrize(("module", "old", "new"), [
    (constraints, "maxnorm", "max_norm"), (constraints, "nonneg", "non_neg"),
    (constraints, "unitnorm", "unit_norm"), (losses, "logcosh", "log_cosh"),
    (losses, "kullback_leibler_divergence", "kl_divergence"),
    (losses, "cosine_proximity", "cosine_similarity"),
    (metrics, "kullback_leibler_divergence", "kl_divergence"),
    (metrics, "logcosh", "log_cosh_error"),
])
def test_an_old_word_for_one(module, old, new):
    made, texts = told(lambda: module.get(old))
    wanted = module.get(new)
    assert type(made) is type(wanted)
    assert getattr(made, "__name__", "") == getattr(wanted, "__name__", "")
    assert [text.split("'")[1] for text in texts] == [old]


def test_nadam_with_a_decay_of_its_schedule(rng):
    """By the formula of Keras 2: u_k = beta_1 (1 - 0.96^(schedule_decay k) / 2)."""
    made, texts = told(lambda: optimizers.Nadam(lr=0.1, schedule_decay=0.25, epsilon=0.0))
    assert len(texts) == 2
    weight = layers.Dense(1, use_bias=False)
    weight.build((None, 1))
    variable = weight.kernel
    w, m, v = float(variable.numpy()[0, 0]), 0.0, 0.0
    u = [0.9 * (1 - 0.96 ** (0.25 * k) / 2) for k in range(6)]
    for k, g in enumerate(rng.uniform(1, 2, 4), start=1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        product = np.prod(u[1:k + 1])
        step = u[k + 1] * m / (1 - product * u[k + 1]) + (1 - u[k]) * g / (1 - product)
        w -= 0.1 * step / np.sqrt(v / (1 - 0.999 ** k))
        variable.gradient[...] = g
        made.apply([variable])
    assert relative_error(variable.numpy()[0, 0], w) < RELATIVE["float32"]
    again = optimizers.Nadam.from_config(made.get_config())
    assert again.schedule_decay == 0.25
