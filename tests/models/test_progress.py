# SPDX-License-Identifier: Apache-2.0
"""What a run shows, and where: on terminals of any width, in files, nowhere."""

import contextlib
import io
import itertools
import os
import re
import subprocess
import sys
from threading import Timer

import pytest

from fastrnn import callbacks
from fastrnn.callbacks import display, progress
from progress_cases import LINE, SETUP, VALUES, Bare, Screen, compiled, needs_terminals
from terminal import run_on_terminal, screen

# -- files ---------------------------------------------------------------------------------------


def in_pipe(code, **environment):
    done = subprocess.run([sys.executable, "-c", SETUP + code], capture_output=True, text=True,
                          check=False, timeout=120, env=os.environ | environment | {
                              "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_into_a_file_go_lines(verbose):
    out = in_pipe(f"""
verbose = {verbose!r}
model.fit(x, y, epochs=2, validation_split=0.2, verbose=verbose)
model.fit(x, y, verbose=verbose)
model.evaluate(x, y, verbose=verbose)
model.predict(x, batch_size=8, verbose=verbose)
""")
    lines = out.splitlines()
    assert len(lines) == 5
    assert re.fullmatch(f"Epoch 1/2 - {LINE}{VALUES}", lines[0])
    assert re.fullmatch(f"Epoch 2/2 - {LINE}{VALUES}", lines[1])
    assert lines[0].count("val_") == 4
    for line in lines[2:4]:
        assert re.fullmatch(LINE + VALUES, line)
        assert line.startswith("2/2")
    assert re.fullmatch(LINE, lines[4])
    assert out.endswith("\n")
    assert "\r" not in out
    assert "\x1b" not in out


@pytest.mark.parametrize("verbose", [1, 2])
def test_a_run_whose_data_ended_has_no_time_left(verbose, capsys, monkeypatch):
    monkeypatch.setattr(progress, "perf_counter", itertools.count().__next__)
    model, x, y = compiled()
    batches = ((x[k:k + 4], y[k:k + 4]) for k in (0, 4, 8))
    with pytest.warns(UserWarning, match="3 of 5 batches"):
        model.fit(batches, steps_per_epoch=5, verbose=verbose)
    assert re.match(r"3/5 - \d+s - \d+ms/step", capsys.readouterr().out)


def test_nothing_is_shown_where_nothing_is_asked_for():
    assert in_pipe("""
model.fit(x, y, epochs=2, verbose=0)
model.evaluate(x, y, verbose=0)
model.predict(x, batch_size=8, verbose=0)
""") == ""


def test_a_line_is_there_when_its_epoch_ends():
    code = SETUP + """
wait = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epoch and sys.stdin.readline())
model.fit(x, y, epochs=2, callbacks=[wait])
"""
    path = os.pathsep.join(filter(None, sys.path))
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, text=True,
                          stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}) as run:
        too_late = Timer(60, run.kill)
        too_late.start()
        assert run.stdout.readline().startswith("Epoch 1/2 - 2/2")
        assert run.poll() is None
        rest, _ = run.communicate("go on\n")
        too_late.cancel()
    assert rest.startswith("Epoch 2/2 - 2/2")
    assert run.returncode == 0


def test_what_captures_standard_output_gets_it(capsys):
    model, x, y = compiled()
    model.fit(x, y)
    assert re.fullmatch(f"{LINE}{VALUES}\n", capsys.readouterr().out)
    led = io.StringIO()
    with contextlib.redirect_stdout(led):
        model.evaluate(x, y)
        model.predict(x, verbose=2)
    out, err = capsys.readouterr()
    assert (out, err) == ("", "")
    assert re.fullmatch(f"{LINE}{VALUES}\n{LINE}\n", led.getvalue())


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("make", [lambda: None, closed, Bare], ids=["none", "closed", "bare"])
@pytest.mark.parametrize("verbose", [1, 2])
def test_standard_output_may_be_missing(monkeypatch, make, verbose, tmp_path):
    stream = make()
    model, x, y = compiled()
    monkeypatch.setattr(sys, "stdout", stream)
    rate = callbacks.LearningRateScheduler(lambda epoch: 0.01, verbose=1)
    kept = callbacks.ModelCheckpoint(tmp_path / "a.keras", verbose=1)
    history = model.fit(x, y, epochs=2, verbose=verbose, callbacks=[rate, kept])
    monkeypatch.undo()
    assert len(history.history["loss"]) == 2
    if isinstance(stream, Bare):
        assert stream.text.count("\n") == 6


def test_names_that_the_output_has_no_letters_for(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "ascii"))
    display.say("Verlust_für_日本: 0.5")
    assert written.getvalue() == rb"Verlust_f\xfcr_\u65e5\u672c: 0.5" + b"\n"


# -- terminals -----------------------------------------------------------------------------------

FIT = SETUP + """
history = model.fit(x, y, epochs=3, batch_size=4, validation_split=0.2).history
print({name: values[-1] for name, values in history.items()})
"""


def shown_values(lines):
    """The text of lines, without what wrapping put between its parts."""
    return re.sub(r"\s+(- )?", " ", " ".join(lines))


@needs_terminals
@pytest.mark.parametrize("columns", [16, 40, 80, 132, 400])
def test_on_a_terminal_every_value_can_be_read(columns):
    *lines, values = screen(run_on_terminal(FIT, columns), 10**4)
    assert max(map(len, lines)) < columns
    text = shown_values(lines)
    if columns == 16:       # even the longest name is broken there
        text = text.replace(" ", "")
    epochs = re.split(r"Epoch ?\d/3 ?8/8", text)[1:]
    assert len(epochs) == 3
    for name, value in eval(values).items():
        wanted = f"{name}: {callbacks.progress._number(value)}"
        assert (wanted.replace(" ", "") if columns == 16 else f" {wanted}") in epochs[-1]
    if columns > 16:
        assert all("/step" in epoch for epoch in epochs)
        assert all(re.search(r"\[=+\]", epoch) for epoch in epochs)
    if columns == 400:
        assert len(lines) == 3


@needs_terminals
def test_a_bar_grows():
    written = run_on_terminal(SETUP + "model.fit(x, y, batch_size=4)", 80)
    frames = [screen(frame, 80) for frame in written.split("\r\x1b[J") if frame]
    counts = [int(re.search(r"(\d+)/10", frame[0])[1]) for frame in frames]
    assert counts == [*range(1, 11), 10]
    lengths = [len(re.search(r"\[(=*)", frame[0])[1]) for frame in frames]
    assert lengths == sorted(lengths)
    assert "of" in frames[0][0]     # how long it will take
    assert all(len(frame[0]) < 80 for frame in frames)


@needs_terminals
def test_steps_of_unknown_number():
    lines = screen(run_on_terminal(SETUP + """
class Steps:
    def __iter__(self):
        return ((x[:8], y[:8]) for _ in range(5))
model.fit(Steps(), epochs=2)
""", 100), 100)
    assert lines[0].startswith("Epoch 1/2 5/5 [===")
    frames = run_on_terminal(SETUP + """
model.predict(iter([x, x, x]))
""", 100).split("\r\x1b[J")
    assert frames[1].startswith("step 1 - ")
    assert frames[-1].startswith("3/3 [===")


@needs_terminals
def test_messages_stand_above_the_bar():
    lines = screen(run_on_terminal(SETUP + """
class Says(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        callbacks.display.say(f"batch {batch}")
stop = callbacks.EarlyStopping("loss", patience=1, min_delta=9, verbose=1)
model.fit(x, y, epochs=9, batch_size=20, callbacks=[Says(), stop])
model.evaluate(x, y)
""", 60), 60)
    heads = [line for line in lines if not line.startswith("  ")]
    assert [re.sub(r" \[.*", "", line) for line in heads] == [
        "batch 0", "batch 1", "Epoch 1/9 2/2", "batch 0", "batch 1", "Epoch 2/9 2/2",
        "Epoch 2: early stopping", "2/2",
    ]


@needs_terminals
def test_a_run_that_was_broken_off_stands(tmp_path):
    lines = screen(run_on_terminal(SETUP + """
def fail(batch, logs):
    if batch == 3:
        raise KeyboardInterrupt
try:
    model.fit(x, y, batch_size=4, callbacks=[callbacks.LambdaCallback(on_train_batch_end=fail)])
except KeyboardInterrupt:
    pass
model.evaluate(x, y, verbose=1)
""", 200), 200)
    assert [line.split(" ")[0] for line in lines] == ["3/10", "2/2"]


@needs_terminals
@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": "dumb", "NO_COLOR": "1"}])
def test_a_terminal_that_cannot_go_back_gets_lines(environment):
    written = run_on_terminal(SETUP + "model.fit(x, y, epochs=2)", 80, **environment)
    assert "\x1b" not in written
    assert "\r" not in written
    assert re.fullmatch(f"(Epoch ./2 - {LINE}{VALUES}\n){{2}}", written)


@needs_terminals
def test_there_is_no_colour():
    assert "m" not in re.findall(r"\x1b\[\d*(.)", run_on_terminal(FIT, 80))


@needs_terminals
def test_fewer_rows_than_values():
    written = run_on_terminal(FIT, 40, rows=4)
    frames = written.split("\x1b[J")
    assert max(len(screen(frame, 40)) for frame in frames[1:8]) <= 3
    *lines, _ = screen(written, 10**4)
    assert shown_values(lines).count("val_mean_absolute_percentage_error:") == 3


def test_a_terminal_may_change_its_width(monkeypatch):
    terminal = Screen()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    width = [100]
    monkeypatch.setattr(display, "_size", lambda: (width[0], 24))
    bar = display.bar_for_output(10, "Epoch 1/2")
    values = ["loss: 0.5000", "mean_absolute_error: 0.2500"]
    for seen, width[0] in enumerate([100, 50, 30, 70, 100], 1):
        bar.draw(seen, ["1s"], values)
        lines = screen(terminal.text, width[0])
        assert sum(line.startswith("Epoch 1/2") for line in lines) == 1
        assert lines[0].startswith(f"Epoch 1/2 {seen}/10")
        terminal.text = "\n".join(display.TerminalBar._lines(bar, seen, ["1s"], values,
                                                              width[0] - 1))
    bar.close(10, ["2s"], values)
    assert terminal.text.endswith("\n")


@pytest.mark.parametrize("columns", [1, 2, 5, 9, 17, 18, 40])
@pytest.mark.parametrize("parts", [["a: 1"], ["Verlust_日本語_für_alle: 0.5", "b: 2"],
                                   ["x" * 100, "a long name: 12", "y: 3"]])
def test_wrapping_loses_nothing(parts, columns):
    lines = display.wrapped(parts, columns)
    assert "".join(lines).replace(" ", "").replace("-", "") == "".join(parts).replace(" ", "")
    if columns > 1:     # a wide letter takes two
        assert max(map(display._width, lines)) <= columns
