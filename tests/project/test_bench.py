# SPDX-License-Identifier: Apache-2.0
"""The benchmark's own parts: its cases, the limits it measures, what its programs conclude."""

import math
import shutil
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "bench"))

import fresh
import limits
import measure
import results
from cases import GATES, SETS, Case
from contenders import Job
from marks import memory, program, rows, start
from processes import run_python

MACHINE = limits.Limits(
    isa="avx2",
    threads=2,
    flops=2e11,
    bandwidth={"L1": 8e11, "L2": 4e11, "DRAM": 5e10},
    room={"L1": 2**15, "L2": 2**20},
)


@pytest.mark.parametrize("name", SETS)
def test_cases_have_names_of_their_own(name):
    names = [case.name for case in SETS[name]]
    assert len(set(names)) == len(names)
    assert [Case.parse(text) for text in names] == list(SETS[name])


def test_odd_sizes():
    batches = {
        (case.cell, case.H, case.N) for case in SETS["odd"] if case.regime.startswith("batch")
    }
    wanted = {(c, H, N) for c in GATES for H in (50, 96, 200, 300, 650) for N in (3, 7, 20, 48)}
    assert wanted <= batches
    trained = {(case.cell, case.H) for case in SETS["odd"] if case.mode == "training"}
    assert {(c, H) for c, H, _ in wanted} <= trained


def test_shares_of_the_limits():
    case = Case.parse("lstm-100x1x64x128")
    seconds = {"ours": 1e-3}
    assert results.share_of_peak(case, seconds, MACHINE) == pytest.approx(case.flops() / 2e8)
    double = Case.parse("lstm-100x1x64x128-f64")
    assert results.share_of_peak(double, seconds, MACHINE) == pytest.approx(case.flops() / 1e8)
    # R: 4 x 128 x 128 floats, 256 KiB, read in each of 100 steps
    share = results.share_of_bandwidth(case, seconds, MACHINE)
    assert share == pytest.approx(100 * 2**18 / 1e-3 / 4e11)
    assert results.share_of_bandwidth(Case.parse("lstm-9x2x8x8"), seconds, MACHINE) is None


@pytest.mark.parametrize(
    ("size", "level"), [(2**16, "L1"), (2**16 + 1, "L2"), (2**21, "L2"), (2**22, "DRAM")]
)
def test_level_that_holds_the_shares_of_all_threads(size, level):
    assert MACHINE.level(size) == level


def test_caches_of_the_system(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "CACHES", tmp_path)
    listed = [
        ("1", "Data", "48K", "0"),
        ("1", "Instruction", "32K", "0"),
        ("3", "Unified", "32M", "0-3,8"),
    ]
    for k, values in enumerate(listed):
        (tmp_path / f"index{k}").mkdir()
        for name, value in zip(("level", "type", "size", "shared_cpu_list"), values, strict=True):
            (tmp_path / f"index{k}" / name).write_text(value + "\n")
    assert limits.cache_sizes() == {"L1": (48 << 10, 1), "L3": (32 << 20, 5)}


def test_areas_lie_in_one_level():
    sizes = {"L1": (48 << 10, 1), "L2": (1 << 20, 1), "L3": (32 << 20, 2)}
    alone, both = (limits.areas(sizes, threads) for threads in (1, 2))
    assert alone == {"L1": 24 << 10, "L2": 512 << 10, "L3": 16 << 20, "DRAM": 64 << 20}
    assert both == {"L1": 24 << 10, "L2": 512 << 10, "L3": 8 << 20, "DRAM": 32 << 20}
    assert "L2" not in limits.areas({"L1": (64 << 10, 1), "L2": (96 << 10, 1)}, 1)


@pytest.fixture
def library():
    if not shutil.which("cc"):
        pytest.skip("no C compiler cc")
    return limits.built("scalar")


def test_loops_of_the_limits_do_their_work(library):
    # Each chain settles at 0.5 / (1 - 0.5) = 1.
    assert library.multiply_adds(100, 0.5, 0.5) == limits.VECTORS["scalar"].chains
    area = limits.Area(library, 8192)
    assert library.loads(area.address, 8192, 3) == 0x01010101


@pytest.mark.parametrize("threads", [1, 2])
def test_limits_are_finite(library, monkeypatch, threads):
    monkeypatch.setattr(limits, "BYTES", 2**20)
    monkeypatch.setattr(limits, "OPERATIONS", 1e6)
    monkeypatch.setattr(limits, "ROUNDS", 1)
    monkeypatch.setattr(limits, "MIN_TIME", 1e-6)
    monkeypatch.setattr(limits, "cache_sizes", lambda: {"L1": (2**15, 1)})
    found = limits.measured("scalar", threads)
    rates = [found.flops, *found.bandwidth.values()]
    assert list(found.bandwidth) == ["L1", "DRAM"]
    assert all(math.isfinite(rate) and rate > 0 for rate in rates)


def test_no_compiler_is_said(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    limits.built.cache_clear()
    with pytest.raises(limits.UnavailableError, match="CC='no-such-compiler'"):
        limits.measured("scalar")


def test_time_for_a_case_ends_it_after_three_rounds():
    jobs = {"a": Job(lambda: None, dict), "b": Job(lambda: None, dict)}
    unlimited = measure.interleave(jobs, 5, 1e-6, (0, 0))
    limited = measure.interleave(jobs, 5, 1e-6, (0, 0), most_time=0)
    assert [len(timer.samples) for timer in unlimited.values()] == [5, 5]
    assert [len(timer.samples) for timer in limited.values()] == [3, 3]


def test_rises_of_the_time_per_row():
    assert rows.rises({1: 10, 2: 9, 3: 9.4, 4: 9}) == {}
    found = rows.rises({1: 10, 2: 8, 3: 8.3, 4: 8.6, 5: 7, 6: 14})
    assert found == {4: (2, pytest.approx(8.6 / 8)), 6: (5, pytest.approx(2))}


@pytest.mark.parametrize(("ours", "first", "met"), [(0.02, 0.012, True), (0.03, 0.02, False)])
def test_marks_of_the_start(ours, first, met):
    pairs = [(first, 0.01)] * 3
    found = list(start.verdicts([(0.1, ours)] * 3, {"lstm-1x1x1x1": pairs}))
    assert [result for _, result in found] == [met, met]


def test_first_calls_and_imports_in_new_processes():
    assert len(fresh.run(start.IMPORTS)) == 2
    assert len(fresh.call("marks.start", "first_calls", "train-gru-3x2x4x5", 1)) == 2


def test_failure_of_a_new_process_is_told():
    with pytest.raises(RuntimeError, match="case name: got 'lstm'"):
        fresh.call("marks.start", "first_calls", "lstm", 1)


@pytest.mark.skipif(bool(memory.why_not()), reason=memory.why_not())
def test_memory_counts_what_is_kept():
    case = Case.parse("train-lstm-50x32x64x128")
    kept = fresh.call("marks.memory", "kept", "ours", case.name, 1, **memory.EXACT)
    gates = 4 * case.T * case.N * case.H * 4
    assert gates <= kept <= 3 * gates
    name = "lstm-50x32x64x128-2layers"
    between_layers = case.T * case.N * case.H * 4
    assert 0 < fresh.call("marks.memory", "extra", name, 1, **memory.EXACT) < 10 * between_layers


def test_program_computes_what_torch_computes():
    pytest.importorskip("torch", reason="torch runs the same program")
    code = "import json; from marks import program; print(json.dumps(program.disagreement({jobs})))"
    jobs = "program.ours() | program.torchs()"
    assert run_python(code.format(jobs=jobs)) == ""


def test_operations_of_the_program():
    cells = 10 * 32 * 4 * 50 * (1 + 50 + 2 * (50 + 50))
    assert program.operations() == 2 * 3 * (cells + 32 * 50)
