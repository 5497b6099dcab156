# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime on the CPU, called as its users do: ``session.run`` with NumPy arrays."""

import numpy as np
import onnxruntime

from contenders import Job
from contenders.onnx_graph import model_bytes, state_names

VERSION = onnxruntime.__version__


def supports(case):
    if case.mode == "training":
        return "inference only"
    return "float32 only" if case.dtype != "float32" else None


def session(case, problem, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    model = model_bytes(case, problem)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def prepare(case, problem, threads):
    ready = session(case, problem, threads)
    return _stream(case, problem, ready) if case.mode == "stream" else _inference(problem, ready)


def _inference(problem, ready):
    feed = {"x": problem.x}
    if problem.lengths is not None:
        feed["seq_lens"] = problem.lengths.astype(np.int32)

    def run():
        return ready.run(["y"], feed)[0]

    return Job(run, lambda: {"y": run()})


def _stream(case, problem, ready):
    names_in = [name_in for name_in, _ in state_names(case)]
    zero = np.zeros((1, case.N, case.H), case.dtype)
    feed = {"x": problem.x[:1], **dict.fromkeys(names_in, zero)}

    def step():
        y, *states = ready.run(None, feed)
        feed.update(zip(names_in, states, strict=True))
        return y

    def outputs():
        feed.update(dict.fromkeys(names_in, zero))
        ys = []
        for t in range(len(problem.x)):
            feed["x"] = problem.x[t : t + 1]
            ys.append(step()[0])
        return {"y": np.stack(ys)}

    return Job(step, outputs)
