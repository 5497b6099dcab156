# SPDX-License-Identifier: Apache-2.0
"""The GRU that resets the state before the product."""

import numpy as np
import pytest

import fastrnn
from configs import assert_same_bits
from keras_layers import check_against_keras
from layer_cases import LayerCase, core_forward, disagreements, packed, run_core
from processes import run_python

LENGTHS = (3, 6, 0, 1, 5)


def cases():
    """Sizes, dtypes, lengths, activations and dropout."""
    for hidden_size in (1, 16, 37):
        for dtype in ("float32", "float64"):
            for lengths in (None, LENGTHS):
                for k, activations in enumerate((None, ("relu", "hard_sigmoid"))):
                    yield LayerCase(
                        "gru", activations, dtype=dtype, lengths=lengths, reset_after=False,
                        hidden_size=hidden_size, reverse=k == 1, biases=1 + k,
                        dropout=0.3 if hidden_size == 16 else 0.0, seed=hidden_size,
                    )


def test_the_oracle_agrees():
    assert disagreements(cases()) == []


@pytest.mark.parametrize("isa", ["scalar", "avx2", "avx512", "neon"])
def test_the_oracle_agrees_with_every_instruction_set(isa):
    if isa not in fastrnn.show_config(mode="dicts")["isas"]:
        pytest.skip(f"this machine has no {isa}")
    code = "import json, test_gru_reset as t; print(json.dumps(t.disagreements(t.cases())))"
    assert run_python(code, FASTRNN_ISA=isa) == []


@pytest.mark.parametrize("rows", [1, 9])
@pytest.mark.parametrize("steps", [1, 7])
def test_evaluation_gives_the_bits_of_training(steps, rows, dtype):
    case = LayerCase("gru", steps=steps, rows=rows, dtype=dtype, reset_after=False)
    layer, given = packed(case, case.weights()), case.arguments()
    kept, evaluated = (core_forward(case, layer, given, keep)[0] for keep in (True, False))
    assert kept.tobytes() == evaluated.tobytes()


@pytest.mark.parametrize("rows", [5, 16])
def test_same_bits_for_any_number_of_threads(rows, threads):
    case = LayerCase("gru", steps=40, rows=rows, input_size=33, hidden_size=70, reset_after=False,
                     lengths=tuple(40 - 7 * n % 41 for n in range(rows)))
    got = run_core(case)
    fastrnn.set_num_threads(1)
    assert_same_bits(got, run_core(case))


def test_two_biases_are_their_sum():
    """Both are added to the same sums, unlike where the reset comes after the product."""
    two = LayerCase("gru", reset_after=False, biases=2)
    weights, given = two.weights(), two.arguments()
    y = core_forward(two, packed(two, weights), given, False)[0]
    weights["b_ih"], weights["b_hh"] = weights["b_ih"] + weights["b_hh"], None
    np.testing.assert_array_equal(y, core_forward(two, packed(two, weights), given, False)[0])


def test_keras_agrees():
    check_against_keras(LayerCase("gru", biases=1, state=False, reset_after=False))
