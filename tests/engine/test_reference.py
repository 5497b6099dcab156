# SPDX-License-Identifier: Apache-2.0
"""The oracle: finite differences check its gradients; lengths, reading order, refusals."""

import warnings

import numpy as np
import pytest

from fastrnn import reference
from fastrnn.reference.activations import ACTIVATIONS, sigmoid
from layer_cases import LayerCase
from reference_cases import (
    UNEVEN,
    UNEVEN_WITH_ZERO,
    H,
    I,
    N,
    P,
    T,
    all_cells,
    all_lengths,
    all_stacks,
    assert_close,
    build,
    pack,
    random_input,
    random_state,
    unpacked,
)
from tolerances import FINITE_DIFFERENCES, RELATIVE, STEP, relative_error


@pytest.fixture
def rng():
    return np.random.default_rng(7)


# -- finite differences ------------------------------------------------------------------------


def central_differences(loss, array):
    """Gradient of loss() by each element of `array`, which loss() reads."""
    gradient = np.empty_like(array)
    for index in np.ndindex(array.shape):
        value = array[index]
        array[index] = value + STEP
        above = loss()
        array[index] = value - STEP
        gradient[index] = (above - loss()) / (2 * STEP)
        array[index] = value
    return gradient


def check_gradients(model, rng, lengths=None):
    """Compare every gradient with central differences of a random linear loss of all results."""
    x, state = random_input(model, rng), random_state(model, rng)
    dy, dstate = rng.standard_normal(model(x)[0].shape), random_state(model, rng)
    parameters = model.state_dict()

    def loss():
        model.load_state_dict(parameters)
        y, final = model(x, pack(state), lengths)
        return np.sum(dy * y) + sum(map(np.vdot, dstate, unpacked(final)))

    loss()
    dx, dinitial = model.backward(dy, pack(dstate))
    got = {"x": dx, **dict(zip(("h0", "c0"), unpacked(dinitial), strict=False)), **model.grads}
    arrays = {"x": x, **dict(zip(("h0", "c0"), state, strict=False)), **parameters}
    assert got.keys() == arrays.keys()
    for name, array in arrays.items():
        want = central_differences(loss, array)
        assert np.any(want), f"{name}: the loss does not depend on it"
        assert_close(got[name], want, FINITE_DIFFERENCES, name)


@all_cells
@all_stacks
@all_lengths
def test_gradients_are_finite_differences(cell, stack, lengths, rng):
    check_gradients(build(cell, stack), rng, lengths)


@all_cells
def test_gradients_through_dropout(cell, rng):
    model = build(cell, "both", dropout=0.5)
    width = 2 * (model.proj_size or H)
    model.dropout_masks = [2.0 * rng.integers(0, 2, (T, N, width))]
    check_gradients(model, rng)


@pytest.mark.parametrize("cell", ["rnn-tanh", "lstm-proj", "gru"])
def test_omitted_gradients_are_zeros(cell, rng):
    model = build(cell, "both")
    x, parts = random_input(model, rng), random_state(model, rng)
    y = model(x)[0]
    zeros = [np.zeros_like(part) for part in parts]
    for short, full in [((y,), (y, pack(zeros))), ((None, pack(parts)), (0 * y, pack(parts)))]:
        results = []
        for arguments in (short, full):
            model.zero_grad()
            model(x)
            dx, dstate = model.backward(*arguments)
            results.append([dx, *unpacked(dstate), *model.grads.values()])
        for got, want in zip(*results, strict=True):
            np.testing.assert_array_equal(got, want)


def test_one_of_the_pair_of_state_gradients_may_be_omitted(rng):
    model = build("lstm-proj", "both")
    x, (_, dc) = random_input(model, rng), random_state(model, rng)
    results = []
    for dh in (None, np.zeros((4, N, model.proj_size))):
        y, _ = model(x)
        dx, dstate = model.backward(y, (dh, dc))
        results.append([dx, *dstate])
    for got, want in zip(*results, strict=True):
        np.testing.assert_array_equal(got, want)


# -- layers: what the classes have not --------------------------------------------------------


def check_layer_gradients(case):
    """Compare every gradient with central differences of a random linear loss of all results."""
    given, weights = case.arguments(), case.weights()
    options = {"activations": case.activations, "reset_after": case.reset_after}
    initial = [part for part in given["initial"] if part is not None]
    dfinal = [part for part in given["dfinal"] if part is not None]

    def run():
        layer = reference.Layer(case.cell, **weights, **options)
        return reference.forward(layer, given["x"], *initial, lengths=given["lengths"],
                                 masks=given["masks"])

    def loss():
        y, *final, _ = run()
        return np.sum(given["dy"] * y) + sum(map(np.vdot, dfinal, final))

    dx, *dinitial, grads = reference.backward(run()[-1], given["dy"], *dfinal)
    got = {"x": dx, **dict(zip(("h0", "c0"), dinitial, strict=True)), **grads}
    arrays = {"x": given["x"], **dict(zip(("h0", "c0"), initial, strict=False)), **weights}
    for name, array in arrays.items():
        if array is not None:
            assert_close(got[name], central_differences(loss, array), FINITE_DIFFERENCES, name)


def small_case(cell, activations=None, **options):
    return LayerCase(cell, activations, steps=T, rows=N, input_size=I, hidden_size=H,
                     dtype="float64", lengths=tuple(UNEVEN_WITH_ZERO), **options)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradients_through_every_activation(cell, name):
    check_layer_gradients(small_case(cell, (name, "softsign")))
    check_layer_gradients(small_case(cell, ("tanh", name), biases=1))


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_gradients_through_a_reset_before_the_product(dropout):
    check_layer_gradients(small_case("gru", reset_after=False, dropout=dropout))


@pytest.mark.parametrize(("cell", "proj_size"), [("rnn", 0), ("lstm", 0), ("lstm", P), ("gru", 0)])
def test_gradients_through_recurrent_dropout(cell, proj_size):
    check_layer_gradients(small_case(cell, dropout=0.5, proj_size=proj_size))


# -- lengths and reading order -----------------------------------------------------------------


def random_layer(cell, rng):
    return build(cell).layer(0), random_state(build(cell), rng)


@all_cells
@pytest.mark.parametrize("reverse", [False, True])
def test_a_row_of_a_batch_is_that_row_alone(cell, reverse, rng):
    layer, state = random_layer(cell, rng)
    state = [part[0] for part in state]
    x = rng.standard_normal((T, N, I))
    x[2:, 0] = np.nan  # padding is not read
    y, h_n, c_n, _ = reference.forward(layer, x, *state, lengths=UNEVEN_WITH_ZERO, reverse=reverse)
    for row, length in enumerate(UNEVEN_WITH_ZERO):
        one = slice(row, row + 1)
        want_y, want_h, want_c, _ = reference.forward(
            layer, x[:length, one], *(part[one] for part in state), reverse=reverse
        )
        assert_close(y[:length, one], want_y)
        assert not y[length:, row].any()
        assert_close(h_n[one], want_h)
        if c_n is not None:
            assert_close(c_n[one], want_c)
    np.testing.assert_array_equal(h_n[1], state[0][1])  # length 0: the initial state


@all_cells
def test_reverse_reads_the_flipped_input(cell, rng):
    layer, state = random_layer(cell, rng)
    state = [part[0] for part in state]
    x = rng.standard_normal((T, N, I))
    got = reference.forward(layer, x, *state, reverse=True)
    want = reference.forward(layer, x[::-1], *state)
    np.testing.assert_array_equal(got[0], want[0][::-1])
    np.testing.assert_array_equal(got[1], want[1])


@all_cells
@pytest.mark.parametrize("reverse", [False, True])
def test_gradient_past_a_row_is_ignored(cell, reverse, rng):
    layer, dstate = random_layer(cell, rng)
    dstate = [part[0] for part in dstate]
    x = rng.standard_normal((T, N, I))
    y, _, _, tape = reference.forward(layer, x, lengths=UNEVEN_WITH_ZERO, reverse=reverse)
    dy = rng.standard_normal(y.shape)
    dy[2:, 0] = dy[:, 1] = np.nan
    dx, dh0, dc0, grads = reference.backward(tape, dy, *dstate)
    assert not dx[2:, 0].any()
    assert not dx[:, 1].any()
    for gradient, given in zip((dh0, dc0), dstate, strict=False):
        np.testing.assert_array_equal(gradient[1], given[1])  # no step taken: handed through
    assert all(np.isfinite(a).all() for a in (dx, dh0, *grads.values()))


# -- model -------------------------------------------------------------------------------------


@all_cells
def test_dtype_of_the_arguments_is_kept(cell, rng):
    model, exact = (build(cell, "both", dropout=0.3, dtype=d) for d in ("float32", "float64"))
    model.dropout_masks = exact.dropout_masks = model._masks(T, N)
    exact.load_state_dict(model.state_dict())
    x, parts = random_input(model, rng), random_state(model, rng)
    results = []
    for m in (model, exact):
        y, final = m(x, pack(parts), UNEVEN)
        dx, dstate = m.backward(y, final)
        results.append([y, *unpacked(final), dx, *unpacked(dstate), *m.grads.values()])
    for got, want in zip(*results, strict=True):
        assert (got.dtype, want.dtype) == (np.float32, np.float64)
        assert_close(got, want, RELATIVE["float32"])


@all_cells
def test_arguments_are_not_modified(cell, rng):
    model = build(cell, "both")
    x, state = random_input(model, rng), random_state(model, rng)
    dy, dstate = model(x)[0], random_state(model, rng)
    arrays = [x, *state, dy, *dstate]
    copies = [array.copy() for array in arrays]
    model(x, pack(state), UNEVEN)
    model.backward(dy, pack(dstate))
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("cell", ["rnn-relu", "lstm-proj", "gru"])
def test_stream_steps_through_the_sequence(cell, rng):
    model = build(cell, "two-layers", dropout=0.5).eval()
    x = random_input(model, rng)
    want, final = model(x)
    stream = model.stream(N)
    out = np.empty_like(want[0])
    for t in range(T):
        assert stream.step(x[t], out=out) is out
        assert_close(out, want[t])
    for got, part in zip(unpacked(stream.state), unpacked(final), strict=True):
        assert_close(got, part)
    stream.reset(rows=[1])
    again = stream.step(x[0])
    assert_close(again[1], want[0, 1])
    assert relative_error(again[0], want[0, 0]) > 1e-3


def test_dropout_scales_what_it_keeps(rng):
    model = reference.GRU(I, H, num_layers=3, dropout=0.25, seed=3).train()
    for mask in model._masks(100, 20):
        assert set(np.unique(mask)) == {0, 1 / 0.75}
        assert abs(np.mean(mask == 0) - 0.25) < 0.02
    assert not reference.GRU(I, H, num_layers=2, dropout=1.0).train()._masks(T, N)[0].any()
    x = random_input(model, rng)
    assert relative_error(model(x)[0], model(x)[0]) > 1e-3
    model.eval()
    np.testing.assert_array_equal(model(x)[0], model(x)[0])


def test_gradients_add_up(rng):
    model = build("lstm-proj", "both")
    x = random_input(model, rng)
    sums = []
    for _ in range(2):
        y, _ = model(x)
        model.backward(y)
        sums.append({name: grad.copy() for name, grad in model.grads.items()})
    for name, grad in sums[0].items():
        assert_close(sums[1][name], 2 * grad, name=name)
    model.zero_grad()
    assert not any(grad.any() for grad in model.grads.values())


def test_backward_needs_a_call_in_training(rng):
    model = build("gru")
    x = random_input(model, rng)
    with pytest.raises(RuntimeError, match="training"):
        model.backward(None)
    y, _ = model(x)
    model.backward(y)
    with pytest.raises(RuntimeError, match="training"):
        model.backward(y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("bias_hh_l0"), "missing .'bias_hh_l0'"),
        (lambda d: d.update(extra=0), "unexpected .'extra'"),
        (lambda d: d.update(bias_hh_l0=np.zeros(H)), r"bias_hh_l0: got shape \(3,\)"),
    ],
    ids=["missing", "unexpected", "misshapen"],
)
def test_wrong_parameters_change_nothing(change, message):
    model = build("gru")
    before = model.state_dict()
    wrong = {name: value + 1 for name, value in before.items()}
    change(wrong)
    with pytest.raises(RuntimeError, match=message):
        model.load_state_dict(wrong)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


# -- activations -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sigmoid_is_stable(dtype):
    a = np.array([-np.inf, -1e4, -100, -1, 0, 1, 100, 1e4, np.inf], dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = sigmoid(a)
    assert y.dtype == dtype
    assert y[[0, 4, 8]].tolist() == [0, 0.5, 1]
    assert y[2] == pytest.approx(np.exp(dtype_of(dtype)(-100)), rel=1e-6)
    np.testing.assert_allclose(y + y[::-1], 1, rtol=1e-7)
    assert np.isnan(sigmoid(np.array([np.nan], dtype)))


def dtype_of(name):
    return np.dtype(name).type


# -- the measure of error ----------------------------------------------------------------------


def test_relative_error():
    assert relative_error([2.0, 1.0], [2.0, 1.5]) == 0.25
    assert relative_error(np.zeros((0, 3)), np.zeros((0, 3))) == 0
    assert relative_error([1e-3], [0.0]) > 1
    for bad in (np.nan, np.inf):
        assert not relative_error([1.0, bad], [1.0, 1.0]) < 1
        assert not relative_error([1.0, 1.0], [1.0, bad]) < 1
    with pytest.raises(ValueError, match="shape"):
        relative_error(np.ones((2, 1)), np.ones(2))
