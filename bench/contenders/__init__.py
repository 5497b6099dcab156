# SPDX-License-Identifier: Apache-2.0
"""The contenders, one module each, imported only when asked for.

A contender module offers

- ``VERSION``: text for the result file;
- ``supports(case)``: None, or the reason why the case cannot be run;
- ``prepare(case, problem, threads)``: a `Job`;
- ``passes(case, problem, threads)``, where it can train: the `Passes` of a training case.

A module whose framework is missing, or refuses its settings, fails to import; `load` reports that
by name.
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


@dataclass(frozen=True)
class Passes:
    """The parts of a training case.

    ``clear()`` clears the gradients, ``forward()`` returns y, ``backward(y)`` goes back from the
    problem's dy and returns dx, ``outputs(y, dx)`` names the arrays as `Job` wants them.
    """

    clear: Callable[[], object]
    forward: Callable[[], object]
    backward: Callable[[object], object]
    outputs: Callable[[object, object], dict]

    def job(self):
        """All of it, which is what a training case times."""

        def run():
            self.clear()
            y = self.forward()
            return y, self.backward(y)

        return Job(run, lambda: self.outputs(*run()))


def load(name):
    """(module, None), or (None, the reason why the contender is not available)."""
    try:
        return importlib.import_module(f"contenders.{MODULES[name]}"), None
    except (ImportError, OSError, RuntimeError) as error:
        return None, f"{type(error).__name__}: {error}"
