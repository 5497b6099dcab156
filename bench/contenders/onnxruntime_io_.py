# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime streaming through IO bindings: the least a call can cost there.

Two sets of state buffers swap roles from step to step, so nothing is allocated or copied in a call.
"""

import numpy as np
from onnxruntime import OrtValue

from contenders import Job
from contenders.onnx_graph import state_names
from contenders.onnxruntime_ import VERSION, session  # noqa: F401
from contenders.onnxruntime_ import supports as _supports


def supports(case):
    return _supports(case) if case.mode == "stream" else "same as onnxruntime but for streams"


def prepare(case, problem, threads):
    ready = session(case, problem, threads)
    x = np.array(problem.x[:1])
    y = np.empty((1, case.N, case.H), case.dtype)
    sets = [[np.zeros_like(y) for _ in state_names(case)] for _ in range(2)]
    bindings = [_bind(case, ready, x, y, sets[k], sets[1 - k]) for k in range(2)]

    def step():
        ready.run_with_iobinding(bindings[0])
        bindings.reverse()

    def outputs():
        for array in sets[0] + sets[1]:
            array.fill(0)
        ys = []
        for x_t in problem.x:
            x[0] = x_t
            step()
            ys.append(y[0].copy())
        return {"y": np.stack(ys)}

    return Job(step, outputs)


def _bind(case, ready, x, y, states_in, states_out):
    """A binding to the arrays' own memory: on the CPU an OrtValue of an array is a view of it."""
    binding = ready.io_binding()
    binding.bind_ortvalue_input("x", OrtValue.ortvalue_from_numpy(x))
    binding.bind_ortvalue_output("y", OrtValue.ortvalue_from_numpy(y))
    for names, before, after in zip(state_names(case), states_in, states_out, strict=True):
        binding.bind_ortvalue_input(names[0], OrtValue.ortvalue_from_numpy(before))
        binding.bind_ortvalue_output(names[1], OrtValue.ortvalue_from_numpy(after))
    return binding
