# SPDX-License-Identifier: Apache-2.0
"""The examples of README.md run as they are printed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def examples(language, count):
    """The blocks of a language, one after the other, as one program."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == count, f"README.md has {len(blocks)} blocks of {language}"
    return "\n".join(blocks)


def test_python_examples():
    done = subprocess.run([sys.executable, "-W", "error", "-c", examples("python", 2)],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def library():
    """The objects of the C library, where `make test-c` has them too."""
    folder = ROOT / "src_c"
    sources = [*folder.glob("*.c"), *folder.glob("isa/*.c")]
    objects = [f"build/native/{f.relative_to(folder).with_suffix('.o')}" for f in sources]
    done = subprocess.run(["make", "-C", str(folder), "-j2", *objects], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [str(folder / name) for name in objects]


def test_c_example(tmp_path):
    compiler = shutil.which("cc")
    if compiler is None or not shutil.which("make"):
        pytest.skip("no C compiler, or no make")
    (tmp_path / "example.c").write_text(examples("c", 1))
    subprocess.run([compiler, "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/src_c",
                    "example.c", *library(), "-lm", "-o", "example"], cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "example"], input="1 2 3\n4 5 6\n", capture_output=True,
                          text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n0\n", "")
