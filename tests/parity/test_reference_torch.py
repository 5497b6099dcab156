# SPDX-License-Identifier: Apache-2.0
"""The oracle beside torch.nn: outputs, gradients, parameters."""

import numpy as np
import pytest

from fastrnn import reference
from reference_cases import (
    CELLS,
    UNEVEN,
    T,
    all_stacks,
    assert_close,
    build,
    pack,
    random_input,
    random_state,
    unpacked,
)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def torch_twin(torch, model):
    """Return the torch.nn module with the weights of `model`."""
    options = ["num_layers", "bias", "batch_first", "bidirectional"]
    options += {"rnn": ["nonlinearity"], "lstm": ["proj_size"], "gru": []}[model.cell]
    options = {name: getattr(model, name) for name in options}
    cls = getattr(torch.nn, type(model).__name__)
    twin = cls(model.input_size, model.hidden_size, dtype=torch.float64, **options)
    twin.load_state_dict({k: torch.from_numpy(v) for k, v in model.state_dict().items()})
    return twin


def call_torch(torch, twin, x, state, lengths):
    if lengths is None:
        return twin(x, state)
    packing = torch.nn.utils.rnn
    packed = packing.pack_padded_sequence(
        x, torch.tensor(lengths), batch_first=twin.batch_first, enforce_sorted=False
    )
    y, final = twin(packed, state)
    return packing.pad_packed_sequence(y, twin.batch_first, total_length=T)[0], final


def check_against_torch(model, rng, lengths=None, batched=True):
    torch = pytest.importorskip("torch", reason="torch is the third opinion on the oracle")
    twin = torch_twin(torch, model)
    x, state = random_input(model, rng, batched), random_state(model, rng, batched)
    leaves = [torch.from_numpy(a).clone().requires_grad_() for a in (x, *state)]
    want_y, want_final = call_torch(torch, twin, leaves[0], pack(leaves[1:]), lengths)
    want_final = unpacked(want_final)
    y, final = model(x, pack(state), lengths)
    for got, want in zip((y, *unpacked(final)), (want_y, *want_final), strict=True):
        assert_close(got, want.detach(), name="forward")

    dy, dstate = rng.standard_normal(y.shape), random_state(model, rng, batched)
    torch.autograd.backward(
        [want_y, *want_final], [torch.from_numpy(gradient) for gradient in (dy, *dstate)]
    )
    dx, dinitial = model.backward(dy, pack(dstate))
    for got, leaf in zip((dx, *unpacked(dinitial)), leaves, strict=True):
        assert_close(got, leaf.grad, name="dx, dstate")
    wanted = dict(twin.named_parameters())
    assert model.grads.keys() == wanted.keys()
    for name, parameter in wanted.items():
        assert_close(model.grads[name], parameter.grad, name=name)


torch_cells = pytest.mark.parametrize("cell", [name for name in CELLS if name != "rnn-sigmoid"])


@torch_cells
@all_stacks
@pytest.mark.parametrize("lengths", [None, UNEVEN], ids=["full", "uneven"])
@pytest.mark.parametrize("batch_first", [False, True], ids=["TNI", "NTI"])
def test_torch_agrees(cell, stack, lengths, batch_first, rng):
    check_against_torch(build(cell, stack, batch_first=batch_first), rng, lengths)


@torch_cells
@pytest.mark.parametrize("batch_first", [False, True], ids=["TNI", "NTI"])
def test_torch_agrees_unbatched(cell, batch_first, rng):
    check_against_torch(build(cell, "both", batch_first=batch_first), rng, batched=False)


@pytest.mark.parametrize("cls", [reference.RNN, reference.LSTM, reference.GRU])
def test_torch_takes_the_parameters_in_this_order(cls):
    torch = pytest.importorskip("torch", reason="torch is the third opinion on the oracle")
    got = cls(2, 3, 2, bidirectional=True).state_dict()
    want = getattr(torch.nn, cls.__name__)(2, 3, 2, bidirectional=True).state_dict()
    assert [(k, v.shape) for k, v in got.items()] == [(k, tuple(v.shape)) for k, v in want.items()]
