# SPDX-License-Identifier: Apache-2.0
"""Callbacks: the decisions of Keras' own for the same logs, files, directions and refusals."""

import json
import math
import os
import warnings

import numpy as np
import pytest

from callback_cases import Model, assert_alike, losses_of, run
from fastrnn.callbacks import (
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from keras_oracle import keras_or_skip

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
