# SPDX-License-Identifier: Apache-2.0
"""What a case computes: the same start weights, a run, and the figures it leaves.

Figures are a dict from a dotted name to a list of arrays. The name's first word says what they are
and so how near two runs must be: predictions (before, after), history (evaluate), weights.
"""

import numpy as np

N, T, I, UNITS = 12, 5, 3, 3
RATE = 0.1
BATCH = 5  # does not divide N: the last batch is short
SHOWN = 4  # rows whose predictions are kept


def noise(*shape, seed=0):
    """Standard normal float32."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype("float32")


def ids(*shape, below, seed=0, least=0):
    """Random int32 from `least` up to, not including, `below`."""
    return np.random.default_rng([seed, *shape]).integers(least, below, shape).astype("int32")


def one_hot(indices, classes):
    return np.eye(classes, dtype="float32")[indices]


def probabilities(*shape, seed=0):
    """Rows of positive numbers that sum to 1."""
    e = np.exp(noise(*shape, seed=seed))
    return e / e.sum(axis=-1, keepdims=True)


def start_weights(shapes):
    """The weights every run starts from: small, random, none of them equal."""
    rng = np.random.default_rng(7)
    return [rng.uniform(-0.6, 0.6, shape).astype("float32") for shape in shapes]


def set_start(model, rows, change=lambda weight: weight):
    """Give a model its start weights, changed; `rows` build one that is not built yet."""
    if not model.built:
        model.predict(rows, verbose=0)
    weights = start_weights([w.shape for w in model.get_weights()])
    model.set_weights([change(weight) for weight in weights])


def as_array(value):
    """What a layer called by hand gives, as an array: Keras' may still want a gradient."""
    return np.asarray(value.detach() if hasattr(value, "detach") else value)


def flat(value):
    """The arrays of a nested list, tuple or dict (by key), in order."""
    if isinstance(value, dict):
        return [array for key in sorted(value) for array in flat(value[key])]
    if isinstance(value, list | tuple):
        return [array for item in value for array in flat(item)]
    return [np.asarray(value)]


def shown(rows):
    """The first rows of an input of any structure."""
    if isinstance(rows, dict):
        return {key: shown(value) for key, value in rows.items()}
    if isinstance(rows, list | tuple):
        return [shown(value) for value in rows]
    return rows[:SHOWN]


def predicted(model, rows):
    return flat(model.predict(rows, batch_size=SHOWN, verbose=0))


def trained(model, x, y=None, *, rows=None, epochs=2, change=lambda weight: weight, **options):
    """Figures of a compiled model that is fitted from the start weights, changed.

    `rows` is what to predict, by default the first rows of x; the rest is for `fit`.
    """
    rows = shown(x) if rows is None else rows
    set_start(model, rows, change)
    before = predicted(model, rows)
    if isinstance(y, np.ndarray | list | tuple | dict) and "batch_size" not in options:
        options["batch_size"] = BATCH
    history = model.fit(x, y, epochs=epochs, shuffle=False, verbose=0, **options).history
    return {
        "before": before,
        **{f"history.{key}": flat(values) for key, values in history.items()},
        "after": predicted(model, rows),
        "weights": flat(model.get_weights()),
    }


def regression(k, model, x=None, **options):
    """Figures of a model that learns random targets of its output's shape by SGD."""
    x = noise(N, *model.input_shape[1:]) if x is None else x
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, x, noise(N, *model.output_shape[1:], seed=1), **options)


def stack(k, *layers, shape=(T, I), **options):
    """A Sequential of layers after an input of this shape."""
    return k.Sequential([k.Input(shape, **options), *layers])


def of_two(k, outputs, inputs, shapes, **options):
    """Figures of a functional model with two inputs of these shapes."""
    model = k.Model(inputs, outputs)
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    x = [noise(N, *shape, seed=seed) for seed, shape in enumerate(shapes)]
    return trained(model, x, noise(N, *model.output_shape[1:], seed=9), **options)


def formed(table, form):
    """A dict, or the list of its values, as `form` says."""
    return list(table.values()) if form is list else dict(table)
