# SPDX-License-Identifier: Apache-2.0
"""Programs from Keras tutorials: they run after a change of nothing but their import lines."""

import re

import numpy as np
import pytest

import fastrnn

# What follows `from` or `import` in the lines that change.
PACKAGE = re.compile(r"^(\s*(?:from|import)\s+)(?:tensorflow\.keras|keras)\b", re.MULTILINE)
FROM_TENSORFLOW = re.compile(r"^(\s*)from tensorflow import keras$", re.MULTILINE)


@pytest.fixture(autouse=True)
def repeatable():
    """The same run each time, and as fast where other programs run too."""
    threads = fastrnn.get_num_threads()
    fastrnn.utils.set_random_seed(3)
    fastrnn.set_num_threads(1)
    yield
    fastrnn.set_num_threads(threads)


def here(program):
    """The program with `fastrnn` for `keras` or `tensorflow.keras` in its import lines."""
    program = FROM_TENSORFLOW.sub(r"\1import fastrnn as keras", program)
    program = re.sub(r"^(\s*)import keras$", r"\1import fastrnn as keras", program, flags=re.M)
    return PACKAGE.sub(r"\1fastrnn", program)


def run(program, **names):
    """Execute a program in which `names` are known; return what it has defined."""
    names = {"__name__": "program", "np": np, "verbose": 0, **names}
    exec(compile(here(program), "<program>", "exec"), names)
    return names


def assert_learning(history, *keys, epochs):
    """The history has these keys, in this order, a finite number for each epoch."""
    assert list(history.history) == list(keys)
    assert history.epoch == list(range(epochs))
    for values in history.history.values():
        assert len(values) == epochs
        assert all(type(value) is float for value in values)
        assert np.isfinite(values).all()


STACKED = """
from keras.models import Sequential
from keras.layers import LSTM, Dropout, Dense

model = Sequential()
model.add(LSTM(50, return_sequences=True, input_shape=(10, 1)))
model.add(Dropout(0.2))
model.add(LSTM(50, return_sequences=True))
model.add(Dropout(0.2))
model.add(LSTM(50))
model.add(Dropout(0.2))
model.add(Dense(1))
model.compile(loss='mse', optimizer='adam')
X = np.random.default_rng(0).random((100, 10, 1))
y = np.random.default_rng(1).random(targets)
history = model.fit(X, y, epochs=epochs, batch_size=32, verbose=verbose)
predicted = model.predict(X, verbose=verbose)
"""


def test_stacked_lstm():
    made = run(STACKED, targets=(100, 1), epochs=3)
    assert_learning(made["history"], "loss", epochs=3)
    assert made["predicted"].shape == (100, 1)
    assert made["predicted"].dtype == np.float32
    # Keras' summary of the same layers.
    assert made["model"].count_params() == 10400 + 20200 + 20200 + 51


def test_stacked_lstm_learns_the_mean():
    """Random targets have nothing to learn but their mean, 0.5, and their variance, 1/12."""
    history = run(STACKED, targets=(100, 1), epochs=30)["history"]
    assert history.history["loss"][-1] < 0.12 < history.history["loss"][0]


def test_stacked_lstm_in_its_published_form():
    with pytest.raises(ValueError, match=r"\(.*10, 1\).*\(.*1\)") as error:
        run(STACKED, targets=(100, 10, 1), epochs=1)
    assert "y_true" in str(error.value) or "target" in str(error.value)
    assert "(32, 10, 1)" in str(error.value) or "(100, 10, 1)" in str(error.value)
    assert "(32, 1)" in str(error.value) or "(100, 1)" in str(error.value)


CLASSIFIER = """
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import LSTM, Dense
from tensorflow.keras.utils import to_categorical

data_dim, timesteps, num_classes = 16, 8, 10

model = Sequential()
model.add(LSTM(50, return_sequences=True, input_shape=(timesteps, data_dim)))
model.add(LSTM(50, return_sequences=True))
model.add(LSTM(50))
model.add(Dense(num_classes, activation='softmax'))
model.compile(loss='categorical_crossentropy', optimizer='rmsprop', metrics=['accuracy'])

random = np.random.default_rng(0)
x_train = random.random((256, timesteps, data_dim))
y_train = to_categorical(random.integers(num_classes, size=256), num_classes)
x_val = random.random((64, timesteps, data_dim))
y_val = to_categorical(random.integers(num_classes, size=64), num_classes)
history = model.fit(x_train, y_train, batch_size=128, epochs=epochs,
                    validation_data=(x_val, y_val), verbose=verbose)
loss, accuracy = model.evaluate(x_val, y_val, verbose=verbose)
"""


def test_classifier():
    made = run(CLASSIFIER, epochs=2)
    history = made["history"]
    assert_learning(history, "accuracy", "loss", "val_accuracy", "val_loss", epochs=2)
    assert made["loss"] == pytest.approx(history.history["val_loss"][-1], rel=1e-5)
    assert made["accuracy"] == pytest.approx(history.history["val_accuracy"][-1], rel=1e-5)
    probabilities = made["model"].predict(made["x_val"], verbose=0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


SEQUENCE = """
from keras.models import Sequential
from keras.layers import SimpleRNN, Dense

steps, dim, out = 12, 3, 2
model = Sequential([
    SimpleRNN(128, activation='tanh', input_shape=(steps, dim)),
    Dense(out),
])
model.compile(optimizer='adam', loss='mse')
random = np.random.default_rng(0)
X, X_val = random.standard_normal((64, steps, dim)), random.standard_normal((16, steps, dim))
y, y_val = X[:, -1, :out] - X[:, -2, :out], X_val[:, -1, :out] - X_val[:, -2, :out]
history = model.fit(X, y, epochs=epochs, batch_size=16, validation_data=(X_val, y_val),
                    verbose=verbose)
"""


def test_sequence():
    history = run(SEQUENCE, epochs=15)["history"]
    assert_learning(history, "loss", "val_loss", epochs=15)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]


TEXT_LINES = """
from keras.preprocessing.text import Tokenizer
from keras.preprocessing.sequence import pad_sequences
from keras.models import Sequential
from keras.layers import SimpleRNN, Dense, Embedding

texts = ['the cat sat on the mat', 'a dog ran in the park', 'the bird sang a song',
         'my dog sat in the park', 'no cat sang on my mat'] * 8
labels = np.array([0, 1, 0, 1, 0] * 8)

tokenizer = Tokenizer(num_words=20)
tokenizer.fit_on_texts(texts)
sequences = tokenizer.texts_to_sequences(texts)
X = pad_sequences(sequences, maxlen=100, padding='post')
y = np.eye(2)[labels]
"""
TEXT = (
    TEXT_LINES
    + """
model = Sequential([
    SimpleRNN(128, activation='tanh', input_shape=shape),
    Dense(2, activation='softmax'),
])
model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
history = model.fit(X, y, epochs=epochs, batch_size=8, validation_split=0.2, verbose=verbose)
"""
)
EMBEDDED = (
    TEXT_LINES
    + """
model = Sequential([
    Embedding(20, 16, mask_zero=True),
    SimpleRNN(32, activation='tanh'),
    Dense(2, activation='softmax'),
])
model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
history = model.fit(X, y, epochs=epochs, batch_size=8, validation_split=0.2, verbose=verbose)
"""
)


@pytest.mark.parametrize("shape", [(100, 20), (100,)])
def test_text_of_ids_without_an_embedding(shape):
    with pytest.raises(ValueError, match="Embedding"):
        run(TEXT, shape=shape, epochs=1)


def test_text():
    made = run(EMBEDDED, epochs=8)
    assert_learning(
        made["history"], "accuracy", "loss", "val_accuracy", "val_loss", epochs=8
    )
    assert made["X"].shape == (40, 100)
    assert made["history"].history["val_accuracy"][-1] == 1


STATES = """
import keras
from keras.layers import LSTM, Dense
from keras.models import Model

class Reader(Model):
    def __init__(self, n, k):
        super().__init__()
        self.lstm = LSTM(n, return_sequences=True, return_state=True)
        self.dense = Dense(k, activation='softmax')

    def call(self, inputs, states=None):
        outputs, h, c = self.lstm(inputs, initial_state=states)
        return self.dense(outputs), [h, c]

model = Reader(16, 5)
model.compile(optimizer='adam', loss='categorical_crossentropy', **compiled)
random = np.random.default_rng(0)
X = random.standard_normal((24, 7, 4))
y = keras.utils.to_categorical(random.integers(5, size=(24, 7)), 5)
history = model.fit(X, y, epochs=epochs, batch_size=8, verbose=verbose)
outputs, states = model.predict(X, verbose=verbose)
"""


@pytest.mark.parametrize(
    ("compiled", "keys"),
    [({}, ["loss"]), ({"metrics": ["accuracy"]}, ["accuracy", "loss"])],
    ids=["loss", "metrics"],
)
def test_subclass_that_returns_its_states(compiled, keys):
    made = run(STATES, epochs=3, compiled=compiled)
    assert_learning(made["history"], *keys, epochs=3)
    assert made["outputs"].shape == (24, 7, 5)
    assert [state.shape for state in made["states"]] == [(24, 16), (24, 16)]


SIMPLE = """
from keras.models import Sequential
from keras.layers import SimpleRNN, Dense

X = np.random.default_rng(0).random((1000, 10, 1))
y = X.sum(axis=1)
model = Sequential()
model.add(SimpleRNN(units=50, input_shape=(10, 1)))
model.add(Dense(1))
model.compile(optimizer='adam', loss='mean_squared_error')
history = model.fit(X, y, epochs=epochs, batch_size=32, verbose=verbose)
new = np.random.default_rng(1).random((3, 10, 1))
predicted = model.predict(new, verbose=verbose)
"""


def test_simple_rnn_and_new_rows():
    made = run(SIMPLE, epochs=25)
    assert_learning(made["history"], "loss", epochs=25)
    assert made["predicted"].shape == (3, 1)
    # The sums of ten numbers are 5 +- 0.9.
    assert made["history"].history["loss"][-1] < 0.3
    assert np.abs(made["predicted"] - made["new"].sum(axis=1)).max() < 1


@pytest.mark.parametrize("line", ["import keras", "from tensorflow import keras"])
def test_package_by_the_name_of_keras(line):
    program = f"""
{line}
model = keras.Sequential([
    keras.Input(shape=(5, 2)),
    keras.layers.GRU(4),
    keras.layers.Dense(1),
])
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01),
              loss=keras.losses.MeanSquaredError(),
              metrics=[keras.metrics.MeanAbsoluteError()])
stop = keras.callbacks.EarlyStopping(monitor='loss', patience=3)
keras.utils.set_random_seed(1)
x = np.random.default_rng(0).standard_normal((16, 5, 2))
history = model.fit(x, x[:, :1, 0], epochs=2, callbacks=[stop], verbose=verbose)
inputs = keras.Input((5, 2))
functional = keras.Model(inputs, keras.models.Sequential([keras.layers.LSTM(3)])(inputs))
kinds = [keras.regularizers.L2, keras.initializers.GlorotUniform, keras.constraints.NonNeg,
         keras.activations.tanh, keras.preprocessing.sequence.pad_sequences]
"""
    made = run(program)
    assert_learning(made["history"], "loss", "mean_absolute_error", epochs=2)
    assert made["functional"].output_shape == (None, 3)


ERRORS = """
from keras.models import Sequential
from keras.layers import GRU, Dense

model = Sequential([GRU(4, input_shape=(6, 2)), Dense(width, activation=activation)])
model.compile(optimizer='adam', loss=loss)
before = [w.copy() for w in model.get_weights()]
x = np.random.default_rng(0).standard_normal((20, *rows)).astype('float32')
x = spoil(x)
model.fit(x, y, verbose=verbose)
"""


def refused(error, *words, width=1, activation=None, loss="mse", rows=(6, 2), spoil=None, y=None):
    """Check that the program ends in this error, which says these words."""
    names = {
        "width": width,
        "activation": activation,
        "loss": loss,
        "rows": rows,
        "spoil": spoil or (lambda x: x),
        "y": np.zeros((20, 1), "float32") if y is None else y,
    }
    with pytest.raises(error) as caught:
        run(ERRORS, **names)
    for word in words:
        assert word in str(caught.value), str(caught.value)


def test_targets_of_another_width():
    refused(ValueError, "(20, 3)", "(20, 1)", y=np.zeros((20, 3), "float32"))


def test_targets_of_another_number_of_rows():
    refused(ValueError, "20", "19", y=np.zeros((19, 1), "float32"))


def test_inputs_of_another_shape():
    refused(ValueError, "2 features", "6, 3", rows=(6, 3))


@pytest.mark.parametrize("bad", [3, -1])
def test_label_out_of_range(bad):
    labels = np.arange(20) % 3
    labels[7] = bad
    loss = "sparse_categorical_crossentropy"
    refused(ValueError, str(bad), width=3, activation="softmax", loss=loss, y=labels)


def test_missing_values():
    def spoil(x):
        x[4, 3, 1] = np.nan
        return x

    refused(ValueError, "NaN", "4, 3, 1", "Masking(nan=True)", spoil=spoil)


def test_loss_that_is_not_finite():
    huge = np.full((20, 1), 3e38, "float32")
    refused(FloatingPointError, "loss", y=huge)


def test_unknown_loss():
    refused(ValueError, "mean_cubed", loss="mean_cubed")


def test_weights_stay_as_they_were_after_a_refusal():
    from fastrnn import layers, models

    model = models.Sequential([layers.Input((6, 2)), layers.GRU(4), layers.Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    before = [w.copy() for w in model.get_weights()]
    x = np.random.default_rng(0).standard_normal((20, 6, 2)).astype("float32")
    with pytest.raises(ValueError, match="20"):
        model.fit(x, np.zeros((20, 6, 1), "float32"), verbose=0)
    for got, want in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(got, want)


def test_import_lines_alone_change():
    program = "from keras.models import A\nfrom tensorflow.keras import b\nx = 'keras.models'\n"
    want = "from fastrnn.models import A\nfrom fastrnn import b\nx = 'keras.models'\n"
    assert here(program) == want
