# SPDX-License-Identifier: Apache-2.0
"""Dates in words to ISO dates: sequence to sequence with attention, and its map.

"the third of march nineteen ninety-eight" becomes "1998-03-03". The encoder reads the letters
both ways; each step of the decoder looks at all of them with Luong's dot-product attention
(Luong, Pham and Manning 2015), padding masked. Every day from 1900 to 2099 may be asked; the
figure of merit is the share of days never trained on whose ten characters are all right.

    pip install fastrnn[examples]
    python examples/date_translation.py
"""

from datetime import date, timedelta

import numpy as np
from common import finish, panels, parse

from fastrnn.layers import LSTM, Attention, Bidirectional, Concatenate, Dense, Embedding, Input
from fastrnn.models import Model
from fastrnn.optimizers import Adam
from fastrnn.preprocessing import Vocabulary
from fastrnn.preprocessing.sequence import pad_sequences
from fastrnn.preprocessing.text import Tokenizer
from fastrnn.utils import set_random_seed

ISO = Vocabulary("-0123456789")
START, LENGTH = len(ISO), 10
SMALL = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
         "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
         "eighteen", "nineteen"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth",
            "eight": "eighth", "nine": "ninth", "twelve": "twelfth"}


def cardinal(number):
    """Return a number below 100 in words."""
    if number < 20:
        return SMALL[number]
    return TENS[number // 10 - 2] + ("-" + SMALL[number % 10] if number % 10 else "")


def ordinal(number):
    head, dash, last = cardinal(number).rpartition("-")
    last = ORDINALS.get(last, last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return head + dash + last


def year_in_words(year):
    century, rest = divmod(year, 100)
    if year == 2000:
        return "two thousand"
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def in_words(day, style):
    """Return a date as somebody might say or write it; four styles."""
    month = day.strftime("%B").lower()
    return (
        f"the {ordinal(day.day)} of {month} {year_in_words(day.year)}",
        f"{month} the {ordinal(day.day)}, {year_in_words(day.year)}",
        f"{day.strftime('%A').lower()}, {day.day} {month} {day.year}",
        f"{month[:3]} {day.day}, {day.year}",
    )[style]


def examples(count, seed):
    """Return dates in words and the ISO dates, of `count` different days."""
    random = np.random.default_rng(seed)
    days = random.choice((date(2100, 1, 1) - date(1900, 1, 1)).days, count, replace=False)
    days = [date(1900, 1, 1) + timedelta(int(day)) for day in days]
    styles = random.integers(4, size=count)
    return [in_words(*pair) for pair in zip(days, styles, strict=True)], list(map(str, days))


def build(letters, units):
    """Return the model to train and one that gives its attention, (N, LENGTH, letters)."""
    source, written = Input((None,)), Input((LENGTH,))
    memory = Bidirectional(LSTM(units, return_sequences=True))(
        Embedding(letters + 1, 32, mask_zero=True)(source))
    query = LSTM(2 * units, return_sequences=True)(Embedding(START + 1, 16)(written))
    context, weights = Attention()([query, memory], return_attention_scores=True)
    following = Dense(len(ISO), activation="softmax")(Concatenate()([query, context]))
    model = Model([source, written], following)
    model.compile(loss="sparse_categorical_crossentropy", optimizer=Adam(3e-3, clipnorm=1.0),
                  metrics=["accuracy"])
    return model, Model([source, written], weights)


def shifted(targets):
    """Return what the decoder has written before each step."""
    return np.insert(targets[:, :-1], 0, START, axis=1)


def translate(model, sources):
    """Return the likeliest characters, taken one after another, (N, LENGTH)."""
    answers = np.zeros((len(sources), LENGTH), dtype=np.int64)
    for k in range(LENGTH):
        following = model.predict([sources, shifted(answers)], verbose=0)
        answers[:, k] = following[:, k].argmax(axis=-1)
    return answers


def draw(words, answer, weights, path):
    figure, axes = panels(height=4)
    axes.imshow(weights[:, :len(words)].T, cmap="Blues", aspect="auto")
    axes.set(xticks=range(LENGTH), xticklabels=answer, yticks=range(len(words)),
             yticklabels=words, title="where each step looks")
    axes.tick_params(axis="y", labelsize=7)
    finish(figure, path)


def main(argv=None):
    options = parse(argv, __doc__, epochs=6, units=64)
    set_random_seed(options.seed)
    train_size, test_size = 20_000, 1_000
    if options.quick:
        train_size, test_size, options.epochs, options.units = 5_000, 100, 4, 48
    words, iso = examples(train_size + test_size, options.seed)
    tokenizer = Tokenizer(char_level=True)
    tokenizer.fit_on_texts(words)
    sources = pad_sequences(tokenizer.texts_to_sequences(words), padding="post")
    targets = np.stack([ISO.encode(day) for day in iso])
    train, test = slice(train_size), slice(train_size, None)

    model, attention = build(len(tokenizer.word_index), options.units)
    model.fit([sources[train], shifted(targets[train])], targets[train], batch_size=64,
              epochs=options.epochs, verbose=2)
    answers = translate(model, sources[test])
    right = answers == targets[test]
    exact, characters = right.all(axis=1).mean(), right.mean()

    for k in range(4):
        print(f"{words[train_size + k]} -> {ISO.decode(answers[k])}")
    print(f"{exact:.1%} of {test_size} new dates exactly right, {characters:.1%} of characters")
    longest = max(range(test_size), key=lambda k: len(words[train_size + k]))
    pair = [sources[test][[longest]], shifted(answers)[[longest]]]
    draw(words[train_size + longest], ISO.decode(answers[longest]),
         attention.predict(pair, verbose=0)[0], options.figure)
    return {"exact": exact, "characters": characters}


if __name__ == "__main__":
    main()
