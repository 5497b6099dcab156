# SPDX-License-Identifier: Apache-2.0
"""Models of a size that people train: many registers of units, several blocks of rows."""

import numpy as np

from .figures import ids, noise, one_hot, predicted, set_start, stack
from .masks import mask_of
from .recurrent import CELLS, rnn
from .registry import case

SAMPLES = 10


def sampled(model, x, y, **options):
    """Figures of a run, with some of each weight's numbers."""
    set_start(model, x, lambda weight: weight / 3)
    before = predicted(model, x[:8])
    history = model.fit(x, y, epochs=2, batch_size=32, shuffle=False, verbose=0, **options).history
    weights = [w.ravel()[:: -(-w.size // SAMPLES)] for w in model.get_weights()]
    return {
        "before": before,
        **{f"history.{key}": values for key, values in history.items()},
        "after": predicted(model, x[:8]),
        "after.weights": weights,
    }


@case()
def stacked_lstm_of_50(k):
    """The classic program without its dropout."""
    model = stack(
        k,
        rnn(k, "LSTM", 50, return_sequences=True),
        rnn(k, "LSTM", 50, return_sequences=True),
        rnn(k, "LSTM", 50),
        k.layers.Dense(1),
        shape=(10, 1),
    )
    model.compile(optimizer=k.optimizers.SGD(0.05), loss="mse")
    return sampled(model, noise(100, 10, 1), noise(100, 1, seed=1))


@case(cell=CELLS)
def classifier_of_128(k, cell):
    layers = [rnn(k, cell, 128, return_sequences=True), rnn(k, cell, 128)]
    model = stack(k, *layers, k.layers.Dense(5, activation="softmax"), shape=(20, 12))
    model.compile(
        optimizer=k.optimizers.Adam(1e-3, epsilon=1e-4),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return sampled(model, noise(72, 20, 12), one_hot(ids(72, below=5), 5), validation_split=0.2)


@case(cell=CELLS)
def text_of_unequal_lengths(k, cell):
    x = np.where(mask_of("right", 70, 30), ids(70, 30, below=60, least=1), 0).astype("int32")
    model = stack(
        *(k, k.layers.Embedding(60, 24, mask_zero=True)),
        k.layers.Bidirectional(rnn(k, cell, 33, return_sequences=True)),
        *(rnn(k, cell, 17), k.layers.Dense(1, activation="sigmoid")),
        shape=(30,),
        dtype="int32",
    )
    model.compile(
        optimizer=k.optimizers.SGD(0.1, momentum=0.9),
        loss="binary_crossentropy",
        metrics=["accuracy"],
    )
    return sampled(model, x, ids(70, 1, below=2))


@case(activation=["relu", "softsign"])
def other_activations(k, activation):
    layers = [
        rnn(k, "GRU", 40, reset_after=False, activation=activation, return_sequences=True),
        rnn(k, "LSTM", 37, activation=activation, recurrent_activation="hard_sigmoid"),
    ]
    model = stack(k, *layers, k.layers.Dense(2), shape=(25, 9))
    model.compile(optimizer=k.optimizers.SGD(0.05, clipnorm=1.0), loss="huber")
    return sampled(model, noise(50, 25, 9), noise(50, 2, seed=1))
