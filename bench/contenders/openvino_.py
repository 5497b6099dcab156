# SPDX-License-Identifier: Apache-2.0
"""OpenVINO on the CPU, from the same ONNX model in memory.

The precision hint keeps it at float32: on CPUs with AMX or AVX512-BF16 it would take bfloat16.
"""

import numpy as np
import openvino

from contenders import Job
from contenders.onnx_graph import model_bytes, state_names

VERSION = openvino.__version__


def supports(case):
    if case.mode == "training":
        return "inference only"
    return "float32 only" if case.dtype != "float32" else None


def prepare(case, problem, threads):
    request = _request(case, problem, threads)
    if problem.lengths is not None:
        request.get_tensor("seq_lens").data[:] = problem.lengths
    if case.mode == "stream":
        return _stream(case, problem, request)
    return _inference(problem, request)


def _request(case, problem, threads):
    config = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
    }
    core = openvino.Core()
    model = core.read_model(model_bytes(case, problem))
    return core.compile_model(model, "CPU", config).create_infer_request()


def _inference(problem, request):
    """Input and output are the request's own tensors: nothing is converted or copied in a call."""
    request.get_tensor("x").data[:] = problem.x
    y = request.get_tensor("y")

    def run():
        request.infer(share_outputs=True)
        return y.data

    return Job(run, lambda: {"y": run().copy()})


def _stream(case, problem, request):
    x, y = (request.get_tensor(name).data for name in ("x", "y"))
    states = [
        (request.get_tensor(name_in).data, request.get_tensor(name_out).data)
        for name_in, name_out in state_names(case)
    ]

    def step():
        request.infer(share_outputs=True)
        for before, after in states:
            before[:] = after

    def outputs():
        for before, _ in states:
            before.fill(0)
        ys = []
        for t in range(len(problem.x)):
            x[:] = problem.x[t : t + 1]
            step()
            ys.append(y[0].copy())
        return {"y": np.stack(ys)}

    return Job(step, outputs)
