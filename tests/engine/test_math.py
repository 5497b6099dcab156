# SPDX-License-Identifier: Apache-2.0
"""tanh and sigmoid over every float; `make test-c` tries a dense sample of them."""

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "src_c"


@pytest.mark.slow
def test_every_float():
    if not shutil.which("make"):
        pytest.skip("this machine has no make")
    done = subprocess.run(["make", "-C", SOURCES, "test-all"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
