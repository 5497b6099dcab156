# SPDX-License-Identifier: Apache-2.0
"""Result files of the benchmark, and the comparison with an earlier one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "bench"))

import check
import report
import results

RUN = Path(check.__file__).with_name("run.py")
CASE = "lstm-10x3x20x24"
SECONDS = {"ours": 1e-3, "torch": 4e-3, "onnxruntime": 2e-3, "numpy": 1e-4}


def record(cases, **fields):
    return {
        "machine": {"cpu": "a", "date": "2026-01-01"},
        "versions": dict.fromkeys(SECONDS, "1"),
        "threads": 1,
        "isa": "avx2",
        "rounds": 7,
        "environment": {"FASTRNN_GEMM": None},
        "cases": {name: {"seconds": seconds} for name, seconds in cases.items()},
    } | fields


def scaled(factor, *names):
    """The times of a case, those of `names` times a factor."""
    return {name: t * factor if name in names else t for name, t in SECONDS.items()}


def change(later, earlier=SECONDS):
    """What became of the ratio of one case."""
    (found,) = check.changes(record({CASE: earlier}), record({CASE: later}))
    return found


def test_absolute_times_do_not_count():
    assert change(scaled(3, *SECONDS)).loss == pytest.approx(0)


@pytest.mark.parametrize(("slower", "lost"), [(0.5, False), (1.17, False), (1.19, True)])
def test_loss_of_the_ratio(slower, lost):
    found = change(scaled(slower, "ours"))
    assert found.before == pytest.approx(2)
    assert found.after == pytest.approx(2 / slower)
    assert found.lost == lost
    assert any(CASE in line for line in list(check.table([found]))[:-1]) == lost


def test_only_rivals_of_both_sides_count():
    without = {name: t for name, t in SECONDS.items() if name != "onnxruntime"}
    assert change(without).loss == pytest.approx(0)
    assert change(SECONDS, without).before == pytest.approx(4)


def test_the_floor_is_no_rival():
    only_floor = {"ours": 1e-3, "numpy": 1e-4}
    earlier, later = record({CASE: only_floor}), record({CASE: only_floor})
    assert check.changes(earlier, later) == []
    assert f"without a rival in common: {CASE}" in check.differences(earlier, later)


def test_differences_are_named():
    earlier = record({CASE: SECONDS, "gru-1x1x1x1": SECONDS})
    versions = {"ours": "2", "torch": "9", "openvino": "3"}
    later = record({CASE: SECONDS, "rnn-1x1x1x1": SECONDS}, versions=versions)
    later |= {"machine": {"cpu": "b"}, "environment": {"FASTRNN_GEMM": "blas"}}
    assert sorted(check.differences(earlier, later)) == [
        "FASTRNN_GEMM: None in the file, blas in the run",
        "cpu: a in the file, b in the run",
        "only in the file: gru-1x1x1x1",
        "only in the file: numpy, onnxruntime",
        "only in the run: openvino",
        "only in the run: rnn-1x1x1x1",
        "torch: 1 in the file, 9 in the run",
    ]


@pytest.mark.parametrize(
    ("threads", "isa", "named"), [(1, "avx2", ()), (2, "avx2", ("threads",)), (1, "neon", ("isa",))]
)
def test_threads_and_instruction_set_must_agree(threads, isa, named):
    conflict = check.conflict(record({}), threads, isa)
    assert [name for name in ("threads", "isa") if name in conflict] == list(named)


def test_files_are_read_as_written(tmp_path):
    path = tmp_path / "new" / "result.json"
    written = record({CASE: SECONDS, "gru-1x1x1x1": SECONDS})
    results.write(path, written)
    assert results.read(path) == written
    assert sum('"seconds"' in line for line in path.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps(record({"nothing": SECONDS})),
        json.dumps(record({CASE: {"ours": "1"}})),
        json.dumps(record({CASE: {"ours": 0.0}})),
        json.dumps({**record({}), "cases": [CASE]}),
    ],
)
def test_other_files_are_refused_by_name(tmp_path, text):
    path = tmp_path / "result.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"result\.json"):
        results.read(path)


def test_refused_cases_have_no_ratio():
    refused = {"seconds": {}, "refused": "outputs disagree"}
    later = record({}) | {"cases": {CASE: refused}}
    assert check.changes(record({CASE: SECONDS}), later) == []
    assert "1 cases, 1 refused" in results.summary(later["cases"])


def test_report_of_a_file():
    text = report.table(record({CASE: SECONDS}))
    (row,) = (line for line in text.splitlines() if CASE in line and line.startswith("|"))
    assert row == f"| {CASE} | 1 ms | 4 ms | 2 ms | 0.3 | 2.00 |"


def run(*arguments):
    command = [sys.executable, str(RUN), "--rounds", "1", "--min-time", "1"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


CHOSEN = "--only", "ours,torch"


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The results of one case beside torch."""
    pytest.importorskip("torch", reason="torch is the rival")
    path = tmp_path_factory.mktemp("measured") / "result.json"
    assert run(*CHOSEN, "--case", CASE, "--json", str(path)).returncode == 0
    return path


@pytest.mark.parametrize(("factor", "status"), [(1000, 0), (1e-3, 1)])
def test_run_against_a_file(measured, tmp_path, factor, status):
    path = tmp_path / "result.json"
    stored = results.read(measured)
    stored["cases"][CASE]["seconds"]["ours"] *= factor
    results.write(path, stored)
    done = run(*CHOSEN, "--check", str(path))
    assert done.returncode == status, done.stderr
    assert f"1 cases compared, {status} lost" in done.stdout


def test_run_against_a_file_of_other_threads(tmp_path):
    path = tmp_path / "result.json"
    results.write(path, record({CASE: SECONDS}, threads=2))
    done = run("--check", str(path))
    assert done.returncode == 2
    assert "threads: this run has 1, the file 2" in done.stderr
