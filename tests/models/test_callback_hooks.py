# SPDX-License-Identifier: Apache-2.0
"""What a list of callbacks calls, and the bars that it adds."""

import numpy as np
import pytest

from callback_cases import Model
from fastrnn import callbacks
from fastrnn.callbacks import (
    Callback,
    CallbackList,
    EarlyStopping,
    History,
    LambdaCallback,
    ModelCheckpoint,
    ProgressBar,
    TerminateOnNaN,
)
from keras_oracle import keras_or_skip


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
