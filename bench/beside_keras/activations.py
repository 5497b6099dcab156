# SPDX-License-Identifier: Apache-2.0
"""Activations and wide outputs beside Keras on torch, both in one process, on one thread.

    python bench/beside_keras/activations.py [--rounds 5] [--batch 32] [--only "gelu;silu"]
                                             [--dtype float32]

For every activation Dense(256, activation) on (256, 100, 32): `predict` and an epoch of `fit`, in
ms, by batches of 32 or `--batch`; then the losses over 8000 classes or numbers on
(256, 20, 32), `fit` alone. The two take turns; the least of the rounds counts, for the first makes
what later ones use. Exit status: 0, 1 when one is slower than Keras, 2 for wrong arguments.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # what all of bench/ share

import arguments

os.environ.setdefault("KERAS_BACKEND", "torch")

ROWS, STEPS, INPUTS, UNITS = 256, 100, 32, 256
WIDE_STEPS, WIDE = 20, 8000
# Name, activation of the output, loss, kind of targets.
LOSSES = [
    ("sparse, softmax", "softmax", "sparse", {}),
    ("sparse, logits", None, "sparse", {"from_logits": True}),
    ("one-hot, softmax", "softmax", "categorical", {}),
    ("one-hot, logits", None, "categorical", {"from_logits": True}),
    ("binary, sigmoid", "sigmoid", "binary", {}),
    ("binary, logits", None, "binary", {"from_logits": True}),
]
NAMES = {"sparse": "SparseCategoricalCrossentropy", "categorical": "CategoricalCrossentropy",
         "binary": "BinaryCrossentropy"}


def main():
    parser = arguments.parser(__doc__.splitlines()[0], rounds=5)
    parser.add_argument("--only", help="names of activations or losses, with ; between")
    parser.add_argument("--batch", type=arguments.positive, default=32)
    parser.add_argument("--dtype", default="float32", choices=("float32", "float64"))
    given = parser.parse_args()
    arguments.pin(given.threads)
    contenders = _contenders(given)
    only = given.only.split(";") if given.only else None
    print("| | ours | Keras | x |")
    print("|---|--:|--:|--:|")
    slower = False
    for name, make in _cases(given.dtype):
        if only is None or name in only:
            for what, ours, theirs in _times(contenders, make, given):
                slower |= ours > theirs
                print(f"| {name}, {what} | {ours * 1e3:.1f} | {theirs * 1e3:.1f} "
                      f"| {theirs / ours:.2f} |", flush=True)
    return int(slower)


def _contenders(given):
    import keras
    import torch

    import fastrnn

    torch.set_num_threads(given.threads)
    fastrnn.set_num_threads(given.threads)
    for library in (fastrnn, keras):
        library.backend.set_floatx(given.dtype)
    return fastrnn, keras


def _cases(dtype):
    """Yield a name and what makes (model, x, y, whether `predict` counts) of a library."""
    import numpy as np

    from fastrnn import activations

    rng = np.random.default_rng(0)
    x = rng.standard_normal((ROWS, STEPS, INPUTS)).astype(dtype)
    y = rng.random((ROWS, STEPS, UNITS)).astype(dtype)
    for name in activations.names():
        yield name, lambda library, name=name: (
            _model(library, x, UNITS, name, "mse"), x, y, True)
    x = x[:, :WIDE_STEPS]
    labels = rng.integers(WIDE, size=(ROWS, WIDE_STEPS))
    for name, activation, loss, options in LOSSES:
        yield name, lambda library, a=activation, k=loss, o=options: (
            _model(library, x, WIDE, a, getattr(library.losses, NAMES[k])(**o)), x,
            labels if k == "sparse" else np.eye(WIDE, dtype=dtype)[labels], False)


def _model(library, x, units, activation, loss):
    model = library.Sequential([library.layers.Input(x.shape[1:]),
                                library.layers.Dense(units, activation=activation)])
    model.compile(library.optimizers.SGD(1e-3), loss)
    return model


def _times(contenders, make, given):
    """Return (what, our seconds, theirs) of each measurement."""
    programs = [make(library) for library in contenders]
    best = {}
    for _ in range(given.rounds + 1):
        for k, (model, x, y, predicts) in enumerate(programs):
            if predicts:
                _note(best, ("predict", k), lambda m=model, x=x: m.predict(
                    x, batch_size=given.batch, verbose=0))
            _note(best, ("fit", k), lambda m=model, x=x, y=y: m.fit(
                x, y, batch_size=given.batch, epochs=1, verbose=0, shuffle=False))
    return [(what, best[what, 0], best[what, 1]) for what in ("predict", "fit")
            if (what, 0) in best]


def _note(best, key, run):
    begin = time.perf_counter()
    run()
    best[key] = min(best.get(key, float("inf")), time.perf_counter() - begin)


if __name__ == "__main__":
    sys.exit(main())
