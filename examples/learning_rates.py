# SPDX-License-Identifier: Apache-2.0
"""The learning rate: by grid search, by random search, and falling while it learns.

Each trial trains the same small model of the characters of the King James Bible. The trials of
a random search fall on more different rates than those of a grid (Bergstra and Bengio 2012); the
best rate found is then raised threefold and let decay. The figure of merit is bits per character on
text held out, against Adam's default rate of 0.001.

    pip install fastrnn[examples]
    python examples/learning_rates.py
"""

import numpy as np
from common import finish, panels, parse
from text_generation import windows

from fastrnn.demo.text import king_james
from fastrnn.layers import GRU, Dense, Embedding
from fastrnn.models import Sequential
from fastrnn.optimizers import Adam
from fastrnn.optimizers.schedules import CosineDecay, ExponentialDecay
from fastrnn.preprocessing import Vocabulary
from fastrnn.utils import set_random_seed

BATCH, LOWEST, HIGHEST = 4, 1e-4, 1e-1


def data(characters):
    """Return windows of the text's beginning to train on and those that follow, held out."""
    text = king_james()
    vocabulary = Vocabulary.from_text(text)
    train, held_out = np.split(vocabulary.encode(text[:characters]), [characters * 4 // 5])
    return windows(train), windows(held_out), len(vocabulary)


def held_out_bits(rate, train, held_out, size, epochs, seed):
    """Train from the same start with a rate or a schedule; return bits per character by epoch."""
    set_random_seed(seed)
    model = Sequential([Embedding(size, 16), GRU(64, return_sequences=True),
                        Dense(size, activation="softmax")])
    model.compile(loss="sparse_categorical_crossentropy", optimizer=Adam(rate))
    history = model.fit(*train, validation_data=held_out, batch_size=BATCH, epochs=epochs,
                        verbose=0).history
    return np.array(history["val_loss"]) / np.log(2)


def draw(found, curves, path):
    figure, (left, right) = panels(columns=2)
    for (name, trials), marker in zip(found.items(), "os", strict=True):
        left.semilogx(trials.keys(), trials.values(), marker, label=name)
    left.set(xlabel="learning rate", ylabel="bits per character held out")
    left.legend()
    for name, curve in curves.items():
        right.plot(np.arange(1, len(curve) + 1), curve, label=name)
    right.set(xlabel="epoch", ylabel="bits per character held out")
    right.legend()
    finish(figure, path)


def main(argv=None):
    options = parse(argv, __doc__, epochs=4, trials=8)
    characters = 200_000
    if options.quick:
        characters, options.epochs, options.trials = 30_000, 1, 4
    train, held_out, size = data(characters)

    def curve(rate):
        return held_out_bits(rate, train, held_out, size, options.epochs, options.seed)

    grid = np.geomspace(LOWEST, HIGHEST, options.trials)
    exponents = np.random.default_rng(options.seed).uniform(
        np.log10(LOWEST), np.log10(HIGHEST), options.trials)
    found = {name: {rate: curve(rate)[-1] for rate in map(float, rates)}
             for name, rates in (("grid", grid), ("random", 10.0**exponents))}
    trials = found["grid"] | found["random"]
    best = min(trials, key=trials.get)

    steps = options.epochs * -(-len(train[0]) // BATCH)
    curves = {
        "0.001, the default": curve(0.001),
        f"{best:.2g}, the best": curve(best),
        f"{3 * best:.2g}, exponential": curve(ExponentialDecay(3 * best, steps, 0.05)),
        f"{3 * best:.2g}, cosine": curve(CosineDecay(3 * best, steps)),
    }
    for name, rates in found.items():
        rate = min(rates, key=rates.get)
        print(f"{name:<7} search: {rates[rate]:.3f} bits per character at {rate:.2g}")
    for name, values in curves.items():
        print(f"{name:<20} {values[-1]:.3f} bits per character held out")
    draw(found, curves, options.figure)
    return {"default": curves["0.001, the default"][-1], "best": trials[best],
            "decayed": min(values[-1] for values in list(curves.values())[2:])}


if __name__ == "__main__":
    main()
