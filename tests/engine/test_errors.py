# SPDX-License-Identifier: Apache-2.0
"""Bad arguments: the error's class and what its message names; the model works on as before."""

import re

import numpy as np
import pytest

import fastrnn

T, N, I, H = 4, 3, 5, 7

X = np.random.default_rng(0).standard_normal((T, N, I), dtype=np.float32)


def zeros(*shape, dtype="f4"):
    return np.zeros(shape, dtype)


def check_refused(model, error, words, call):
    """`call` raises `error` with all `words` in its message, and leaves the model as it was."""
    version = model._parameters.version
    y_before = model(X)[0]
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    for word in words:
        assert re.search(word, str(caught.value)), str(caught.value)
    assert model._parameters.version == version
    assert model(X)[0].tobytes() == y_before.tobytes()


BIG = np.broadcast_to(np.float32(0), (2**40, 1, I))

# name -> (x, error, words)
INPUTS = {
    "rank 1": (zeros(I), ValueError, ["x must be 2-D .* or 3-D", "1-D"]),
    "rank 4": (zeros(1, 1, 1, I), ValueError, ["x must be 2-D .* or 3-D", "4-D"]),
    "scalar": (np.float32(1), ValueError, ["x must be 2-D", "0-D"]),
    "size": (zeros(T, N, I + 1), RuntimeError, ["input_size = 5", r"\(4, 3, 6\)"]),
    "size unbatched": (zeros(T, I + 1), RuntimeError, ["input_size = 5", r"\(4, 6\)"]),
    "no steps": (zeros(0, N, I), RuntimeError, ["x must have at least one time step, got 0"]),
    "no steps unbatched": (zeros(0, I), RuntimeError, ["at least one time step"]),
    "float64": (zeros(T, N, I, dtype="f8"), ValueError, ["x must .*float32", "float64"]),
    "int": (zeros(T, N, I, dtype=int), ValueError, ["x must .*float32", "int"]),
    "bool": (zeros(T, N, I, dtype=bool), ValueError, ["float32", "bool"]),
    "complex": (zeros(T, N, I, dtype="c8"), ValueError, ["float32", "complex64"]),
    "float16": (zeros(T, N, I, dtype="f2"), ValueError, ["float32", "float16"]),
    "byte order": (X.astype(">f4"), ValueError, ["float32", "foreign byte order"]),
    "object": (X.astype(object), ValueError, ["x must .*float32", "object"]),
    "strings": ("abc", ValueError, ["x must .*float32", "U3"]),
    "None": (None, ValueError, ["x must .*float32", "object"]),
    "list": (X.tolist(), ValueError, ["x must .*float32", "float64"]),
    "ragged": ([[1.0], [1.0, 2.0]], TypeError, ["x must be an array", "list"]),
    "masked": (np.ma.masked_array(X, X > 0), TypeError, ["x is a masked array"]),
    "too many steps": (BIG, ValueError, ["x is too large", str(2**40)]),
}


@pytest.mark.parametrize("case", INPUTS)
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_input(cell, case, mode):
    x, error, words = INPUTS[case]
    model = cell(I, H, seed=1)
    getattr(model, mode)()
    check_refused(model, error, words, lambda: model(x))


# name -> (h, error, words)
STATES = {
    "rows": (zeros(1, N + 1, H), RuntimeError, [r"\(1, 3, 7\)", r"\(1, 4, 7\)"]),
    "width": (zeros(1, N, H + 1), RuntimeError, [r"\(1, 3, 7\)", r"\(1, 3, 8\)"]),
    "layers": (zeros(2, N, H), RuntimeError, [r"\(1, 3, 7\)", r"\(2, 3, 7\)"]),
    "rank": (zeros(N, H), RuntimeError, [r"\(1, 3, 7\)", r"\(3, 7\)"]),
    "dtype": (zeros(1, N, H, dtype="f8"), RuntimeError, ["float32", "float64"]),
    "object": (zeros(1, N, H).astype(object), RuntimeError, ["float32", "object"]),
    "number": (1.5, RuntimeError, ["float32", "float64"]),
}


@pytest.mark.parametrize("case", STATES)
@pytest.mark.parametrize("part", [0, 1])
def test_state(cell, case, part):
    bad, error, words = STATES[case]
    model = cell(I, H, seed=1)
    if cell is fastrnn.LSTM:
        good = zeros(1, N, H)
        state = (bad, good) if part == 0 else (good, bad)
        words = [rf"state\[{part}\]", *words]
    else:
        state, words = bad, ["state must", *words]
    check_refused(model, error, words, lambda: model(X, state))


def test_kind_of_state():
    good = zeros(1, N, H)
    lstm, gru = fastrnn.LSTM(I, H, seed=1), fastrnn.GRU(I, H, seed=1)
    check_refused(gru, TypeError, ["state must be one array", "tuple"],
                  lambda: gru(X, (good, good)))
    check_refused(gru, TypeError, ["state must be one array", "list"], lambda: gru(X, [good]))
    pair = r"state must be a pair \(h, c\)"
    check_refused(lstm, TypeError, [pair, "ndarray"], lambda: lstm(X, good))
    check_refused(lstm, TypeError, [pair, "str"], lambda: lstm(X, "hc"))
    check_refused(lstm, RuntimeError, [pair, "3 arrays"], lambda: lstm(X, (good,) * 3))
    check_refused(lstm, RuntimeError, [r"state\[0\]", "object"], lambda: lstm(X, (None, good)))


def test_state_of_a_projection():
    model = fastrnn.LSTM(I, H, proj_size=2, seed=1)
    model(X, (zeros(1, N, 2), zeros(1, N, H)))
    check_refused(model, RuntimeError, [r"state\[0\] \(h\)", r"\(1, 3, 2\)"],
                  lambda: model(X, (zeros(1, N, H), zeros(1, N, H))))
    check_refused(model, RuntimeError, [r"state\[1\] \(c\)", r"\(1, 3, 7\)"],
                  lambda: model(X, (zeros(1, N, 2), zeros(1, N, 2))))


def test_state_of_an_unbatched_input(cell):
    model = cell(I, H, seed=1)
    state = zeros(1, 1, H)
    if cell is fastrnn.LSTM:
        state = state, state
    check_refused(model, RuntimeError, [r"\(1, 7\)", r"\(1, 1, 7\)"], lambda: model(X[:, 0], state))


def test_gradients(cell):
    model = cell(I, H, seed=1)
    with pytest.raises(RuntimeError, match="no forward is kept"):
        model.backward(zeros(T, N, H))
    good = zeros(1, N, H)
    bad_state = zeros(1, N, H + 1)
    if cell is fastrnn.LSTM:
        bad_state = good, bad_state
    want = model.train()(X)[0]
    for error, words, dy, dstate in [
        (RuntimeError, "dy .*(4, 3, 7).*(4, 3, 8)", zeros(T, N, H + 1), None),
        (RuntimeError, "dy .*(4, 3, 7).*(3, 7)", zeros(N, H), None),
        (ValueError, "dy .*float32.*float64", zeros(T, N, H, dtype="f8"), None),
        (ValueError, "dy and dstate are both None", None, None),
        (RuntimeError, "dstate.*(1, 3, 7).*(1, 3, 8)", zeros(T, N, H), bad_state),
        (TypeError, "dstate", None, "ab" if cell is fastrnn.LSTM else (good,)),
    ]:
        with pytest.raises(error) as caught:
            model.backward(dy, dstate)
        assert re.search(words.replace("(", r"\(").replace(")", r"\)"), str(caught.value))
        assert not any(grad.any() for grad in model.grads.values())
    model.backward(want)  # the forward is still kept
    grads = {name: grad.copy() for name, grad in model.grads.items()}
    with pytest.raises(RuntimeError, match="already"):
        model.backward(want)
    assert all((grads[name] == model.grads[name]).all() for name in grads)


def test_backward_after_a_change_of_weights(cell):
    model = cell(I, H, seed=1).train()
    y, _ = model(X)
    model.weight_hh_l0 = 2 * model.weight_hh_l0
    with pytest.raises(RuntimeError, match="the weights changed"):
        model.backward(y)
    assert not any(grad.any() for grad in model.grads.values())
    y, _ = model(X)
    model.backward(y)


def test_evaluation_keeps_nothing(cell):
    model = cell(I, H, seed=1)
    y, _ = model(X)
    with pytest.raises(RuntimeError, match="no forward is kept"):
        model.backward(y)


# arguments, error, words; where torch has the argument, its error is of the same class
CONSTRUCTIONS = [
    ({"input_size": 0}, ValueError, "input_size must be at least 1, got 0", True),
    ({"input_size": 2.0}, TypeError, "input_size must be an int, got float", True),
    ({"input_size": True}, TypeError, "input_size must be an int, got bool", False),
    ({"hidden_size": 0}, ValueError, "hidden_size must be at least 1, got 0", True),
    ({"hidden_size": -3}, ValueError, "hidden_size must be at least 1, got -3", True),
    ({"hidden_size": 4.0}, TypeError, "hidden_size must be an int, got float", True),
    ({"hidden_size": "4"}, TypeError, "hidden_size must be an int, got str", True),
    ({"hidden_size": 2**40}, ValueError, "hidden_size is too large", False),
    ({"hidden_size": 2**31 - 1}, ValueError, "hidden_size is too large.*2147483647", False),
    ({"input_size": 2**31}, ValueError, "input_size is too large", False),
    ({"input_size": 10**30}, ValueError, "input_size is too large", False),
    ({"num_layers": 0}, ValueError, "num_layers must be at least 1, got 0", True),
    ({"num_layers": 1.5}, TypeError, "num_layers must be an int, got float", True),
    ({"num_layers": 2**20}, ValueError, "num_layers is too large", False),
    ({"bias": 1}, TypeError, "bias must be a bool, got int", True),
    ({"batch_first": None}, TypeError, "batch_first must be a bool, got NoneType", True),
    ({"bidirectional": 1}, TypeError, "bidirectional must be a bool, got int", False),
    ({"num_layers": 2, "dropout": 1.5}, ValueError, r"dropout must be .*\[0, 1\], got 1.5", True),
    ({"num_layers": 2, "dropout": -0.1}, ValueError, "dropout must be .*got -0.1", True),
    ({"num_layers": 2, "dropout": float("nan")}, ValueError, "dropout must be .*nan", True),
    ({"num_layers": 2, "dropout": True}, ValueError, "dropout must be .*True", True),
    ({"num_layers": 2, "dropout": "a"}, ValueError, "dropout must be .*'a'", True),
    ({"dtype": "float16"}, ValueError, "dtype must be float32 or float64, got 'float16'", False),
    ({"dtype": ">f4"}, ValueError, "dtype must be float32 or float64, got '>f4'", False),
    ({"dtype": None}, ValueError, "dtype must be float32 or float64, got None", False),
    ({"seed": "a"}, TypeError, "seed must be an int .*got 'a'", False),
    ({"seed": -1}, ValueError, "seed must be an int of at least 0.*got -1", False),
    ({"hidden_size": 2**20}, MemoryError, "input_size=5, hidden_size=1048576", False),
    ({"dtype": 3}, TypeError, "dtype must be float32 or float64, got 3", False),
]
OWN_CONSTRUCTIONS = [
    ("LSTM", {"input_size": 2**31 - 1, "hidden_size": 2**29 - 1}, ValueError,
     "input_size is too large: .*input_size=2147483647, hidden_size=536870911", False),
    ("LSTM", {"input_size": 2**31 - 1, "hidden_size": 2**28}, ValueError,
     "input_size is too large: the parameters .*=2147483647, hidden_size=268435456", False),
    ("LSTM", {"hidden_size": 2**28}, MemoryError, "input_size=5, hidden_size=268435456", False),
    ("LSTM", {"proj_size": 7}, ValueError, "proj_size must be smaller than hidden_size = 7", True),
    ("LSTM", {"proj_size": -1}, ValueError, "proj_size must be at least 0, got -1", True),
    ("RNN", {"nonlinearity": "foo"}, ValueError, "nonlinearity must be one of .*'foo'", True),
    ("RNN", {"nonlinearity": None}, ValueError, "nonlinearity must be one of .*None", True),
]
ALL_CONSTRUCTIONS = [
    (cell, *case) for cell in ("RNN", "LSTM", "GRU") for case in CONSTRUCTIONS
] + OWN_CONSTRUCTIONS


@pytest.mark.parametrize(("cell", "arguments", "error", "words", "as_torch"), ALL_CONSTRUCTIONS)
def test_construction(cell, arguments, error, words, as_torch):
    arguments = {"input_size": I, "hidden_size": H, **arguments}
    with pytest.raises(error, match=words):
        getattr(fastrnn, cell)(**arguments)
    if as_torch:
        torch = pytest.importorskip("torch", reason="torch's error class is compared")
        with pytest.raises(error):
            getattr(torch.nn, cell)(**arguments)


def test_sizes_of_numpy_are_ints(cell):
    model = cell(np.int64(I), np.int32(H), num_layers=np.uint8(1), dropout=np.float32(0))
    assert model.state_dict()["weight_ih_l0"].shape[1] == I


@pytest.mark.parametrize("given", ["float64", np.float64, float, np.dtype("f8"), "double"])
def test_dtypes_by_any_name(cell, given):
    assert cell(I, H, dtype=given).dtype == np.float64


def test_dropout_of_one_layer_warns(cell):
    with pytest.warns(UserWarning, match="num_layers=1") as record:
        cell(I, H, dropout=0.5)
    assert record[0].filename == __file__


def test_construction_arguments_are_fixed(cell):
    model = cell(I, H)
    for name in ("hidden_size", "batch_first", "dtype", "dropout"):
        with pytest.raises(AttributeError, match=name):
            setattr(model, name, 1)
    for name in ("weight_ih_l7", "bias_hh_l0_reverse", "weight_hr_l0", "weight"):
        with pytest.raises(AttributeError, match=f"{cell.__name__} has no parameter {name};"):
            setattr(model, name, zeros(H))
    model.name = "mine"
    with pytest.raises(TypeError, match="bias_ih_l0 is a masked array"):
        model.bias_ih_l0 = np.ma.masked_array(model.bias_ih_l0, model.bias_ih_l0 > 0)
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = model.no_such_thing


@pytest.mark.parametrize(("x", "words"), [
    (zeros(I), "rank"), (zeros(1, 1, 1, I), "rank"), (zeros(T, N, I + 1), "size"),
    (zeros(0, N, I), "steps"), (zeros(T, N, I, dtype="f8"), "dtype"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_input_errors_are_of_torchs_class(cell, x, words):
    torch = pytest.importorskip("torch", reason="torch's error class is compared")
    with pytest.raises((ValueError, RuntimeError)) as theirs:
        getattr(torch.nn, cell.__name__)(I, H)(torch.from_numpy(x))
    with pytest.raises(type(theirs.value)):
        cell(I, H)(x)


@pytest.mark.parametrize("n", [0, -1, 1.5, "2", True, None, 2**40])
def test_number_of_threads(n):
    before = fastrnn.get_num_threads()
    with pytest.raises((TypeError, ValueError), match=r"n (must be|is too large)"):
        fastrnn.set_num_threads(n)
    assert fastrnn.get_num_threads() == before


def test_show_config(capsys):
    config = fastrnn.show_config(mode="dicts")
    assert capsys.readouterr().out == ""
    assert config["isa"] in config["isas"]
    assert fastrnn.show_config() is None
    assert config["isa"] in capsys.readouterr().out
    with pytest.raises(ValueError, match="mode"):
        fastrnn.show_config("json")
