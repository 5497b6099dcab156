# SPDX-License-Identifier: Apache-2.0
"""The plain loop in NumPy, as the equations read: the floor, for small cases."""

import numpy as np

from contenders import Job

VERSION = np.__version__
LARGEST = 2e8  # operations; beyond it the loop only costs time


def supports(case):
    if case.mode == "training":
        return "forward only"
    if case.valid:
        return "no lengths"
    return "too large for a plain loop" if case.flops() > LARGEST else None


def prepare(case, problem, threads):
    return _stream(case, problem) if case.mode == "stream" else _inference(case, problem)


def _sigmoid(a):
    return 1 / (1 + np.exp(-a))


def _rnn(a_x, a_h, state):
    return (np.tanh(a_x + a_h),)


def _lstm(a_x, a_h, state):
    i, f, g, o = np.split(a_x + a_h, 4, axis=1)
    c = _sigmoid(f) * state[1] + _sigmoid(i) * np.tanh(g)
    return _sigmoid(o) * np.tanh(c), c


def _gru(a_x, a_h, state):
    r_x, z_x, n_x = np.split(a_x, 3, axis=1)
    r_h, z_h, n_h = np.split(a_h, 3, axis=1)
    z = _sigmoid(z_x + z_h)
    n = np.tanh(n_x + _sigmoid(r_x + r_h) * n_h)
    return ((1 - z) * n + z * state[0],)


CELLS = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}


def _weights(problem, suffix):
    """W transposed, R transposed, and the two biases of a layer and direction."""
    w_ih, w_hh = (problem.weights[key + suffix].T for key in ("weight_ih", "weight_hh"))
    return w_ih, w_hh, problem.weights["bias_ih" + suffix], problem.weights["bias_hh" + suffix]


def _zero_state(case):
    return tuple(np.zeros((2, case.N, case.H), case.dtype))


def _direction(case, x, weights, reverse):
    w, r, b_ih, b_hh = weights
    cell, state = CELLS[case.cell], _zero_state(case)
    a_x = x @ w + b_ih
    y = np.empty((case.T, case.N, case.H), case.dtype)
    for t in reversed(range(case.T)) if reverse else range(case.T):
        state = cell(a_x[t], state[0] @ r + b_hh, state)
        y[t] = state[0]
    return y


def _inference(case, problem):
    suffixes = ("", "_reverse")[: case.directions]
    layers = [[_weights(problem, f"_l{k}{s}") for s in suffixes] for k in range(case.layers)]

    def run():
        y = problem.x
        for directions in layers:
            ys = [_direction(case, y, w, reverse) for reverse, w in enumerate(directions)]
            y = np.concatenate(ys, axis=2)
        return y

    return Job(run, lambda: {"y": run()})


def _stream(case, problem):
    layers = [_weights(problem, f"_l{k}") for k in range(case.layers)]
    cell, states = CELLS[case.cell], [_zero_state(case)] * case.layers

    def step(x_t):
        for k, (w, r, b_ih, b_hh) in enumerate(layers):
            states[k] = cell(x_t @ w + b_ih, states[k][0] @ r + b_hh, states[k])
            x_t = states[k][0]
        return x_t

    def outputs():
        states[:] = [_zero_state(case)] * case.layers
        return {"y": np.stack([step(x_t) for x_t in problem.x])}

    first = problem.x[0]
    return Job(lambda: step(first), outputs)
