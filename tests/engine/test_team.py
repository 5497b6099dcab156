# SPDX-License-Identifier: Apache-2.0
"""How threads share a call: fastrnn/_core/team.h, in C, with threads that come late."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = Path(__file__).with_name("team_check.c")
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


@pytest.mark.skipif(COMPILER is None, reason="wants a C compiler")
@pytest.mark.parametrize("checks", [(), ("-fsanitize=thread", "-g")], ids=["plain", "races"])
def test_late_threads_find_what_is_left(tmp_path, checks):
    program = tmp_path / "team"
    command = [COMPILER, "-std=gnu11", "-O2", "-Wall", "-Werror", *checks, "-pthread",
               f"-I{ROOT / 'fastrnn' / '_core'}", str(SOURCE), "-o", str(program)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode and checks:
        pytest.skip("this compiler has no thread sanitizer")
    assert built.returncode == 0, built.stderr
    done = subprocess.run([program], capture_output=True, text=True, timeout=100, check=False)
    if checks and "unexpected memory mapping" in done.stderr:
        pytest.skip("the thread sanitizer does not run on this kernel")
    assert (done.returncode, done.stderr) == (0, "")
