# SPDX-License-Identifier: Apache-2.0
"""A language model of characters: three LSTM layers with dropout read the King James Bible.

Every step predicts the next character. The figure of merit is bits per character on text that
was not trained on, against the entropy of single characters. The text comes with fastrnn.

    pip install fastrnn[examples]
    python examples/text_generation.py
"""

import numpy as np
from common import finish, panels, parse

from fastrnn import generate
from fastrnn.demo.text import king_james
from fastrnn.layers import LSTM, Dense, Dropout, Embedding
from fastrnn.models import Sequential
from fastrnn.optimizers import Adam
from fastrnn.preprocessing import Vocabulary
from fastrnn.utils import set_random_seed

STEPS = 100


def windows(ids):
    """Return inputs and targets (N, STEPS): the targets are one character later."""
    count = (len(ids) - 1) // STEPS
    return (ids[:count * STEPS].reshape(count, STEPS),
            ids[1:count * STEPS + 1].reshape(count, STEPS))


def unigram_bits(train, test, size):
    """Return bits per character of `test` when characters are drawn as often as in `train`."""
    frequency = (np.bincount(train, minlength=size) + 1) / (len(train) + size)
    return -np.log2(frequency[test]).mean()


def build(size, units):
    model = Sequential([Embedding(size, 32)])
    for _ in range(3):
        model.add(LSTM(units, return_sequences=True))
        model.add(Dropout(0.1))
    model.add(Dense(size, activation="softmax"))
    model.compile(loss="sparse_categorical_crossentropy", optimizer=Adam(3e-3))
    return model


def draw(history, unigram, path):
    figure, axes = panels()
    for key, name in (("loss", "training"), ("val_loss", "held out")):
        bits = np.array(history[key]) / np.log(2)
        axes.plot(np.arange(1, len(bits) + 1), bits, marker="o", label=name)
    axes.axhline(unigram, color="grey", linestyle=":", label="single characters")
    axes.set(xlabel="epoch", ylabel="bits per character", ylim=(0, None))
    axes.legend()
    finish(figure, path)


def main(argv=None):
    options = parse(argv, __doc__, epochs=6, units=128, batch=16)
    set_random_seed(options.seed)
    text = king_james()
    if options.quick:
        text, options.epochs, options.units, options.batch = text[:100_000], 2, 48, 4
    vocabulary = Vocabulary.from_text(text)
    ids = vocabulary.encode(text)
    train, test = np.split(ids, [len(ids) * 19 // 20])

    model = build(len(vocabulary), options.units)
    history = model.fit(*windows(train), validation_data=windows(test), batch_size=options.batch,
                        epochs=options.epochs, verbose=2).history
    bits = history["val_loss"][-1] / np.log(2)
    unigram = unigram_bits(train, test, len(vocabulary))

    prompt = "And it came to pass, "
    written = generate(model, vocabulary.encode(prompt), steps=300, temperature=0.6,
                       seed=options.seed)
    print(prompt + vocabulary.decode(written))
    print(f"held out: {bits:.2f} bits per character; single characters {unigram:.2f}")
    draw(history, unigram, options.figure)
    return {"bits": bits, "unigram": unigram}


if __name__ == "__main__":
    main()
