# SPDX-License-Identifier: Apache-2.0
"""Instructions of the hot kernels under callgrind: at most 5 % more than instructions.json has.

Unlike times, they are the same on any day and any machine, but not for any compiler. After a change
that is worth more of them, or takes fewer, store the new ones:

    python tests/project/test_instructions.py
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import fastrnn

ROOT = Path(__file__).resolve().parents[2]
STORED = Path(__file__).with_name("instructions.json")
HEAD_ROOM = 0.05
# The best that valgrind knows.
ISA = "avx2"
PROGRAM = "build/count/tests/count_kernels"
REFRESH = "if it is meant: python tests/project/test_instructions.py"


def stored():
    return json.loads(STORED.read_text())


def why_not():
    """Why nothing can be counted here, "" when it can."""
    for tool in ("valgrind", "make"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    if ISA not in fastrnn.show_config(mode="dicts")["isas"]:
        return f"this machine has no {ISA}"
    return ""


def counted(directory):
    """(the compiler, call to its instructions) of the kernels as the package builds them."""
    build = ["make", "-C", str(ROOT / "src_c"), "-j2", "VARIANT=count", "CFLAGS=-O3", PROGRAM]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    profile = directory / "profile"
    # Each call of `counted` leaves a numbered file.
    run = [
        *("valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={profile}"),
        *("--zero-before=counted", "--dump-after=counted", str(ROOT / "src_c" / PROGRAM)),
    ]
    # Names bound at the start: the first call of a function would pay for it.
    environment = os.environ | {"FASTRNN_ISA": ISA, "LD_BIND_NOW": "1"}
    done = subprocess.run(run, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    compiler, *names = done.stdout.splitlines()
    totals = (
        re.search(r"^totals: (\d+)", Path(f"{profile}.{k + 1}").read_text(), re.MULTILINE)[1]
        for k in range(len(names))
    )
    return compiler, dict(zip(names, map(int, totals), strict=True))


@pytest.fixture(scope="module")
def present(tmp_path_factory):
    if reason := why_not():
        pytest.skip(reason)
    compiler, counts = counted(tmp_path_factory.mktemp("callgrind"))
    if compiler != stored()["compiler"]:
        pytest.skip(f"the stored counts are those of {stored()['compiler']}, not of {compiler}")
    return counts


def test_the_calls_are_those_stored(present):
    assert list(present) == list(stored()["counts"]), REFRESH


def test_no_call_takes_more_instructions(present):
    before = stored()["counts"]
    risen = [
        f"{name}: {before[name]} stored, {count} now"
        for name, count in present.items()
        if count > (1 + HEAD_ROOM) * before.get(name, count)
    ]
    assert not risen, "\n".join([*risen, REFRESH])


def refresh(directory):
    """Store the present counts and print what changed."""
    if reason := why_not():
        raise SystemExit(reason)
    before = stored()["counts"] if STORED.exists() else {}
    compiler, counts = counted(directory)
    record = {"compiler": compiler, "isa": ISA, "counts": counts}
    STORED.write_text(json.dumps(record, indent=1) + "\n")
    for name, count in counts.items():
        print(f"{name:<44}{before.get(name, '–'):>10}{count:>10}")


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        refresh(Path(scratch))
