# SPDX-License-Identifier: Apache-2.0
"""In which order the tests run, and about how long they take."""

from collections import Counter

# Folder -> seconds that one test of it takes a core, the mean of a whole run. In this order they
# run: what is quick first; project, with the few tests that take long, before parity, whose many
# small ones keep the other processes busy until the long ones end.
SECONDS = {"models": 0.011, "engine": 0.018, "layers": 0.02, "project": 0.09, "parity": 0.019}
_PLACES = {folder: place for place, folder in enumerate(SECONDS)}


def folder(test):
    """The folder of a test by its id, "tests/engine/test_io.py::test_it"."""
    return test.partition("::")[0].rpartition("/")[0].rpartition("/")[2]


def place(test):
    """The key by which tests are sorted."""
    return _PLACES.get(folder(test), len(_PLACES))


def announcement(tests, processes=1):
    """One line: how many tests there are in each folder, and about how long all will take."""
    numbers = Counter(map(folder, tests))
    known = [name for name in SECONDS if numbers[name]]
    seconds = sum(SECONDS[name] * numbers[name] for name in known) / processes
    parts = ", ".join(f"{numbers[name]} {name}" for name in known)
    return f"{len(tests)} tests ({parts}), {_rounded(seconds)}, in this order" if known else ""


def _rounded(seconds):
    if seconds < 10:
        return "some seconds"
    if seconds < 90:
        return f"about {round(seconds, -1):.0f} s"
    return f"about {seconds / 60:.0f} min"
