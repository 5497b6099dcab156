# SPDX-License-Identifier: Apache-2.0
"""New interpreters for what is decided once in a process, or measured of a whole one."""

import json
import os
import subprocess
import sys
from pathlib import Path


def run_python(code, **environment):
    """Run code in a new interpreter and return the last line it printed, parsed as JSON."""
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | {"PYTHONPATH": path} | environment,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
