# SPDX-License-Identifier: Apache-2.0
"""New Python processes, for what happens once in a process or is measured of a whole one."""

import json
import os
import subprocess
import sys
from pathlib import Path

CALL = """
import json, sys
sys.path.insert(0, {directory!r})
import {module}
print(json.dumps({module}.{function}(*json.loads(sys.argv[1]))))
"""


def run(code, *arguments, **environment):
    """The last line that the code printed, read as JSON; RuntimeError with stderr if it failed."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        # With bytecode, as an installed package has it.
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""} | environment,
    )
    if done.returncode:
        raise RuntimeError(f"a process for a measurement failed: {done.stderr.strip()}")
    return json.loads(done.stdout.splitlines()[-1])


def call(module, function, *arguments, **environment):
    """What a function of a module, "measure" or "marks.start", returns; all goes as JSON."""
    directory = str(Path(__file__).resolve().parent)
    code = CALL.format(directory=directory, module=module, function=function)
    return run(code, json.dumps(arguments), **environment)
