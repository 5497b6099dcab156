# SPDX-License-Identifier: Apache-2.0
"""Programs in Keras' words, run by fastrnn and by Keras on its TensorFlow and torch back ends.

    python bench/beside_keras/programs.py [--threads 2] [--rounds 3] [--tensorflow-python PATH]

Every measurement is of a new process; a round runs each contender once. The programs: three
LSTM(50) with Dropout(0.2) between and Dense(1) on 100 x 10 x 1, batches of 32: the time from
building to the end of the first epoch, an epoch after that, `predict` of one row; and two layers
of 128 units on 1024 x 100 x 32, batches of 32: the second epoch. Marks: 10 times faster than
either back end in an epoch, 100 times to the end of the first, 300 times in `predict`, 3 times in
the large LSTM and GRU. Exit status: 0, 1 when a mark is missed, 2 for wrong arguments.

`--tensorflow-python` names an interpreter that has TensorFlow, where it is not this one. A
contender that cannot be imported is named and skipped. What the programs import, they import
before the clock starts.
"""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # what all of bench/ share

import arguments

OURS = "fastrnn"
CONTENDERS = (OURS, "tensorflow", "torch")
MARKS = {"to the end of the first epoch": 100, "an epoch": 10, "predict of one row": 300,
         "two LSTM(128)": 3, "two GRU(128)": 3, "two SimpleRNN(128)": None,
         "our Python a batch": None}
OWN_PYTHON, PYTHON_MARK = "our Python a batch", 100e-6


def main():
    parser = arguments.parser(__doc__.splitlines()[0], rounds=3)
    parser.add_argument("--tensorflow-python", default=sys.executable)
    parser.add_argument("--only", help="names of contenders, with commas between")
    given = parser.parse_args()
    arguments.pin(given.threads)
    wanted = given.only.split(",") if given.only else CONTENDERS
    times = {name: [] for name in wanted}
    for _ in range(given.rounds):
        for name in wanted:
            python = given.tensorflow_python if name == "tensorflow" else sys.executable
            measured = _in_a_process(python, name, given.threads)
            if measured is not None:
                times[name].append(measured)
    return _report({name: _medians(rounds) for name, rounds in times.items() if rounds})


def _in_a_process(python, name, threads):
    environment = os.environ | {"KERAS_BACKEND": name, "TF_CPP_MIN_LOG_LEVEL": "3",
                                "TF_NUM_INTRAOP_THREADS": str(threads),
                                "TF_NUM_INTEROP_THREADS": str(threads)}
    done = subprocess.run([python, __file__, "--measure", name], capture_output=True, text=True,
                          check=False, env=environment)
    if done.returncode:
        print(f"{name}: skipped: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
        return None
    return json.loads(done.stdout.splitlines()[-1])


def _medians(rounds):
    return {what: median(measured[what] for measured in rounds) for what in rounds[0]}


def _report(times):
    rivals = [name for name in times if name != OURS]
    print("| | " + " | ".join(times) + " | " + " | ".join(f"x {name}" for name in rivals)
          + " | mark |")
    print("|---|" + "--:|" * (len(times) + len(rivals) + 1))
    missed, ours = False, times.get(OURS, {})
    for what, mark in MARKS.items():
        cells = [_duration(t[what]) if what in t else "-" for t in times.values()]
        for name in rivals:
            ratio = times[name][what] / ours[what] if what in times[name] and ours else None
            cells.append(f"{ratio:.3g}" if ratio else "-")
            missed |= bool(ratio and mark and ratio < mark)
        if what == OWN_PYTHON:
            missed |= bool(ours) and ours[what] > PYTHON_MARK
            mark = _duration(PYTHON_MARK)
        print(f"| {what} | " + " | ".join(cells) + f" | {mark or '-'} |")
    return int(missed)


def _duration(seconds):
    for unit, scale in (("s", 1), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


# -- in the process of a contender ---------------------------------------------------------------


def measure(name):
    """Return the seconds of each measurement of one contender."""
    if name == OURS:
        import fastrnn as keras
    else:
        import keras
    keras.utils.set_random_seed(0)
    import time

    return _classic(keras, time.perf_counter, name) | _large(keras, time.perf_counter)


def _classic(keras, clock, name):
    import numpy as np

    rng = np.random.default_rng(0)
    x, y = rng.random((100, 10, 1), np.float32), rng.random((100, 1), np.float32)
    sequential, lstm = keras.models.Sequential, keras.layers.LSTM
    dropout, dense = keras.layers.Dropout, keras.layers.Dense
    ends = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: times.append(clock()))
    begin = clock()
    model = sequential()
    model.add(lstm(50, return_sequences=True, input_shape=(10, 1)))
    model.add(dropout(0.2))
    model.add(lstm(50, return_sequences=True))
    model.add(dropout(0.2))
    model.add(lstm(50))
    model.add(dropout(0.2))
    model.add(dense(1))
    model.compile(loss="mse", optimizer="adam")
    times = [begin]
    model.fit(x, y, epochs=30, batch_size=32, verbose=0, callbacks=[ends])
    epochs = [after - before for before, after in itertools.pairwise(times[1:])]
    predictions = []
    for row in range(40):
        before = clock()
        model.predict(x[row:row + 1], verbose=0)
        predictions.append(clock() - before)
    measured = {"to the end of the first epoch": times[1] - begin, "an epoch": median(epochs),
                "predict of one row": median(predictions)}
    if name == OURS:
        measured[OWN_PYTHON] = _python_time(model, x, y, clock)
    return measured


def _python_time(model, x, y, clock):
    """A batch's time outside of fastrnn's compiled code; NumPy's own counts as Python."""
    from fastrnn.engine import recurrence
    from fastrnn.layers import dropout
    from fastrnn.optimizers import base

    inside = [0.0]

    def timed(function):
        def call(*values):
            before = clock()
            try:
                return function(*values)
            finally:
                inside[0] += clock() - before
        return call

    for module, names in ((recurrence, ("run_forward", "run_forward_both", "run_backward",
                                        "run_backward_both", "PackedLayer")),
                          (base, ("change",)), (dropout.draws, ("draw", "scaled"))):
        for function in names:
            setattr(module, function, timed(getattr(module, function)))
    spent = []
    for _ in range(20):
        inside[0], before = 0.0, clock()
        model.fit(x, y, epochs=5, batch_size=32, verbose=0)
        spent.append((clock() - before - inside[0]) / 20)
    return median(spent)


def _large(keras, clock):
    import numpy as np

    rng = np.random.default_rng(0)
    x, y = rng.random((1024, 100, 32), np.float32), rng.random((1024, 1), np.float32)
    measured = {}
    for cell in ("SimpleRNN", "LSTM", "GRU"):
        layer = getattr(keras.layers, cell)
        model = keras.Sequential([
            keras.Input(shape=(100, 32)), layer(128, return_sequences=True), layer(128),
            keras.layers.Dense(1),
        ])
        model.compile(loss="mse", optimizer="adam")
        model.fit(x, y, epochs=1, batch_size=32, verbose=0)
        before = clock()
        model.fit(x, y, epochs=1, batch_size=32, verbose=0)
        measured[f"two {cell}(128)"] = clock() - before
    return measured


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(sys.argv[2])))
    else:
        sys.exit(main())
