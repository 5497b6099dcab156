# SPDX-License-Identifier: Apache-2.0
"""Time per row of small batches: it must never rise when a row is added.

    python bench/marks/rows.py [--threads 1] [--rounds 9] [--cell lstm] [--hidden 128]

Shows nanoseconds per row and step, of the fastest round; a rise of more than 5 % over any smaller
batch is marked. Exit status: 0, 1 when there is one, 2 for wrong arguments.
"""

import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # what all of bench/ share

import arguments
from cases import GATES, Case

STEPS = 50
BATCHES = range(1, 11)
HIDDEN = (32, 128, 256, 512)
NOISE = 0.05
MIN_TIME = 5e-3


def measured(cell, hidden, threads, rounds):
    """Rows of the batch to seconds per row and step."""
    import measure  # loads NumPy, so only after the thread variables are set
    import problems
    from contenders import fastrnn_

    cases = {n: Case(cell, STEPS, n, hidden, hidden) for n in BATCHES}
    jobs = {n: fastrnn_.prepare(case, problems.make(case), threads) for n, case in cases.items()}
    timers = measure.interleave(jobs, rounds, MIN_TIME, measure.pause(threads))
    return {n: min(timer.samples) / (n * STEPS) for n, timer in timers.items()}


def rises(per_row):
    """Batch to (the faster smaller batch, how many times its time per row), where it is more."""
    found, best = {}, None
    for n, seconds in sorted(per_row.items()):
        if best is None or seconds < per_row[best]:
            best = n
        elif seconds > (1 + NOISE) * per_row[best]:
            found[n] = best, seconds / per_row[best]
    return found


def line(name, per_row, risen):
    cells = (f"{t * 1e9:.0f}{'*' if n in risen else ' '}" for n, t in per_row.items())
    return f"{name:<10}" + "".join(f"{cell:>9}" for cell in cells)


def main(argv=None):
    parser = arguments.parser(__doc__.splitlines()[0], rounds=9)
    parser.add_argument("--cell", choices=GATES, help="default all")
    parser.add_argument("--hidden", type=arguments.positive, help=f"default {HIDDEN}")
    args = parser.parse_args(argv)
    arguments.pin(args.threads)
    print("ns per row and step; * more than a smaller batch")
    print(line("rows", {n: n / 1e9 for n in BATCHES}, ()))
    texts = []
    for cell in [args.cell] if args.cell else GATES:
        for hidden in [args.hidden] if args.hidden else HIDDEN:
            name, per_row = f"{cell}-{hidden}", measured(cell, hidden, args.threads, args.rounds)
            risen = rises(per_row)
            print(line(name, per_row, risen), flush=True)
            texts += [f"{name}: {n} rows, {x:.2f} times {m}" for n, (m, x) in risen.items()]
    print(*texts or ["no rise"], sep="\n")
    return 1 if texts else 0


if __name__ == "__main__":
    sys.exit(main())
