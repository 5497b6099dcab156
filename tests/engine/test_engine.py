# SPDX-License-Identifier: Apache-2.0
"""The engine against the oracle and torch, over random configurations; and what a call promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastrnn
from configs import (
    Config,
    assert_agree,
    assert_same_bits,
    parts,
    reference_results,
    run,
)
from fastrnn import reference

# Below, at and above the vectors of every instruction set, in both dtypes.
SIZES = st.sampled_from([1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 33, 65])


@st.composite
def configurations(draw, nonlinearities=("tanh", "relu", "sigmoid"), shortest=0):
    cell = draw(st.sampled_from(["RNN", "LSTM", "GRU"]))
    hidden_size = draw(SIZES)
    steps = draw(st.integers(1, 9))
    batched = draw(st.booleans())
    rows = draw(st.integers(1, 19)) if batched else 1
    options = {
        "num_layers": draw(st.sampled_from([1, 2, 3, 5])),
        "bias": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
        "bidirectional": draw(st.booleans()),
    }
    if cell == "RNN":
        options["nonlinearity"] = draw(st.sampled_from(nonlinearities))
    if cell == "LSTM" and hidden_size > 1 and draw(st.booleans()):
        options["proj_size"] = draw(st.integers(1, hidden_size - 1))
    lengths = None
    if batched and draw(st.booleans()):
        one = st.integers(shortest, steps)
        lengths = tuple(draw(st.lists(one, min_size=rows, max_size=rows)))
    return Config(
        cell=cell, steps=steps, rows=rows, input_size=draw(SIZES), hidden_size=hidden_size,
        dtype=draw(st.sampled_from(["float32", "float64"])), batched=batched, lengths=lengths,
        state=draw(st.booleans()), seed=draw(st.integers(0, 2**16)), options=options,
    )


@given(configurations())
@settings(max_examples=150)
def test_agrees_with_the_reference(config):
    model = config.model()
    assert_agree(run(model, config), reference_results(config, model.state_dict()), config.dtype)


def torch_results(config, state_dict):
    """The results of torch.nn in float64 with these parameters."""
    torch = pytest.importorskip("torch", reason="torch is the third opinion")
    torch.set_num_threads(1)
    model = getattr(torch.nn, config.cell)(
        config.input_size, config.hidden_size, dtype=torch.float64, **config.options
    )
    model.load_state_dict({
        name: torch.from_numpy(np.array(value, np.float64)) for name, value in state_dict.items()
    })

    def tensor(value):
        if value is None:
            return None
        if isinstance(value, tuple):
            return tuple(tensor(part) for part in value)
        return torch.tensor(value, dtype=torch.float64, requires_grad=True)

    x, state, dy, dstate = (tensor(value) for value in config.arguments())
    if state is None:
        shapes = [part.shape for part in parts(dstate)]
        zeros = [torch.zeros(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
        state = tuple(zeros) if config.cell == "LSTM" else zeros[0]
    batch_first = config.options.get("batch_first", False)
    if config.lengths is None:
        y, final = model(x, state)
    else:
        rnn = torch.nn.utils.rnn
        packed = rnn.pack_padded_sequence(x, list(config.lengths), batch_first, False)
        y, final = model(packed, state)
        y, _ = rnn.pad_packed_sequence(y, batch_first, total_length=config.steps)
    outputs = [y, *parts(final)]
    torch.autograd.backward(outputs, [dy, *parts(dstate)])
    results = {"y": y, "dx": x.grad}
    results |= {f"final[{i}]": part for i, part in enumerate(parts(final))}
    results |= {f"dinitial[{i}]": part.grad for i, part in enumerate(parts(state))}
    results |= {f"d{name}": value.grad for name, value in model.named_parameters()}
    return {name: value.detach().numpy() for name, value in results.items()}


@given(configurations(nonlinearities=("tanh", "relu"), shortest=1))
@settings(max_examples=150)
def test_agrees_with_torch(config):
    model = config.model()
    assert_agree(run(model, config), torch_results(config, model.state_dict()), config.dtype)


@pytest.mark.parametrize("sizes", [
    (40, 33, 48, 160), (3, 1, 300, 260), (1, 70, 17, 64), (300, 2, 9, 12), (12, 64, 130, 96),
], ids=str)
def test_larger_sizes(cell, dtype, sizes):
    steps, rows, input_size, hidden_size = sizes
    config = Config(cell.__name__, steps, rows, input_size, hidden_size, dtype, state=True,
                    options={"bidirectional": rows < 50})
    model = config.model()
    assert_agree(run(model, config), reference_results(config, model.state_dict()), dtype)


@given(configurations())
@settings(max_examples=60)
def test_inference_and_training_give_the_same_bits(config):
    model = config.model()
    x, state, _, _ = config.arguments()
    y, final = model(x, state, config.lengths)
    y_train, final_train = model.train()(x, state, config.lengths)
    assert y.tobytes() == y_train.tobytes()
    for one, other in zip(parts(final), parts(final_train), strict=True):
        assert one.tobytes() == other.tobytes()


def test_two_halves_with_the_state_handed_on_are_the_whole(cell, dtype, rng):
    model = cell(5, 9, num_layers=2, dtype=dtype, seed=3)
    x = rng.standard_normal((8, 3, 5)).astype(dtype)
    y, final = model(x)
    first, state = model(x[:4])
    second, state = model(x[4:], state)
    assert_agree({"y": np.concatenate([first, second])}, {"y": y}, dtype)
    for got, want in zip(parts(state), parts(final), strict=True):
        assert_agree({"state": got}, {"state": want}, dtype)


def test_gradients_add_up_until_zeroed(cell, dtype):
    config = Config(cell.__name__, dtype=dtype, state=True)
    model = config.model()
    once = {name: value.copy() for name, value in run(model, config).items()}
    twice = run(model, config)
    for name in model.state_dict():
        assert_agree({name: twice[f"d{name}"]}, {name: 2 * once[f"d{name}"]}, dtype)
    model.zero_grad()
    assert not any(grad.any() for grad in model.grads.values())
    assert_same_bits(run(model, config), once)


def test_omitted_gradients_are_zeros(cell, dtype, rng):
    config = Config(cell.__name__, dtype=dtype, options={"num_layers": 2, "bidirectional": True})
    x, _, dy, dstate = config.arguments()

    def gradients(dy, dstate):
        model = config.model().train()
        model(x)
        dx, dinitial = model.backward(dy, dstate)
        return dict(enumerate([dx, *parts(dinitial), *model.grads.values()]))

    zeros = [np.zeros_like(part) for part in parts(dstate)]
    zero_state = tuple(zeros) if cell is fastrnn.LSTM else zeros[0]
    assert_agree(gradients(dy, None), gradients(dy, zero_state), dtype)
    assert_agree(gradients(None, dstate), gradients(np.zeros_like(dy), dstate), dtype)
    if cell is fastrnn.LSTM:
        dh, dc = dstate
        assert_agree(gradients(dy, (dh, None)), gradients(dy, (dh, 0 * dc)), dtype)
        assert_agree(gradients(dy, (None, dc)), gradients(dy, (0 * dh, dc)), dtype)


# name -> how to make, from an array, one of the same values and shape laid out otherwise
LAYOUTS = {
    "fortran": np.asfortranarray,
    "reversed": lambda a: a[::-1].copy()[::-1],
    "all axes reversed": lambda a: a[::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1],
    "every second row": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "every second element": lambda a: np.repeat(a, 2, axis=2)[:, :, ::2],
    "transposed": lambda a: a.transpose(1, 0, 2).copy().transpose(1, 0, 2),
    "inside a larger one": lambda a: np.pad(a, 3, constant_values=np.nan)[3:-3, 3:-3, 3:-3],
    "unaligned": lambda a: _unaligned(a),
    "list": lambda a: list(a),
}


def _unaligned(a):
    room = np.zeros(a.nbytes + 1, np.uint8)[1:]
    copy = room.view(a.dtype).reshape(a.shape)
    copy[...] = a
    return copy


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_of_the_arguments(cell, dtype, layout):
    config = Config(cell.__name__, dtype=dtype, state=True,
                    options={"num_layers": 2, "bidirectional": True})
    x, state, dy, dstate = config.arguments()
    change = LAYOUTS[layout]

    def changed(value):
        return tuple(map(change, value)) if isinstance(value, tuple) else change(np.array(value))

    if layout == "list":  # a state that is a list would be a pair
        changed = change
        call = changed(x), state, changed(dy), dstate
    else:
        call = changed(x), changed(state), changed(dy), changed(dstate)
    model = config.model().train()
    y, _ = model(call[0], call[1])
    dx, _ = model.backward(call[2], call[3])
    got = {"y": y, "dx": dx, **{f"d{name}": grad for name, grad in model.grads.items()}}
    want = run(config.model(), config)
    assert_same_bits(got, {name: want[name] for name in got})


def test_a_repeated_row_of_stride_zero(cell, dtype, rng):
    model = cell(5, 7, dtype=dtype, seed=1)
    row = rng.standard_normal((4, 1, 5)).astype(dtype)
    wide = np.broadcast_to(row, (4, 6, 5))
    assert model(wide)[0].tobytes() == model(wide.copy())[0].tobytes()


def test_arguments_are_not_modified(cell, dtype):
    config = Config(cell.__name__, dtype=dtype, state=True, lengths=(5, 2, 0),
                    options={"num_layers": 2, "bidirectional": True, "dropout": 0.3})
    arguments = config.arguments()
    arrays = [array for value in arguments for array in parts(value)]
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    x, state, dy, dstate = arguments
    model = config.model().train()
    model(x, state, config.lengths)
    model.backward(dy, dstate)
    for array, copy in zip(arrays, before, strict=True):
        assert array.tobytes() == copy.tobytes()


def test_results_belong_to_the_caller(cell, rng):
    model = cell(5, 7, num_layers=3, seed=1)
    x = rng.standard_normal((4, 2, 5), dtype=np.float32)
    y, state = model(x)
    before = y.copy()
    model(2 * x)
    assert (y == before).all()
    for array in (y, *parts(state)):
        assert array.flags.writeable
        array[...] = np.nan
    assert (model(x)[0] == before).all()


def test_outputs_may_be_overwritten_before_backward(cell, dtype):
    config = Config(cell.__name__, dtype=dtype, state=True,
                    options={"num_layers": 2, "bidirectional": True})
    want = run(config.model(), config)
    x, state, dy, dstate = config.arguments()
    model = config.model().train()
    y, final = model(x, state)
    for array in (y, *parts(final), *parts(state)):
        array[...] = np.nan
    dx, _ = model.backward(dy, dstate)
    assert dx.tobytes() == want["dx"].tobytes()
    assert all(model.grads[name].tobytes() == want[f"d{name}"].tobytes() for name in model.grads)


def test_nan_stays_in_its_row(cell, dtype, rng):
    model = cell(5, 17, num_layers=2, bidirectional=True, dtype=dtype, seed=1)
    x = rng.standard_normal((6, 9, 5)).astype(dtype)
    dy = rng.standard_normal((6, 9, 34)).astype(dtype)

    def rows(x):
        y, state = model.train()(x)
        dx, dstate = model.backward(dy)
        return np.concatenate([a.swapaxes(0, 1).reshape(9, -1)
                               for a in (y, dx, *parts(state), *parts(dstate))], axis=1)

    want = rows(x)
    assert np.isfinite(want).all()
    x[2, 3, 1] = np.nan
    x[4, 7, 0] = np.nan
    others = [0, 1, 2, 4, 5, 6, 8]
    got = rows(x)
    assert got[others].tobytes() == want[others].tobytes()
    y, _ = model.eval()(x)
    assert np.isnan(y[:, [3, 7]]).all()


def test_no_rows(cell, dtype):
    model = cell(5, 7, num_layers=2, bidirectional=True, dtype=dtype).train()
    x = np.zeros((4, 0, 5), dtype)
    y, state = model(x, lengths=[])
    assert y.shape == (4, 0, 14)
    assert [part.shape for part in parts(state)] == [(4, 0, 7)] * len(parts(state))
    dx, _ = model.backward(y, state)
    assert dx.shape == x.shape
    assert not any(grad.any() for grad in model.grads.values())


def test_long_sequences(cell, dtype):
    config = Config(cell.__name__, steps=1500, rows=2, input_size=3, hidden_size=5, dtype=dtype)
    model = config.model()
    x = config.arguments()[0]
    oracle = config.model(reference, "float64")
    oracle.load_state_dict(model.state_dict())
    assert_agree({"y": model(x)[0]}, {"y": oracle(x)[0]}, dtype)


def test_torch_tensors_are_read_as_arrays(cell, dtype):
    torch = pytest.importorskip("torch", reason="a tensor is wanted")
    model = cell(5, 7, dtype=dtype, seed=2)
    x = torch.randn(4, 3, 5, dtype=getattr(torch, dtype))
    assert model(x)[0].tobytes() == model(x.numpy())[0].tobytes()


def test_evaluation_is_the_default(cell):
    model = cell(2, 3)
    assert not model.training
    assert model.train() is model
    assert model.training
    assert model.eval() is model
    assert not model.training
