# SPDX-License-Identifier: Apache-2.0
"""Orthogonal start weights: what they are for every shape, and that small ones wake no BLAS."""

import itertools
import sys

import numpy as np
import pytest

from fastrnn import initializers
from fastrnn._common import checks
from fastrnn._common.layout import c_ordered
from fastrnn.layers.variable import GateBias, Gates, Plain, Variable
from processes import run_python
from tolerances import RELATIVE, relative_error

# Of one number, of less and more than a block of rows, small and large ones.
SHAPES = [(1, 1), (1, 7), (3, 3), (31, 40), (33, 33), (64, 256), (100, 70), (5, 3, 40, 130),
          (130, 2000), (420, 420), (700, 500), (500, 1500)]


def as_wide(w):
    """The matrix of a weight, lying on its longer side."""
    w = w.reshape(-1, w.shape[-1])
    return w if len(w) < w.shape[1] else w.T


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_or_columns_are_orthonormal(shape, dtype):
    w = initializers.Orthogonal(gain=1.5, seed=3)(shape, dtype)
    assert (w.shape, w.dtype) == (shape, dtype)
    assert w.flags.c_contiguous
    wide = as_wide(w).astype(np.float64)
    gram = wide @ wide.T
    assert relative_error(gram, 2.25 * np.eye(len(gram))) < RELATIVE[np.dtype(dtype).name]


@pytest.mark.parametrize("shape", SHAPES)
def test_they_are_the_q_of_normal_numbers(shape, dtype):
    wide = as_wide(initializers.Orthogonal(seed=4)(shape, dtype))
    q, r = np.linalg.qr(checks.random_source(4).standard_normal(wide.shape).T)
    want = (q * np.sign(r.diagonal())).T
    assert relative_error(wide, want) < RELATIVE[np.dtype(dtype).name]


def test_every_orthogonal_matrix_is_as_likely():
    count, n = 3000, 3
    drawn = np.array([initializers.Orthogonal(seed=k)((n, n), np.float64) for k in range(count)])
    five_standard_errors = 5 / np.sqrt(count)
    # Entries have mean 0, variance 1 / n; so has a product with any fixed orthogonal matrix.
    turned = drawn @ initializers.Orthogonal(seed=count)((n, n), np.float64)
    for entries in (drawn, turned):
        assert np.abs(entries.mean(axis=0)).max() < five_standard_errors / np.sqrt(n)
        assert np.abs((entries**2).mean(axis=0) - 1 / n).max() < five_standard_errors / n
    assert abs(np.linalg.det(drawn).mean()) < five_standard_errors


class Repeating:
    """A source whose first numbers are no two rows of their own."""

    def __init__(self, blocks):
        self.blocks = iter(blocks)

    def standard_normal(self, shape):
        block = next(self.blocks)
        assert block.shape == shape
        return block.copy()


def test_rows_that_depend_on_each_other_are_drawn_again(rng, monkeypatch):
    first, good, last = (rng.standard_normal((n, 60)) for n in (32, 32, 8))
    useless = np.tile(first[:1], (32, 1))

    def weights(*blocks):
        initializer = initializers.Orthogonal()
        monkeypatch.setattr(initializer, "_source", lambda: Repeating(blocks))
        return initializer((40, 60), np.float64)

    want = weights(good, last)
    np.testing.assert_array_equal(weights(useless, good, last), want)
    # In the space of the rows before them: nothing of these is left.
    within = want[:8] * 2
    np.testing.assert_array_equal(weights(good, np.zeros_like(within), last), want)


@pytest.mark.parametrize("scale", [1e-9, 1e-5])
def test_rows_that_nearly_depend_on_those_before_are_orthonormal(rng, monkeypatch, scale):
    good = rng.standard_normal((32, 60))
    near = good[:8] + scale * rng.standard_normal((8, 60))
    initializer = initializers.Orthogonal()
    monkeypatch.setattr(initializer, "_source", lambda: Repeating([good, near]))
    w = initializer((40, 60), np.float64)
    assert relative_error(w @ w.T, np.eye(40)) < RELATIVE["float64"]


WOKEN = """
import json, os, threading
import numpy as np
from fastrnn import initializers

def turns():
    'How often the other threads of the process had a turn on a core.'
    me = str(threading.get_native_id())
    return sum(int(open(f'/proc/self/task/{task}/schedstat').read().split()[2])
               for task in os.listdir('/proc/self/task') if task != me)

initializers.Orthogonal(seed=0)((4, 4))
counts = []
for shape in %r:
    before = turns()
    initializers.Orthogonal(seed=0)(shape)
    counts.append(turns() - before)
print(json.dumps(counts))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux counts the turns of threads")
def test_small_ones_leave_the_threads_of_blas_asleep():
    small = [(20, 80), (64, 64), (128, 384), (128, 512), (256, 1024), (400, 400), (20000, 50)]
    *turns, large = run_python(WOKEN % [*small, (700, 700)], OPENBLAS_NUM_THREADS="2")
    if not large:
        pytest.skip("NumPy's BLAS has no threads of its own here")
    assert turns == [0] * len(small)


@pytest.mark.parametrize("shape", [(0, 5), (3, 4), (128, 128), (300, 130), (130, 300), (2, 3, 4)])
@pytest.mark.parametrize("kind", ["float32", "float64", "int8", "complex128"])
def test_copies_are_in_order(rng, shape, kind):
    values = (9 * rng.standard_normal(shape)).astype(kind)
    padded = np.zeros((*shape[:-1], 2 * shape[-1] + 3), kind)
    padded[..., 1:2 * shape[-1] + 1:2] = values
    same = [values, np.asfortranarray(values), padded[..., 1:2 * shape[-1] + 1:2],
            np.asfortranarray(values[::-1])[::-1], np.asfortranarray(padded)[..., 1:-2:2]]
    for array in same:
        copy = c_ordered(array)
        np.testing.assert_array_equal(copy, values)
        assert copy.flags.c_contiguous
        assert copy.flags.writeable
        assert not np.shares_memory(copy, array)
    once = np.broadcast_to(values[:1], shape)
    np.testing.assert_array_equal(c_ordered(once), once)


class Owner:
    name, version = "owner", 0


@pytest.mark.parametrize(("form", "shape"), [
    *itertools.product([Plain(), Gates(), Gates((1, 0, 2))], [(4, 6), (140, 390)]),
    (GateBias((1, 0, 2)), (2, 9)),
])
def test_weights_are_shown_as_they_were_given(rng, form, shape):
    value = rng.standard_normal(shape)
    variable = Variable("kernel", value, Owner, form=form)
    assert variable.array.flags.c_contiguous
    assert not np.shares_memory(variable.array, value)
    np.testing.assert_array_equal(variable.value, value)
    np.testing.assert_array_equal(variable.numpy(), value)
    assert variable.numpy().flags.c_contiguous
    other = rng.standard_normal(shape)
    variable.assign(other)
    np.testing.assert_array_equal(variable.value, other)
