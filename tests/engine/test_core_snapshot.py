# SPDX-License-Identifier: Apache-2.0
"""A packed layer is a snapshot of its weights, and a tape belongs to the call that made it."""

import sys

import numpy as np
import pytest

from configs import assert_same_bits
from fastrnn._core.backward import backward, backward_both
from fastrnn._core.forward import forward, forward_both
from layer_cases import LayerCase, core_forward, named, packed
from processes import run_python

CASES = {
    "fused": LayerCase("lstm"),
    "fused-gru": LayerCase("gru", hidden_size=37, lengths=(3, 6, 0, 1, 5)),
    "fused-rnn": LayerCase("rnn", "relu", biases=1),
    "unfused": LayerCase("lstm", ("tanh", "hard_sigmoid")),
    "unfused-gru": LayerCase("gru", ("softsign", "hard_sigmoid"), hidden_size=37),
    "dropout": LayerCase("gru", dropout=0.4),
    "dropout-unfused": LayerCase("gru", ("elu", "sigmoid"), dropout=0.4, hidden_size=37),
    "reset-before": LayerCase("gru", reset_after=False),
    "projection": LayerCase("lstm", proj_size=7, dtype="float64"),
    "projection-unfused": LayerCase("lstm", ("elu", "sigmoid"), proj_size=7),
}


def zeros(case, given):
    """Places for the gradients: of x, of the initial states, of the weights."""
    grads = {role: None if w is None else np.zeros_like(w) for role, w in case.weights().items()}
    dinitial = tuple(None if d is None else np.empty_like(d) for d in given["dfinal"])
    return np.empty_like(given["x"]), dinitial, grads


def results(case, layer, given):
    y, final, tape = core_forward(case, layer, given, True)
    return named(y, final, *gradients(case, tape, given))


def gradients(case, tape, given):
    dx, dinitial, grads = zeros(case, given)
    backward(tape, given["dy"], *given["dfinal"], dx, *dinitial, grads, False)
    return dx, dinitial, grads


def changed_by_later_weights(cases):
    """Names of cases where a change of the weights' arrays reaches a layer that was packed, with
    the packs of backward made at once or later."""
    found = []
    for name, case in cases.items():
        given = case.arguments()
        want = results(case, packed(case, case.weights()), given)
        for training in (False, True):
            weights = case.weights()
            layer = packed(case, weights, training=training)
            for w in weights.values():
                if w is not None:
                    w[:] = np.nan
            got = results(case, layer, given)
            if any(got[key].tobytes() != want[key].tobytes() for key in want):
                found.append([name, training])
    return found


def test_a_packed_layer_keeps_the_weights_it_was_made_of():
    assert changed_by_later_weights(CASES) == []


def test_a_packed_layer_keeps_the_weights_that_blas_reads():
    pytest.importorskip("scipy", reason="BLAS is SciPy's")
    code = ("import json, test_core_snapshot as t; "
            "print(json.dumps(t.changed_by_later_weights(t.CASES)))")
    assert run_python(code, FASTRNN_ISA="scalar", FASTRNN_GEMM="blas") == []


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_packs_made_at_once_have_the_bits_of_those_made_later(case):
    weights, given = case.weights(), case.arguments()
    assert_same_bits(results(case, packed(case, weights, training=True), given),
                     results(case, packed(case, weights), given))


def test_no_reference_to_the_weights_is_kept():
    case = LayerCase("lstm", proj_size=7)
    weights = case.weights()
    counts = {role: sys.getrefcount(w) for role, w in weights.items()}
    layer = packed(case, weights, training=True)
    results(case, layer, case.arguments())
    assert {role: sys.getrefcount(w) for role, w in weights.items()} == counts


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_several_forwards_wait_for_their_backwards(case):
    layer, given = packed(case, case.weights()), case.arguments()
    other = given | {"x": given["x"] * 2}
    want, want_other = (gradients(case, core_forward(case, layer, g, True)[2], g)
                        for g in (given, other))
    first, second = (core_forward(case, layer, g, True)[2] for g in (given, other))
    nothing = None, (None, None)
    for tape, g, expected in ((second, other, want_other), (first, given, want)):
        got = gradients(case, tape, g)
        assert_same_bits(named(*nothing, *got), named(*nothing, *expected))


def test_a_tape_serves_once():
    case = LayerCase("lstm")
    given = case.arguments()
    tape = core_forward(case, packed(case, case.weights()), given, True)[2]
    gradients(case, tape, given)
    with pytest.raises(RuntimeError, match="already called"):
        gradients(case, tape, given)


def test_both_backwards_are_refused_if_one_tape_has_served():
    case = LayerCase("lstm")
    layer, given = packed(case, case.weights()), case.arguments()
    spent, fresh = (core_forward(case, layer, given, True)[2] for _ in range(2))
    gradients(case, spent, given)
    places = [zeros(case, given) for _ in range(2)]
    dx = np.full_like(given["x"], 7)
    with pytest.raises(RuntimeError, match="already called"):
        backward_both([fresh, spent], [given["dy"]] * 2, [given["dfinal"]] * 2, dx,
                      [place[1] for place in places], [place[2] for place in places])
    assert (dx == 7).all()
    gradients(case, fresh, given)


@pytest.mark.parametrize("lengths", [None, (3, 6, 0, 1, 5)], ids=["whole", "ragged"])
@pytest.mark.parametrize("apart", [False, True], ids=["one-x", "x-for-each"])
def test_both_directions_are_one_after_the_other(apart, lengths):
    cases = [LayerCase("lstm", lengths=lengths, reverse=bool(k), seed=k) for k in range(2)]
    layers = [packed(case, case.weights()) for case in cases]
    given = [case.arguments() for case in cases]
    if not apart:
        given[1]["x"] = given[0]["x"]
    want = []
    shared = np.empty_like(given[0]["x"])
    for k, (case, layer, g) in enumerate(zip(cases, layers, given, strict=True)):
        y, final, tape = core_forward(case, layer, g, True)
        dx, dinitial, grads = zeros(case, g)
        dx = dx if apart else shared
        backward(tape, g["dy"], *g["dfinal"], dx, *dinitial, grads, k == 1 and not apart)
        want.append(named(y, final, dx, dinitial, grads))

    outputs = [np.empty_like(g["dy"]) for g in given]
    final = [tuple(np.empty_like(d) for d in g["dfinal"]) for g in given]
    xs = [g["x"] for g in given] if apart else given[0]["x"]
    tapes = forward_both(layers, xs, outputs, [g["initial"] for g in given], final,
                         given[0]["lengths"], True)
    places = [zeros(case, g) for case, g in zip(cases, given, strict=True)]
    dx = [place[0] for place in places] if apart else places[0][0]
    backward_both(tapes, [g["dy"] for g in given], [g["dfinal"] for g in given], dx,
                  [place[1] for place in places], [place[2] for place in places])
    for k in range(2):
        _, dinitial, grads = places[k]
        got = named(outputs[k], final[k], dx[k] if apart else dx, dinitial, grads)
        assert_same_bits(got, want[k])


def test_a_backward_after_the_layer_is_gone():
    case = LayerCase("gru")
    given = case.arguments()
    want = gradients(case, core_forward(case, packed(case, case.weights()), given, True)[2], given)
    y = np.empty_like(given["dy"])
    final = np.empty_like(given["dfinal"][0]), None
    layer = packed(case, case.weights())
    x = given["x"].copy()
    tape = forward(layer, x, y, given["initial"], final, None, False, True)
    del layer, x
    got = gradients(case, tape, given)
    assert got[0].tobytes() == want[0].tobytes()
