# SPDX-License-Identifier: Apache-2.0
"""Copies and pickles: streams go on to the same bits by themselves, and all public kinds can."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import fastrnn
from configs import parts
from fastrnn import (
    activations,
    callbacks,
    constraints,
    initializers,
    io,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    random,
    regularizers,
)
from fastrnn._core.runtime import SettingError
from fastrnn.demo.parts import Dense, Embedding
from fastrnn.generation.stepper import Stepper
from fastrnn.optimizers import schedules
from processes import run_python
from tolerances import ACROSS_ISAS, relative_error

I, H, N = 5, 19, 3


def pickled(value):
    return pickle.loads(pickle.dumps(value))


WAYS = [copy.copy, copy.deepcopy, pickled,
        lambda value: pickle.loads(pickle.dumps(value, protocol=2))]
each_way = pytest.mark.parametrize("duplicate", WAYS, ids=["copy", "deepcopy", "pickle", "older"])


@pytest.fixture(params=[{}, {"num_layers": 3}, {"bias": False}, {"own": 1}],
                ids=["one layer", "three layers", "no bias", "own"])
def model(request, cell, dtype):
    options = dict(request.param)
    if options.pop("own", None):
        options |= {fastrnn.LSTM: {"proj_size": 4}, fastrnn.RNN: {"nonlinearity": "relu"}}.get(
            cell, {"num_layers": 2, "batch_first": True, "dropout": 0.5})
    return cell(I, H, dtype=dtype, seed=6, **options)


def steps(stream, inputs):
    return np.stack([stream.step(x) for x in inputs]).tobytes()


def inputs(model, rng, count=4):
    return rng.standard_normal((count, N, I)).astype(model.dtype)


@each_way
@pytest.mark.parametrize("trained", ["never", "before the copy", "after the copy"])
def test_a_stream_goes_on_by_itself(model, rng, duplicate, trained):
    x = inputs(model, rng, 9)
    want = steps(model.stream(N), x)
    stream = model.stream(N)
    first = steps(stream, x[:3])
    if trained == "before the copy":
        for name in model.state_dict():
            setattr(model, name, getattr(model, name) * 2)
    twin = duplicate(stream)
    assert type(twin) is type(stream)
    assert twin.batch_size == N
    assert (twin._model is model) == (duplicate is copy.copy)
    if trained == "after the copy":
        model.weight_hh_l0 = model.weight_hh_l0 * 2
    assert first + steps(twin, x[3:]) == want
    assert first + steps(stream, x[3:]) == want

    # What one does, the other does not see; and a copy of a copy is one too.
    again = duplicate(twin)
    twin.reset()
    assert steps(again, x) == steps(stream, x)
    assert steps(twin, x) == want


@each_way
def test_a_copied_stream_has_its_state_and_its_errors(model, rng, duplicate):
    stream = model.stream(N)
    steps(stream, inputs(model, rng))
    twin = duplicate(stream)
    for mine, its in zip(parts(stream.state), parts(twin.state), strict=True):
        assert mine.tobytes() == its.tobytes()
    assert twin.step(inputs(model, rng)[0]).dtype == model.dtype
    twin.reset(rows=[1])
    with pytest.raises(RuntimeError, match=r"\(3, 5\)"):
        twin.step(np.zeros((2, I), model.dtype))


def test_weights_are_kept_as_they_were_only_where_a_stream_needs_them():
    model = fastrnn.GRU(I, H, seed=1)
    x = np.ones((4, N, I), np.float32)
    wants, streams = [], []
    for _ in range(3):
        streams += [model.stream(N), model.stream(N)]
        wants += [steps(model.stream(N), x)] * 2
        model.weight_ih_l0 = model.weight_ih_l0 * -2
        model.bias_hh_l0 = model.bias_hh_l0 + 1
    assert len(set(wants)) == 3
    assert [steps(twin, x) for twin in pickled(streams)] == wants
    held = [stream._snapshot.arrays for stream in streams]
    assert held[0] is held[1] is not held[2]
    del streams, held
    snapshot = model._parameters.snapshot()
    assert snapshot.arrays is None
    del snapshot
    with model._updating():
        assert model._parameters._snapshot is None


def test_what_is_pickled_together_is_shared():
    model = fastrnn.LSTM(64, 64, seed=1)
    streams = [model.stream(), model.stream(2)]
    twin, *others = pickled((model, *streams))
    assert all(stream._model is twin for stream in others)
    weights = sum(array.nbytes for array in model.parameters())
    assert weights < len(pickle.dumps((model, *streams))) < weights + 9000
    assert weights < len(pickle.dumps(streams[0])) < weights + 9000
    model.bias_ih_l0 = model.bias_ih_l0 + 1
    assert 2 * weights < len(pickle.dumps((model, *streams))) < 2 * weights + 9000


ACROSS = """
import base64, json, pickle, sys
import numpy as np
import fastrnn
from fastrnn import LSTM, GRU, RNN

def written(streams, x):
    return [[stream.step(x_t).tolist() for x_t in x] for stream in streams]

x = np.random.default_rng(1).standard_normal((6, 3, 5)).astype("float32")
given = {given!r}
if given:
    streams = pickle.loads(base64.b64decode(given))
else:
    streams = [cell(5, 19, num_layers=2, seed=3).stream(3) for cell in (LSTM, GRU, RNN)]
    streams[1]._model.weight_hh_l1 = streams[1]._model.weight_hh_l1 * 2
    written(streams, x)
text = base64.b64encode(pickle.dumps(streams)).decode()
print(json.dumps([fastrnn.show_config(mode="dicts")["isa"], text, written(streams, x)]))
"""


def test_a_stream_goes_on_under_another_instruction_set():
    best = fastrnn.show_config(mode="dicts")["isa"]
    if best == "scalar":
        pytest.skip("this machine has plain C only")
    for source, target in (("scalar", best), (best, "scalar")):
        isa, text, want = run_python(ACROSS.format(given=""), FASTRNN_ISA=source)
        other, _, got = run_python(ACROSS.format(given=text), FASTRNN_ISA=target)
        assert (isa, other) == (source, target)
        for mine, its in zip(want, got, strict=True):
            assert relative_error(its, mine) < ACROSS_ISAS


# -- all that is public --------------------------------------------------------------------------


def classes(module, **arguments):
    """An object of each public class of a module that can be made, by its name."""
    made = {}
    for name, kind in inspect.getmembers(module, inspect.isclass):
        if not name.startswith("_") and kind.__module__.startswith("fastrnn."):
            try:
                value = kind(**arguments.get(name, {}))
                value.get_config()
                made[f"{module.__name__}.{name}"] = value
            except (TypeError, ValueError, NotImplementedError):    # a base, or needs arguments
                continue
    return made


def described():
    """Objects that a configuration describes."""
    yield from classes(losses).items()
    yield from classes(metrics).items()
    yield from classes(optimizers).items()
    yield from classes(initializers).items()
    yield from classes(regularizers).items()
    yield from classes(constraints).items()
    yield from classes(schedules, ExponentialDecay={
        "initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5}).items()
    yield from classes(layers).items()
    yield "seeded", initializers.GlorotUniform(seed=random.SeedGenerator(3))
    yield from ((name, activations.get(name)) for name in activations.names())


@pytest.mark.parametrize(("name", "value"), list(described()))
@each_way
def test_what_a_configuration_describes_can_be_copied(name, value, duplicate):
    twin = duplicate(value)
    assert type(twin) is type(value)
    assert twin.get_config() == value.get_config()


@pytest.mark.parametrize("module", [losses, metrics, activations])
@each_way
def test_functions_stay_themselves(module, duplicate):
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if not name.startswith("_"):
            assert duplicate(function) is function


def trained():
    """A stateful model, compiled and trained a little, with its data."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((8, 5, 3)).astype("float32")
    y = rng.standard_normal((8, 2)).astype("float32")
    model = models.Sequential([
        layers.Input((5, 3), batch_size=4),
        layers.LSTM(4, stateful=True, dropout=0.2, recurrent_dropout=0.2, return_sequences=True),
        layers.Bidirectional(layers.GRU(3, activity_regularizer="l2")), layers.Dropout(0.2),
        layers.BatchNormalization(), layers.Dense(2, kernel_constraint="unit_norm"),
    ])
    model.compile(optimizers.Adam(schedules.ExponentialDecay(0.01, 3, 0.5)), "mse", metrics=["mae"])
    return model, x, y


def fitted(model, x, y):
    return model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0).history


@pytest.mark.parametrize("duplicate", WAYS[1:3], ids=["deepcopy", "pickle"])
def test_a_model_in_training_goes_on_by_itself(duplicate):
    model, x, y = trained()
    fitted(model, x, y)
    history, twin = duplicate((model.history, model))
    assert history.model is twin
    assert fitted(twin, x, y) == fitted(model, x, y)
    assert twin.predict(x, batch_size=4).tobytes() == model.predict(x, batch_size=4).tobytes()
    fitted(model, x, y)
    assert twin.predict(x, batch_size=4).tobytes() != model.predict(x, batch_size=4).tobytes()


def test_a_model_can_be_copied_from_within_a_batch():
    model, x, y = trained()
    taken = []
    hooks = {name: lambda *_, **__: taken.append([way(model) for way in WAYS[1:3]])
             for name in ("on_train_batch_begin", "on_train_batch_end", "on_epoch_end")}
    callback = callbacks.LambdaCallback(**hooks)
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0, callbacks=[callback])
    assert len(taken) == 5
    want = model.predict(x, batch_size=4)
    for twin in taken[-1]:
        assert twin.predict(x, batch_size=4).tobytes() == want.tobytes()
    first, _ = taken[0]
    assert fitted(first, x, y).keys() == {"loss", "mae"}


@pytest.mark.parametrize("kind", ["callbacks", "parts", "other"])
@each_way
def test_objects_that_hold_a_model_can_be_copied(kind, duplicate, tmp_path):
    model, x, y = trained()
    fitted(model, x, y)
    held = {
        "callbacks": [
            callbacks.EarlyStopping(), callbacks.ModelCheckpoint("a.keras", save_freq=2),
            callbacks.ReduceLROnPlateau(), callbacks.LearningRateScheduler(float),
            callbacks.CSVLogger(tmp_path / "a.csv"), callbacks.TerminateOnNaN(),
            callbacks.LambdaCallback(on_epoch_end=print), callbacks.ProgressBar(),
            callbacks.CallbackList([callbacks.EarlyStopping()], model=model, verbose=1),
        ],
        "parts": [model.optimizer, *model.layers, *model.weights, *model.metrics, model.history],
        "other": [random.SeedGenerator(3), Stepper(models.Sequential([
            layers.Input((None,)), layers.Embedding(6, 4), layers.GRU(5, return_sequences=True),
            layers.Dense(6)])), Dense(3, 2), Embedding(3, 2)],
    }[kind]
    for value in held:
        if kind == "callbacks":
            value.set_model(model)
        assert type(duplicate(value)) is type(value)


@each_way
def test_a_row_of_seeds_goes_on(duplicate):
    row = random.SeedGenerator(7)
    row.next()
    twin = duplicate(row)
    seeds = [row.next() for _ in range(3)]
    if duplicate is not copy.copy:      # which shares the source
        assert [twin.next() for _ in range(3)] == seeds


@each_way
@pytest.mark.parametrize("error", [SettingError("FASTRNN_ISA=foo"),
                                   io.FileFormatError("a.bin", "is no such file")], ids=str)
def test_errors_can_be_handed_on(error, duplicate):
    twin = duplicate(error)
    assert type(twin) is type(error)
    assert str(twin) == str(error)
