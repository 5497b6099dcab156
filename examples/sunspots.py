# SPDX-License-Identifier: Apache-2.0
"""Yearly sunspot numbers, one and eleven years ahead, direct and recursive.

A direct model answers with all the years at once; a recursive one is trained on the next year
only and reads its own forecasts. Rivals that know nothing: the last value (persistence) and the
value eleven years before (the mean length of a cycle), which is hard to beat more than two
years ahead. Train to 1920, test on what came after.

    pip install fastrnn[examples]
    python examples/sunspots.py
"""

import numpy as np
from common import finish, panels, parse
from forecasts import recursive, rmse, windows
from real_data import sunspots

from fastrnn.layers import LSTM, Dense, Input
from fastrnn.models import Sequential
from fastrnn.optimizers import Adam
from fastrnn.utils import set_random_seed

PAST, FUTURE, CYCLE = 22, 11, 11


def fit(inputs, targets, epochs):
    model = Sequential([Input((PAST, 1)), LSTM(32), Dense(targets.shape[1])])
    model.compile(loss="mse", optimizer=Adam(3e-3))
    model.fit(inputs, targets, epochs=epochs, batch_size=16, verbose=0)
    return model


def draw(years, truth, one_step, errors, path):
    figure, (left, right) = panels(columns=2)
    left.plot(years, truth, color="black", label="sunspots")
    left.plot(years, one_step, label="one year ahead")
    left.set(xlabel="year", ylabel="sunspot number")
    left.legend()
    for name, error in errors.items():
        right.plot(np.arange(1, FUTURE + 1), error, marker=".", label=name)
    right.set(xlabel="years ahead", ylabel="root mean square error", ylim=(0, None))
    right.legend()
    finish(figure, path)


def main(argv=None):
    options = parse(argv, __doc__, epochs=80)
    set_random_seed(options.seed)
    if options.quick:
        options.epochs = 40
    years, numbers = sunspots()
    roots = np.sqrt(numbers / 100).astype(np.float32)  # their spread is the same high and low
    inputs, targets = windows(roots[:, None], PAST, FUTURE)
    targets = targets[:, :, 0]
    first = years[PAST:PAST + len(inputs)]  # the year of each window's first forecast
    train, test = first + FUTURE - 1 <= 1920, first > 1920

    direct = fit(inputs[train], targets[train], options.epochs // 2)  # it overfits sooner
    one_step = fit(inputs[train], targets[train, :1], options.epochs)
    forecasts = {
        "direct": direct.predict(inputs[test], verbose=0),
        "recursive": recursive(one_step, inputs[test], FUTURE),
        "persistence": np.repeat(inputs[test][:, -1], FUTURE, axis=1),
        "a cycle ago": inputs[test][:, PAST - CYCLE:PAST - CYCLE + FUTURE, 0],
    }
    forecasts = {name: 100 * np.square(f) for name, f in forecasts.items()}
    truth = 100 * np.square(targets[test])
    errors = {name: rmse(f, truth) for name, f in forecasts.items()}

    print("root mean square error     1 year   mean of 1 to 11 years")
    for name, error in errors.items():
        print(f"{name:<22} {error[0]:10.1f} {error.mean():12.1f}")
    draw(first[test], truth[:, 0], forecasts["recursive"][:, 0], errors, options.figure)
    return {name: (error[0], error.mean()) for name, error in errors.items()}


if __name__ == "__main__":
    main()
