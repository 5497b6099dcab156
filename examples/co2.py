# SPDX-License-Identifier: Apache-2.0
"""Weekly CO2 above Mauna Loa with its missing weeks, 1 to 26 weeks ahead.

59 weeks have no value, sometimes several in a row. One model skips them, since it begins with
Masking(nan=True); another reads a line drawn across the gap (fill_missing) and an indicator that
says where. A third is trained on the next week only and reads its own forecasts. Rivals that
learn nothing: the last value, and the season of last year moved up by the rise of a year.
Train to 1989, test on 1990 to 2001, where no week is missing: a line across a gap looks ahead.

    pip install fastrnn[examples]
    python examples/co2.py
"""

import numpy as np
from common import finish, panels, parse
from forecasts import recursive, rmse, windows
from real_data import co2

from fastrnn.layers import GRU, Dense, Input, Masking
from fastrnn.models import Sequential
from fastrnn.preprocessing import fill_missing
from fastrnn.utils import set_random_seed

YEAR, PAST, FUTURE = 52, 54, 26


def fit(inputs, targets, epochs, begin=()):
    """Train on the windows whose targets are all there."""
    known = ~np.isnan(targets).any(axis=1)
    model = Sequential([Input(inputs.shape[1:]), *begin, GRU(32), Dense(targets.shape[1])])
    model.compile(loss="mse", optimizer="adam")
    model.fit(inputs[known], targets[known], epochs=epochs, batch_size=32, verbose=0)
    return model


def draw(weeks, ppm, forecasts, errors, path):
    figure, (left, right) = panels(columns=2)
    left.plot(weeks, ppm, color="black")
    for values in forecasts.values():
        left.plot(weeks[-FUTURE:], values)
    left.set(ylabel="CO2 (black) and its forecasts, ppm")
    left.tick_params(axis="x", rotation=30)
    for name, error in errors.items():
        right.plot(np.arange(1, FUTURE + 1), error, label=name)
    right.set(xlabel="weeks ahead", ylabel="root mean square error, ppm", ylim=(0, 4))
    right.legend()
    finish(figure, path)


def main(argv=None):
    options = parse(argv, __doc__, epochs=100)
    set_random_seed(options.seed)
    if options.quick:
        options.epochs = 10
    weeks, ppm = co2()
    filled = fill_missing(ppm[:, None], method="linear", indicator=True)
    past, future = windows(ppm[:, None], PAST, FUTURE)
    past_filled, _ = windows(filled, PAST, FUTURE)
    level = past_filled[:, -1, :1]  # every window is seen from its last level, so trends cancel
    holes = (past - level[:, None]).astype(np.float32)
    lines = past_filled.astype(np.float32)
    lines[:, :, :1] -= level[:, None]
    targets = (future[:, :, 0] - level).astype(np.float32)
    first = weeks[PAST:PAST + len(past)]
    train = first + np.timedelta64(7 * FUTURE, "D") < np.datetime64("1990-01-01")
    test = first >= np.datetime64("1990-01-01")

    masking = fit(holes[train], targets[train], options.epochs, begin=[Masking(nan=True)])
    filling = fit(lines[train], targets[train], options.epochs)
    next_week = fit(lines[train, :, :1], targets[train, :1], options.epochs)
    last_year = lines[test, PAST - YEAR:PAST - YEAR + FUTURE, 0]
    forecasts = {
        "Masking(nan=True)": masking.predict(holes[test], verbose=0),
        "fill_missing": filling.predict(lines[test], verbose=0),
        "recursive": recursive(next_week, lines[test, :, :1], FUTURE, relative=True),
        "last value": np.zeros((test.sum(), FUTURE)),
        "last year + rise": last_year - lines[test, PAST - YEAR - 1:PAST - YEAR, 0],
    }
    errors = {name: rmse(f, targets[test]) for name, f in forecasts.items()}

    print("root mean square error, ppm   1 week   mean of 1 to 26 weeks")
    for name, error in errors.items():
        print(f"{name:<26} {error[0]:9.2f} {error.mean():12.2f}")
    shown = np.flatnonzero(test)[-1]
    span = slice(shown, shown + PAST + FUTURE)
    draw(weeks[span], ppm[span], {name: level[shown] + f[-1] for name, f in forecasts.items()},
         errors, options.figure)
    return {name: (error[0], error.mean()) for name, error in errors.items()}


if __name__ == "__main__":
    main()
