# SPDX-License-Identifier: Apache-2.0
"""What a new process waits for: the import, and the first call beside the second.

    python bench/marks/start.py [--threads 1] [--rounds 15]

Every figure is the median over so many new processes. Marks: `import fastrnn` after `import numpy`
takes at most a quarter of what NumPy took; a first call at most 5 ms over the second. Exit status:
0, 1 when a mark is missed, 2 for wrong arguments.
"""

import sys
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # what all of bench/ share

import arguments
import fresh
import results

IMPORT_SHARE = 0.25
FIRST_CALL = 5e-3  # seconds over the second call
CASES = (
    "lstm-50x16x256x256",
    "gru-50x16x256x256",
    "train-lstm-50x16x256x256",
    "train-gru-50x16x256x256",
)
# Without any other import before: NumPy's own would then be cheaper.
IMPORTS = """
from time import perf_counter as now
start = now()
import numpy
numpy_done = now()
import fastrnn
done = now()
print([numpy_done - start, done - numpy_done])
"""


def first_calls(name, threads):
    """Seconds of the first and of the second call of a case in this process."""
    import problems
    from cases import Case
    from contenders import fastrnn_

    case = Case.parse(name)
    run = fastrnn_.prepare(case, problems.make(case), threads).run
    times = [perf_counter()]
    for _ in range(2):
        run()
        times.append(perf_counter())
    return [after - before for before, after in pairwise(times)]


def measured(threads, rounds):
    """(pairs of import times, pairs of call times by case), a pair for each process."""
    fresh.run(IMPORTS)  # brings the files into the system's cache
    imports, calls = [], {name: [] for name in CASES}
    for _ in range(rounds):
        imports.append(fresh.run(IMPORTS))
        for name, pairs in calls.items():
            pairs.append(fresh.call("marks.start", "first_calls", name, threads))
    return imports, calls


def verdicts(imports, calls):
    """(text, whether the mark is met) of each figure."""
    share = median(ours / numpy for numpy, ours in imports)
    numpy, ours = (results.duration(median(column)) for column in zip(*imports, strict=True))
    yield (
        f"import numpy {numpy}, import fastrnn {ours}: {share:.2f} of it, mark {IMPORT_SHARE}",
        share <= IMPORT_SHARE,
    )
    for name, pairs in calls.items():
        over = median(first - second for first, second in pairs)
        first, second = (results.duration(median(column)) for column in zip(*pairs, strict=True))
        yield (
            f"{name}: first call {first}, second {second}: {over * 1e3:.2f} ms over it, "
            f"mark {FIRST_CALL * 1e3:.0f} ms",
            over <= FIRST_CALL,
        )


def main(argv=None):
    parser = arguments.parser(__doc__.splitlines()[0], rounds=15)
    args = parser.parse_args(argv)
    arguments.pin(args.threads)
    found = list(verdicts(*measured(args.threads, args.rounds)))
    for text, met in found:
        print(results.mark(text, met))
    return 0 if all(met for _, met in found) else 1


if __name__ == "__main__":
    sys.exit(main())
