# SPDX-License-Identifier: Apache-2.0
"""The caller's floating-point error settings: they change nothing of ours, and we nothing of them.

The larger part of it is another run of the tests of layers and training: `make test-seterr`.
"""

import warnings

import numpy as np
import pytest

from fastrnn import (
    GRU,
    LSTM,
    RNN,
    activations,
    callbacks,
    constraints,
    generate,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    preprocessing,
    reference,
    regularizers,
    utils,
)
from fastrnn.demo.parts import Dense
from fastrnn.models import Model, Sequential

NUMPY_2 = np.lib.NumpyVersion(np.__version__) >= "2.0.0"
TINY = np.finfo(np.float32).tiny
# Denormals, ends of the range, zeros, and what lies far from all of them.
EXTREME = np.array([0, -0.0, TINY, -TINY / 8, 1e-30, -1e-30, 1, -1, 90, -90, 1e4, -1e4, 3e38, -3e38,
                    1e20, -1e20], np.float32)


@pytest.fixture(autouse=True, params=["raise", "call", "print", "log", "warn"])
def settings(request, capfd):
    """All kinds of complaint; at the end there was none, and the settings are what they were."""
    complaints = []

    class Log:
        write = complaints.append

    call = Log() if request.param == "log" else lambda kind, flag: complaints.append(kind)
    with warnings.catch_warnings(), np.errstate(all=request.param, call=call):
        warnings.simplefilter("error", RuntimeWarning)
        before = np.geterr()
        yield request.param
        assert np.geterr() == before
        assert np.geterrcall() is call
    assert complaints == []
    assert "Warning" not in capfd.readouterr().err


@np.errstate(all="ignore")
def far(rng, shape, scale=1e4):
    return (scale * rng.standard_normal(shape)).astype(np.float32)


@pytest.mark.parametrize("name", activations.names())
def test_activations(name, dtype):
    activation = activations.get(name)
    x = np.stack([EXTREME.astype(dtype), EXTREME[::-1].astype(dtype)])
    y, kept = activation.forward(x)
    activation.backward(kept, x)
    assert np.array_equal(activation(x), y, equal_nan=True)
    assert layers.Activation(name)(x).array.dtype == layers.Activation(name).dtype


def trained(model, x, y, loss, optimizer="adam", **options):
    model.compile(optimizer, loss, **options)
    model.fit(x, y, batch_size=4, epochs=2, verbose=0, validation_split=0.25,
              callbacks=[callbacks.ReduceLROnPlateau(patience=0), callbacks.EarlyStopping()])
    model.evaluate(x, y, verbose=0)
    model.train_on_batch(x, y)
    model.test_on_batch(x, y)
    assert np.isfinite(model.predict(x, verbose=0)).all()
    return model


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop", "adagrad", "adadelta", "nadam",
                                       "adamax", "adamw"])
def test_a_softmax_of_large_weights(rng, optimizer):
    model = Sequential([layers.Input((6, 3)), layers.LSTM(4, dropout=0.1, recurrent_dropout=0.1),
                        layers.Dense(5, activation="softmax", kernel_regularizer="l1_l2",
                                     kernel_constraint="max_norm")])
    model.layers[-1].set_weights([far(rng, (4, 5)).astype(np.float64), 1e-50 * np.ones(5)])
    x = far(rng, (16, 6, 3), 1e-30).astype(np.float64)
    x[0] = 1e-320
    trained(model, x, rng.integers(0, 5, 16), "sparse_categorical_crossentropy", optimizer,
            metrics=["accuracy", metrics.SparseTopKCategoricalAccuracy(2)],
            weighted_metrics=["accuracy"])


def test_attention_normalisation_masks_and_pools(rng):
    a = layers.Input((6, 3))
    masked = layers.Masking()(a)
    b = layers.Bidirectional(layers.GRU(4, return_sequences=True))(masked)
    b = layers.BatchNormalization()(b)
    b = layers.Attention(use_scale=True)([b, b])
    b = layers.AdditiveAttention()([b, b])
    b = layers.LayerNormalization()(layers.GaussianNoise(1e-30)(layers.GaussianDropout(0.1)(b)))
    b = layers.Concatenate()([layers.GlobalAveragePooling1D()(b), layers.GlobalMaxPooling1D()(b)])
    b = layers.Dense(2, activation="gelu")(b * b / 1e30 - b)
    model = Model(a, layers.Dense(1)(b))
    for layer in model.layers:
        layer.set_weights([1e3 * w for w in layer.get_weights()])
    x = far(rng, (16, 6, 3))
    x[:, 4:] = 0
    x[3] = 0
    trained(model, x, rng.standard_normal((16, 1)) * 1e-300, "huber",
            optimizers.SGD(1e-12, clipnorm=1.0, momentum=0.9), metrics=["mae", "cosine_similarity"])


@pytest.mark.parametrize("name", [n for n in losses._registry.names() if n.islower()])
def test_losses(name, rng):
    loss = losses.get(name)
    if not isinstance(loss, losses.Loss):
        loss = loss.loss_class()
    sparse = name.startswith("sparse")
    y_pred = np.abs(EXTREME.reshape(-1, 2))
    if "crossentropy" in name or "bce" in name:
        y_pred = np.clip(y_pred, 0, 1)
    y_true = rng.integers(0, 2, len(y_pred)) if sparse else y_pred[::-1].astype(np.float64)
    loss(y_true, y_pred)
    loss.value_and_gradient(np.asarray(y_true), y_pred)
    loss(y_true, y_pred, np.full(len(y_pred), 1e-300), np.ones(len(y_pred), bool))


@pytest.mark.parametrize("name", [n for n in metrics._registry.names()
                                  if n not in ("mean", "sum", "mean_metric_wrapper")])
def test_metrics(name, rng):
    metric = metrics.get(name)
    y_pred = np.clip(np.abs(np.resize(EXTREME, (9, 6))), 0, 1)
    labels = rng.integers(0, 6, len(y_pred))
    y_true = labels if name.startswith("sparse") else np.eye(6)[labels]
    metric.result()
    metric.update_state(y_true, y_pred)
    metric.update_state(y_true, y_pred, np.full(len(y_pred), 1e-300))
    metric(y_true, np.minimum(y_pred, TINY / 4))


def test_pieces(rng):
    w = far(rng, (4, 6), 1e-30)
    for name in ("l1", "l2", "l1_l2", "orthogonal_regularizer"):
        regularizer = regularizers.get(name)
        regularizer(w)
        regularizer.gradient(w)
    for kind in (constraints.MaxNorm, constraints.UnitNorm, constraints.MinMaxNorm,
                 constraints.NonNeg):
        kind()(w)
        kind()(np.zeros_like(w))
    for name in ("glorot_uniform", "he_normal", "truncated_normal", "orthogonal", "identity"):
        initializers.get(name)((4, 6), "float32")
    initializers.RandomNormal(0, 1e-44)((4, 6), "float32")
    schedule = optimizers.schedules.ExponentialDecay(1e-300, 1, 0.1)
    schedule(300)
    optimizers.Adam(1e-60).learning_rate.numpy()


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_engine_and_reference(kind, rng):
    x = far(rng, (5, 3, 4), 1e-30)
    for model in (getattr(reference, kind)(4, 6, 2, dropout=0.5, dtype="float32", seed=1),
                  {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}[kind](4, 6, 2, dropout=0.5, seed=1)):
        weights = {name: far(rng, value.shape) for name, value in model.state_dict().items()}
        model.load_state_dict(weights)
        model.train()
        y, _ = model(x)
        model.backward(far(rng, y.shape, 1e-37))
        model.eval()
        model.stream(3).step(x[0])
    Dense(4, 3, seed=1)(x)


def test_generation(rng):
    model = Sequential([layers.Input((None,)), layers.Embedding(7, 4), layers.GRU(5),
                        layers.Dense(7, activation="softmax")])
    model.layers[-1].set_weights([far(rng, (5, 7)), np.zeros(7)])
    for options in ({"temperature": 1e-3}, {"top_k": 2}, {"top_p": 0.5}, {"beams": 3}):
        assert generate(model, [1, 2, 3], 4, **options).shape == (4,)
    assert len(list(generate(model, [1, 2], 4, stream=True, seed=1))) == 4


def test_data(rng):
    assert utils.normalize(np.array([[1e-200, 1e-200], [0, 0], [1e200, 1e200]])).shape == (3, 2)
    utils.pad_sequences([[1e-60, 2], [3]], dtype="float32", value=1e-60)
    utils.to_categorical(np.array([0.0, 1.0]))
    preprocessing.fill_missing(np.array([[np.nan], [1e-308], [np.nan], [-1e308]]), "linear")
    texts = preprocessing.text.Tokenizer()
    texts.fit_on_texts(["a b", "", "c"])
    texts.texts_to_matrix(["a", "", "z"], mode="tfidf")
    texts.texts_to_matrix(["a", "", "z"], mode="freq")


def test_weights_that_do_not_fit_the_dtype():
    layer = layers.Dense(2)
    layer.build((None, 2))
    layer.set_weights([np.full((2, 2), 1e-60), np.full(2, 1e300)])
    layer.kernel.assign(np.full((2, 2), 1e-60))
    assert not layer.kernel.numpy().any()


@pytest.mark.skipif(not NUMPY_2, reason="NumPy 2 keeps the settings in the context")
def test_the_caller_s_own_functions_see_the_caller_s_settings(rng):
    wanted, seen = np.geterr(), {}

    def note(name):
        seen[name] = np.geterr()

    class OwnLayer(layers.Layer):
        def forward(self, inputs, mask, training, keep):
            note("layer")
            return inputs, mask, None

        def backward(self, kept, doutputs):
            note("layer's backward")
            return doutputs

    class OwnLoss(losses.Loss):
        def forward(self, y_true, y_pred):
            note("loss")
            return np.abs(y_pred - y_true).sum(-1), np.sign(y_pred - y_true)

        def backward(self, kept, dvalues):
            note("loss's backward")
            return kept * np.reshape(dvalues, np.shape(dvalues) + (1,) * (np.ndim(dvalues) > 0))

    class OwnCallback(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            note("callback")

    def metric(y_true, y_pred):
        note("metric")
        return np.abs(y_true - y_pred)

    def function(x):
        note("lambda")
        return x * 2

    def batches():
        while True:
            note("generator")
            yield rng.standard_normal((4, 3)), rng.standard_normal((4, 2))

    def first_weights(shape, dtype):
        note("initializer")
        return np.ones(shape, dtype)

    def rate():
        note("rate")
        return 0.01

    model = Sequential([layers.Input((3,)), layers.Dense(2, kernel_initializer=first_weights),
                        OwnLayer(), layers.Lambda(function)])
    model.compile(optimizers.SGD(rate), OwnLoss(), metrics=[metric])
    model.fit(batches(), steps_per_epoch=2, verbose=0, callbacks=[
        OwnCallback(), callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: note("lambdas"))])
    assert len(seen) == 11
    assert {name: errors for name, errors in seen.items() if errors != wanted} == {}


def test_a_layer_that_extends_one_of_ours_works_quietly(rng):
    class Scaled(layers.Softmax):
        def forward(self, inputs, mask, training, keep):
            return super().forward(inputs * 1e3, mask, training, keep)

    model = Sequential([layers.Input((3,)), layers.Dense(3), Scaled()])
    trained(model, far(rng, (16, 3)), rng.integers(0, 3, 16), "sparse_categorical_crossentropy",
            optimizers.SGD(1e-9))
