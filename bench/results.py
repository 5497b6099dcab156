# SPDX-License-Identifier: Apache-2.0
"""Result entries, what follows from them, and result files.

`measure.entry` gives the entry of a case. A result file, and everything that judges results, has
of a case only what `summarized` leaves of it: {"seconds": {contender: median over the rounds}}, in
seconds of one run, and "refused" with the reason where the contenders disagreed.
"""

import json
from pathlib import Path
from statistics import median

from cases import Case
from contenders import FLOOR, OURS

KEYS = {"machine", "versions", "threads", "isa", "environment", "cases"}
_DIGITS = 4  # of a stored figure


def summarized(entry):
    """What a result file keeps of an entry."""
    kept = {"seconds": {name: rounded(t) for name, t in times(entry).items()}}
    refused = disagreement(entry)
    return kept | {"refused": refused} if refused else kept


def times(entry, statistic=median):
    """Contender to time of one run in seconds."""
    return {name: statistic(samples) for name, samples in entry["samples"].items()}


def rivals(seconds):
    """The times of those to beat; the NumPy loop is no rival."""
    return {name: t for name, t in seconds.items() if name not in (OURS, FLOOR)}


def ratio(seconds, rival):
    """The rival's time over ours, so above 1 we are faster; None when one of them was not timed."""
    return seconds[rival] / seconds[OURS] if {rival, OURS} <= seconds.keys() else None


def ratio_to_best(seconds):
    """`ratio` to the fastest rival; None without one."""
    others = rivals(seconds)
    return ratio(seconds, min(others, key=others.get)) if others else None


def gflops(case, seconds):
    """Operations of the products by second, in units of 1e9; None when we were not timed."""
    return case.flops() / seconds[OURS] / 1e9 if OURS in seconds else None


def share_of_peak(case, seconds, limits):
    """Of the multiply-adds that the machine could do meanwhile; None when we were not timed."""
    rate = gflops(case, seconds)
    return rate * 1e9 / limits.peak(case.dtype) if rate else None


def share_of_bandwidth(case, seconds, limits):
    """Of the bytes that the machine could read from the level that holds R; None unless batch 1.

    Only R is counted, once a step: a batch of one row finds nothing else to do with it.
    """
    if case.regime != "batch 1" or OURS not in seconds:
        return None
    size = case.recurrent_bytes()
    read = case.T * case.layers * case.directions * size
    return read / seconds[OURS] / limits.bandwidth[limits.level(size)]


def duration(seconds):
    """A time with three digits and its unit."""
    if seconds is None:
        return "–"
    for unit, size in (("us", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def number(value, digits):
    return "–" if value is None else f"{value:.{digits}f}"


def rounded(value):
    return float(f"{value:.{_DIGITS}g}")


def threads(count):
    return f"{count} thread" + ("s" if count > 1 else "")


def mark(text, met):
    """A line that says whether a mark of the project is met."""
    return f"{'ok    ' if met else 'MISSED'}  {text}"


def disagreement(entry):
    """Names the contenders outside the bound and the worst array of each; "" when all agree."""
    texts = []
    for name, errors in entry["errors"].items():
        array = max(errors, key=errors.get)
        if errors[array] > entry["bound"]:
            error = f"relative error {errors[array]:.1e} > {entry['bound']:g}"
            texts.append(f"{name} against {entry['reference']} in {array}: {error}")
    return "; ".join(texts)


def remarks(entry, threads):
    """What to know before trusting the line: no second opinion, more cores in use than threads."""
    texts = [] if entry["errors"] else ["outputs unchecked: one contender"]
    busy = {name: median(cores) for name, cores in entry["cores"].items()}
    texts += [f"{name} keeps {n:.1f} cores busy" for name, n in busy.items() if n > threads + 0.3]
    return "; ".join(texts)


def summary(cases):
    """One line: the worst ratio to the best rival, how many are below 1, how many refused."""
    ratios = {name: ratio_to_best(case["seconds"]) for name, case in cases.items()}
    rated = [(x, name) for name, x in ratios.items() if x is not None]
    refused = sum("refused" in case for case in cases.values())
    text = f"{len(cases)} cases, {refused} refused for disagreement, {len(rated)} with a rival"
    if not rated:
        return text
    worst, name = min(rated)
    return f"{text}: worst {worst:.2f} ({name}), {sum(x < 1 for x, _ in rated)} below 1"


def write(path, record):
    """Write a result file: a line for each case, so that two versions of it can be compared."""
    cases = [f"  {json.dumps(name)}: {json.dumps(case)}" for name, case in record["cases"].items()]
    head = json.dumps({**record, "cases": {}}, indent=1)
    lines = ",\n".join(cases)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(head.replace('"cases": {}', f'"cases": {{\n{lines}\n }}') + "\n")


def read(path):
    """The record of a result file; ValueError when it is none."""
    try:
        record = json.loads(Path(path).read_text())
        known = record.keys() >= KEYS
        cases = record["cases"] if known else {}
        for name, case in cases.items():
            Case.parse(name)
            known &= all(isinstance(t, float) and t > 0 for t in case["seconds"].values())
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise ValueError(f"{path}: {type(error).__name__}: {error}") from error
    if not known:
        raise ValueError(f"{path}: got other contents, wanted what run.py --json writes")
    return record
