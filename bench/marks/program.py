# SPDX-License-Identifier: Apache-2.0
"""A training step of a small whole program, beside the time that its arithmetic takes.

    python bench/marks/program.py [--rounds 15]

The program: 3 x LSTM(50) and Dense(1) on 32 rows of 10 steps, mean squared error of the last step,
Adam; one thread, float32. Its arithmetic: the multiply-adds of forward, and twice as many of
backward, at the peak that limits.py measures, in the same rounds. Mark: at most 2.5 times that.
Exit status: 0, 1 when the mark is missed or torch computes other losses, 2 for wrong arguments or
no C compiler.
"""

import sys
from pathlib import Path
from statistics import median

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # what all of bench/ share

import arguments
import contenders
import results
from cases import Case
from contenders import OURS, Job

RECURRENT = Case.parse("train-lstm-10x32x1x50-3layers")
MARK = 2.5
STEPS_CHECKED = 5
MIN_TIME = 10e-3
# torch adds it after the correction of v and we before, as Keras does: too small to matter.
EPSILON = 1e-12


def operations():
    """Floating-point operations of a step, as `Case.flops` counts them."""
    dense = 2 * RECURRENT.N * RECURRENT.H
    return RECURRENT.flops() + 3 * dense


def data():
    """x (T, N, 1) and the target (N, 1)."""
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.standard_normal((RECURRENT.T, RECURRENT.N, RECURRENT.I), np.float32)
    return x, rng.standard_normal((RECURRENT.N, 1), np.float32)


def model():
    """The program's layers, in fastrnn."""
    import fastrnn
    from fastrnn.demo.parts import Dense, Joined

    lstm = fastrnn.LSTM(RECURRENT.I, RECURRENT.H, RECURRENT.layers, seed=0)
    return Joined({"lstm": lstm, "dense": Dense(RECURRENT.H, 1, seed=1)}).train()


def ours():
    """Jobs of fastrnn: the whole step, and its parts."""
    import numpy as np

    from fastrnn.optimizers import Adam

    layers, optimizer, (x, target) = model(), Adam(epsilon=EPSILON), data()
    dy = np.zeros((RECURRENT.T, RECURRENT.N, RECURRENT.H), np.float32)

    def forward():
        y, _ = layers.lstm(x)
        return layers.dense(y[-1]) - target

    def backward():
        layers.zero_grad()
        error = forward()
        dy[-1] = layers.dense.backward(error * np.float32(2 / error.size))
        layers.lstm.backward(dy)
        return np.square(error).mean()

    def step():
        loss = backward()
        optimizer.step(layers)
        return loss

    jobs = {"forward": Job(forward, dict), "forward and backward": Job(backward, dict)}
    return jobs | {OURS: Job(step, lambda: _losses(step))}


def torchs():
    """torch's job, from the same weights; {} without torch."""
    if reason := contenders.load("torch")[1]:
        print(f"skipped: torch: {reason}")
        return {}
    import torch

    torch.set_num_threads(1)
    lstm = torch.nn.LSTM(RECURRENT.I, RECURRENT.H, RECURRENT.layers)
    layers = torch.nn.ModuleDict({"lstm": lstm, "dense": torch.nn.Linear(RECURRENT.H, 1)})
    weights = model().state_dict()
    layers.load_state_dict({name: torch.tensor(value) for name, value in weights.items()})
    optimizer = torch.optim.Adam(layers.parameters(), eps=EPSILON, fused=True)
    x, target = map(torch.from_numpy, data())

    def step():
        optimizer.zero_grad()
        y, _ = layers["lstm"](x)
        loss = torch.nn.functional.mse_loss(layers["dense"](y[-1]), target)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return {"torch": Job(step, lambda: _losses(step))}


def _losses(step):
    """The losses of some steps, as the array to compare."""
    import numpy as np

    return {"losses": np.array([float(step()) for _ in range(STEPS_CHECKED)], np.float32)}


def disagreement(jobs):
    """What differs between the losses of fastrnn and of torch; "" when they agree."""
    import measure

    whole = {name: job for name, job in jobs.items() if name in (OURS, "torch")}
    reference, errors = measure.agreement(whole)
    bound = measure.BOUND[RECURRENT.dtype]
    return results.disagreement({"reference": reference, "errors": errors, "bound": bound})


def measured(jobs, isa, rounds):
    """Median seconds of a step, of its parts, and of its arithmetic."""
    import limits  # loads NumPy, so only after the thread variables are set
    import measure

    jobs = {"arithmetic": limits.arithmetic(isa, operations()), **jobs}
    timers = measure.interleave(jobs, rounds, MIN_TIME, measure.ALONE)
    return {name: median(timer.samples) for name, timer in timers.items()}


def main(argv=None):
    parser = arguments.parser(__doc__.splitlines()[0], threads=False, rounds=15)
    args = parser.parse_args(argv)
    arguments.pin(1)
    module, reason = contenders.load(OURS)
    if not module:
        parser.error(f"fastrnn is not available: {reason}")
    import fastrnn
    import limits

    fastrnn.set_num_threads(1)
    jobs = ours() | torchs()
    if wrong := disagreement(jobs):
        print(f"not timed, losses disagree: {wrong}")
        return 1
    try:
        seconds = measured(jobs, module.ISA, args.rounds)
    except limits.UnavailableError as error:
        parser.error(str(error))
    for name, value in seconds.items():
        times = value / seconds["arithmetic"]
        print(f"{name:<22}{results.duration(value):>10}{times:>8.2f}")
    times = seconds[OURS] / seconds["arithmetic"]
    text = f"a step takes {times:.2f} times its arithmetic, mark {MARK}"
    print(results.mark(text, times <= MARK))
    return 0 if times <= MARK else 1


if __name__ == "__main__":
    sys.exit(main())
