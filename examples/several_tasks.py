# SPDX-License-Identifier: Apache-2.0
"""Several kinds of input and several tasks in one functional model, on the CO2 of Mauna Loa.

Inputs: the weeks of the past half year, as numbers, and the month now, as a category that is
embedded. Tasks: how much CO2 changes in the next eight weeks, and whether the next week is
higher than this one. The layers below are shared; each task has a head and a loss of its own.
Rivals: the change of the past eight weeks goes on, and the commoner direction.
Train to 1989, test on 1990 to 2001.

    pip install fastrnn[examples]
    python examples/several_tasks.py
"""

import numpy as np
from common import finish, panels, parse
from forecasts import windows
from real_data import co2

from fastrnn.layers import GRU, Concatenate, Dense, Embedding, Flatten, Input
from fastrnn.models import Model
from fastrnn.preprocessing import fill_missing
from fastrnn.utils import set_random_seed

PAST, AHEAD = 26, 8


def build():
    weeks, month = Input((PAST, 1), name="weeks"), Input((1,), name="month")
    season = Flatten()(Embedding(12, 4)(month))
    shared = Dense(32, activation="relu")(Concatenate()([GRU(24)(weeks), season]))
    change = Dense(1, name="change")(shared)
    rises = Dense(1, activation="sigmoid", name="rises")(shared)
    model = Model({"weeks": weeks, "month": month}, {"change": change, "rises": rises})
    model.compile(loss={"change": "mse", "rises": "binary_crossentropy"},
                  loss_weights={"change": 1.0, "rises": 0.5},
                  metrics={"change": ["mae"], "rises": ["accuracy"]}, optimizer="adam")
    return model


def data():
    """Return inputs and targets by name, and the week of the first forecast of each row."""
    weeks, ppm = co2()
    past, future = windows(fill_missing(ppm[:, None], method="linear"), PAST, AHEAD)
    level, first = past[:, -1], weeks[PAST:PAST + len(past)]
    inputs = {"weeks": (past - level[:, None]).astype(np.float32),
              "month": first.astype("datetime64[M]").astype(int)[:, None] % 12}
    targets = {"change": (future[:, -1] - level).astype(np.float32),
               "rises": (future[:, 0] > level).astype(np.float32)}
    return inputs, targets, first


def rows(arrays, chosen):
    return {name: array[chosen] for name, array in arrays.items()}


def draw(first, truth, answers, path):
    figure, axes = panels(rows=2, height=2.4, sharex=True)
    shown = slice(-156, None)
    axes[0].plot(first[shown], truth["change"][shown], color="black", label="measured")
    axes[0].plot(first[shown], answers["change"][shown], label="forecast")
    axes[0].set_ylabel(f"change in {AHEAD} weeks, ppm")
    axes[0].legend()
    axes[1].plot(first[shown], truth["rises"][shown], "k.", label="it rose")
    axes[1].plot(first[shown], answers["rises"][shown], label="probability")
    axes[1].set_ylabel("next week is higher")
    axes[1].tick_params(axis="x", rotation=30)
    axes[1].legend()
    finish(figure, path)


def main(argv=None):
    options = parse(argv, __doc__, epochs=60)
    set_random_seed(options.seed)
    if options.quick:
        options.epochs = 5
    inputs, targets, first = data()
    train, test = first < np.datetime64("1989-11-01"), first >= np.datetime64("1990-01-01")
    model = build()
    model.fit(rows(inputs, train), rows(targets, train), epochs=options.epochs, verbose=0)
    answers = model.predict(rows(inputs, test), verbose=0)
    truth = rows(targets, test)

    continued = -inputs["weeks"][test, -1 - AHEAD]
    share = truth["rises"].mean()
    figures = {
        "change": np.sqrt(np.mean((answers["change"] - truth["change"]) ** 2)),
        "change, rival": np.sqrt(np.mean((continued - truth["change"]) ** 2)),
        "rises": np.mean((answers["rises"] > 0.5) == truth["rises"]),
        "rises, rival": max(share, 1 - share),
    }
    print(f"change in {AHEAD} weeks: {figures['change']:.2f} ppm root mean square error; "
          f"if the past goes on {figures['change, rival']:.2f}")
    print(f"next week's direction: {figures['rises']:.1%} right; "
          f"the commoner one {figures['rises, rival']:.1%}")
    draw(first[test], truth, answers, options.figure)
    return figures


if __name__ == "__main__":
    main()
