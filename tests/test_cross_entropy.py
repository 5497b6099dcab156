# SPDX-License-Identifier: Apache-2.0
"""Cross-entropy: value and gradient, large logits, refusals."""

import math

import numpy as np
import pytest

from fastrnn.modules.cross_entropy import cross_entropy, softmax_cross_entropy
from gradient_check import central_differences
from tolerances import FINITE_DIFFERENCES, RELATIVE, relative_error


@pytest.mark.parametrize("shape", [(5, 3, 7), (4, 2), (6,)])
def test_gradient_against_finite_differences(rng, shape):
    logits = rng.standard_normal(shape)
    targets = rng.integers(0, shape[-1], shape[:-1])
    loss, gradient = softmax_cross_entropy(logits, targets)
    assert loss == cross_entropy(logits, targets)
    want = central_differences(lambda: cross_entropy(logits, targets), logits)
    assert relative_error(gradient, want) < FINITE_DIFFERENCES


def test_against_torch(rng, dtype):
    torch = pytest.importorskip("torch", reason="torch is the oracle")
    logits = (5 * rng.standard_normal((30, 4, 62))).astype(dtype)
    targets = rng.integers(0, 62, (30, 4))
    logits_torch = torch.tensor(logits, requires_grad=True)
    want = torch.nn.functional.cross_entropy(
        logits_torch.reshape(-1, 62), torch.tensor(targets).reshape(-1)
    )
    want.backward()
    loss, gradient = softmax_cross_entropy(logits, targets)
    assert gradient.dtype == dtype
    assert relative_error(loss, want.item()) < RELATIVE[dtype]
    assert relative_error(gradient, logits_torch.grad) < RELATIVE[dtype]


def test_large_logits_stay_finite(dtype):
    logits = np.array([[1e30, 0, -1e30], [-500, -1000, -750]], dtype)
    loss, gradient = softmax_cross_entropy(logits, [0, 0])
    assert loss == 0
    assert float(np.abs(gradient).max()) < 1e-100


def test_the_loss_of_knowing_nothing():
    assert cross_entropy(np.zeros((3, 8)), [1, 2, 3]) == pytest.approx(math.log(8), rel=1e-15)


def test_logits_are_not_modified(rng):
    logits = rng.standard_normal((3, 4))
    before = logits.copy()
    softmax_cross_entropy(logits, [0, 1, 2])
    assert np.array_equal(logits, before)


BAD_ARGUMENTS = [
    (np.zeros((2, 3), np.float16), [0, 1], ValueError, "logits must be float32 or float64"),
    (np.zeros((2, 3), int), [0, 1], ValueError, "logits must be float32 or float64"),
    (np.zeros((0, 3)), np.zeros(0, int), ValueError, "at least one position"),
    (np.float64(1), 0, ValueError, "at least one position"),
    (np.zeros((2, 3)), [0.0, 1.0], TypeError, "targets must be integers"),
    (np.zeros((2, 3)), [0, 3], IndexError, r"targets must be in \[0, 3\), got 3"),
    (np.zeros((2, 3)), [-1, 0], IndexError, r"targets must be in \[0, 3\), got -1"),
    (np.zeros((2, 3)), [0], ValueError, r"targets must have shape \(2,\)"),
]


@pytest.mark.parametrize(("logits", "targets", "error", "message"), BAD_ARGUMENTS)
def test_refusals(logits, targets, error, message):
    for loss in (cross_entropy, softmax_cross_entropy):
        with pytest.raises(error, match=message):
            loss(logits, targets)
