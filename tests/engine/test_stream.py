# SPDX-License-Identifier: Apache-2.0
"""Streams: step by step as the whole sequence; state, reset, output buffers, errors."""

import numpy as np
import pytest

import fastrnn
from configs import assert_agree, parts

T, N, I, H = 12, 3, 5, 7


@pytest.fixture(params=[1, 3], ids=["one layer", "three layers"])
def model(request, cell, dtype):
    return cell(I, H, num_layers=request.param, dtype=dtype, seed=6)


def sequence(model, rng, rows=N):
    return rng.standard_normal((T, rows, model.input_size)).astype(model.dtype)


def state_arrays(state):
    return dict(enumerate(parts(state)))


@pytest.mark.parametrize("sizes", [(1, 1, 1), (1, 1, 32), (1, 24, 32), (2, 3, 16), (5, 40, 65),
                                   (17, 9, 130)], ids=str)
@pytest.mark.parametrize("options", [{}, {"num_layers": 2}, {"bias": False}, {"own": True}],
                         ids=str)
def test_steps_are_the_sequence(cell, dtype, sizes, options, rng):
    rows, inputs, hidden = sizes
    options = dict(options)
    if options.pop("own", False):
        if cell is fastrnn.RNN:
            options["nonlinearity"] = "relu"
        elif cell is fastrnn.LSTM:
            options["proj_size"] = hidden // 2
    model = cell(inputs, hidden, dtype=dtype, seed=2, **options)
    x = sequence(model, rng, rows)
    want, final = model(x)
    stream = model.stream(rows)
    got = np.stack([stream.step(x_t) for x_t in x])
    assert_agree({"y": got}, {"y": want}, dtype)
    assert_agree(state_arrays(stream.state), state_arrays(final), dtype)


def test_a_stream_goes_on_from_a_sequence_and_back(model, rng):
    x = sequence(model, rng)
    want, final = model(x)
    _, state = model(x[:5])
    stream = model.stream(N)
    stream.state = state
    middle = np.stack([stream.step(x_t) for x_t in x[5:8]])
    rest, end = model(x[8:], stream.state)
    assert_agree({"y": np.concatenate([middle, rest])}, {"y": want[5:]}, model.dtype.name)
    assert_agree(state_arrays(end), state_arrays(final), model.dtype.name)


def test_state_is_a_copy(model, rng):
    x = sequence(model, rng)
    stream = model.stream(N)
    stream.step(x[0])
    kept = stream.state
    before = [part.copy() for part in parts(kept)]
    first = stream.step(x[1])
    assert all((a == b).all() for a, b in zip(parts(kept), before, strict=True))
    stream.state = kept
    for part in parts(kept):
        part[...] = np.nan
    assert (stream.step(x[1]) == first).all()


def test_state_of_zeros(model, rng):
    x = sequence(model, rng)
    stream = model.stream(N)
    assert not any(part.any() for part in parts(stream.state))
    first = stream.step(x[0])
    assert all(part.any() for part in parts(stream.state))
    for restart in (stream.reset, lambda: setattr(stream, "state", None)):
        stream.step(x[1])
        restart()
        assert not any(part.any() for part in parts(stream.state))
        assert (stream.step(x[0]) == first).all()


@pytest.mark.parametrize("rows", [1, -2, [1], [0, 2], slice(1, None), np.array([True, False, True]),
                                  []], ids=str)
def test_reset_of_some_rows(model, rng, rows):
    stream = model.stream(N)
    stream.step(sequence(model, rng)[0])
    want = [part.copy() for part in parts(stream.state)]
    for part in want:
        part[:, rows] = 0
    stream.reset(rows)
    for got, part in zip(parts(stream.state), want, strict=True):
        assert (got == part).all()


@pytest.mark.parametrize(("rows", "error"), [
    (N, IndexError), (-N - 1, IndexError), ([0, N], IndexError), (1.5, TypeError),
    ("a", TypeError), ([True], IndexError), (np.zeros((N, 1), bool), IndexError),
    (True, TypeError), ([1.0], TypeError), (slice("a"), TypeError), (slice(0, 1, 0), ValueError),
    ([[0], [1, 2]], TypeError), (np.ma.masked_array([0, 1], [True, False]), TypeError),
], ids=str)
def test_bad_rows_to_reset(model, rng, rows, error):
    stream = model.stream(N)
    stream.step(sequence(model, rng)[0])
    want = parts(stream.state)
    with pytest.raises(error, match=r"^rows "):
        stream.reset(rows)
    for got, part in zip(parts(stream.state), want, strict=True):
        assert (got == part).all()


def test_out(model, rng):
    x = sequence(model, rng)
    plain, stream = model.stream(N), model.stream(N)
    out = np.full((N, H), np.nan, model.dtype)
    for x_t in x:
        assert stream.step(x_t, out=out) is out
        assert (out == plain.step(x_t)).all()


def test_each_step_returns_a_new_array(model, rng):
    x = sequence(model, rng)
    stream = model.stream(N)
    first = stream.step(x[0])
    before = first.copy()
    stream.step(x[1])
    assert (first == before).all()


def test_one_unbatched_row(model, rng):
    x = sequence(model, rng, 1)
    plain, stream = model.stream(), model.stream()
    out = np.empty(H, model.dtype)
    for x_t in x:
        want = plain.step(x_t)[0]
        if x_t[0, 0] > 0:
            got = stream.step(x_t[0])
        else:
            got = stream.step(x_t[0], out=out)
            assert got is out
        assert got.shape == (H,)
        assert (got == want).all()


@pytest.mark.parametrize("change", [
    np.asfortranarray, lambda a: np.repeat(a, 2, 1)[:, ::2], lambda a: a[::-1].copy()[::-1],
    list,
])
def test_inputs_of_any_layout(model, rng, change):
    x = sequence(model, rng)
    plain, stream = model.stream(N), model.stream(N)
    for x_t in x:
        want = plain.step(x_t)
        x_t.flags.writeable = False
        assert (stream.step(change(x_t)) == want).all()


def test_streams_do_not_disturb_each_other(model, rng):
    x = sequence(model, rng)
    alone, one, other = model.stream(N), model.stream(N), model.stream(N)
    for x_t in x:
        want = alone.step(x_t)
        other.step(-x_t)
        assert (one.step(x_t) == want).all()


def test_a_stream_keeps_its_weights(model, rng):
    x = sequence(model, rng)
    plain, stream = model.stream(N), model.stream(N)
    want = [plain.step(x_t) for x_t in x]
    stream.step(x[0])
    model.load_state_dict({name: 0 * value for name, value in model.state_dict().items()})
    for x_t, y in zip(x[1:], want[1:], strict=True):
        assert (stream.step(x_t) == y).all()
    assert not (model.stream(N).step(x[0]) == want[0]).all()


def test_a_stream_evaluates(cell, rng):
    model = cell(I, H, num_layers=2, dropout=0.9, seed=1).train()
    x = sequence(model, rng)
    want, _ = model.eval()(x)
    stream = model.train().stream(N)
    assert_agree({"y": np.stack([stream.step(x_t) for x_t in x])}, {"y": want}, "float32")
    with pytest.raises(RuntimeError, match="no forward is kept"):
        model.backward(want)


def test_nan_stays_in_its_row_and_goes_with_reset(model, rng):
    x = sequence(model, rng)
    plain, stream = model.stream(N), model.stream(N)
    x_bad = x.copy()
    x_bad[2, 1, 0] = np.nan
    for t in range(5):
        want, got = plain.step(x[t]), stream.step(x_bad[t])
        assert (got[[0, 2]] == want[[0, 2]]).all()
    assert np.isnan(got[1]).all()
    stream.reset(1)
    assert np.isfinite(stream.step(x[5])).all()


def test_a_bidirectional_model_cannot_stream(cell):
    with pytest.raises(ValueError, match="a bidirectional model cannot stream"):
        cell(I, H, bidirectional=True).stream()


@pytest.mark.parametrize(("batch_size", "error"), [
    (0, ValueError), (-1, ValueError), (1.0, TypeError), (None, TypeError), (True, TypeError),
    (2**40, ValueError),
])
def test_bad_batch_size(cell, batch_size, error):
    with pytest.raises(error, match="batch_size"):
        cell(I, H).stream(batch_size)


def zeros(*shape, dtype="f4"):
    return np.zeros(shape, dtype)


def frozen(array):
    array.flags.writeable = False
    return array


GOOD = zeros(N, I)
STEPS = {
    "x size": (zeros(N, I + 1), None, RuntimeError, r"x must have shape \(3, 5\), got \(3, 6\)"),
    "x rows": (zeros(N + 1, I), None, RuntimeError, r"x must have shape \(3, 5\), got \(4, 5\)"),
    "x 1-D": (zeros(I), None, ValueError, r"x must have shape \(3, 5\), got 1-D"),
    "x 3-D": (zeros(1, N, I), None, ValueError, r"x must have shape \(3, 5\), got 3-D"),
    "x dtype": (zeros(N, I, dtype="f8"), None, ValueError, "x must .*float32, got float64"),
    "x object": (GOOD.astype(object), None, ValueError, "x must .*float32, got object"),
    "x order": (GOOD.astype(">f4"), None, ValueError, "x must .*foreign byte order"),
    "x list": (GOOD.tolist(), None, ValueError, "x must .*float32, got float64"),
    "x None": (None, None, ValueError, "x must .*float32, got object"),
    "x masked": (np.ma.masked_array(GOOD), None, TypeError, "x is a masked array"),
    "out size": (GOOD, zeros(N, H + 1), RuntimeError, r"out must have shape \(3, 7\)"),
    "out 1-D": (GOOD, zeros(H), RuntimeError, r"out must have shape \(3, 7\), got \(7,\)"),
    "out dtype": (GOOD, zeros(N, H, dtype="f8"), ValueError, "out must .*float32, got float64"),
    "out layout": (GOOD, np.asfortranarray(zeros(N, H)), ValueError, "out must be C-contiguous"),
    "out frozen": (GOOD, frozen(zeros(N, H)), ValueError, "out must be .*writable"),
    "out list": (GOOD, [[0.0] * H] * N, TypeError, "out must be an ndarray, got list"),
}


@pytest.mark.parametrize("case", STEPS)
def test_bad_steps(cell, case, rng):
    x, out, error, words = STEPS[case]
    model = cell(I, H, seed=1)
    plain, stream = model.stream(N), model.stream(N)
    first, second = sequence(model, rng)[:2]
    plain.step(first)
    stream.step(first)
    with pytest.raises(error, match=words):
        stream.step(x, out=out)
    assert (stream.step(second) == plain.step(second)).all()


def test_bad_states(cell, rng):
    model = cell(I, H, seed=1)
    stream = model.stream(N)
    stream.step(sequence(model, rng)[0])
    before = parts(stream.state)
    good, bad = zeros(1, N, H), zeros(1, N + 1, H)
    for state in (bad, (good, bad), (bad, good), zeros(1, N, H, dtype="f8"), "ab"):
        with pytest.raises((RuntimeError, TypeError), match="state"):
            stream.state = state
        assert all((a == b).all() for a, b in zip(parts(stream.state), before, strict=True))
    with pytest.raises(IndexError):
        stream.reset(N)
    assert all((a == b).all() for a, b in zip(parts(stream.state), before, strict=True))


def test_repr(cell):
    assert repr(cell(I, H).stream(2)) == f"<Stream of {cell.__name__}(5, 7), batch_size=2>"
