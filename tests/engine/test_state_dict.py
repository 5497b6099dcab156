# SPDX-License-Identifier: Apache-2.0
"""Parameters: torch's names and shapes, initial values, versioned changes, copies of models."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastrnn
from fastrnn.engine import recurrence

X = np.random.default_rng(0).standard_normal((4, 3, 5), dtype=np.float32)

SHAPES = {
    "plain": {},
    "layers": {"num_layers": 3},
    "no bias": {"num_layers": 2, "bias": False},
    "directions": {"num_layers": 2, "bidirectional": True},
}


def model_of(cell, **options):
    return cell(5, 7, seed=1, **options)


def values(model):
    return {name: array.copy() for name, array in model.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all((one[name] == other[name]).all() for name in one)


@pytest.fixture
def packed(monkeypatch):
    """A list that grows by one with every PackedLayer made."""
    made = []
    PackedLayer = recurrence.PackedLayer

    def counted(*arguments):
        made.append(arguments)
        return PackedLayer(*arguments)

    monkeypatch.setattr(recurrence, "PackedLayer", counted)
    return made


@pytest.mark.parametrize("options", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU", "LSTM with projection"])
def test_names_shapes_and_order_are_torchs(name, options):
    torch = pytest.importorskip("torch", reason="torch's parameters are compared")
    name, _, projected = name.partition(" ")
    if projected:
        options = {**options, "proj_size": 3}
    theirs = getattr(torch.nn, name)(5, 7, **options)
    model = model_of(getattr(fastrnn, name), **options)
    shapes = [(name, array.shape) for name, array in model.state_dict().items()]
    assert shapes == [(name, tuple(t.shape)) for name, t in theirs.state_dict().items()]
    assert [array.shape for array in model.parameters()] == [shape for _, shape in shapes]
    assert list(model.grads) == list(model.state_dict())
    assert [grad.shape for grad in model.grads.values()] == [shape for _, shape in shapes]


def test_initial_values(cell, dtype):
    model = cell(50, 64, num_layers=2, dtype=dtype, seed=5)
    bound = 1 / 8
    for name, array in model.state_dict().items():
        assert array.dtype == dtype
        assert np.abs(array).max() <= bound
        assert np.abs(array).max() > 0.9 * bound, name
        assert abs(array.mean()) < 0.2 * bound, name
        # the standard deviation of U(-b, b) is b / sqrt(3)
        assert array.std() == pytest.approx(bound / 3**0.5, rel=0.2)


def test_seed(cell):
    same_seed = cell(5, 7, seed=3), cell(5, 7, seed=3), cell(5, 7, seed=np.random.default_rng(3))
    assert same(values(same_seed[0]), values(same_seed[1]))
    assert same(values(same_seed[0]), values(same_seed[2]))
    assert not same(values(same_seed[0]), values(cell(5, 7, seed=4)))
    assert not same(values(cell(5, 7)), values(cell(5, 7)))


def test_arrays_are_handed_out_read_only_and_live(cell):
    model = model_of(cell)
    handed = model.state_dict()
    for array in [*handed.values(), *model.parameters(), model.weight_ih_l0]:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    model.weight_ih_l0 = np.zeros_like(model.weight_ih_l0)
    assert not handed["weight_ih_l0"].any()
    handed.clear()
    assert model.state_dict()


def test_every_change_reaches_the_next_call(cell):
    model, other = model_of(cell), cell(5, 7, seed=2)
    want = other(X)[0].tobytes()
    before = model(X)[0].tobytes()
    assert want != before
    start = values(model)

    model.load_state_dict(other.state_dict())
    assert model(X)[0].tobytes() == want
    for name, array in start.items():
        setattr(model, name, array)
    assert model(X)[0].tobytes() == before
    with model._updating() as arrays:
        for name, array in arrays.items():
            array[...] = other.state_dict()[name]
    assert model(X)[0].tobytes() == want


def test_an_update_that_fails_reaches_the_next_call_too(cell):
    model = model_of(cell)
    before = model(X)[0]

    def fail_half_way():
        with model._updating() as arrays:
            arrays["weight_ih_l0"][...] = 0
            arrays["no such name"][...] = 0

    with pytest.raises(KeyError):
        fail_half_way()
    assert not (model(X)[0] == before).all()


def test_packs_are_rebuilt_exactly_when_needed(cell, packed):
    model = model_of(cell, num_layers=2, bidirectional=True)
    assert len(packed) == 0
    for _ in range(3):
        model(X)
    assert len(packed) == 4
    model.train()
    y, _ = model(X)
    model.backward(y)
    model.zero_grad()
    model.eval()
    model(X[:2])
    assert len(packed) == 4
    model.bias_ih_l0 = model.bias_ih_l0
    assert len(packed) == 4
    model(X)
    model(X)
    assert len(packed) == 8


def test_packs_are_rebuilt_once_for_many_threads(cell, packed):
    model = model_of(cell)
    with ThreadPoolExecutor(8) as pool:
        for round_ in range(1, 11):
            model.weight_hh_l0 = model.weight_hh_l0 * 1.01
            results = list(pool.map(lambda _: model(X)[0].tobytes(), range(16)))
            assert len(set(results)) == 1
            assert len(packed) == round_


def test_a_change_of_the_source_does_not_reach_the_model(cell):
    model = model_of(cell)
    source = values(model)
    model.load_state_dict(source)
    model.weight_ih_l0 = source["weight_ih_l0"]
    want = values(model)
    for array in source.values():
        array[...] = np.nan
    assert same(values(model), want)


def test_loading_its_own_arrays_in_other_places(cell):
    model = model_of(cell)
    want = values(model)
    state = model.state_dict()
    state["bias_ih_l0"], state["bias_hh_l0"] = state["bias_hh_l0"], state["bias_ih_l0"]
    model.load_state_dict(state)
    assert (model.bias_ih_l0 == want["bias_hh_l0"]).all()
    assert (model.bias_hh_l0 == want["bias_ih_l0"]).all()
    model.bias_ih_l0 = model.bias_ih_l0[::-1]
    assert (model.bias_ih_l0 == want["bias_hh_l0"][::-1]).all()


@pytest.mark.parametrize("convert", [
    lambda a: a.astype(np.float64), lambda a: a.tolist(), np.asfortranarray,
    lambda a: a.astype(">f4"), lambda a: memoryview(a.copy()),
])
def test_whatever_numpy_reads_can_be_loaded(cell, convert):
    source, model = model_of(cell), cell(5, 7, seed=9)
    model.load_state_dict({name: convert(array) for name, array in source.state_dict().items()})
    assert same(values(model), values(source))


def test_loading_from_torch(cell):
    torch = pytest.importorskip("torch", reason="torch's state_dict is loaded")
    theirs = getattr(torch.nn, cell.__name__)(5, 7)
    model = model_of(cell)
    model.load_state_dict(theirs.state_dict())
    assert same(values(model), {k: v.numpy() for k, v in theirs.state_dict().items()})


def test_values_need_not_be_finite(cell):
    model = model_of(cell)
    model.weight_ih_l0 = np.full_like(model.weight_ih_l0, np.nan)
    assert np.isnan(model(X)[0]).all()
    model.load_state_dict({n: np.full_like(a, np.inf) for n, a in model.state_dict().items()})


def test_all_that_is_wrong_is_named_and_nothing_changed(cell):
    model = model_of(cell)
    before, version = values(model), model._parameters.version
    wrong = {name: array + 1 for name, array in before.items()}
    del wrong["weight_hh_l0"]
    wrong["weight_hh_l7"] = 0
    wrong[3] = 0
    wrong["weight_ih_l0"] = np.zeros((2, 2))
    wrong["bias_hh_l0"] = "text"
    with pytest.raises(RuntimeError) as caught:
        model.load_state_dict(wrong)
    text = str(caught.value)
    rows = before["weight_ih_l0"].shape[0]
    for words in (cell.__name__, "missing: weight_hh_l0", "unexpected: weight_hh_l7, 3",
                  f"weight_ih_l0: expected shape ({rows}, 5), got (2, 2)",
                  "bias_hh_l0 must be an array of real numbers"):
        assert words in text
    assert same(values(model), before)
    assert model._parameters.version == version
    with pytest.raises(TypeError, match="state_dict must be a mapping, got list"):
        model.load_state_dict([1])


@pytest.mark.parametrize(("value", "error", "words"), [
    (np.zeros((3, 3)), ValueError, "weight_ih_l0 must have shape .*got \\(3, 3\\)"),
    (1.0, ValueError, "weight_ih_l0 must have shape"),
    ("text", TypeError, "weight_ih_l0 must be an array of real numbers"),
    (None, TypeError, "weight_ih_l0 must be an array of real numbers, got dtype object"),
    (1j, TypeError, "weight_ih_l0 must be an array of real numbers, got dtype complex"),
    ([[1.0], [1.0, 2.0]], TypeError, "weight_ih_l0 must be an array of numbers, got list"),
])
def test_bad_assignment(cell, value, error, words):
    model = model_of(cell)
    before, version = values(model), model._parameters.version
    with pytest.raises(error, match=words):
        model.weight_ih_l0 = value
    assert same(values(model), before)
    assert model._parameters.version == version


def test_a_cast_that_fails_changes_nothing(cell):
    model = model_of(cell)
    before = values(model)
    huge = {name: 2 * array for name, array in before.items()}
    huge["bias_hh_l0"] = np.full(before["bias_hh_l0"].shape, 1e300)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        model.load_state_dict(huge)
    assert same(values(model), before)


def test_gradients_are_written_in_place(cell):
    model = model_of(cell).train()
    y, _ = model(X)
    model.backward(y)
    grad = model.grads["weight_ih_l0"]
    before = grad.copy()
    model.grads["weight_ih_l0"] *= 2
    assert (grad == 2 * before).all()
    model.grads["weight_ih_l0"] = before
    assert model.grads["weight_ih_l0"] is grad
    assert (grad == before).all()
    with pytest.raises(KeyError):
        model.grads["no such name"] = before
    model.zero_grad()
    assert not grad.any()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))],
                         ids=["deepcopy", "pickle"])
def test_copies(cell, dtype, duplicate):
    model = cell(5, 7, num_layers=2, dropout=0.5, bidirectional=True, dtype=dtype, seed=1)
    x = X.astype(dtype)
    y, _ = model.train()(x)
    model.backward(y)
    model(x)
    twin = duplicate(model)
    assert repr(twin) == repr(model)
    assert twin.training
    assert same(values(twin), values(model))
    assert not any(grad.any() for grad in twin.grads.values())
    with pytest.raises(RuntimeError, match="no forward is kept"):
        twin.backward(y)
    # the random state is copied, so both drop the same elements
    assert twin(x)[0].tobytes() == model(x)[0].tobytes()
    twin.weight_ih_l0 = np.zeros_like(twin.weight_ih_l0)
    assert model.weight_ih_l0.any()
    with pytest.raises(ValueError, match="read-only"):
        twin.weight_ih_l0[...] = 1


def test_a_pickle_holds_the_parameters_once():
    model = fastrnn.LSTM(64, 64, seed=1).train()
    y, _ = model(np.zeros((50, 8, 64), np.float32))
    model.backward(y)
    model(np.zeros((50, 8, 64), np.float32))
    weights = sum(array.nbytes for array in model.parameters())
    assert weights < len(pickle.dumps(model)) < weights + 5000


class Named(fastrnn.GRU):
    """A user's subclass with an attribute of its own."""

    def __init__(self, name):
        self.name = name
        super().__init__(5, 7, seed=1)


def test_a_subclass_keeps_its_attributes():
    twin = pickle.loads(pickle.dumps(Named("gate")))
    assert type(twin) is Named
    assert twin.name == "gate"
    assert twin(X)[0].shape == (4, 3, 7)


def test_repr_makes_an_equal_model(cell):
    options = {"num_layers": 2, "bias": False, "batch_first": True, "dropout": 0.5,
               "bidirectional": True, "dtype": "float64"}
    if cell is fastrnn.RNN:
        options["nonlinearity"] = "sigmoid"
    if cell is fastrnn.LSTM:
        options["proj_size"] = 3
    model = cell(5, 7, **options)
    twin = eval(f"fastrnn.{model!r}")
    assert repr(twin) == repr(model)
    assert {k: v.shape for k, v in twin.state_dict().items()} == {
        k: v.shape for k, v in model.state_dict().items()
    }
    assert repr(cell(5, 7)) == f"{cell.__name__}(5, 7)"


def test_dir_names_the_parameters(cell):
    assert {"weight_ih_l0", "backward"} <= set(dir(model_of(cell)))
