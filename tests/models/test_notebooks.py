# SPDX-License-Identifier: Apache-2.0
"""What a run shows in notebooks, and without tqdm."""

import io
import pickle
import re
import sys
import types

import pytest

from fastrnn import callbacks
from processes import run_python
from progress_cases import LINE, SETUP, VALUES, Screen, compiled, needs_terminals
from terminal import run_on_terminal, screen


def kernel_output():
    """Standard output as a notebook's kernel has it."""
    kind = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})
    return kind()


class NotebookBar:
    def __init__(self, total, **options):
        self.total, self.n, self.options, self.texts, self.open = total, 0, options, [], True

    def set_postfix_str(self, text, refresh):
        self.texts.append(text)

    def update(self, more):
        self.n += more

    def close(self):
        self.open = False


def test_in_a_notebook_it_is_the_notebooks_bar(monkeypatch):
    model, x, y = compiled(["mae"])
    made = []
    notebook = types.ModuleType("tqdm.notebook")
    notebook.tqdm = lambda **options: made.append(NotebookBar(**options)) or made[-1]
    monkeypatch.setitem(sys.modules, "ipywidgets", types.ModuleType("ipywidgets"))
    monkeypatch.setitem(sys.modules, "tqdm.notebook", notebook)
    monkeypatch.setattr(sys, "stdout", kernel_output())
    model.fit(x, y, epochs=2)
    assert sys.stdout.getvalue() == ""
    assert [bar.options["desc"] for bar in made] == ["Epoch 1/2", "Epoch 2/2"]
    for bar in made:
        assert (bar.total, bar.n, bar.open) == (2, 2, False)
        assert re.fullmatch(r"loss: \d.\d{4} - mae: \d.\d{4}", bar.texts[-1])


def test_in_a_notebook_without_widgets_it_is_a_bar_of_text(monkeypatch, capsys):
    pytest.importorskip("tqdm", reason="the bar of text is tqdm's")
    model, x, y = compiled(["mae"])
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    monkeypatch.setattr(sys, "stdout", kernel_output())
    model.fit(x, y, epochs=2)
    lines = sys.stdout.getvalue().splitlines()
    monkeypatch.undo()
    assert len([line for line in lines if "2/2 " in line]) >= 2
    assert re.search(r"Epoch 2/2: 100%.*loss: .* - mae: ", lines[-1])
    assert capsys.readouterr() == ("", "")


def test_without_tqdm(monkeypatch):
    model, x, y = compiled(["mae"])
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys, "stdout", kernel_output())
    model.fit(x, y)
    assert re.fullmatch(f"{LINE}{VALUES}\n", sys.stdout.getvalue())


@needs_terminals
def test_a_terminal_needs_no_tqdm():
    lines = screen(run_on_terminal(
        "import sys; sys.modules['tqdm'] = None" + SETUP + "model.fit(x, y)", 200), 200)
    assert lines[0].startswith("2/2 [=====")


def test_the_demo_runs_without_tqdm(tmp_path):
    code = f"""
import json, sys
sys.modules["tqdm"] = None
from fastrnn.cli import main
path = {str(tmp_path / "model")!r}
print(json.dumps(main(["demo", "--steps", "3", "--hidden", "8", "--embedding", "4", "--batch",
                       "4", "--block", "8", "--output", path])))
"""
    assert run_python(code) == 0


def test_a_bar_in_use_can_be_pickled(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Screen())
    monkeypatch.setenv("TERM", "xterm")
    bar = callbacks.ProgressBar()
    bar.set_params({"verbose": 1, "epochs": 2, "steps": 4})
    bar.on_epoch_begin(0)
    bar.advance(0, {"loss": 1.0})
    assert type(pickle.loads(pickle.dumps(bar))) is callbacks.ProgressBar
    bar.on_epoch_end(0, {"loss": 1.0})
