# SPDX-License-Identifier: Apache-2.0
"""The command line: a short demo, its interruption, going on, writing, and refusals."""

import os
import re
import signal
import subprocess
import sys

import pytest

from fastrnn.cli import main
from fastrnn.demo.model import CharModel

SMALL = ["--hidden", "16", "--embedding", "8", "--batch", "8", "--block", "16"]
TEXT = "In the beginning was the word. And the word was short.\n" * 200


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


@pytest.fixture
def model_file(text_file, capsys):
    assert main(["demo", "--text", text_file, "--steps", "30", *SMALL, "--output", "m"]) == 0
    capsys.readouterr()
    return "m"


def error_of(capsys):
    lines = capsys.readouterr().err.strip().split("\n")
    assert len(lines) == 1
    return lines[0]


def test_demo_on_the_shipped_text(capfd):
    assert main(["demo", "--steps", "40", *SMALL]) == 0
    out, err = capfd.readouterr()
    bits = float(re.search(r"Held-out text: ([\d.]+) bits per character", out)[1])
    assert bits < 5.9  # log2 of 62 characters is 5.95
    assert "LSTM, 1 x 16 units" in out
    assert "\nIn the beginning" in out
    assert re.search(r"generate fastrnn-demo.safetensors --prompt 'In the beginning'\n$", out)
    assert "bits/char" in err
    assert "chars/s" in err
    assert CharModel.load("fastrnn-demo.safetensors").arguments["hidden_size"] == 16


def test_demo_keeps_to_its_time(text_file, capsys):
    assert main(["demo", "--seconds", "0.5", "--text", text_file, *SMALL, "--cell", "gru"]) == 0
    out = capsys.readouterr().out
    assert "GRU, 1 x 16 units" in out
    assert re.search(r"Trained after \d+ updates, [01] s", out)


def test_demo_is_the_same_from_run_to_run(text_file, capsys):
    outputs = []
    for name in "ab":
        options = ["--text", text_file, "--epochs", "0.5", *SMALL, "--output", name]
        assert main(["demo", *options]) == 0
        outputs.append(re.sub(r"generate \w|\d+ s: .*", "", capsys.readouterr().out))
    assert outputs[0] == outputs[1]


def start_demo(*options):
    """Start a demo that would take for ever, and interrupt it once it trains."""
    arguments = [sys.executable, "-m", "fastrnn", "demo", "--seconds", "1000", *SMALL, *options]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, start_new_session=True)
    read = ""
    while "bits/char" not in read:
        character = process.stderr.read(1)
        assert character, read
        read += character
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    return process.returncode, out


@pytest.mark.skipif(os.name == "nt", reason="interrupts are sent in another way on Windows")
def test_interrupt_keeps_a_checkpoint_to_go_on_from(capsys, in_empty_folder):
    code, out = start_demo("--output", "kept model")
    assert code == 130
    done = int(re.search(r"Interrupted after (\d+) updates", out)[1])
    assert done >= 1
    assert "the model is in kept model" in out
    assert "Held-out" not in out
    assert re.search(r"demo --resume --output 'kept model'\n$", out)
    assert os.listdir(in_empty_folder) == ["kept model"]

    assert main(["demo", "--resume", "--output", "kept model", "--steps", str(done + 20)]) == 0
    out = capsys.readouterr().out
    assert f"Trained after {done + 20} updates" in out
    assert "Held-out" in out


def test_a_finished_run_goes_on_with_more_steps(text_file, capsys):
    common = ["demo", "--text", text_file, "--output"]
    assert main([*common, "m", "--steps", "40", *SMALL]) == 0
    assert main([*common, "m", "--resume", "--steps", "60"]) == 0
    assert "Trained after 60 updates" in capsys.readouterr().out
    assert main([*common, "m", "--resume"]) == 2
    assert "is fully trained; to go on, give more --steps than 60" in error_of(capsys)


def test_generate(model_file, capsys):
    call = ["generate", model_file, "--prompt", "In the", "--length", "40", "--seed", "4"]
    assert main(call) == 0
    first = capsys.readouterr().out
    assert first.startswith("In the")
    assert len(first) == len("In the") + 40 + 1
    assert main(call) == 0
    assert capsys.readouterr().out == first
    assert main(["generate", model_file, "--length", "5", "--temperature", "0"]) == 0
    assert len(capsys.readouterr().out) == 6


def test_generate_into_a_closed_pipe(model_file):
    process = subprocess.Popen(
        [sys.executable, "-m", "fastrnn", "generate", model_file, "--length", "1000000"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    assert len(process.stdout.read(10)) == 10
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=60) == 1


def test_info_and_bench(capsys):
    assert main(["info"]) == 0
    assert "threads" in capsys.readouterr().out
    assert main(["bench", "--seconds", "0.001", "--threads", "1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 7


def test_help(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["demo", "--help"])
    assert "--resume" in capsys.readouterr().out


def test_importing_the_package_does_not_load_the_progress_bar():
    code = "import sys, fastrnn.cli; sys.exit('tqdm' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["generate"], ["demo", "--resume", "--output"]])
@pytest.mark.parametrize(
    ("contents", "message"),
    [(None, "No such file"), (b"", "not a safetensors file"), (b"hello" * 99, "not a safetensors")],
)
def test_missing_and_foreign_files(command, contents, message, capsys, in_empty_folder):
    if contents is not None:
        (in_empty_folder / "x").write_bytes(contents)
    assert main([*command, "x"]) == 2
    error = error_of(capsys)
    assert error.startswith("fastrnn: error: x: ")
    assert message in error


def test_files_of_other_kinds(capsys, model_file):
    CharModel.load(model_file).rnn.save("engine")
    assert main(["generate", "engine"]) == 2
    assert "'engine'" in error_of(capsys)
    CharModel.load(model_file).save("plain")
    assert main(["demo", "--resume", "--output", "plain"]) == 2
    assert "no training to go on with" in error_of(capsys)
    assert main(["demo", "--resume", "--output", model_file]) == 2
    assert "trained on another text" in error_of(capsys)


BAD_COMMANDS = [
    (["demo", "--output", "no/such/x"], "no/such: no such folder"),
    (["demo", "--output", "."], ".: is a folder"),
    (["demo", "--text", "missing"], "missing: No such file"),
    (["demo", "--text", "short"], "too short"),
    (["demo", "--text", "latin"], "latin: not a text in UTF-8"),
    (["demo", "--text", "empty"], "too short"),
    (["generate", "m", "--prompt", "日本"], "not in the vocabulary: '日本'"),
    (["generate", "m", "--prompt", ""], "prompt must have at least one character"),
    (["demo", "--hidden", "999999", "--embedding", "1"], "hidden_size=999999"),
    (["demo", "--resume", "--output", "m", "--hidden", "9"], "--hidden is fixed in m"),
]


@pytest.mark.parametrize(("command", "message"), BAD_COMMANDS)
def test_one_line_errors(command, message, capsys, in_empty_folder, request):
    if "m" in command:
        request.getfixturevalue("model_file")
    (in_empty_folder / "short").write_text("a few words, and then no more")
    (in_empty_folder / "latin").write_bytes("Größe".encode("latin-1") * 1000)
    (in_empty_folder / "empty").write_bytes(b"")
    assert main(command) == 2
    assert message in error_of(capsys)


@pytest.mark.parametrize(("name", "value", "command"), [
    ("FASTRNN_ISA", "foo", ["info"]), ("FASTRNN_GEMM", "foo", ["bench", "--seconds", "0.001"]),
])
def test_settings_of_the_environment(name, value, command):
    done = subprocess.run([sys.executable, "-m", "fastrnn", *command], capture_output=True,
                          text=True, check=False, env={**os.environ, name: value})
    assert done.returncode == 2
    assert done.stderr.startswith(f"fastrnn: error: {name}='foo'")
    assert done.stderr.count("\n") == 1


def test_other_errors_are_not_hidden(monkeypatch):
    def fail(*_):
        raise RuntimeError("a defect")

    monkeypatch.setattr("fastrnn.show_config", fail)
    with pytest.raises(RuntimeError, match="a defect"):
        main(["info"])


BAD_OPTIONS = [
    [], ["fly"], ["demo", "--seconds", "0"], ["demo", "--seconds", "nan"],
    ["demo", "--steps", "1.5"], ["demo", "--steps", "5", "--seconds", "5"],
    ["demo", "--cell", "cnn"], ["demo", "--seed", "-1"], ["generate"],
    ["generate", "m", "--temperature", "-1"], ["generate", "m", "--length", "-1"],
]


@pytest.mark.parametrize("command", BAD_OPTIONS, ids=" ".join)
def test_bad_options(command, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(command)
    assert "error: " in capsys.readouterr().err
