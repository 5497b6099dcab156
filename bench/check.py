# SPDX-License-Identifier: Apache-2.0
"""Two result files, one earlier: which cases lost of their ratio to the rivals.

Times are never compared, for machines differ and drift. The ratio of a case is the time of the best
of the rivals that both files have for it, over ours.
"""

from dataclasses import dataclass

import results
from contenders import OURS

LOSS = 0.15  # of the ratio, in the share that is too much


@dataclass(frozen=True)
class Change:
    """The ratio of a case in the earlier file and in the later one."""

    name: str
    before: float
    after: float

    @property
    def loss(self):
        """The lost share; negative for a gain."""
        return 1 - self.after / self.before

    @property
    def lost(self):
        return self.loss > LOSS


def conflict(earlier, threads, isa):
    """Why a file cannot be compared with a run, "" when it can."""
    wanted = {"threads": threads, "isa": isa}
    differing = (k for k in wanted if earlier[k] != wanted[k])
    return "; ".join(f"{k}: this run has {wanted[k]}, the file {earlier[k]}" for k in differing)


def changes(earlier, later):
    """A `Change` for each case that both have with fastrnn and a common rival."""
    found = []
    for name in earlier["cases"].keys() & later["cases"].keys():
        sides = _common(earlier["cases"][name]["seconds"], later["cases"][name]["seconds"])
        before, after = map(results.ratio_to_best, sides)
        if before and after:
            found.append(Change(name, before, after))
    return sorted(found, key=lambda change: change.loss, reverse=True)


def _common(*sides):
    names = set.intersection(*map(set, sides))
    names = names if OURS in names else ()
    return [{name: seconds[name] for name in names} for seconds in sides]


def differences(earlier, later):
    """Lines that name what only one of the two has, and what may have moved the ratios."""
    for what in ("cases", "versions"):
        for side, one, other in (("file", earlier, later), ("run", later, earlier)):
            if only := sorted(one[what].keys() - other[what].keys()):
                yield f"only in the {side}: {', '.join(only)}"
    compared = {change.name for change in changes(earlier, later)}
    if without := sorted((earlier["cases"].keys() & later["cases"].keys()) - compared):
        yield f"without a rival in common: {', '.join(without)}"
    before, after = _surroundings(earlier), _surroundings(later)
    for name in sorted(before.keys() & after.keys()):
        if before[name] != after[name]:
            yield f"{name}: {before[name]} in the file, {after[name]} in the run"


def _surroundings(record):
    versions = {name: version for name, version in record["versions"].items() if name != OURS}
    return {"cpu": record["machine"]["cpu"], **record["environment"], **versions}


def table(found):
    """Lines: the cases that lost too much, and a summary."""
    lost = [change for change in found if change.lost]
    if lost:
        yield f"{'best rival / fastrnn':<36}{'file':>8}{'run':>8}{'lost':>8}"
    for c in lost:
        yield f"{c.name:<36}{c.before:>8.2f}{c.after:>8.2f}{c.loss:>8.0%}"
    worst = f"; most: {found[0].loss:.0%} ({found[0].name})" if found else ""
    yield f"{len(found)} cases compared, {len(lost)} lost more than {LOSS:.0%} of the ratio{worst}"
