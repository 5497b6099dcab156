# SPDX-License-Identifier: Apache-2.0
"""Products in pieces are the whole product, and sums by id are those of a loop."""

import numpy as np
import pytest

from fastrnn._common.products import add_products_of_rows, add_rows, multiply_batches, multiply_rows
from tolerances import RELATIVE, relative_error


@pytest.mark.parametrize("rows", [0, 1, 3, 64, 1000])
@pytest.mark.parametrize("sizes", [(1, 1), (70, 62), (257, 300), (600, 500)])
def test_products_in_pieces_are_the_whole_product(rng, rows, sizes):
    inputs, outputs = sizes
    a, b = rng.standard_normal((rows, inputs)), rng.standard_normal((inputs, outputs))
    assert relative_error(multiply_rows(a, b), a @ b) < RELATIVE["float64"]
    c = rng.standard_normal((rows, outputs))
    into = rng.standard_normal((inputs, outputs))
    want = into + a.T @ c
    add_products_of_rows(a, c, into)
    assert relative_error(into, want) < RELATIVE["float64"]


@pytest.mark.parametrize("rows", [0, 1, 3, 200])
@pytest.mark.parametrize("sizes", [(1, 1), (70, 62), (257, 300)])
def test_batches_of_products_in_pieces_are_the_whole_products(rng, rows, sizes):
    inputs, outputs = sizes
    a = rng.standard_normal((3, rows, inputs))
    b = rng.standard_normal((3, outputs, inputs)).swapaxes(1, 2)
    assert relative_error(multiply_batches(a, b), a @ b) < RELATIVE["float64"]


@pytest.mark.parametrize("different", [[0], [3, 0, 1], [5, 2**16 + 5, 7]])
@pytest.mark.parametrize("rows", [0, 1, 500])
def test_rows_of_repeated_ids_add_up(rng, different, rows):
    ids = rng.choice(different, rows)
    count = max(different) + 1
    added = rng.standard_normal((rows, 3))
    into = rng.standard_normal((count, 3))
    want = into.copy()
    np.add.at(want, ids, added)
    add_rows(into, ids, added)
    assert relative_error(into, want) < RELATIVE["float64"]
