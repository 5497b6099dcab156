# SPDX-License-Identifier: Apache-2.0
"""Recurrent dropout: a mask a gate on the state before its product, the same at each step."""

import numpy as np
import pytest

import fastrnn
from configs import assert_same_bits
from fastrnn._core.forward import forward, forward_both
from keras_layers import check_against_keras
from layer_cases import GATES, LayerCase, core_forward, disagreements, packed, run_core
from processes import run_python

LENGTHS = (3, 6, 0, 1, 5)

all_cells = pytest.mark.parametrize("cell", GATES)


def cases():
    """Cells, sizes, dtypes, lengths and reading orders, with and without a projection."""
    for cell in GATES:
        for hidden_size in (1, 16, 37):
            for dtype in ("float32", "float64"):
                for k, lengths in enumerate((None, LENGTHS)):
                    yield LayerCase(
                        cell, dtype=dtype, lengths=lengths, hidden_size=hidden_size,
                        reverse=k == 1, dropout=0.4, biases=k + 1, seed=hidden_size,
                        activations=("elu", "hard_sigmoid") if hidden_size == 16 else None,
                        proj_size=9 if cell == "lstm" and hidden_size == 37 else 0,
                    )


def test_the_oracle_agrees():
    assert disagreements(cases()) == []


@pytest.mark.parametrize("isa", ["scalar", "avx2", "avx512", "neon"])
def test_the_oracle_agrees_with_every_instruction_set(isa):
    if isa not in fastrnn.show_config(mode="dicts")["isas"]:
        pytest.skip(f"this machine has no {isa}")
    code = "import json, test_recurrent_dropout as t; print(json.dumps(t.disagreements(t.cases())))"
    assert run_python(code, FASTRNN_ISA=isa) == []


def test_the_oracle_agrees_by_blas():
    pytest.importorskip("scipy", reason="BLAS is SciPy's")
    code = "import json, test_recurrent_dropout as t; print(json.dumps(t.disagreements(t.cases())))"
    assert run_python(code, FASTRNN_GEMM="blas") == []


@pytest.mark.parametrize(
    "options",
    [{"cell": "rnn", "biases": 1}, {"cell": "lstm", "biases": 1}, {"cell": "gru", "biases": 2},
     {"cell": "gru", "biases": 1, "reset_after": False}],
    ids=["rnn", "lstm", "gru", "gru-reset-before"],
)
def test_keras_agrees(options):
    check_against_keras(LayerCase(**options, state=False, dropout=0.4))


@all_cells
def test_masks_of_ones_change_no_bit(cell, dtype):
    """The products apart make the sums of the fused cell."""
    case = LayerCase(cell, dtype=dtype, hidden_size=37, lengths=LENGTHS)
    layer, given = packed(case, case.weights()), case.arguments()
    want = core_forward(case, layer, given, True)[0]
    given["masks"] = np.ones((GATES[cell], case.rows, case.hidden_size), dtype)
    assert core_forward(case, layer, given, True)[0].tobytes() == want.tobytes()


@all_cells
def test_masks_of_zeros_cut_the_products(cell, dtype):
    """A whole mask of zeros is an R of zeros; a GRU's z h' stays."""
    case = LayerCase(cell, dtype=dtype)
    weights, given = case.weights(), case.arguments()
    given["masks"] = np.zeros((GATES[cell], case.rows, case.hidden_size), dtype)
    got = core_forward(case, packed(case, weights), given, True)[0]
    weights["w_hh"][:] = 0
    want = core_forward(case, packed(case, weights), given | {"masks": None}, True)[0]
    np.testing.assert_array_equal(got, want)


@all_cells
@pytest.mark.parametrize("rows", [5, 16])
@pytest.mark.parametrize("ragged", [False, True])
def test_same_bits_for_any_number_of_threads(cell, ragged, rows, threads):
    lengths = tuple(40 - 7 * n % 41 for n in range(rows)) if ragged else None
    case = LayerCase(cell, steps=40, rows=rows, input_size=33, hidden_size=70, lengths=lengths,
                     dropout=0.3)
    got = run_core(case)
    fastrnn.set_num_threads(1)
    assert_same_bits(got, run_core(case))


def test_each_direction_has_its_masks():
    case = LayerCase("lstm", dropout=0.5)
    layers = [packed(case, LayerCase("lstm", seed=k).weights()) for k in range(2)]
    given = case.arguments()
    masks = given["masks"], given["masks"][::-1].copy()
    shape = case.steps, case.rows, case.hidden_size
    both, alone = ([np.empty(shape, "f4") for _ in layers] for _ in range(2))
    final = [tuple(np.empty(shape[1:], "f4") for _ in range(2)) for _ in layers]
    nothing = None, None
    forward_both(layers, given["x"], both, [nothing] * 2, final, None, True, dropout=masks)
    for k, layer in enumerate(layers):
        forward(layer, given["x"], alone[k], nothing, final[k], None, k == 1, True,
                dropout=masks[k])
    for got, want in zip(both, alone, strict=True):
        assert got.tobytes() == want.tobytes()
