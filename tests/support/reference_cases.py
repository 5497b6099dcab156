# SPDX-License-Identifier: Apache-2.0
"""Small models and random arguments for them, with which the oracle is tested."""

import pytest

from fastrnn import reference
from tolerances import RELATIVE, relative_error

T, N, I, H, P = 4, 3, 2, 3, 2

# name -> class and what makes its cell
CELLS = {
    "rnn-tanh": (reference.RNN, {"nonlinearity": "tanh"}),
    "rnn-relu": (reference.RNN, {"nonlinearity": "relu"}),
    "rnn-sigmoid": (reference.RNN, {"nonlinearity": "sigmoid"}),
    "lstm": (reference.LSTM, {}),
    "lstm-proj": (reference.LSTM, {"proj_size": P}),
    "gru": (reference.GRU, {}),
}

# name -> how the cells are stacked
STACKS = {
    "one": {},
    "no-bias": {"bias": False},
    "two-layers": {"num_layers": 2},
    "two-directions": {"bidirectional": True},
    "both": {"num_layers": 2, "bidirectional": True},
}

UNEVEN = [2, 4, 1]
UNEVEN_WITH_ZERO = [2, 0, 4]

all_cells = pytest.mark.parametrize("cell", CELLS)
all_stacks = pytest.mark.parametrize("stack", STACKS)
all_lengths = pytest.mark.parametrize("lengths", [None, UNEVEN_WITH_ZERO], ids=["full", "uneven"])


def build(cell, stack="one", **options):
    """Return a model in training, with random weights."""
    cls, own = CELLS[cell]
    return cls(I, H, **{"seed": 1, **own, **STACKS[stack], **options}).train()


def random_input(model, rng, batched=True):
    shape = (T, N, I) if batched else (T, I)
    if batched and model.batch_first:
        shape = (N, T, I)
    return rng.standard_normal(shape).astype(model.dtype)


def random_state(model, rng, batched=True):
    """Return a random state, or gradient of one, as a list of its parts."""
    slots = model.num_layers * (1 + model.bidirectional)
    widths = [model.proj_size or H, H] if model.cell == "lstm" else [H]
    rows = (N,) if batched else ()
    return [rng.standard_normal((slots, *rows, w)).astype(model.dtype) for w in widths]


def pack(parts):
    """Return the parts of a state as a call takes them."""
    return tuple(parts) if len(parts) == 2 else parts[0]


def unpacked(state):
    """Return a state as the list of its parts."""
    return list(state) if isinstance(state, tuple) else [state]


def assert_close(got, want, tolerance=RELATIVE["float64"], name=""):
    error = relative_error(got, want)
    assert error < tolerance, f"{name}: relative error {error:.2e}"
