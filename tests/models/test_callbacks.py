# SPDX-License-Identifier: Apache-2.0
"""Callbacks: the decisions of Keras' own for the same logs, files, and what is called when."""

import json
import math
import os
import warnings

import numpy as np
import pytest

from fastrnn import callbacks
from fastrnn.callbacks import (
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ProgressBar,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from fastrnn.optimizers import SGD
from keras_oracle import keras_or_skip


class Model:
    """What callbacks need of a model; its weights are the number of the epoch."""

    metrics = ()  # Keras' callbacks ask for them

    def __init__(self, optimizer=None):
        self.optimizer = optimizer or SGD(0.5)
        self.stop_training = False
        self.weights = [np.zeros(1)]
        self.saved = []

    def get_weights(self):
        return [weight.copy() for weight in self.weights]

    def set_weights(self, weights):
        self.weights = [weight.copy() for weight in weights]

    def save(self, path, overwrite=True):
        self.saved.append(("model", path, float(self.weights[0][0])))

    def save_weights(self, path, overwrite=True):
        self.saved.append(("weights", path, float(self.weights[0][0])))


def run(callback, epochs, model=None, batches=()):
    """Replay the logs of epochs, each after its batches; return what every epoch left behind."""
    model = model or Model()
    callback.set_model(model)
    callback.set_params({"verbose": 0, "epochs": len(epochs), "steps": len(batches)})
    callback.on_train_begin()
    seen = []
    for epoch, logs in enumerate(epochs):
        callback.on_epoch_begin(epoch)
        for batch, batch_logs in enumerate(batches):
            callback.on_train_batch_begin(batch)
            callback.on_train_batch_end(batch, logs=batch_logs)
        model.weights[0][...] = epoch + 1
        logs = dict(logs)
        callback.on_epoch_end(epoch, logs)
        seen.append((float(model.optimizer.learning_rate), logs))
        if model.stop_training:
            break
    callback.on_train_end({})
    return model, seen


def losses_of(rng, count=30):
    """Values that fall, stay and rise, with some that are equal."""
    values = np.cumsum(rng.standard_normal(count) - 0.15)
    return [{"val_loss": float(v), "loss": float(v) / 2, "accuracy": -float(v)}
            for v in np.round(values, 1)]


def assert_alike(seen, oracle):
    assert len(seen) == len(oracle)
    for (rate, logs), (oracle_rate, oracle_logs) in zip(seen, oracle, strict=True):
        assert rate == pytest.approx(oracle_rate, rel=1e-6)
        assert logs == pytest.approx(oracle_logs, rel=1e-6)


EARLY = [
    {"patience": 3}, {"patience": 0}, {"patience": 2, "min_delta": 0.4},
    {"patience": 4, "restore_best_weights": True},
    {"patience": 3, "baseline": -1.0, "restore_best_weights": True},
    {"patience": 2, "start_from_epoch": 8, "restore_best_weights": True},
    {"patience": 2, "monitor": "accuracy", "mode": "max", "restore_best_weights": True},
    {"patience": 100, "restore_best_weights": True},
    {"patience": 3, "monitor": "loss", "mode": "max", "min_delta": -0.3},
]


@pytest.mark.parametrize("arguments", EARLY, ids=json.dumps)
def test_early_stopping_against_keras(rng, arguments):
    keras = keras_or_skip()
    for _ in range(8):
        epochs = losses_of(rng)
        ours, oracle = EarlyStopping(**arguments), keras.callbacks.EarlyStopping(**arguments)
        model, seen = run(ours, epochs)
        oracle_model, oracle_seen = run(oracle, epochs)
        assert len(seen) == len(oracle_seen)
        assert ours.stopped_epoch == oracle.stopped_epoch
        assert ours.best == oracle.best
        assert ours.wait == oracle.wait
        assert np.array_equal(model.weights[0], oracle_model.weights[0])


def test_early_stopping_starts_anew_in_each_run(rng):
    callback = EarlyStopping(patience=1, restore_best_weights=True)
    run(callback, [{"val_loss": v} for v in (1, 0, 2, 3)])
    model, seen = run(callback, [{"val_loss": v} for v in (9, 8, 7)])
    assert len(seen) == 3
    assert model.weights[0] == 3


PLATEAU = [
    {"patience": 2}, {"patience": 1, "factor": 0.5, "cooldown": 2}, {"patience": 2, "min_lr": 0.2},
    {"patience": 3, "min_delta": 0.7, "factor": 0.3}, {"patience": 0, "factor": 0.9},
    {"patience": 1, "monitor": "accuracy", "mode": "max", "min_lr": 0.01},
]


@pytest.mark.parametrize("arguments", PLATEAU, ids=json.dumps)
def test_reduce_lr_on_plateau_against_keras(rng, arguments):
    keras = keras_or_skip()
    for _ in range(6):
        epochs = losses_of(rng)
        _, seen = run(ReduceLROnPlateau(**arguments), epochs)
        oracle = keras.callbacks.ReduceLROnPlateau(**arguments)
        assert_alike(seen, run(oracle, epochs, Model(keras.optimizers.SGD(0.5)))[1])


@pytest.mark.parametrize("schedule", [
    lambda epoch, rate: rate * 0.9, lambda epoch: 0.1 / (epoch + 1),
    lambda epoch, rate: np.float32(rate / 2),
])
def test_learning_rate_scheduler_against_keras(schedule):
    keras = keras_or_skip()
    epochs = [{"loss": 0.5}] * 5
    _, seen = run(LearningRateScheduler(schedule), epochs)
    oracle = keras.callbacks.LearningRateScheduler(schedule)
    assert_alike(seen, run(oracle, epochs, Model(keras.optimizers.SGD(0.5)))[1])


def test_an_error_in_the_schedule_comes_through():
    def schedule(epoch, rate):
        return rate + "x"

    with pytest.raises(TypeError, match="unsupported operand"):
        run(LearningRateScheduler(schedule), [{}])


CHECKPOINTS = [
    {"filepath": "at/{epoch:02d}-{val_loss:.2f}.keras"},
    {"filepath": "best.keras", "save_best_only": True},
    {"filepath": "best.keras", "save_best_only": True, "initial_value_threshold": -1.0},
    {"filepath": "{epoch}.weights.h5", "save_best_only": True, "save_weights_only": True,
     "monitor": "accuracy", "mode": "max"},
    {"filepath": "{epoch}-{batch:03d}-{loss:.1f}.keras", "save_freq": 3},
    {"filepath": "{epoch}-{batch}.h5", "save_freq": 7},
]


@pytest.mark.parametrize("arguments", CHECKPOINTS, ids=json.dumps)
def test_checkpoints_against_keras(rng, tmp_path, monkeypatch, arguments):
    keras = keras_or_skip()
    monkeypatch.chdir(tmp_path)
    epochs, batches = losses_of(rng), losses_of(rng, 5)
    model, _ = run(ModelCheckpoint(**arguments), epochs, batches=batches)
    oracle, _ = run(keras.callbacks.ModelCheckpoint(**arguments), epochs, batches=batches)
    assert model.saved
    assert model.saved == oracle.saved
    assert os.path.isdir("at") == arguments["filepath"].startswith("at/")


def test_the_best_of_the_batches_is_kept():
    callback = ModelCheckpoint("{epoch}-{batch}.keras", "loss", save_best_only=True, save_freq=2)
    batches = [{"loss": float(v)} for v in (1, 5, 2, 4, 3, 6)]
    model, _ = run(callback, [{}, {}], batches=batches)
    assert [path for _, path, _ in model.saved] == ["1-2.keras", "1-4.keras"]


@pytest.mark.parametrize("values", [(1, 2), (2, 1)])
def test_verbose_callbacks_say_what_they_do(capsys, tmp_path, values):
    epochs = [{"val_loss": float(v)} for v in values]
    path = str(tmp_path / "a.keras")
    for callback in (EarlyStopping(verbose=1, restore_best_weights=True),
                     ModelCheckpoint(path, verbose=1, save_best_only=True),
                     ReduceLROnPlateau(verbose=1, patience=1),
                     LearningRateScheduler(lambda epoch: 0.25, verbose=1)):
        run(callback, epochs)
    out = capsys.readouterr().out
    worse = values[1] > values[0]
    assert ("Epoch 2: early stopping" in out) == worse
    assert f"best epoch, {1 if worse else 2}." in out
    assert f"val_loss went from None to {values[0]:.5f}, saving the model to {path}" in out
    assert ("val_loss did not get better than 1.00000" in out) == worse
    assert ("lowered to 0.05" in out) == worse
    assert "Epoch 1: the learning rate is set to 0.25." in out


CSV = [{}, {"separator": ";"}, {"append": True}]
CSV_EPOCHS = [
    [{"loss": 0.5, "accuracy": 0.25}, {"loss": 1 / 3, "accuracy": 0.5}],
    [{"loss": 0.5, "val_loss": 2.0, "name": "a,b"}, {"loss": 0.25, "extra": 1.0}],
    [{"loss": np.array([1.5, 2.5])}],
]


@pytest.mark.parametrize("arguments", CSV, ids=json.dumps)
@pytest.mark.parametrize("epochs", CSV_EPOCHS, ids=range(len(CSV_EPOCHS)))
def test_csv_files_against_keras(tmp_path, arguments, epochs):
    keras = keras_or_skip()
    written = []
    for k, kind in enumerate((CSVLogger, keras.callbacks.CSVLogger)):
        path = tmp_path / f"{k}.csv"
        for _ in range(2):
            run(kind(str(path), **arguments), epochs)
        written.append(path.read_bytes())
    assert written[0] == written[1]


def test_history_keeps_what_later_callbacks_wrote():
    model = Model()
    listed = CallbackList([LearningRateScheduler(lambda epoch: 0.5 / (epoch + 1))],
                          add_history=True, model=model)
    _, _ = run(listed, [{"val_loss": 2, "loss": np.float32(1)}, {"val_loss": 4, "loss": 3}], model)
    history = model.history
    assert isinstance(history, History)
    assert history.epoch == [0, 1]
    assert history.history == {"loss": [1.0, 3.0], "val_loss": [2.0, 4.0],
                               "learning_rate": [0.5, 0.25]}
    assert list(history.history) == ["loss", "val_loss", "learning_rate"]
    assert type(history.history["loss"][0]) is float
    assert history.params["epochs"] == 2


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_terminate_on_nan(capsys, value):
    batches = [{"loss": 1.0}, {"loss": value}, {"loss": 2.0}]
    model, seen = run(CallbackList([TerminateOnNaN()]), [{}, {}], batches=batches)
    assert model.stop_training
    assert len(seen) == 1
    assert f"Batch 1: the loss is {value}" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match=f"the loss is {value} at batch 1"):
        run(CallbackList([TerminateOnNaN(raise_error=True)]), [{}], batches=batches)
    model, _ = run(CallbackList([TerminateOnNaN()]), [{}], batches=batches[:1])
    assert not model.stop_training


# -- what is called ------------------------------------------------------------------------------


def hooks_of(base):
    """A callback that notes every call of every hook."""
    calls = []

    def noting(name):
        def hook(self, *arguments, **named):
            calls.append((name, *arguments, *named.items()))
        return hook

    names = [name for name in vars(Callback) if name.startswith("on_")]
    kind = type("Noting", (base,), {name: noting(name) for name in names})
    return kind(), calls


def call_all(listed):
    for name in ("train", "test", "predict"):
        getattr(listed, f"on_{name}_begin")()
        if name == "train":
            listed.on_epoch_begin(0)
        getattr(listed, f"on_{name}_batch_begin")(2)
        getattr(listed, f"on_{name}_batch_end")(2, {"b": 2, "a": 1})
        if name == "train":
            listed.on_epoch_end(0, {"b": 2, "a": {"c": 3}})
        getattr(listed, f"on_{name}_end")({"z": "text"})


def test_hooks_are_called_as_keras_calls_them():
    keras = keras_or_skip()
    ours, calls = hooks_of(Callback)
    oracle, wanted = hooks_of(keras.callbacks.Callback)
    call_all(CallbackList([ours], model=Model()))
    call_all(keras.callbacks.CallbackList([oracle], model=Model()))
    assert len(calls) == 14
    assert calls == wanted


def test_the_older_names_of_batch_hooks():
    calls = []

    class Old(Callback):
        def on_batch_begin(self, batch, logs=None):
            calls.append(("begin", batch))

        def on_batch_end(self, batch, logs=None):
            calls.append(("end", batch, logs))

    listed = CallbackList([Old(), LambdaCallback(on_batch_end=lambda batch, logs: calls.append(7))])
    listed.on_train_batch_begin(0)
    listed.on_train_batch_end(0, {"loss": 1})
    assert calls == [("begin", 0), ("end", 0, {"loss": 1.0}), 7]


def test_nothing_is_asked_for_that_nobody_wants():
    listed = CallbackList([EarlyStopping(), ModelCheckpoint("a.keras")], add_history=True,
                          model=Model())
    for name in ("on_train_batch_begin", "on_train_batch_end", "on_test_batch_end",
                 "on_predict_batch_end"):
        assert not listed.wants(name)
    assert listed.wants("on_epoch_end")
    listed.on_train_batch_end(0, lambda: pytest.fail("the logs were made"))
    assert CallbackList([ModelCheckpoint("a.keras", save_freq=5)]).wants("on_train_batch_end")
    seen = []
    hooks = [LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs))] * 2
    made = iter([{"loss": np.float32(0.5)}])
    CallbackList([[hooks[0]], (hooks[1],)]).on_train_batch_end(0, lambda: next(made))
    assert seen == [{"loss": 0.5}] * 2


def test_the_loop_can_ask_who_looks_after_nan():
    assert CallbackList([EarlyStopping(), [TerminateOnNaN()]]).stops_on_nan
    assert not CallbackList([EarlyStopping()]).stops_on_nan


def test_one_callback_needs_no_list():
    callback = LambdaCallback()
    assert CallbackList(callback).callbacks == [callback]


# -- progress ------------------------------------------------------------------------------------


def progress(verbose, epochs=2, steps=3):
    listed = CallbackList(add_history=True, add_progbar=True, model=Model(), verbose=verbose,
                          epochs=epochs, steps=steps)
    made = []

    def logs():
        made.append(1)
        return {"loss": 0.5}

    listed.on_train_begin()
    for epoch in range(epochs):
        listed.on_epoch_begin(epoch)
        for batch in range(3):
            listed.on_train_batch_end(batch, logs)
        listed.on_test_begin()
        listed.on_test_batch_end(0, logs)
        listed.on_test_end({"loss": 0.7})
        listed.on_epoch_end(epoch, {"loss": 0.25, "val_loss": 1.5e-5})
    listed.on_train_end()
    return made


@pytest.fixture
def terminal(capsys, monkeypatch):
    """A function that returns what was drawn on a terminal of 120 columns, and its other lines."""
    monkeypatch.setattr(callbacks.display, "_moves_cursor", lambda stream: True)
    monkeypatch.setattr(callbacks.display, "_size", lambda: (120, 24))

    def lines():
        out, err = capsys.readouterr()
        assert err == ""
        return [line for line in out.replace("\r\x1b[J", "\n").split("\n") if line.strip()]

    return lines


@pytest.mark.parametrize("steps", [3, None])
def test_a_bar_an_epoch(terminal, steps):
    made = progress("auto", steps=steps)
    lines = terminal()
    assert len(lines) == 2
    for epoch, line in enumerate(lines, 1):
        assert line.startswith(f"Epoch {epoch}/2 3/3 [===")
        assert line.endswith("loss: 0.2500 - val_loss: 1.5000e-05")
    assert not made


def test_a_bar_is_drawn_with_the_values_of_that_time(terminal, monkeypatch):
    monkeypatch.setattr(callbacks.progress, "_INTERVAL", 0.0)
    made = progress(1, epochs=1)
    assert len(made) == 3
    assert [line[:3] for line in terminal()] == ["1/3", "2/3", "3/3", "3/3"]


def test_a_line_an_epoch(capsys):
    progress(2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Epoch 1/2 - 3/3 - 0s - ")
    assert lines[1].endswith("s/step - loss: 0.2500 - val_loss: 1.5000e-05")


def test_evaluation_alone_has_a_bar_of_its_own(terminal):
    listed = CallbackList(add_progbar=True, model=Model(), verbose=1, epochs=1, steps=2)
    for batch in range(2):
        if not batch:
            listed.on_test_begin()
        listed.on_test_batch_end(batch, {"loss": 1.0})
    listed.on_test_end({"loss": 0.125})
    listed.on_predict_begin()
    listed.on_predict_batch_end(0, {"outputs": None})
    listed.on_predict_batch_end(1, {"outputs": None})
    listed.on_predict_end()
    evaluated, predicted = terminal()
    assert evaluated.startswith("2/2 [===")
    assert evaluated.endswith("loss: 0.1250")
    assert predicted.startswith("2/2 [===")


def test_there_is_no_bar_where_nothing_is_to_be_shown():
    assert CallbackList(verbose=0, epochs=3, steps=4).callbacks == []
    assert [type(c) for c in CallbackList(verbose=2).callbacks] == [ProgressBar]
    assert CallbackList(add_progbar=False, verbose=1).callbacks == []


def test_own_bars_take_the_place_of_the_default():
    bar = ProgressBar()
    assert CallbackList([bar], add_progbar=True).callbacks == [bar]
    history = History()
    assert CallbackList([history], add_history=True).history is history


# -- directions and refusals ---------------------------------------------------------------------


@pytest.mark.parametrize(("name", "rises"), [
    ("val_loss", False), ("loss", False), ("val_accuracy", True), ("dense_acc", True),
    ("mae", False), ("val_auc", True), ("root_mean_squared_error", False),
    ("val_sparse_categorical_crossentropy", False), ("top_k_categorical_accuracy", True),
])
def test_the_direction_is_known_by_the_name(name, rises):
    callback = EarlyStopping(monitor=name)
    _, seen = run(callback, [{name: v} for v in (1.0, 2.0, 3.0)])
    assert (len(seen) == 3) == rises


@pytest.mark.parametrize("name", ["val_gain", "accuracy_error"])
def test_a_direction_that_is_not_known_must_be_given(name):
    with pytest.raises(ValueError, match=f"cannot tell whether {name} should rise or fall"):
        run(EarlyStopping(monitor=name), [{name: 1}])
    assert len(run(EarlyStopping(monitor=name, mode="max"), [{name: v} for v in (1, 2, 3)])[1]) == 3


@pytest.mark.parametrize(("make", "message"), [
    (lambda: EarlyStopping(monitor="val_los"), "early stopping depends on val_los, .*: loss"),
    (lambda: ReduceLROnPlateau(monitor="val_los"), "learning rate depends on val_los"),
    (lambda: ModelCheckpoint("a.keras", monitor="val_los", save_best_only=True), "the best model"),
])
def test_a_value_that_is_not_there_is_a_warning(make, message):
    with pytest.warns(UserWarning, match=message):
        model, _ = run(make(), [{"loss": 1.0}])
    assert not model.stop_training


def test_no_warning_where_all_is_there():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(EarlyStopping(), [{"val_loss": 1.0}])


BAD_CALLS = [
    (lambda: CallbackList([3]), TypeError, "callbacks must be Callback objects, got 3"),
    (lambda: CallbackList([EarlyStopping]), TypeError, "callbacks must be Callback objects"),
    (lambda: LambdaCallback(on_epoch=print), TypeError, "on_epoch is not a hook"),
    (lambda: LambdaCallback(on_epoch_end=3), TypeError, "on_epoch_end must be callable, got int"),
    (lambda: ReduceLROnPlateau(factor=1.0), ValueError, "factor must be below 1, got 1.0"),
    (lambda: LearningRateScheduler(0.1), TypeError, "schedule must be callable, got float"),
    (lambda: run(LearningRateScheduler(lambda e: "x"), [{}]), ValueError, "must return a float"),
    (lambda: ModelCheckpoint("a"), ValueError, "filepath must end in .keras or"),
    (lambda: ModelCheckpoint("a.keras", save_weights_only=True), ValueError, "end in .weights.h5"),
    (lambda: ModelCheckpoint("a.keras", save_freq="batch"), ValueError, "save_freq must be"),
    (lambda: run(ModelCheckpoint("{loss}-{none}.keras"), [{"loss": 1}]), KeyError,
     "has a place for 'none', which the logs do not have: loss"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD_CALLS)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_directory_is_not_a_checkpoint(tmp_path):
    path = tmp_path / "a.keras"
    path.mkdir()
    with pytest.raises(OSError, match="is a directory"):
        run(ModelCheckpoint(path), [{"val_loss": 1.0}])


def test_an_unknown_mode_is_a_warning():
    with pytest.warns(UserWarning, match="mode 'down' is not known"):
        assert EarlyStopping(mode="down").mode == "auto"
