# SPDX-License-Identifier: Apache-2.0
"""The examples run in their quick form, draw their figure, and learn more than their rivals."""

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import fastrnn

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Return a function that runs an example's main in its quick form and returns its figures."""
    pytest.importorskip("matplotlib").use("Agg")
    monkeypatch.syspath_prepend(EXAMPLES)
    threads = fastrnn.get_num_threads()
    fastrnn.set_num_threads(1)  # the same bits, and a busy machine does not slow small models

    def run(name, *packages):
        for package in packages:
            if not any(map(find_spec, package.split("/"))):
                pytest.skip(f"{package} is not installed")
        figure = tmp_path / "figure.png"
        figures = importlib.import_module(name).main(["--quick", "--figure", str(figure)])
        assert figure.read_bytes().startswith(b"\x89PNG")
        assert np.isfinite(np.hstack(list(figures.values()))).all()
        return figures

    before = set(sys.modules)
    yield run
    fastrnn.set_num_threads(threads)
    for name in {path.stem for path in EXAMPLES.glob("*.py")} & (set(sys.modules) - before):
        del sys.modules[name]


def test_text_generation(run):
    figures = run("text_generation")
    assert figures["bits"] < figures["unigram"]


def test_name_classification(run):
    figures = run("name_classification", "names")
    assert min(figures[cell] for cell in ("SimpleRNN", "LSTM", "GRU")) > figures["majority"]


def test_sunspots(run):
    figures = run("sunspots", "statsmodels")
    assert figures["recursive"][0] < figures["persistence"][0]
    assert figures["direct"][1] < figures["persistence"][1]


def test_co2(run):
    figures = run("co2", "statsmodels")
    for model in ("Masking(nan=True)", "fill_missing"):
        assert figures[model][1] < figures["last value"][1]
    assert figures["recursive"][0] < figures["last value"][0]


def test_date_translation(run):
    assert run("date_translation")["exact"] > 0.5


def test_human_motion(run):
    figures = run("human_motion", "sktime/aeon")
    assert figures["accuracy"] > 2 * figures["guessing"]


def test_spoken_vowels(run):
    figures = run("spoken_vowels", "sktime/aeon")
    assert figures["accuracy"] > 2 * figures["majority"]
    assert figures["difference"] < 1e-5


def test_motor_control(run):
    figures = run("motor_control")
    assert figures["end"] < figures["start"] / 2


def test_numpy_only(run):
    assert max(run("numpy_only", "statsmodels").values()) < 1e-5


def test_learning_rates(run):
    figures = run("learning_rates", "sktime/aeon")
    assert figures["best"] < figures["default"]


def test_time_scales(run):
    assert min(run("time_scales", "sktime/aeon").values()) > 0.5


def test_several_tasks(run):
    figures = run("several_tasks", "statsmodels")
    assert figures["change"] < figures["change, rival"]
    assert figures["rises"] > figures["rises, rival"]


def test_every_example_is_tested():
    programs = {path.stem for path in EXAMPLES.glob("*.py") if "def main(" in path.read_text()}
    assert programs == {name[5:] for name in globals() if name.startswith("test_")} - {
        "every_example_is_tested"}
