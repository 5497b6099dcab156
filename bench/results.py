# SPDX-License-Identifier: Apache-2.0
"""What the samples of a case say: times, the best rival, ratios. One home for run.py and report.py.

A result file is JSON with machine, versions, unavailable, settings and cases: a list of entries. An
entry has name, regime, flops, unsupported, reference, errors, bound, samples and cores.
By contender: samples are seconds a run, one for each round; cores is CPU time over wall time of the
same rounds; errors are relative to the reference contender's outputs, array by array.
"""

from statistics import median

from contenders import FLOOR, OURS


def times(entry, statistic=median):
    """Contender to time of one run in seconds."""
    return {name: statistic(samples) for name, samples in entry["samples"].items()}


def best_rival(entry, statistic=median):
    """Name of the fastest rival, None without one; the NumPy loop is no rival."""
    rivals = {n: t for n, t in times(entry, statistic).items() if n not in (OURS, FLOOR)}
    return min(rivals, key=rivals.get) if rivals else None


def ratio(entry, rival, statistic=median):
    """The rival's time over ours, so above 1 we are faster; None when one of them was not timed."""
    seconds = times(entry, statistic)
    return seconds[rival] / seconds[OURS] if {rival, OURS} <= seconds.keys() else None


def ratio_to_best(entry, statistic=median):
    """`ratio` to the best rival under the same statistic (median or min over the rounds)."""
    return ratio(entry, best_rival(entry, statistic), statistic)


def gflops(entry, name):
    """Operations of the products by second, in units of 1e9; None when it was not timed."""
    seconds = times(entry).get(name)
    return entry["flops"] / seconds / 1e9 if seconds else None


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


def summary(entries):
    """One line: the worst ratio to the best rival, how many are below 1, how many refused."""
    rated = [(ratio_to_best(e), e["name"]) for e in entries if ratio_to_best(e) is not None]
    refused = sum(bool(disagreement(e)) for e in entries)
    text = f"{len(entries)} cases, {refused} refused for disagreement, {len(rated)} with a rival"
    if not rated:
        return text
    worst, name = min(rated)
    return f"{text}: worst {worst:.2f} ({name}), {sum(x < 1 for x, _ in rated)} below 1"
