# SPDX-License-Identifier: Apache-2.0
"""fastrnn alone, case by case, under pytest-benchmark; run.py compares it with others.

pytest bench/ --benchmark-only [-k stream] [--benchmark-compare]

FASTRNN_BENCH_SET=smoke|main|full chooses the grid (main). Nothing is asserted about time.
"""

import os

import pytest

import contenders
import problems
from cases import SETS

pytest.importorskip("pytest_benchmark", reason="pytest-benchmark is not installed")
CASES = SETS[os.environ.get("FASTRNN_BENCH_SET", "main")]


@pytest.fixture(scope="module")
def engine():
    module, reason = contenders.load(contenders.OURS)
    if reason:
        pytest.skip(f"fastrnn cannot be imported: {reason}")
    return module


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_speed(benchmark, engine, case):
    benchmark.group = case.name
    benchmark.extra_info["flops"] = case.flops()
    job = engine.prepare(case, problems.make(case), threads=1)
    job.run()
    benchmark(job.run)
