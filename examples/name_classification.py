# SPDX-License-Identifier: Apache-2.0
"""First names, letter by letter, to sex: SimpleRNN, LSTM and GRU compared in one figure.

The classic text pipeline: Tokenizer, pad_sequences, Embedding, a recurrent layer, Dense. The
figure of merit is accuracy on names held out, against always saying the commoner sex.

    pip install fastrnn[examples]
    python examples/name_classification.py
"""

import numpy as np
from common import finish, panels, parse
from real_data import first_names

from fastrnn.layers import GRU, LSTM, Dense, Embedding, SimpleRNN
from fastrnn.models import Sequential
from fastrnn.preprocessing.sequence import pad_sequences
from fastrnn.preprocessing.text import Tokenizer
from fastrnn.utils import set_random_seed


def build(layer, letters):
    model = Sequential([
        Embedding(letters + 1, 16, mask_zero=True),  # id 0 is padding, which the layers skip
        layer(64),
        Dense(1, activation="sigmoid"),
    ])
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def draw(histories, majority, path):
    figure, axes = panels()
    for name, history in histories.items():
        axes.plot(np.arange(1, len(history) + 1), history, label=name)
    axes.axhline(majority, color="grey", linestyle=":", label="always the commoner")
    axes.set(xlabel="epoch", ylabel="accuracy on names held out")
    axes.legend()
    finish(figure, path)


def main(argv=None):
    options = parse(argv, __doc__, epochs=20)
    set_random_seed(options.seed)
    if options.quick:
        options.epochs = 4
    names, female = first_names()
    tokenizer = Tokenizer(char_level=True)
    tokenizer.fit_on_texts(names)
    ids = pad_sequences(tokenizer.texts_to_sequences(names))

    order = np.random.default_rng(options.seed).permutation(len(names))
    train, test = np.split(order, [len(names) * 4 // 5])
    histories = {}
    for layer in (SimpleRNN, LSTM, GRU):
        model = build(layer, len(tokenizer.word_index))
        fitted = model.fit(ids[train], female[train], batch_size=32, epochs=options.epochs,
                           validation_data=(ids[test], female[test]), verbose=0)
        histories[layer.__name__] = fitted.history["val_accuracy"]
    accuracy = {name: history[-1] for name, history in histories.items()}
    majority = max(female[test].mean(), 1 - female[test].mean())

    for name, value in accuracy.items():
        print(f"{name:<9}  {value:.1%} of {len(test)} names held out")
    print(f"always the commoner sex: {majority:.1%}")
    draw(histories, majority, options.figure)
    return accuracy | {"majority": majority}


if __name__ == "__main__":
    main()
