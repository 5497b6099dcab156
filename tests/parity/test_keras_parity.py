# SPDX-License-Identifier: Apache-2.0
"""The same programs here and in Keras: from the same start weights, in the same order of rows.

The programs are those of `keras_cases`. Each is compared with the figures that Keras left in
keras_figures.npz; where Keras is installed, also with Keras itself, one of each group of cases
in the normal run and all of them with --slow. After a change of the cases store new figures:

    python tests/parity/test_keras_parity.py
"""

import functools
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import fastrnn

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))  # run as a script

from keras_cases import CASES
from keras_cases.figures import start_weights
from keras_oracle import keras_or_skip

STORED = Path(__file__).with_name("keras_figures.npz")
REFRESH = "if the cases have changed: python tests/parity/test_keras_parity.py"

# First word of what figures are called -> how far they may be from Keras', absolute and relative.
TOLERANCES = {"before": (2e-5, 2e-5), "history": (1e-6, 3e-4), "after": (2e-5, 1e-4)}
# Weights: a share of how far the run has taken them, so that a small gradient counts as well.
WAY = (1e-6, 1e-3)


def first_of_each_function():
    """Names of the cases that stand for those which differ from them in a choice only."""
    first = {}
    for name in CASES:
        first.setdefault(name.partition("[")[0], name)
    return set(first.values())


def with_most_marked_slow():
    """The cases as parameters; Keras takes minutes for all of them."""
    normal = first_of_each_function()
    return [
        name if name in normal else pytest.param(name, marks=pytest.mark.slow) for name in CASES
    ]


@functools.cache
def figures_here(name):
    return run(name, fastrnn)


def run(name, module):
    """Figures of a case as a dict from a name to a list of float64 arrays."""
    figures = CASES[name](module)
    return {key: [np.asarray(v, np.float64) for v in values] for key, values in figures.items()}


@functools.cache
def stored():
    """Case -> its figures, as Keras left them."""
    with np.load(STORED) as file:
        index, values = json.loads(bytes(file["index"])), file["values"].astype(np.float64)
    figures, start = {}, 0
    for name, shapes in index.items():
        figures[name] = {}
        for key, wanted in shapes.items():
            figures[name][key] = []
            for shape in wanted:
                stop = start + int(np.prod(shape))
                figures[name][key].append(values[start:stop].reshape(shape))
                start = stop
    return figures


def assert_figures(got, want):
    """Fail with the name of the first figure that is too far from Keras'."""
    assert list(got) == list(want)
    for key, arrays in want.items():
        assert [a.shape for a in got[key]] == [a.shape for a in arrays], f"shapes of {key}"
        starts = start_weights([a.shape for a in arrays])
        for position, (ours, theirs) in enumerate(zip(got[key], arrays, strict=True)):
            name = f"{key} {position}"
            if key.startswith("weights"):
                moved = np.max(np.abs(theirs - starts[position]), initial=0)
                np.testing.assert_allclose(ours, theirs, 0, WAY[0] + WAY[1] * moved, err_msg=name)
            else:
                absolute, relative = TOLERANCES[key.partition(".")[0]]
                np.testing.assert_allclose(ours, theirs, relative, absolute, err_msg=name)


# Layers that drop a mask say so, here and there; Keras' torch back end calls NumPy the old way.
quiet = pytest.mark.filterwarnings(
    "ignore:.*mask:UserWarning", "ignore:__array__ implementation:DeprecationWarning"
)


def test_the_cases_are_those_stored():
    assert list(CASES) == list(stored()), REFRESH


@quiet
@pytest.mark.parametrize("name", CASES)
def test_stored(name):
    assert_figures(figures_here(name), stored()[name])


@quiet
@pytest.mark.parametrize("name", with_most_marked_slow())
def test_keras(name):
    assert_figures(figures_here(name), run(name, keras_or_skip()))


def store():
    """Run every case in Keras and write the figures."""
    keras = keras_or_skip()
    index, values = {}, []
    for name in CASES:
        figures = run(name, keras)
        index[name] = {key: [v.shape for v in arrays] for key, arrays in figures.items()}
        values += [v.ravel() for arrays in figures.values() for v in arrays]
    text = np.frombuffer(json.dumps(index).encode(), np.uint8)
    np.savez_compressed(STORED, index=text, values=np.concatenate(values).astype(np.float32))
    print(f"{len(index)} cases, {STORED.stat().st_size} bytes")


if __name__ == "__main__":
    store()
