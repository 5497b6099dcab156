# SPDX-License-Identifier: Apache-2.0
"""Compare fastrnn with its rivals: agreement first, then interleaved times.

    python bench/run.py [--set smoke|main|full] [--case GLOB] [--threads 1] [--rounds 7]
                        [--only ours,torch] [--json out.json]

Exit status: 0 all timed, 1 contenders disagree on a case (it is not timed), 2 wrong arguments or
fastrnn missing. README.md beside this file says how a time is taken.
"""

import argparse
import fnmatch
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

import contenders
import results
from cases import SETS, Case
from contenders import OURS

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
SWITCHES = ("FASTRNN_ISA", "FASTRNN_GEMM", "ONEDNN_MAX_CPU_ISA", "OMP_WAIT_POLICY")  # recorded


def main(argv=None):
    parser = _parser()
    args = parser.parse_args(argv)
    cases = _chosen(args, parser)
    # Before NumPy or any framework is imported: their pools are sized at load time.
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(args.threads)))
    modules, unavailable = _load(args, parser)
    print(
        f"threads {args.threads}, rounds {args.rounds}; a time is one run, median over the rounds"
    )
    print("contenders: " + ", ".join(f"{name} {m.VERSION}" for name, m in modules.items()))
    for name, reason in unavailable.items():
        print(f"skipped: {name}: {reason}")
    print(_header(modules))
    entries = []
    for case in cases:
        entries.append(_measured(case, modules, args))
        print(_line(entries[-1], modules, args.threads), flush=True)
    print(results.summary(entries))
    if args.json:
        _write(args, modules, unavailable, entries)
    return 1 if any(results.disagreement(entry) for entry in entries) else 0


def _parser():
    parser = argparse.ArgumentParser(description="Compare fastrnn with its rivals.")
    parser.add_argument("--set", choices=SETS, help="default main; full when --case is given")
    parser.add_argument("--case", metavar="GLOB", help="cases by name, or one name off the grid")
    parser.add_argument("--threads", type=_positive, default=1)
    parser.add_argument("--rounds", type=_positive, default=7)
    parser.add_argument("--min-time", type=float, default=10, metavar="MS", help="of one sample")
    parser.add_argument("--only", metavar="NAMES", help=f"of {','.join(contenders.MODULES)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples")
    return parser


def _positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"got {value}, wanted at least 1")
    return value


def _chosen(args, parser):
    """The cases asked for."""
    grid = SETS[args.set or ("full" if args.case else "main")]
    if not args.case:
        return grid
    found = [case for case in grid if fnmatch.fnmatchcase(case.name, args.case)]
    if found:
        return found
    try:
        return [Case.parse(args.case)]
    except ValueError as error:
        parser.error(f"--case: no case of the grid matches {args.case!r}; and as a {error}")


def _load(args, parser):
    """(contender name to module, name to reason why it is missing)."""
    names = args.only.split(",") if args.only else list(contenders.MODULES)
    if unknown := set(names) - contenders.MODULES.keys():
        parser.error(f"--only: got {sorted(unknown)}, wanted of {list(contenders.MODULES)}")
    loaded = {name: contenders.load(name) for name in names}
    modules = {name: module for name, (module, _) in loaded.items() if module}
    unavailable = {name: reason for name, (module, reason) in loaded.items() if not module}
    if OURS in unavailable:
        parser.error(f"fastrnn is missing ({unavailable[OURS]}); --only runs the rivals alone")
    if not modules:
        parser.error(f"no contender can be imported: {unavailable}")
    return modules, unavailable


def _measured(case, modules, args):
    import measure  # loads NumPy, so only after the thread variables are set

    return measure.entry(case, modules, args.threads, args.rounds, args.min_time / 1e3)


NAME_WIDTH = 34


def _header(modules):
    rivals = "".join(f"{name:>15}" for name in modules)
    return f"{'case':{NAME_WIDTH}}{rivals}{'GFLOP/s':>9}{'x best':>9}{'by min':>9}{'x torch':>9}"


def _line(entry, modules, threads):
    if wrong := results.disagreement(entry):
        return f"{entry['name']:{NAME_WIDTH}} not timed, outputs disagree: {wrong}"
    seconds = results.times(entry)
    cells = "".join(f"{results.duration(seconds.get(name)):>15}" for name in modules)
    numbers = (
        results.number(results.gflops(entry, OURS), 1),
        results.number(results.ratio_to_best(entry), 2),
        results.number(results.ratio_to_best(entry, min), 2),
        results.number(results.ratio(entry, "torch"), 2),
    )
    remarks = results.remarks(entry, threads)
    line = f"{entry['name']:{NAME_WIDTH}}{cells}" + "".join(f"{text:>9}" for text in numbers)
    return line + (f"  ({remarks})" if remarks else "")


def _write(args, modules, unavailable, entries):
    record = {
        "machine": _machine(),
        "versions": {n: m.VERSION for n, m in modules.items()},
        "unavailable": unavailable,
        "settings": {
            "set": args.set,
            "case": args.case,
            "threads": args.threads,
            "rounds": args.rounds,
            "min_time_ms": args.min_time,
            "environment": {k: os.environ[k] for k in SWITCHES if k in os.environ},
        },
        "cases": entries,
    }
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(record, indent=1) + "\n")


def _machine():
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].split(":", 1)[1].strip() if names else cpu
    return {
        "cpu": cpu,
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


if __name__ == "__main__":
    sys.exit(main())
