# SPDX-License-Identifier: Apache-2.0
"""Masks: left and right padding, holes, whole rows; through layers and into losses."""

import numpy as np

from .figures import RATE, UNITS, I, N, T, ids, noise, regression, stack, trained
from .recurrent import CELLS, carried, rnn
from .registry import case

PATTERNS = ["left", "right", "holes", "whole_rows"]
LENGTHS = {"last": False, "sequences": True}


def mask_of(pattern, rows=N, steps=T, seed=0):
    """(rows, steps) bool, True where a step counts; the first row is whole."""
    rng = np.random.default_rng([seed, rows, steps])
    if pattern == "holes":
        mask = rng.random((rows, steps)) < 0.6
        mask[:, 2] |= ~mask.any(axis=1)
    else:
        mask = np.arange(steps) < rng.integers(1, steps + 1, (rows, 1))
    if pattern == "left":
        mask = mask[:, ::-1].copy()
    mask[0] = True
    if pattern == "whole_rows":
        mask[[1, 6]] = False
    return mask


def padded(pattern, value=0.0, features=I):
    """Inputs whose masked steps hold `value`; a row of steps that count has it in one place."""
    x = np.where(mask_of(pattern)[..., None], noise(N, T, features), np.float32(value))
    x[2, :, 0] = value
    return x


def words(pattern, below=7):
    """Ids, 0 where masked."""
    return np.where(mask_of(pattern), ids(N, T, below=below, least=1), 0).astype("int32")


@case(cell=CELLS, pattern=PATTERNS, sequences=LENGTHS)
def masking(k, cell, pattern, sequences):
    """With whole sequences the mask reaches the loss too."""
    layer = rnn(k, cell, UNITS, return_sequences=sequences)
    model = stack(k, k.layers.Masking(), layer, k.layers.Dense(1))
    return regression(k, model, x=padded(pattern))


@case(cell=CELLS, pattern=["left", "right"])
def backwards(k, cell, pattern):
    layer = rnn(k, cell, UNITS, go_backwards=True, return_sequences=True)
    model = stack(k, k.layers.Masking(), layer, k.layers.Flatten(), k.layers.Dense(1))
    return regression(k, model, x=padded(pattern))


@case(pattern=PATTERNS)
def other_activations(k, pattern):
    layer = rnn(k, "LSTM", UNITS, activation="softsign", return_sequences=True)
    return regression(k, stack(k, k.layers.Masking(), layer), x=padded(pattern))


@case(pattern=PATTERNS)
def gru_reset_before(k, pattern):
    layer = rnn(k, "GRU", UNITS, reset_after=False, return_sequences=True)
    return regression(k, stack(k, k.layers.Masking(), layer), x=padded(pattern))


@case(cell=CELLS, pattern=PATTERNS, sequences=LENGTHS)
def zero_output_for_mask(k, cell, pattern, sequences):
    layer = rnn(k, cell, UNITS, return_sequences=sequences, zero_output_for_mask=True)
    model = stack(k, k.layers.Masking(), layer, k.layers.Flatten(), k.layers.Dense(1))
    return regression(k, model, x=padded(pattern))


@case(pattern=["left", "right"])
def stateful(k, pattern):
    """Padded rows hand on the state of their last step that counts."""
    layer = rnn(k, "SimpleRNN", UNITS, stateful=True)
    model = carried(k, k.layers.Masking(), layer)
    return trained(model, padded(pattern), noise(N, 1, seed=1), batch_size=4)


@case(cell=CELLS, pattern=PATTERNS, sequences=LENGTHS)
def states(k, cell, pattern, sequences):
    """Final states of rows that end early or never begin, from states that are given."""
    x, mask = k.Input((T, I)), k.Input((T,), dtype="bool")
    _, *first = rnn(k, cell, UNITS, return_state=True)(x)
    layer = rnn(k, cell, UNITS, return_sequences=sequences, return_state=True)
    outputs = layer(x, initial_state=first, mask=mask)
    parts = [k.layers.Flatten()(output) for output in outputs]
    model = k.Model([x, mask], k.layers.Dense(1)(k.layers.Concatenate()(parts)))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, [padded(pattern), mask_of(pattern)], noise(N, 1, seed=1))


@case(cell=CELLS)
def of_a_layer_that_is_given_states(k, cell):
    """The mask that comes with the inputs passes by the layer, on to the loss."""
    x, target = k.Input((T, I)), k.Input((T, I))
    _, *first = rnn(k, cell, UNITS, return_state=True)(k.layers.Masking()(x))
    layer = rnn(k, cell, UNITS, return_sequences=True)
    outputs = layer(k.layers.Masking()(target), initial_state=first)
    model = k.Model([x, target], k.layers.Dense(1)(outputs))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, [padded("right"), padded("holes")], noise(N, T, 1, seed=1))


@case()
def mask_value(k):
    model = stack(k, k.layers.Masking(mask_value=-1.0), rnn(k, "GRU", UNITS), k.layers.Dense(1))
    return regression(k, model, x=padded("right", -1.0))


@case(cell=CELLS, pattern=PATTERNS)
def stacked(k, cell, pattern):
    model = stack(
        k,
        k.layers.Masking(),
        rnn(k, cell, UNITS, return_sequences=True),
        k.layers.Dropout(0.0),
        rnn(k, cell, UNITS),
        k.layers.Dense(1),
    )
    return regression(k, model, x=padded(pattern))


@case(pattern=PATTERNS)
def mask_argument(k, pattern):
    """A mask that is an input of the model, given to the layer by hand."""
    x, mask = k.Input((T, I)), k.Input((T,), dtype="bool")
    outputs = rnn(k, "LSTM", UNITS)(x, mask=mask)
    model = k.Model([x, mask], k.layers.Dense(1)(outputs))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, [noise(N, T, I), mask_of(pattern)], noise(N, 1, seed=1))


@case(cell=CELLS, pattern=["right", "left"])
def embedding(k, cell, pattern):
    model = stack(
        *(k, k.layers.Embedding(7, 4, mask_zero=True), rnn(k, cell, UNITS), k.layers.Dense(1)),
        shape=(T,),
        dtype="int32",
    )
    return regression(k, model, x=words(pattern))


@case(
    layer={
        "time_distributed": lambda k: k.layers.TimeDistributed(k.layers.Dense(2)),
        "dense": lambda k: k.layers.Dense(2),
        "activation": lambda k: k.layers.Activation("tanh"),
        "dropout": lambda k: k.layers.Dropout(0.0),
        "normalisation": lambda k: k.layers.LayerNormalization(),
        "flatten": lambda k: k.layers.Flatten(),
        "reshape": lambda k: k.layers.Reshape((UNITS, T)),
    }
)
def after_a_masked_layer(k, layer):
    """Which layers hand the mask on to the loss, and which do not."""
    model = stack(k, k.layers.Masking(), rnn(k, "GRU", UNITS, return_sequences=True), layer(k))
    return regression(k, model, x=padded("holes"))


@case(merge=["Add", "Multiply", "Average", "Concatenate"], masks={"one": 1, "two": 2})
def merged(k, merge, masks):
    """What is left of the masks of layers that are joined."""
    x, z = k.Input((T, I)), k.Input((T, I))
    left = k.layers.Masking()(x)
    right = k.layers.Masking()(z) if masks == 2 else z
    joined = getattr(k.layers, merge)()([left, right])
    model = k.Model([x, z], rnn(k, "LSTM", UNITS, return_sequences=True)(joined))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    inputs = [padded("right"), padded("left")]
    return trained(model, inputs, noise(N, T, UNITS, seed=1))


@case()
def concatenated_over_time(k):
    x, z = k.Input((T, I)), k.Input((T, I))
    joined = k.layers.Concatenate(axis=1)([k.layers.Masking()(x), k.layers.Masking()(z)])
    model = k.Model([x, z], rnn(k, "LSTM", UNITS, return_sequences=True)(joined))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    inputs = [padded("right"), padded("left")]
    return trained(model, inputs, noise(N, 2 * T, UNITS, seed=1))


@case()
def through_a_nested_model(k):
    inner = stack(k, rnn(k, "GRU", UNITS, return_sequences=True), k.layers.Dense(2))
    model = stack(k, k.layers.Masking(), inner, rnn(k, "LSTM", UNITS), k.layers.Dense(1))
    return regression(k, model, x=padded("right"))


@case(
    loss={
        "mse": ("mse", "regression"),
        "mae": ("mae", "regression"),
        "huber": ("huber", "regression"),
        "binary": ("binary_crossentropy", "binary"),
        "categorical": ("categorical_crossentropy", "one_hot"),
        "sparse": ("sparse_categorical_crossentropy", "labels"),
    },
    weights={"plain": None, "rows": (N,), "rows_1": (N, 1), "steps": (N, T)},
)
def loss_and_metrics(k, loss, weights):
    """The mask scales the loss of the steps that are left, and weighs the metrics."""
    loss, targets = loss
    width = {"regression": 2, "binary": 1, "one_hot": 3, "labels": 3}[targets]
    kind = {"regression": None, "binary": "sigmoid"}.get(targets, "softmax")
    metrics = ["mae"] if targets == "regression" else ["accuracy"]
    y = {
        "regression": noise(N, T, 2, seed=1),
        "binary": ids(N, T, 1, below=2),
        "one_hot": np.eye(3, dtype="float32")[ids(N, T, below=3)],
        "labels": ids(N, T, below=3),
    }[targets]
    head = k.layers.Dense(width, activation=kind)
    model = stack(k, k.layers.Masking(), rnn(k, "GRU", UNITS, return_sequences=True), head)
    model.compile(
        optimizer=k.optimizers.SGD(RATE), loss=loss, metrics=metrics, weighted_metrics=metrics
    )
    if weights is None:
        return trained(model, padded("whole_rows"), y)
    # Integers, and one for each step: the torch back end multiplies float weights by the mask in
    # place, before the metrics see them, and cannot do so where the shapes differ.
    weight = ids(*weights, below=4, least=1)
    if k.__name__ == "keras":
        weight = np.broadcast_to(weight.reshape(N, -1), (N, T)).copy()
    return trained(model, padded("whole_rows"), y, sample_weight=weight)
