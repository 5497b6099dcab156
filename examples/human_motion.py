# SPDX-License-Identifier: Apache-2.0
"""What somebody does, from the smart watch at the wrist: standing, walking, running, badminton.

Forty recordings of ten seconds, accelerometer and gyroscope, are enough for a small
bidirectional GRU. The figure of merit is accuracy on forty others; guessing gives one in four.

    pip install fastrnn[examples]
    python examples/human_motion.py
"""

import numpy as np
from common import finish, panels, parse
from real_data import basic_motions

from fastrnn.layers import GRU, Bidirectional, Dense, Dropout, Input
from fastrnn.models import Sequential
from fastrnn.utils import set_random_seed, to_categorical


def draw(recordings, activities, names, confusion, path):
    figure, axes = panels(columns=len(names) + 1, height=2.6)
    for k, name in enumerate(names):
        axes[k].plot(np.arange(100) / 10, recordings[np.flatnonzero(activities == k)[0], :, :3])
        axes[k].set(title=name, xlabel="seconds", ylim=(-30, 30))
    axes[0].set_ylabel("acceleration")
    axes[-1].imshow(confusion, cmap="Blues")
    axes[-1].set(xticks=range(len(names)), yticks=range(len(names)), yticklabels=names,
                 xlabel="answer", ylabel="truth")
    axes[-1].set_xticklabels(names, rotation=45, ha="right")
    for (row, column), count in np.ndenumerate(confusion):
        axes[-1].text(column, row, count, ha="center", va="center")
    finish(figure, path)


def main(argv=None):
    options = parse(argv, __doc__, epochs=60)
    set_random_seed(options.seed)
    if options.quick:
        options.epochs = 30
    train, train_labels = basic_motions("TRAIN")
    test, test_labels = basic_motions("TEST")
    names, train_ids = np.unique(train_labels, return_inverse=True)
    test_ids = np.searchsorted(names, test_labels)
    mean, deviation = train.mean(axis=(0, 1)), train.std(axis=(0, 1))

    model = Sequential([
        Input(train.shape[1:]),
        Bidirectional(GRU(24)),
        Dropout(0.3),
        Dense(len(names), activation="softmax"),
    ])
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit((train - mean) / deviation, to_categorical(train_ids), epochs=options.epochs,
              batch_size=8, verbose=0)
    answers = model.predict((test - mean) / deviation, verbose=0).argmax(axis=1)
    accuracy = np.mean(answers == test_ids)

    confusion = np.zeros((len(names), len(names)), dtype=int)
    np.add.at(confusion, (test_ids, answers), 1)
    print(f"{accuracy:.1%} of {len(test)} recordings; guessing {1 / len(names):.1%}")
    draw(test, test_ids, names, confusion, options.figure)
    return {"accuracy": accuracy, "guessing": 1 / len(names)}


if __name__ == "__main__":
    main()
