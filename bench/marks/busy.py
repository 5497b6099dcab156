# SPDX-License-Identifier: Apache-2.0
"""Two threads where the second core is asleep, late or taken: they must never hurt.

    python bench/marks/busy.py [--threads 2] [--rounds 3] [--case gru-60x1x400x400]
                                [--situation rest-10]

Every figure comes from new processes, one thread and several in turn, and is a median over their
calls: back to back, after rests, beside a program that spins, between the calls of torch's pool,
beside a second model in a thread of its own, and after a spinning program has ended. Marks: several
threads are at least 0.95 as fast as one after rests and beside the spinning program; the worst call
in a row of them on a quiet machine takes at most 3 times the median; from the second call after the
spinning program's end on, several threads are at least 1.15 as fast as one. Exit status: 0, 1 when
a mark is missed, 2 for wrong arguments.
"""

import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # what all of bench/ share

import arguments
import fresh
import results

CASES = (
    "lstm-50x1x256x384",
    "gru-60x1x400x400",
    "lstm-10x32x1x50",
    "rnn-40x10x100x200",
    "lstm-50x32x128x128",
    "train-lstm-10x32x1x50-3layers",
    "train-lstm-50x32x128x128",
)
RESTS = {"rest-1": 1e-3, "rest-10": 1e-2, "rest-150": 0.15}
SITUATIONS = ("alone", *RESTS, "spinning", "torch", "two-models", "freed")
SLOWEST = 0.95  # speed of several threads over one
WORST = 3  # the worst call over the median
FREED = 1.15  # speed of several threads over one, from the second call after the cores are free
WARM = 20
CALLS = 200
LONGEST = 2.0  # seconds of calls
SPIN = "while True: pass"


@contextmanager
def spinning_program():
    """Another process that never waits."""
    other = subprocess.Popen([sys.executable, "-c", SPIN])
    try:
        sleep(0.3)
        yield other
    finally:
        other.kill()
        other.wait()


def prepared(name, threads):
    """A function that runs the case once, of a model of its own."""
    import problems
    from cases import Case
    from contenders import fastrnn_

    case = Case.parse(name)
    return fastrnn_.prepare(case, problems.make(case), threads).run


def repeated(run, before=None):
    """Seconds of each of `CALLS` calls, or of as many as take `LONGEST` seconds."""
    times, end = [], perf_counter() + LONGEST
    while len(times) < CALLS and (perf_counter() < end or len(times) < 10):
        if before is not None:
            before()
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return times


def torch_product(threads):
    """A product that wakes torch's pool."""
    import torch

    torch.set_num_threads(threads)
    a = torch.rand(300, 300)
    return lambda: a @ a


def beside_a_second_model(run, other):
    """Times of `run` while a thread calls `other`."""
    done = threading.Event()

    def go_on():
        while not done.is_set():
            other()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        return repeated(run)
    finally:
        done.set()
        thread.join()


def after_a_spinning_program(run):
    """Times of the first five calls after its end, half a second of calls before it."""
    with spinning_program():
        end = perf_counter() + 0.5
        while perf_counter() < end:
            run()
    sleep(0.02)
    times = []
    for _ in range(5):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return times


def times(situation, name, threads):
    """Seconds of calls of a case in a situation, in this process."""
    run = prepared(name, threads)
    for _ in range(WARM):
        run()
    if situation == "freed":
        return after_a_spinning_program(run)
    if situation == "two-models":
        return beside_a_second_model(run, prepared(name, threads))
    if situation == "spinning":
        with spinning_program():
            return repeated(run)
    if situation == "torch":
        return repeated(run, torch_product(2))
    rest = RESTS.get(situation)
    return repeated(run, None if rest is None else lambda: sleep(rest))


def measured(situation, name, threads, rounds):
    """Lists of seconds by number of threads, a list for each round."""
    found = {1: [], threads: []}
    for _ in range(rounds):
        for count, lists in found.items():
            environment = {"OMP_NUM_THREADS": str(count)}
            lists.append(fresh.call("marks.busy", "times", situation, name, count, **environment))
    return found


def middle(lists):
    return median(median(times) for times in lists)


def worst(lists):
    """The worst call over the median; of the rounds the median."""
    return median(max(times) / median(times) for times in lists)


def row(situation, name, threads, found):
    """(cells of the table's line, whether its mark is met)."""
    if situation == "freed":
        found = {count: [times[1:] for times in lists] for count, lists in found.items()}
    one, several = middle(found[1]), middle(found[threads])
    ratio, most = one / several, worst(found[threads])
    met = True
    if situation in RESTS or situation == "spinning":
        met = ratio >= SLOWEST
    elif situation == "alone":
        met = most <= WORST
    elif situation == "freed":
        met = ratio >= FREED
    mean = median(sum(times) / len(times) for times in found[threads])
    cells = (name, situation, *map(results.duration, (one, several, mean)),
             f"{ratio:.2f}", f"{most:.1f}", "" if met else "MISSED")
    return cells, met


def main(argv=None):
    parser = arguments.parser(__doc__.splitlines()[0], threads=False, rounds=3)
    parser.add_argument("--threads", type=arguments.positive, default=2)
    parser.add_argument("--case", action="append", help=f"default {', '.join(CASES)}")
    parser.add_argument("--situation", action="append", choices=SITUATIONS, help="default all")
    args = parser.parse_args(argv)
    widths = (30, 12, 10, 10, 10, 7, 8, 7)
    head = ("case", "situation", "1 thread", f"{args.threads}", "mean", "ratio", "worst", "")
    print("".join(f"{cell:<{width}}" for cell, width in zip(head, widths, strict=True)))
    met = True
    for name in args.case or CASES:
        for situation in args.situation or SITUATIONS:
            found = measured(situation, name, args.threads, args.rounds)
            cells, fine = row(situation, name, args.threads, found)
            met &= fine
            print("".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)),
                  flush=True)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
