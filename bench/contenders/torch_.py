# SPDX-License-Identifier: Apache-2.0
"""torch.nn on the CPU: modules in inference, autograd in training, cells in streaming.

Rows of different lengths go through PackedSequence; packing and padding are timed, because the
caller has, and wants, padded arrays.
"""

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from contenders import Job, Passes

VERSION = torch.__version__
MODULES = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
CELLS = {"rnn": torch.nn.RNNCell, "lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell}


def supports(case):
    return None


def prepare(case, problem, threads):
    torch.set_num_threads(threads)
    if case.mode == "training":
        return passes(case, problem, threads).job()
    modes = {"inference": _inference, "stream": _stream}
    return modes[case.mode](case, problem)


def _module(case, problem):
    module = MODULES[case.cell](
        case.I,
        case.H,
        case.layers,
        bidirectional=case.directions == 2,
        dtype=getattr(torch, case.dtype),
    )
    module.load_state_dict({k: torch.from_numpy(v) for k, v in problem.weights.items()})
    return module


def _forward(module, x, lengths):
    if lengths is None:
        return module(x)[0]
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    return pad_packed_sequence(module(packed)[0], total_length=x.shape[0])[0]


def _lengths(problem):
    return None if problem.lengths is None else torch.from_numpy(problem.lengths)


def _inference(case, problem):
    module, lengths = _module(case, problem).eval(), _lengths(problem)
    x = torch.from_numpy(problem.x)

    def run():
        with torch.inference_mode():
            return _forward(module, x, lengths)

    return Job(run, lambda: {"y": run().numpy()})


def passes(case, problem, threads):
    torch.set_num_threads(threads)
    module, lengths = _module(case, problem).train(), _lengths(problem)
    x, dy = torch.from_numpy(problem.x.copy()).requires_grad_(), torch.from_numpy(problem.dy)

    def clear():
        x.grad = None
        module.zero_grad(set_to_none=True)

    def backward(y):
        y.backward(dy)
        return x.grad

    def outputs(y, dx):
        grads = {key: p.grad.numpy().copy() for key, p in module.named_parameters()}
        return {"y": y.detach().numpy(), "dx": dx.numpy().copy(), **grads}

    return Passes(clear, lambda: _forward(module, x, lengths), backward, outputs)


def _stream(case, problem):
    cells = [_cell(case, problem, k) for k in range(case.layers)]
    x = torch.from_numpy(problem.x)
    states = [None] * case.layers

    def step(x_t):
        with torch.inference_mode():
            for k, cell in enumerate(cells):
                states[k] = cell(x_t, states[k])
                x_t = states[k][0] if case.cell == "lstm" else states[k]
        return x_t

    def outputs():
        states[:] = [None] * case.layers
        return {"y": torch.stack([step(x_t) for x_t in x]).numpy()}

    first = x[0]
    return Job(lambda: step(first), outputs)


def _cell(case, problem, k):
    cell = CELLS[case.cell](case.I if k == 0 else case.H, case.H, dtype=getattr(torch, case.dtype))
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    cell.load_state_dict({n: torch.from_numpy(problem.weights[f"{n}_l{k}"]) for n in names})
    return cell.eval()
