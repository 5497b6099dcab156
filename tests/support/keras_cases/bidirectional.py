# SPDX-License-Identifier: Apache-2.0
"""Bidirectional: merge modes, states, a separate backward layer, masks."""

from .figures import RATE, UNITS, I, N, T, noise, regression, stack, trained
from .masks import PATTERNS, padded
from .recurrent import CELLS, rnn, stateful_run
from .registry import case

MERGES = ["concat", "sum", "mul", "ave"]
LENGTHS = {"last": False, "sequences": True}


def both(k, cell="LSTM", merge_mode="concat", **options):
    return k.layers.Bidirectional(rnn(k, cell, UNITS, **options), merge_mode=merge_mode)


@case(cell=CELLS, merge_mode=MERGES, sequences=LENGTHS)
def merge(k, cell, merge_mode, sequences):
    layer = both(k, cell, merge_mode, return_sequences=sequences)
    return regression(k, stack(k, layer, k.layers.Dense(1)))


@case(sequences=LENGTHS)
def merge_none(k, sequences):
    """Two outputs instead of one."""
    x = k.Input((T, I))
    forward, backward = both(k, "GRU", None, return_sequences=sequences)(x)
    joined = k.layers.Multiply()([forward, k.layers.Dense(UNITS)(backward)])
    return regression(k, k.Model(x, k.layers.Dense(1)(joined)))


@case(cell=CELLS, sequences=LENGTHS)
def return_state(k, cell, sequences):
    x = k.Input((T, I))
    outputs = both(k, cell, return_state=True, return_sequences=sequences)(x)
    parts = [k.layers.Flatten()(output) for output in outputs]
    return regression(k, k.Model(x, k.layers.Dense(1)(k.layers.Concatenate()(parts))))


@case(cell={"LSTM": ("LSTM", 4), "GRU": ("GRU", 2)})
def initial_state(k, cell):
    name, slots = cell
    x, context = k.Input((T, I)), k.Input((2,))
    states = [k.layers.Dense(UNITS)(context) for _ in range(slots)]
    outputs = both(k, name)(x, initial_state=states)
    model = k.Model([x, context], k.layers.Dense(1)(outputs))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, [noise(N, T, I), noise(N, 2, seed=2)], noise(N, 1, seed=1))


@case(sequences=LENGTHS)
def separate_backward_layer(k, sequences):
    layer = k.layers.Bidirectional(
        rnn(k, "LSTM", UNITS, return_sequences=sequences),
        backward_layer=rnn(k, "GRU", UNITS, return_sequences=sequences, go_backwards=True),
    )
    return regression(k, stack(k, layer, k.layers.Dense(1)))


@case(
    options={
        "activation": {"activation": "elu", "use_bias": False},
        "before": {"reset_after": False, "recurrent_activation": "hard_sigmoid"},
        "regularised": {"kernel_regularizer": "l2", "recurrent_regularizer": "l1"},
    }
)
def options_go_to_both(k, options):
    return regression(k, stack(k, both(k, "GRU", **options), k.layers.Dense(1)))


@case(cell=CELLS)
def stacked(k, cell):
    first = both(k, cell, return_sequences=True)
    return regression(k, stack(k, first, both(k, cell, "sum"), k.layers.Dense(1)))


@case(sequences=LENGTHS)
def stateful(k, sequences):
    return stateful_run(k, both(k, "SimpleRNN", stateful=True, return_sequences=sequences))


@case(cell=CELLS, pattern=PATTERNS, sequences=LENGTHS)
def masked(k, cell, pattern, sequences):
    layer = both(k, cell, return_sequences=sequences)
    model = stack(k, k.layers.Masking(), layer, k.layers.Dense(1))
    return regression(k, model, x=padded(pattern))


@case(merge_mode=MERGES)
def masked_merge(k, merge_mode):
    layer = both(k, "LSTM", merge_mode, return_sequences=True)
    model = stack(k, k.layers.Masking(), layer, both(k, "GRU"), k.layers.Dense(1))
    return regression(k, model, x=padded("holes"))
