# SPDX-License-Identifier: Apache-2.0
"""Rows of different lengths: results as if each row were alone, and what lengths may be."""

import numpy as np
import pytest

import fastrnn
from configs import assert_agree, assert_same_bits, parts

T, N, I, H = 9, 6, 5, 7

LENGTHS = {
    "any order": [3, 9, 0, 5, 1, 9],
    "falling": [9, 8, 5, 3, 3, 1],
    "rising": [0, 1, 2, 3, 8, 9],
    "all short": [4, 4, 4, 4, 4, 4],
    "all empty": [0, 0, 0, 0, 0, 0],
    "all full": [9, 9, 9, 9, 9, 9],
    "one long": [0, 0, 9, 0, 0, 0],
}


@pytest.fixture(params=[False, True], ids=["forward", "both directions"])
def model(request, cell, dtype):
    return cell(I, H, num_layers=2, bidirectional=request.param, dtype=dtype, seed=4)


def random_call(model, rng):
    """x, state, dy, dstate for N rows of T steps."""
    def draw(*shape):
        return rng.standard_normal(shape).astype(model.dtype)

    def state():
        h, c = draw(model.state_slots, N, H), draw(model.state_slots, N, H)
        return (h, c) if isinstance(model, fastrnn.LSTM) else h

    width = H * (2 if model.bidirectional else 1)
    return draw(T, N, I), state(), draw(T, N, width), state()


def like(model, rows):
    """Parts of a state as the model takes them."""
    return tuple(rows) if isinstance(model, fastrnn.LSTM) else rows[0]


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_each_row_is_as_if_alone(model, rng, lengths):
    x, state, dy, dstate = random_call(model, rng)
    model.train()
    y, final = model(x, state, lengths)
    dx, dinitial = model.backward(dy, dstate)
    grads = {name: grad.copy() for name, grad in model.grads.items()}
    model.zero_grad()
    for n, length in enumerate(lengths):
        row = slice(n, n + 1)
        own_state = [part[:, row] for part in parts(state)]
        own_dstate = [part[:, row] for part in parts(dstate)]
        assert not y[length:, n].any()
        assert not dx[length:, n].any()
        if length == 0:
            want_final, want_dinitial = own_state, own_dstate
        else:
            own_y, want_final = model(x[:length, row], like(model, own_state))
            own_dx, want_dinitial = model.backward(dy[:length, row], like(model, own_dstate))
            assert_agree({"y": y[:length, row], "dx": dx[:length, row]},
                         {"y": own_y, "dx": own_dx}, model.dtype.name)
        for got, want in zip([*parts(final), *parts(dinitial)],
                             [*parts(want_final), *parts(want_dinitial)], strict=True):
            assert_agree({"state": got[:, row]}, {"state": want}, model.dtype.name)
    assert_agree(grads, dict(model.grads), model.dtype.name)


def test_what_stands_past_the_end_has_no_say(model, rng):
    lengths = LENGTHS["any order"]
    x, state, dy, dstate = random_call(model, rng)

    def results(x, dy):
        model.train().zero_grad()
        y, final = model(x, state, lengths)
        dx, dinitial = model.backward(dy, dstate)
        arrays = y, dx, *parts(final), *parts(dinitial), *map(np.copy, model.grads.values())
        return dict(enumerate(arrays))

    want = results(x, dy)
    for n, length in enumerate(lengths):
        x[length:, n] = np.nan
        dy[length:, n] = np.nan
    assert_same_bits(results(x, dy), want)


@pytest.mark.parametrize("kind", [list, tuple, np.array, lambda v: np.array(v, np.uint8),
                                  lambda v: np.array(v, ">i4"), lambda v: np.repeat(v, 2)[::2]])
def test_kinds_of_lengths(cell, rng, kind):
    model = cell(I, H, seed=1)
    x = rng.standard_normal((T, N, I), dtype=np.float32)
    given = kind(LENGTHS["any order"])
    y, _ = model(x, lengths=given)
    assert y.tobytes() == model(x, lengths=LENGTHS["any order"])[0].tobytes()
    assert list(given) == LENGTHS["any order"]


def test_full_lengths_change_nothing(model, rng):
    x, state, _, _ = random_call(model, rng)
    y, final = model(x, state)
    y_full, final_full = model(x, state, [T] * N)
    assert y.tobytes() == y_full.tobytes()
    assert all(a.tobytes() == b.tobytes() for a, b in zip(parts(final), parts(final_full),
                                                          strict=True))


@pytest.mark.parametrize(("lengths", "error", "words"), [
    ([3, 9, 0, 5, 1, 10], ValueError, "lengths must be between 0 and 9.*got 10"),
    ([3, 9, 0, 5, -1, 9], ValueError, "lengths must be between 0 and 9.*got -1"),
    (np.array([1, 2, 3, 4, 5, 2**63], np.uint64), ValueError, f"got {2**63}"),
    ([3, 9, 0, 5, 1], ValueError, r"lengths must have shape \(6,\).*\(5,\)"),
    ([], TypeError, "lengths must be integers"),
    (np.zeros(0, int), ValueError, r"lengths must have shape \(6,\).*\(0,\)"),
    ([[3, 9, 0, 5, 1, 2]], ValueError, r"lengths must have shape \(6,\).*\(1, 6\)"),
    (5, ValueError, r"lengths must have shape \(6,\)"),
    ([1.5] * 6, TypeError, "lengths must be integers, got dtype float64"),
    ([2.0] * 6, TypeError, "lengths must be integers, got dtype float64"),
    ([True] * 6, TypeError, "lengths must be integers, got dtype bool"),
    (["a"] * 6, TypeError, "lengths must be integers"),
    ([2**70] * 6, TypeError, "lengths must be integers, got dtype object"),
    (np.ma.masked_array([3, 9, 0, 5, 1, 2], [0, 1, 0, 0, 0, 0]), TypeError,
     "lengths is a masked array"),
    ("abcdef", TypeError, "lengths must be integers, got str"),
    ([[1], [2, 3]], TypeError, "lengths must be an array"),
])
def test_bad_lengths(cell, rng, lengths, error, words):
    model = cell(I, H, seed=1)
    x = rng.standard_normal((T, N, I), dtype=np.float32)
    want = model(x)[0]
    with pytest.raises(error, match=words):
        model(x, lengths=lengths)
    assert model(x)[0].tobytes() == want.tobytes()


def test_an_unbatched_input_has_no_lengths(cell):
    with pytest.raises(ValueError, match="lengths need a 3-D x"):
        cell(I, H)(np.zeros((T, I), np.float32), lengths=[3])
