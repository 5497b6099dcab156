# SPDX-License-Identifier: Apache-2.0
"""The contenders, one module each, imported only when asked for.

A contender module offers

- ``VERSION``: text for the result file;
- ``supports(case)``: None, or the reason why the case cannot be run;
- ``prepare(case, problem, threads)``: a `Job`.

A module whose framework is missing fails to import; `load` reports that by name.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

OURS = "ours"
FLOOR = "numpy"  # the plain loop: shown, but no rival to beat
MODULES = {
    OURS: "fastrnn_",
    "torch": "torch_",
    "onnxruntime": "onnxruntime_",
    "onnxruntime-io": "onnxruntime_io_",
    "openvino": "openvino_",
    FLOOR: "numpy_",
}


@dataclass(frozen=True)
class Job:
    """A case made ready by one contender.

    ``run()`` does the timed work once. ``outputs()`` does it once and returns the named arrays to
    compare: "y" in inference; "y" of the first steps from a zero state in a stream; "y", "dx" and
    the gradient of every weight under its torch key in training.
    """

    run: Callable[[], object]
    outputs: Callable[[], dict]


def load(name):
    """(module, None), or (None, the reason why the contender is not available)."""
    try:
        return importlib.import_module(f"contenders.{MODULES[name]}"), None
    except (ImportError, OSError) as error:
        return None, f"{type(error).__name__}: {error}"
