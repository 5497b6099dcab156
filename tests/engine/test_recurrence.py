# SPDX-License-Identifier: Apache-2.0
"""One Recurrence, one layer in one direction or both: tapes that wait, snapshots, joined layers."""

import itertools

import numpy as np
import pytest

from configs import assert_same_bits
from fastrnn.engine.recurrence import GATES, HAS_C, ROLES, Recurrence, Spec
from processes import run_python

T, N, I, H = 7, 3, 4, 6
CELLS = ["rnn", "lstm", "gru", "gru before", "lstm projected"]
DIRECTIONS = ["forward", "reverse", "both"]


class Example:
    """A recurrence with random weights, and calls of it."""

    def __init__(self, cell, direction, dtype, rng):
        self.rng, self.dtype = rng, dtype
        name, _, special = cell.partition(" ")
        P = 2 if special == "projected" else H
        G = GATES[name]
        self.shapes = dict(zip(ROLES, [(G * H, I), (G * H, P), (G * H,), (G * H,),
                                       (P, H) if P < H else None], strict=True))
        self.widths = (P, H) if HAS_C[name] else (P,)
        self.spec = Spec(name, None, special != "before", direction)
        self.D = 2 if direction == "both" else 1
        self.weights = [self.by_role(self.random) for _ in range(self.D)]

    def random(self, *shape):
        return self.rng.uniform(-1, 1, shape).astype(self.dtype)

    def by_role(self, make):
        return {role: None if shape is None else make(*shape)
                for role, shape in self.shapes.items()}

    def states(self, rows=N):
        return [(*[self.random(rows, width) for width in self.widths], None)[:2]
                for _ in range(self.D)]

    def new_call(self):
        """The arguments of a forward and of its backward."""
        P = self.widths[0]
        lengths = self.rng.integers(0, T + 1, N)
        masks = [np.where(self.random(GATES[self.spec.cell], N, P) > 0, 2, 0).astype(self.dtype)
                 for _ in range(self.D)]
        return {"x": self.random(T, N, I), "state": self.states(), "lengths": lengths,
                "drop": masks, "dy": self.random(T, N, self.D * P), "dstate": self.states()}

    def forward(self, recurrence, call):
        y = np.empty((T, N, self.D * self.widths[0]), self.dtype)
        final, tape = recurrence.forward(call["x"], y, call["state"], call["lengths"], True,
                                         call["drop"])
        return {"y": y, **named("final", final)}, tape

    def backward(self, recurrence, call, tape):
        dx = np.empty((T, N, I), self.dtype)
        grads = [self.by_role(lambda *shape: np.zeros(shape, self.dtype)) for _ in range(self.D)]
        dinitial = recurrence.backward(tape, call["dy"], call["dstate"], dx, grads)
        made = {f"{role}{k}": value for k, direction in enumerate(grads)
                for role, value in direction.items() if value is not None}
        return {"dx": dx, **named("dinitial", dinitial), **made}

    def run(self, recurrence, call):
        made, tape = self.forward(recurrence, call)
        return {**made, **self.backward(recurrence, call, tape)}


def named(name, states):
    return {f"{name}{k}{part}": value for k, pair in enumerate(states)
            for part, value in zip("hc", pair, strict=True) if value is not None}


@pytest.fixture(params=itertools.product(CELLS, DIRECTIONS), ids="-".join)
def example(request, dtype, rng):
    return Example(*request.param, dtype, rng)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)], ids=str)
def test_forwards_wait_for_their_backward_in_any_order(example, order):
    recurrence = Recurrence(example.spec, example.weights)
    calls = [example.new_call() for _ in order]
    want = [example.run(recurrence, call) for call in calls]
    waiting = [example.forward(recurrence, call) for call in calls]
    for k in order:
        made, tape = waiting[k]
        assert_same_bits({**made, **example.backward(recurrence, calls[k], tape)}, want[k])


def test_weights_are_a_snapshot(example):
    recurrence = Recurrence(example.spec, example.weights, version=5)
    call = example.new_call()
    want = example.run(recurrence, call)
    made, tape = example.forward(recurrence, call)
    for direction in example.weights:
        for array in direction.values():
            if array is not None:
                array[...] = np.nan
    assert_same_bits({**made, **example.backward(recurrence, call, tape)}, want)
    assert_same_bits(example.run(recurrence, call), want)
    assert recurrence.version == 5


def test_a_snapshot_is_made_before_the_first_use(example):
    """Also of what is packed late: for backward, for BLAS, for recurrent dropout."""
    call = example.new_call()
    want = example.run(Recurrence(example.spec, example.weights), call)
    recurrence = Recurrence(example.spec, example.weights)
    for direction in example.weights:
        for array in direction.values():
            if array is not None:
                array[...] = np.nan
    assert_same_bits(example.run(recurrence, call), want)


def test_a_snapshot_under_blas():
    run_python("""
import numpy as np, test_recurrence as t
for cell in t.CELLS:
    for direction in t.DIRECTIONS:
        for dtype in ("float32", "float64"):
            example = t.Example(cell, direction, dtype, np.random.default_rng(3))
            t.test_a_snapshot_is_made_before_the_first_use(example)
            t.test_no_rows(example)
print("0")
""", FASTRNN_GEMM="blas")


def test_a_tape_serves_once(example):
    recurrence = Recurrence(example.spec, example.weights)
    call = example.new_call()
    _, tape = example.forward(recurrence, call)
    example.backward(recurrence, call, tape)
    with pytest.raises(RuntimeError, match="serves once"):
        example.backward(recurrence, call, tape)


def test_no_rows(example):
    recurrence = Recurrence(example.spec, example.weights)
    P = example.widths[0]
    x, y = example.random(T, 0, I), example.random(T, 0, example.D * P)
    final, tape = recurrence.forward(x, y, example.states(0), keep=True)
    assert [h.shape for h, _ in final] == [(0, P)] * example.D
    grads = [example.by_role(lambda *shape: np.ones(shape, example.dtype)) for _ in final]
    dinitial = recurrence.backward(tape, y, final, np.empty_like(x), grads)
    assert [h.shape for h, _ in dinitial] == [(0, P)] * example.D
    assert all((value == 1).all() for direction in grads for value in direction.values()
               if value is not None)


@pytest.mark.parametrize("cell", CELLS)
def test_joined_directions_are_one_after_the_other(cell, dtype, rng):
    """Each with inputs and gradients of its own; tapes of both are tapes of each."""
    parts = [Example(cell, direction, dtype, rng) for direction in ("forward", "reverse")]
    one, other = (Recurrence(part.spec, part.weights) for part in parts)
    calls = [part.new_call() for part in parts]
    calls[1]["lengths"] = calls[0]["lengths"]
    want = [part.run(each, call) for part, each, call in
            zip(parts, (one, other), calls, strict=True)]

    both = one.joined(other)
    for together in (True, False):
        ys = [np.empty_like(call["dy"]) for call in calls]
        final, tapes = both.forward(
            [call["x"] for call in calls], ys, [call["state"][0] for call in calls],
            calls[0]["lengths"], True, [call["drop"][0] for call in calls])
        if together:
            dxs = [np.empty_like(call["x"]) for call in calls]
            grads = [part.by_role(lambda *shape: np.zeros(shape, dtype)) for part in parts]
            dinitial = both.backward(tapes, [call["dy"] for call in calls],
                                     [call["dstate"][0] for call in calls], dxs, grads)
            made = [{"dx": dxs[k], **named("dinitial", dinitial[k:k + 1]),
                     **{f"{role}0": value for role, value in grads[k].items()
                        if value is not None}} for k in range(2)]
        else:
            made = [parts[k].backward((one, other)[k], calls[k], tapes[k]) for k in range(2)]
        for k in range(2):
            got = {"y": ys[k], **named("final", final[k:k + 1]), **made[k]}
            assert_same_bits(got, want[k])


def test_only_one_kind_is_joined(rng):
    lstm = Example("lstm", "forward", "float32", rng)
    one = Recurrence(lstm.spec, lstm.weights)
    for cell, direction, dtype in (("gru", "reverse", "float32"), ("lstm", "reverse", "float64"),
                                   ("lstm", "both", "float32"),
                                   ("lstm projected", "reverse", "float32")):
        other = Example(cell, direction, dtype, rng)
        other = Recurrence(other.spec, other.weights)
        assert not one.fits(other)
        with pytest.raises(ValueError, match="of one kind and size"):
            one.joined(other)


STREAMS = """
import os, fastrnn, numpy as np
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
model = fastrnn.LSTM(256, 256, seed=1)
x = np.random.default_rng(0).standard_normal((1, 256), np.float32)
streams = [model.stream() for _ in range(10)]
streams[0].step(x)
before = resident()
streams += [model.stream() for _ in range(1000)]
for stream in streams:
    stream.step(x)
print((resident() - before) / 1000)
"""


def test_a_thousand_streams_share_their_weights():
    """A stream of LSTM(256) has states of 2 KiB and a row of gates of 4; its weights are 2 MiB."""
    assert float(run_python(STREAMS)) < 64 * 1024
