# SPDX-License-Identifier: Apache-2.0
"""What the forecasting examples share: windows of a series, recursion, errors by horizon."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def windows(series, past, future):
    """Return inputs (N, past, I) and what follows them (N, future, I) from a series (T, I).

    N = T - past - future + 1; both are views.
    """
    both = sliding_window_view(series, past + future, axis=0).swapaxes(1, 2)
    return both[:, :past], both[:, past:]


def recursive(model, inputs, steps, relative=False):
    """Return forecasts (N, steps) of a one-step model that reads its own forecasts.

    `inputs` (N, past, 1) move on by a step at a time, the newest forecast last. A `relative`
    model reads and gives differences from the last value it sees.
    """
    inputs = np.array(inputs)
    forecasts = []
    for _ in range(steps):
        level = inputs[:, -1] if relative else np.zeros_like(inputs[:, -1])
        forecasts.append(level + model.predict(inputs - level[:, None], verbose=0))
        inputs = np.concatenate([inputs[:, 1:], forecasts[-1][:, None]], axis=1)
    return np.concatenate(forecasts, axis=1)


def rmse(forecasts, truth):
    """Return the root mean square error at each horizon, (steps,), from (N, steps) arrays."""
    return np.sqrt(np.mean((forecasts - truth) ** 2, axis=0))
