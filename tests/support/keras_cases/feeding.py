# SPDX-License-Identifier: Apache-2.0
"""How data reach fit: batches, validation, generators, dtypes."""

import numpy as np

from .figures import BATCH, UNITS, I, N, T, ids, noise, one_hot, regression, stack, trained
from .models import INPUTS, LOSSES, TARGETS, simple, two_heads
from .recurrent import rnn
from .registry import case

X, Y = noise(N, T, I), noise(N, 1, seed=1)
WEIGHT = np.abs(noise(N, seed=3))
VALIDATION = (noise(7, T, I, seed=5), noise(7, 1, seed=5))


@case(batch_size={"1": 1, "5": 5, "all": N, "more": 50, "none": None})
def batch_size(k, batch_size):
    return trained(simple(k), X, Y, batch_size=batch_size)


@case(
    options={
        "data": {"validation_data": VALIDATION},
        "list": {"validation_data": list(VALIDATION)},
        "weighted": {"validation_data": (*VALIDATION, np.abs(noise(7, seed=6)))},
        "batch": {"validation_data": VALIDATION, "validation_batch_size": 3},
        "every_second": {"validation_data": VALIDATION, "validation_freq": 2},
        "split": {"validation_split": 0.3},
        "split_of_weights": {"validation_split": 0.3, "sample_weight": WEIGHT},
        "steps": {"validation_data": VALIDATION, "validation_batch_size": 2, "validation_steps": 2},
    }
)
def validation(k, options):
    model = simple(k, weighted_metrics=["mse"])
    return trained(model, X, Y, epochs=4, **options)


@case()
def initial_epoch(k):
    """Two epochs are left; callbacks see the numbers 3 and 4."""
    seen = []
    spy = k.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(epoch))
    figures = trained(simple(k), X, Y, initial_epoch=3, epochs=5, callbacks=[spy])
    return figures | {"history.epochs": seen}


def generated(*arrays):
    """Batches for ever."""
    while True:
        for start in range(0, N, BATCH):
            yield tuple(array[start : start + BATCH] for array in arrays)


@case(weights={"plain": (X, Y), "rows": (X, Y, WEIGHT)})
def generator(k, weights):
    return trained(simple(k), generated(*weights), rows=X[:4], steps_per_epoch=3)


@case()
def generator_with_a_batch_size(k):
    """The size of the batches is the generator's own."""
    return trained(simple(k), generated(X, Y), rows=X[:4], steps_per_epoch=3, batch_size=2)


@case()
def generator_for_validation(k):
    """Its batches are all the same: Keras sees the first two again at each validation."""

    def for_ever():
        while True:
            yield VALIDATION

    options = {"validation_data": for_ever(), "validation_steps": 2, "steps_per_epoch": 2}
    return trained(simple(k), generated(X, Y), rows=X[:4], **options)


@case(steps=["1", "2", "3"])
def steps_of_arrays(k, steps):
    """An epoch of fewer batches than there are goes on where the last one ended."""
    return trained(simple(k), X, Y, steps_per_epoch=int(steps), epochs=4)


@case()
def inputs_without_their_last_axis(k):
    """Rows (N, T) for an input (N, T, 1)."""
    model = stack(k, rnn(k, "GRU", UNITS), k.layers.Dense(1), shape=(T, 1))
    return regression(k, model, x=noise(N, T))


@case()
def inputs_with_a_last_axis_too_many(k):
    """Rows (N, T, 1) for an input (N, T)."""
    model = stack(k, k.layers.Dense(2), shape=(T,))
    return regression(k, model, x=noise(N, T, 1))


@case()
def generator_of_dicts(k):
    model = two_heads(k)
    model.compile(optimizer="sgd", loss=LOSSES, metrics={"label": ["accuracy"]})

    def batches():
        while True:
            for start in range(0, N, BATCH):
                part = slice(start, start + BATCH)
                yield tuple(
                    {name: array[part] for name, array in table.items()}
                    for table in (INPUTS, TARGETS)
                )

    rows = {name: array[:4] for name, array in INPUTS.items()}
    return trained(model, batches(), rows=rows, steps_per_epoch=3)


@case(loss={"name": {"out": "mse"}, "list": ["mse"]}, y={"array": Y, "list": [Y]})
def one_output_by_name(k, loss, y):
    x = k.Input((T, I))
    model = k.Model(x, k.layers.Dense(1, name="out")(rnn(k, "GRU", UNITS)(x)))
    model.compile(optimizer="sgd", loss=loss, metrics=["mae"])
    return trained(model, X, y)


def batched(k, weights=None):
    """A PyDataset of three batches, the last of two rows."""

    class Batches(k.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            part = slice(BATCH * index, BATCH * (index + 1))
            arrays = (X, Y) if weights is None else (X, Y, weights)
            return tuple(array[part] for array in arrays)

    return Batches()


@case(weights={"plain": None, "rows": WEIGHT})
def dataset(k, weights):
    return trained(simple(k), batched(k, weights), rows=X[:4])


@case()
def dataset_for_validation(k):
    return trained(simple(k), X, Y, validation_data=batched(k))


@case(
    dtype={
        "float64": lambda x: x.astype("float64"),
        "float16": lambda x: x.astype("float16"),
        "int": lambda x: (4 * x).astype("int64"),
        "bool": lambda x: x > 0,
        "reversed_view": lambda x: x[:, ::-1],
        "fortran": np.asfortranarray,
    }
)
def inputs_of_other_dtypes(k, dtype):
    return trained(simple(k), dtype(X), Y)


@case(dtype=["float64", "int64", "bool", "uint8"])
def targets_of_other_dtypes(k, dtype):
    return trained(simple(k), X, (Y > 0).astype(dtype))


@case()
def weights_in_a_dict(k):
    """A weight for each output, by name."""
    x = k.Input((T, I))
    hidden = rnn(k, "GRU", UNITS)(x)
    value = k.layers.Dense(1, name="value")(hidden)
    label = k.layers.Dense(3, activation="softmax", name="label")(hidden)
    model = k.Model(x, {"value": value, "label": label})
    model.compile(
        optimizer="sgd",
        loss={"value": "mse", "label": "categorical_crossentropy"},
        weighted_metrics={"value": ["mae"], "label": ["accuracy"]},
    )
    y = {"value": Y, "label": one_hot(ids(N, below=3), 3)}
    return trained(model, X, y, sample_weight={"value": WEIGHT, "label": 2 * WEIGHT[::-1].copy()})


@case()
def weights_in_a_list(k):
    x = k.Input((T, I))
    hidden = rnn(k, "GRU", UNITS)(x)
    heads = [k.layers.Dense(1, name=name)(hidden) for name in ("one", "two")]
    model = k.Model(x, heads)
    model.compile(optimizer="sgd", loss=["mse", "mae"], loss_weights=[1.0, 0.5])
    return trained(model, X, [Y, Y + 1], sample_weight=[WEIGHT, WEIGHT[::-1].copy()])
