# SPDX-License-Identifier: Apache-2.0
"""A first idea of the engine's speed on this machine; bench/ compares it with others."""

import time
from collections.abc import Iterator
from statistics import median

import numpy as np

from ..engine.cells import GRU, LSTM, RNN
from ..engine.recurrence import GATES

# (cell, T, N, I, H): a stream-like case, a small and a middling batch of each cell.
CASES = [
    (LSTM, 100, 1, 64, 128),
    (LSTM, 50, 16, 256, 256),
    (GRU, 100, 1, 64, 128),
    (GRU, 50, 16, 256, 256),
    (RNN, 100, 1, 64, 128),
    (RNN, 50, 16, 256, 256),
]
_BACKWARD_FACTOR = 3  # a training step counts as three forwards


def measurements(seconds: float) -> Iterator[str]:
    """Yield the lines of a table, timing each figure for about `seconds`."""
    yield "cell (T, N, I, H)             inference            training        stream"
    for make, *sizes in CASES:
        steps, rows, inputs, hidden = sizes
        model = make(inputs, hidden, seed=0)
        x = np.random.default_rng(0).standard_normal((steps, rows, inputs), dtype=np.float32)
        flops = 2 * GATES[model.cell] * hidden * (inputs + hidden) * steps * rows
        forward = _seconds_per_call(lambda m=model, x=x: m(x), seconds)
        training = _seconds_per_call(_training_step(model, x), seconds)
        step = _seconds_per_call(_stream_step(model.eval(), x[0]), seconds)
        name = f"{make.__name__} {steps}, {rows}, {inputs}, {hidden}"
        yield (
            f"{name:<24}{_figure(forward, flops)}"
            f"{_figure(training, _BACKWARD_FACTOR * flops)}{step * 1e6:11.1f} us"
        )


def _training_step(model, x):
    dy = np.ones((*x.shape[:2], model.output_size), x.dtype)

    def step():
        model.train()
        model(x)
        model.backward(dy)

    return step


def _stream_step(model, x):
    stream = model.stream(len(x))
    out = np.empty((len(x), model.output_size), x.dtype)
    return lambda: stream.step(x, out=out)


def _seconds_per_call(call, seconds):
    """Return the median time of a call, the first calls apart."""
    call()
    times = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return median(times)


def _figure(seconds, flops):
    return f"{seconds * 1e3:9.3f} ms {flops / seconds / 1e9:5.0f} GF/s"
