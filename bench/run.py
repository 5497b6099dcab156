# SPDX-License-Identifier: Apache-2.0
"""Compare fastrnn with its rivals: agreement first, then interleaved times.

    python bench/run.py [--set smoke|main|odd|full] [--case GLOB] [--threads 1] [--rounds 7]
                        [--only ours,torch] [--limits] [--json out.json] [--check earlier.json]

Exit status: 0 all timed, 1 contenders disagree on a case (it is not timed) or, with --check, a case
lost too much of its ratio, 2 wrong arguments or fastrnn missing. README.md beside this file says
how a time is taken.
"""

import fnmatch
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

import arguments
import check
import contenders
import results
from cases import SETS, Case
from contenders import OURS

SWITCHES = ("FASTRNN_GEMM", "ONEDNN_MAX_CPU_ISA", "OMP_WAIT_POLICY")  # recorded


def main(argv=None):
    parser = _parser()
    args = parser.parse_args(argv)
    earlier = _earlier(args, parser)
    cases = _chosen(args, earlier, parser)
    arguments.pin(args.threads)
    modules, unavailable = _load(args, parser)
    isa = modules[OURS].ISA if OURS in modules else None
    if earlier and (conflict := check.conflict(earlier, args.threads, isa)):
        parser.error(f"--check {args.check}: {conflict}")
    print(
        f"threads {args.threads}, rounds {args.rounds}; a time is one run, median over the rounds"
    )
    print("contenders: " + ", ".join(f"{name} {m.VERSION}" for name, m in modules.items()))
    for name, reason in unavailable.items():
        print(f"skipped: {name}: {reason}")
    runner = Runner(args, modules, _limits(isa, args.threads) if args.limits else None)
    runner.run(cases)
    record = _record(args, modules, unavailable, isa, runner)
    status = 1 if any("refused" in case for case in runner.cases.values()) else 0
    if earlier:
        status = max(status, _check(earlier, record, runner))
    print(results.summary(runner.cases))
    if args.json:
        results.write(args.json, record)
    return status


def _parser():
    parser = arguments.parser("Compare fastrnn with its rivals.", rounds=7)
    parser.add_argument(
        "--set", choices=SETS, help="default main; full with --case; with --check, the file's cases"
    )
    parser.add_argument("--case", metavar="GLOB", help="cases by name, or one name off the grid")
    parser.add_argument("--min-time", type=float, default=10, metavar="MS", help="of one sample")
    parser.add_argument(
        "--case-time", type=float, default=20, metavar="S", help="of a case, beyond three rounds"
    )
    parser.add_argument("--only", metavar="NAMES", help=f"of {','.join(contenders.MODULES)}")
    parser.add_argument(
        "--limits", action="store_true", help="show shares of the machine's limits (limits.py)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a result file")
    parser.add_argument(
        "--check", type=Path, metavar="FILE", help="fail where a ratio is worse than in this file"
    )
    return parser


def _earlier(args, parser):
    """The record to compare with, None without --check."""
    try:
        return results.read(args.check) if args.check else None
    except ValueError as error:
        parser.error(f"--check {error}")


def _chosen(args, earlier, parser):
    """The cases asked for."""
    if earlier and not args.set and not args.case:
        return [Case.parse(name) for name in earlier["cases"]]
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
    if (args.limits or args.check) and OURS not in names:
        parser.error(f"--only: got {args.only}; --limits and --check also want {OURS!r}")
    loaded = {name: contenders.load(name) for name in names}
    modules = {name: module for name, (module, _) in loaded.items() if module}
    unavailable = {name: reason for name, (module, reason) in loaded.items() if not module}
    if OURS in unavailable:
        parser.error(
            f"fastrnn is not available ({unavailable[OURS]}); --only runs the rivals alone"
        )
    if not modules:
        parser.error(f"no contender can be imported: {unavailable}")
    return modules, unavailable


def _limits(isa, threads):
    """The limits of the machine, None where they cannot be measured."""
    import limits  # loads NumPy, so only after the thread variables are set

    try:
        found = limits.measured(isa, threads)
    except limits.UnavailableError as error:
        print(f"skipped: limits: {error}")
        return None
    print(*limits.lines(found), sep="\n")
    return found


class Runner:
    """Measures cases and prints a line for each; `cases` has what a result file keeps of them."""

    NAME_WIDTH = 34

    def __init__(self, args, modules, limits):
        self.args, self.modules, self.limits = args, modules, limits
        self.cases = {}

    def run(self, cases):
        import measure  # loads NumPy, so only after the thread variables are set

        print(self._header())
        args = self.args
        for case in cases:
            entry = measure.entry(
                case, self.modules, args.threads, args.rounds, args.min_time / 1e3, args.case_time
            )
            self.cases[case.name] = results.summarized(entry)
            print(self._line(case, entry), flush=True)

    def _header(self):
        names = "".join(f"{name:>15}" for name in self.modules)
        columns = ["GFLOP/s", "x best", "by min", "x torch"]
        columns += ["% peak", "% load"] if self.limits else []
        return f"{'case':{self.NAME_WIDTH}}{names}" + "".join(f"{text:>9}" for text in columns)

    def _line(self, case, entry):
        if wrong := results.disagreement(entry):
            return f"{case.name:{self.NAME_WIDTH}} not timed, outputs disagree: {wrong}"
        seconds = results.times(entry)
        cells = "".join(f"{results.duration(seconds.get(name)):>15}" for name in self.modules)
        numbers = [
            results.number(results.gflops(case, seconds), 1),
            results.number(results.ratio_to_best(seconds), 2),
            results.number(results.ratio_to_best(results.times(entry, min)), 2),
            results.number(results.ratio(seconds, "torch"), 2),
        ]
        if self.limits:
            shares = results.share_of_peak, results.share_of_bandwidth
            found = [share(case, seconds, self.limits) for share in shares]
            numbers += [results.number(x and 100 * x, 0) for x in found]
        remarks = results.remarks(entry, self.args.threads)
        line = f"{case.name:{self.NAME_WIDTH}}{cells}" + "".join(f"{text:>9}" for text in numbers)
        return line + (f"  ({remarks})" if remarks else "")


def _check(earlier, record, runner):
    """Print what became of the ratios; 1 when a case lost too much of its own, twice."""
    lost = [Case.parse(change.name) for change in check.changes(earlier, record) if change.lost]
    if lost:
        print("measured again, for they lost:")
        runner.run(lost)
    found = check.changes(earlier, record)
    for line in (*check.differences(earlier, record), *check.table(found)):
        print(line)
    return 1 if any(change.lost for change in found) else 0


def _record(args, modules, unavailable, isa, runner):
    record = {
        "machine": _machine(),
        "versions": {n: m.VERSION for n, m in modules.items()},
        "unavailable": unavailable,
        "threads": args.threads,
        "isa": isa,
        "rounds": args.rounds,
        "environment": {k: os.environ.get(k) for k in SWITCHES},
        "cases": runner.cases,
    }
    if runner.limits:
        record["limits"] = runner.limits.as_record()
    return record


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
