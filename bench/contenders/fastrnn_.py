# SPDX-License-Identifier: Apache-2.0
"""fastrnn itself, through its public API."""

import numpy as np

import fastrnn
from contenders import Job

VERSION = fastrnn.__version__
CLASSES = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}


def supports(case):
    return None


def prepare(case, problem, threads):
    fastrnn.set_num_threads(threads)
    modes = {"inference": _inference, "training": _training, "stream": _stream}
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


def _training(case, problem):
    model, x, lengths, dy = _model(case, problem), problem.x, problem.lengths, problem.dy
    model.train()

    def run():
        model.zero_grad()
        y, _ = model(x, lengths=lengths)
        dx, _ = model.backward(dy)
        return y, dx

    def outputs():
        y, dx = run()
        return {"y": y, "dx": dx, **{key: np.array(grad) for key, grad in model.grads.items()}}

    return Job(run, outputs)


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
