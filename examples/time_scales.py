# SPDX-License-Identifier: Apache-2.0
"""Slow and fast: one recurrent layer, layers at several strides, and a hierarchy of models.

Ten seconds of a smart watch, 100 steps, are classified three ways. "One scale" reads every step.
"Strides" stacks layers of which each passes on every fifth of its outputs, so that the third
reads one step where the first reads 25 (Schmidhuber 1992; El Hihi and Bengio 1995). "Hierarchy"
wraps a model of one second in TimeDistributed, and a second model reads the ten summaries.
The figure of merit is accuracy on 40 recordings held out; guessing gives one in four.

    pip install fastrnn[examples]
    python examples/time_scales.py
"""

import numpy as np
from common import finish, panels, parse
from real_data import basic_motions

from fastrnn.layers import GRU, Dense, Input, Reshape, TimeDistributed
from fastrnn.models import Model, Sequential
from fastrnn.utils import set_random_seed

STEPS, CHANNELS, ACTIVITIES = 100, 6, 4


def one_scale(x):
    return GRU(24)(x)


def strides(x):
    """Return what the slowest of three layers says, at 10, 2 and 0.4 steps a second."""
    fast = GRU(24, return_sequences=True)(x)
    middle = GRU(24, return_sequences=True)(fast[:, 4::5])
    return GRU(24)(middle[:, 4::5])


def hierarchy(x):
    second = Sequential([Input((10, CHANNELS)), GRU(24)])
    summaries = TimeDistributed(second)(Reshape((10, 10, CHANNELS))(x))
    return GRU(24)(summaries)


READERS = {"one scale": one_scale, "strides": strides, "hierarchy": hierarchy}


def build(read):
    x = Input((STEPS, CHANNELS))
    model = Model(x, Dense(ACTIVITIES, activation="softmax")(read(x)))
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def draw(histories, path):
    figure, axes = panels()
    for name, history in histories.items():
        axes.plot(np.arange(1, len(history) + 1), history, label=name)
    axes.axhline(1 / ACTIVITIES, color="grey", linestyle=":")
    axes.set(xlabel="epoch", ylabel="accuracy held out", ylim=(0, 1.02))
    axes.legend()
    finish(figure, path)


def main(argv=None):
    options = parse(argv, __doc__, epochs=100)
    set_random_seed(options.seed)
    if options.quick:
        options.epochs = 40
    (train, train_labels), (test, test_labels) = map(basic_motions, ("TRAIN", "TEST"))
    names, train_ids = np.unique(train_labels, return_inverse=True)
    held_out = (test / train.std(axis=(0, 1)), np.searchsorted(names, test_labels))

    histories = {}
    for name, read in READERS.items():
        model = build(read)
        fitted = model.fit(train / train.std(axis=(0, 1)), train_ids, validation_data=held_out,
                           batch_size=8, epochs=options.epochs, verbose=0)
        histories[name] = fitted.history["val_accuracy"]
        print(f"{name:<10} {histories[name][-1]:.1%} of {len(test)} recordings, "
              f"{model.count_params()} weights")
    draw(histories, options.figure)
    return {name: history[-1] for name, history in histories.items()}


if __name__ == "__main__":
    main()
