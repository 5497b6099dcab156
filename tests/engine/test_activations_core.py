# SPDX-License-Identifier: Apache-2.0
"""Every activation of the core: its values, its slopes, and every cell with it."""

import numpy as np
import pytest

import fastrnn
from configs import assert_same_bits
from fastrnn._core.backward import backward
from fastrnn._core.forward import forward
from fastrnn._core.pack import ACTIVATIONS, PackedLayer
from fastrnn._core.stream import StreamCore
from fastrnn.reference import activations as oracle
from keras_layers import check_against_keras
from layer_cases import GATES, LayerCase, core_forward, disagreements, packed, run_core
from processes import run_python

LENGTHS = (3, 6, 0, 1, 5)
ISAS = ["scalar", "avx2", "avx512", "neon"]
PAIRS = [(name, "hard_sigmoid") for name in ACTIVATIONS] + [("tanh", name) for name in ACTIVATIONS]
ULPS = 4

all_names = pytest.mark.parametrize("name", ACTIVATIONS)


def cases(cell):
    """Each activation in each place of a cell, with whole and with uneven rows."""
    for k, pair in enumerate(PAIRS):
        for dtype in ("float32", "float64"):
            for lengths in (None, LENGTHS):
                yield LayerCase(cell, pair, dtype=dtype, lengths=lengths, reverse=k % 2 == 1,
                                seed=k, proj_size=7 if cell == "lstm" and k % 3 == 0 else 0)


def skip_without(isa):
    if isa not in fastrnn.show_config(mode="dicts")["isas"]:
        pytest.skip(f"this machine has no {isa}")


# -- values and slopes -------------------------------------------------------------------------


def values_and_slopes(name, x):
    """act(x) and act'(x) by an RNN that hands on its input: W = 1, R = 0."""
    one, zero = np.ones((1, 1), x.dtype), np.zeros((1, 1), x.dtype)
    layer = PackedLayer("rnn", (name, None), one, zero, None, None, None)
    sequence = x.reshape(1, -1, 1)
    y, dx = np.empty_like(sequence), np.empty_like(sequence)
    h = np.empty((len(x), 1), x.dtype)
    tape = forward(layer, sequence, y, (None, None), (h, None), None, False, True)
    grads = {"w_ih": one.copy(), "w_hh": one.copy(), "b_ih": None, "b_hh": None, "w_hr": None}
    backward(tape, np.ones_like(sequence), None, None, dx, np.empty_like(h), None, grads, False)
    return y.ravel(), dx.ravel()


def arguments(dtype):
    """From the largest to the smallest, close together near zero and where exp comes to an end."""
    limit = 100 if dtype == "float32" else 720
    sizes = np.concatenate([np.geomspace(1e-30, limit, 3000), np.linspace(0, 10, 3001)])
    return np.concatenate([-sizes, sizes]).astype(dtype)


def ulps(got, want):
    """Errors in units in the last place; results that count as zero in the kernels have none."""
    tiny = np.finfo(got.dtype).tiny
    with np.errstate(over="ignore", under="ignore"):
        unit = np.spacing(np.maximum(np.abs(want), tiny).astype(got.dtype))
        rounded = want.astype(got.dtype)
    small = (np.abs(want) < tiny) & (np.abs(got) < tiny)
    with np.errstate(invalid="ignore"):
        return np.where(small | (got == rounded), 0, np.abs(got - want) / unit)


def worst_values(name, dtype):
    """The largest errors of values and of slopes, in ULP, against the formulas."""
    value, slope = oracle.ACTIVATIONS[name]
    x = arguments(dtype)
    y, dx = values_and_slopes(name, x)
    # a / 6 + 1/2 cancels, so its formula is that of the dtype.
    exact = x if name == "hard_sigmoid" else x.astype(np.longdouble)
    finite = np.isfinite(y)
    with np.errstate(over="ignore", under="ignore"):
        want_y = value(exact).astype(np.longdouble)
        want_dx = slope(y[finite].astype(np.longdouble))
    # 1 - y^2 of tanh has the digits of 1.
    unit = np.maximum(np.abs(want_dx), 1) * np.finfo(dtype).eps
    return float(np.max(ulps(y, want_y))), float(np.max(np.abs(dx[finite] - want_dx) / unit))


def worst_of_all():
    return {f"{name} {dtype}": worst_values(name, dtype)
            for name in ACTIVATIONS for dtype in ("float32", "float64")}


@pytest.mark.parametrize("isa", ISAS)
def test_values_and_slopes_follow_the_formulas(isa):
    skip_without(isa)
    code = "import json, test_activations_core as t; print(json.dumps(t.worst_of_all()))"
    worst = run_python(code, FASTRNN_ISA=isa)
    assert len(worst) == 2 * len(oracle.ACTIVATIONS)
    assert all(error <= ULPS for pair in worst.values() for error in pair), worst


@all_names
def test_nan_and_infinity(name, dtype):
    x = np.array([np.nan, np.inf, -np.inf, 0.0], dtype)
    limits = {"linear": (np.inf, -np.inf), "elu": (np.inf, -1), "softsign": (1, -1),
              "selu": (np.inf, -oracle.SELU_SCALE * oracle.SELU_ALPHA)}
    with np.errstate(invalid="ignore"):
        want = oracle.ACTIVATIONS[name][0](x)
    if name in limits:
        want[1:3] = limits[name]
    y, _ = values_and_slopes(name, x)
    np.testing.assert_allclose(y, want, rtol=4 * np.finfo(dtype).eps)


# -- cells -------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", GATES)
def test_the_oracle_agrees(cell):
    assert disagreements(cases(cell)) == []


@pytest.mark.parametrize("isa", ISAS)
def test_the_oracle_agrees_with_every_instruction_set(isa):
    skip_without(isa)
    code = """
import json
import test_activations_core as t
print(json.dumps([found for cell in t.GATES for found in t.disagreements(t.cases(cell))]))
"""
    assert run_python(code, FASTRNN_ISA=isa) == []


@pytest.mark.parametrize("cell", GATES)
def test_the_oracle_agrees_by_blas(cell):
    pytest.importorskip("scipy", reason="BLAS is SciPy's")
    code = f"""
import json
import test_activations_core as t
print(json.dumps(t.disagreements(t.cases({cell!r}))))
"""
    assert run_python(code, FASTRNN_GEMM="blas") == []


@pytest.mark.parametrize("biases", [0, 1, 2])
@pytest.mark.parametrize("activations", [None, ("softsign", "hard_sigmoid")])
@pytest.mark.parametrize("cell", GATES)
def test_any_number_of_biases(cell, activations, biases, dtype):
    assert disagreements([LayerCase(cell, activations, dtype=dtype, biases=biases)]) == []


@pytest.mark.parametrize("rows", [5, 16])
@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("cell", GATES)
def test_same_bits_for_any_number_of_threads(cell, ragged, rows, threads):
    lengths = tuple(40 - 7 * n % 41 for n in range(rows)) if ragged else None
    case = LayerCase(cell, ("softsign", "hard_sigmoid"), steps=40, rows=rows, input_size=33,
                     hidden_size=70, lengths=lengths)
    got = run_core(case)
    fastrnn.set_num_threads(1)
    assert_same_bits(got, run_core(case))


@pytest.mark.parametrize("rows", [1, 2, 9])
@pytest.mark.parametrize("cell", GATES)
def test_evaluation_gives_the_bits_of_training(cell, rows, dtype):
    case = LayerCase(cell, ("elu", "hard_sigmoid"), rows=rows, dtype=dtype)
    layer, given = packed(case, case.weights()), case.arguments()
    kept, evaluated = (core_forward(case, layer, given, keep)[0] for keep in (True, False))
    assert kept.tobytes() == evaluated.tobytes()


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_one_name_is_the_activation(cell):
    one, pair = LayerCase(cell, "relu"), LayerCase(cell, ("relu", "sigmoid"))
    assert_same_bits(run_core(one), run_core(pair))
    named = LayerCase(cell, ("tanh", "sigmoid"))
    assert_same_bits(run_core(LayerCase(cell)), run_core(named))
    assert packed(named, named.weights()).fused
    assert not packed(one, one.weights()).fused


@pytest.mark.parametrize("cell", GATES)
def test_nan_stays_in_its_row(cell):
    case = LayerCase(cell, ("softplus", "hard_sigmoid"))
    given = case.arguments()
    given["x"][2, 3] = np.nan
    y = core_forward(case, packed(case, case.weights()), given, False)[0]
    assert np.isnan(y[2:, 3]).all()
    assert np.isfinite(np.delete(y, 3, axis=1)).all()
    assert np.isfinite(y[:2]).all()


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("options", [
    {"activations": ("elu", "hard_sigmoid")}, {"biases": 0}, {"biases": 1},
    {"reset_after": False}, {"reset_after": False, "activations": ("softsign", "hard_sigmoid")},
])
@pytest.mark.parametrize("cell", GATES)
def test_a_stream_has_any_activations_and_reset(cell, options, rows, dtype):
    case = LayerCase(cell, **{"rows": rows, "dtype": dtype, "state": False, **options})
    layer, given = packed(case, case.weights()), case.arguments()
    want = core_forward(case, layer, given, False)[0]
    stream = StreamCore([layer], rows)
    got = np.empty_like(want)
    for x_t, y_t in zip(given["x"], got, strict=True):
        stream.step(x_t, y_t)
    tolerance = 2e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("cell", GATES)
def test_keras_agrees(cell):
    case = LayerCase(cell, ("softsign", "hard_sigmoid"), biases=1, state=False, reset_after=False)
    check_against_keras(case, recurrent_activation="hard_sigmoid")
