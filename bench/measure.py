# SPDX-License-Identifier: Apache-2.0
"""One case: agreement of the contenders' outputs, then their times, interleaved round by round."""

import gc
import math
from time import perf_counter, process_time, sleep

import numpy as np

import problems
from contenders import FLOOR, OURS

# The contender the others' outputs are compared with: the first of these that runs the case.
REFERENCES = ("torch", "onnxruntime", FLOOR, "openvino", OURS)

# Largest error over the reference's largest value, array by array. Rivals differ in their tanh and
# sigmoid and in the order of their sums; a swapped gate or bias is off by 1e-2 or more.
BOUND = {"float32": 5e-5, "float64": 1e-9}
# Seconds of rest and of warm-up before a sample. Pools of threads spin after their last work:
# OpenMP's for 5 ms, ONNX Runtime's for 30 ms, OpenBLAS's for 105 ms (measured); and a pool that
# slept needs some runs to get its cores back. One thread means no pool.
ALONE = 0.002, 0.001
WITH_POOLS = 0.15, 0.02
LONG = 0.05  # a run of this length needs no warm-up
FEWEST_ROUNDS = 3


def pause(threads):
    """(rest, warm-up) before a sample of contenders with so many threads."""
    return ALONE if threads == 1 else WITH_POOLS


def entry(case, modules, threads, rounds, min_time, case_time=math.inf):
    """What was measured of a case.

    modules: contender name to module; min_time: seconds of one sample; case_time: seconds after
    which no round begins.

    Returns a dict: "reference" and the "errors" of the others against it, array by array, with
    their "bound"; "samples", seconds of one run, and "cores" by contender, a value for each round,
    none where the outputs disagree.
    """
    problem = problems.make(case)
    jobs = {
        name: module.prepare(case, problem, threads)
        for name, module in modules.items()
        if not module.supports(case)
    }
    reference, found = agreement(jobs)
    bound = BOUND[case.dtype]
    agree = all(max(by_array.values()) <= bound for by_array in found.values())
    timers = interleave(jobs, rounds, min_time, pause(threads), case_time) if agree else {}
    return {
        "reference": reference,
        "errors": found,
        "bound": bound,
        "samples": {name: timer.samples for name, timer in timers.items()},
        "cores": {name: timer.cores for name, timer in timers.items()},
    }


def agreement(jobs):
    """The reference's name, and every other contender's `errors` against it."""
    outputs = {name: job.outputs() for name, job in jobs.items()}
    reference = next((name for name in REFERENCES if name in outputs), None)
    others = outputs.keys() - {reference}
    return reference, {n: errors(outputs[reference], outputs[n]) for n in jobs if n in others}


def errors(reference, outputs):
    """Relative error of each array against the reference: max|a - b| / max|b|; NaN is inf."""
    if missing := reference.keys() ^ outputs.keys():
        raise ValueError(f"outputs: the contenders do not name the same arrays: {sorted(missing)}")
    return {key: _error(want, outputs[key]) for key, want in reference.items()}


def _error(want, got):
    if want.shape != got.shape or want.dtype != got.dtype:
        raise ValueError(f"outputs: got {got.dtype}{got.shape}, wanted {want.dtype}{want.shape}")
    scale = float(np.abs(want).max()) or 1.0
    error = float(np.abs(got - want).max()) / scale
    return error if math.isfinite(error) else math.inf


class Timer:
    """Times one job; a sample is the mean of enough runs to last ``min_time`` seconds."""

    def __init__(self, job, min_time, pause):
        self.run = job.run
        self.rest, self.warm = pause
        self.once = self._shortest_of(3)
        self.runs = max(1, math.ceil(min_time / self.once))
        self.samples = []  # seconds a run
        self.cores = []  # CPU time over wall time of the same sample

    def _shortest_of(self, n):
        best = math.inf
        for _ in range(n):
            start = perf_counter()
            self.run()
            best = min(best, perf_counter() - start)
            if best > LONG:
                break
        return max(best, 1e-9)

    def sample(self):
        """Rest, warm up, measure.

        The rest lets the thread pool of the contender before go to sleep instead of spinning on our
        core; the warm-up brings the caches and this contender's own pool back.
        """
        sleep(self.rest)
        run = self.run
        warm_until = perf_counter() + self.warm
        while self.once < LONG:
            run()
            if perf_counter() > warm_until:
                break
        start_cpu, start = process_time(), perf_counter()
        for _ in range(self.runs):
            run()
        wall, cpu = perf_counter() - start, process_time() - start_cpu
        self.samples.append(wall / self.runs)
        self.cores.append(cpu / wall)


def interleave(jobs, rounds, min_time, pause, most_time=math.inf):
    """Timers of the jobs (name to job), sampled in turn, ``rounds`` times.

    Each round starts with another contender, so that nobody always runs after the same one. After
    ``most_time`` seconds no round begins but the first `FEWEST_ROUNDS`. The garbage collector is
    off meanwhile.
    """
    if not jobs:
        return {}
    timers = {name: Timer(job, min_time, pause) for name, job in jobs.items()}
    names = list(timers)
    end = perf_counter() + most_time
    gc.collect()
    gc.disable()
    try:
        for k in range(rounds):
            if k >= FEWEST_ROUNDS and perf_counter() > end:
                break
            shift = k % len(names)
            for name in names[shift:] + names[:shift]:
                timers[name].sample()
    finally:
        gc.enable()
    return timers
