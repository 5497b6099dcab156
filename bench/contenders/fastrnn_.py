# SPDX-License-Identifier: Apache-2.0
"""fastrnn itself, through its public API."""

import numpy as np

import fastrnn
from contenders import Job, Passes

VERSION = fastrnn.__version__
ISA = fastrnn.show_config(mode="dicts")["isa"]  # in use; FASTRNN_ISA forces one
CLASSES = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}


def supports(case):
    return None


def prepare(case, problem, threads):
    fastrnn.set_num_threads(threads)
    if case.mode == "training":
        return passes(case, problem, threads).job()
    modes = {"inference": _inference, "stream": _stream}
    return modes[case.mode](case, problem)


def _model(case, problem):
    model = getattr(fastrnn, CLASSES[case.cell])(
        case.I, case.H, case.layers, bidirectional=case.directions == 2, dtype=case.dtype
    )
    model.load_state_dict(problem.weights)
    return model


def _inference(case, problem):
    model, x, lengths = _model(case, problem), problem.x, problem.lengths
    model.eval()

    def run():
        return model(x, lengths=lengths)[0]

    return Job(run, lambda: {"y": run()})


def passes(case, problem, threads):
    fastrnn.set_num_threads(threads)
    model, x, lengths, dy = _model(case, problem), problem.x, problem.lengths, problem.dy
    model.train()

    def outputs(y, dx):
        return {"y": y, "dx": dx, **{key: np.array(grad) for key, grad in model.grads.items()}}

    return Passes(
        clear=model.zero_grad,
        forward=lambda: model(x, lengths=lengths)[0],
        backward=lambda y: model.backward(dy)[0],
        outputs=outputs,
    )


def _stream(case, problem):
    stream = _model(case, problem).stream(batch_size=case.N)
    out = np.empty((case.N, case.H), case.dtype)
    first = problem.x[0]

    def run():
        stream.step(first, out=out)

    def outputs():
        stream.reset()
        return {"y": np.stack([stream.step(x_t, out=out).copy() for x_t in problem.x])}

    return Job(run, outputs)
