# SPDX-License-Identifier: Apache-2.0
"""SimpleRNN, LSTM and GRU: every argument, states, several batches of one sequence."""

import numpy as np

from .figures import (
    BATCH,
    RATE,
    UNITS,
    I,
    N,
    T,
    as_array,
    noise,
    predicted,
    regression,
    set_start,
    stack,
    start_weights,
    trained,
)
from .registry import case

CELLS = ["SimpleRNN", "LSTM", "GRU"]
ACTIVATIONS = [
    *("tanh", "sigmoid", "hard_sigmoid", "relu"),
    *("linear", "elu", "softplus", "softsign"),
]
ARGUMENTS = {
    "plain": {},
    "no_bias": {"use_bias": False},
    "sequences": {"return_sequences": True},
    "backwards": {"go_backwards": True},
    "backwards_sequences": {"go_backwards": True, "return_sequences": True},
    "unroll": {"unroll": True},
    "no_dropout": {"dropout": 0.0, "recurrent_dropout": 0.0, "seed": 1},
}
STATES = {"SimpleRNN": 1, "LSTM": 2, "GRU": 1}


def rnn(k, cell, *args, **options):
    return getattr(k.layers, cell)(*args, **options)


def alone(k, cell, **options):
    """A model of one recurrent layer and Dense(1)."""
    return stack(k, rnn(k, cell, UNITS, **options), k.layers.Dense(1))


@case(cell=CELLS, options=ARGUMENTS)
def argument(k, cell, options):
    return regression(k, alone(k, cell, **options))


@case(cell=["LSTM", "GRU"])
def implementation(k, cell):
    """An argument of how, not what."""
    return regression(k, alone(k, cell, implementation=1))


@case(cell=CELLS, activation=ACTIVATIONS)
def activation(k, cell, activation):
    return regression(k, alone(k, cell, activation=activation), x=noise(N, T, I) / 2)


@case(cell=["LSTM", "GRU"], activation=ACTIVATIONS)
def recurrent_activation(k, cell, activation):
    model = alone(k, cell, recurrent_activation=activation)
    return regression(k, model, x=noise(N, T, I) / 2)


@case(cell=CELLS)
def activation_as_callable(k, cell):
    return regression(k, alone(k, cell, activation=k.activations.softsign))


@case(cell=CELLS)
def activation_none_is_linear(k, cell):
    return regression(k, alone(k, cell, activation=None))


@case()
def both_activations_sequences_backwards(k):
    """A pair of activations of which neither is fused, over a whole sequence, read backwards."""
    layer = rnn(
        *(k, "LSTM", UNITS),
        activation="elu",
        recurrent_activation="hard_sigmoid",
        return_sequences=True,
        go_backwards=True,
    )
    return regression(k, stack(k, layer, k.layers.Dense(1)))


@case(
    options={
        "plain": {},
        "no_bias": {"use_bias": False},
        "sequences": {"return_sequences": True},
        "backwards": {"go_backwards": True},
        "softsign": {"activation": "softsign", "recurrent_activation": "hard_sigmoid"},
    }
)
def gru_reset_before(k, options):
    return regression(k, alone(k, "GRU", reset_after=False, **options))


@case(reset_after={"after": True, "before": False})
def gru_weights(k, reset_after):
    """Shapes and the start values that are not random."""
    model = alone(k, "GRU", reset_after=reset_after)
    return {"weights": model.get_weights()[2:3]}


@case(unit_forget_bias={"ones": True, "zeros": False})
def lstm_forget_bias(k, unit_forget_bias):
    return {"weights": alone(k, "LSTM", unit_forget_bias=unit_forget_bias).get_weights()[2:3]}


@case(cell=CELLS)
def stacked(k, cell):
    model = stack(
        k,
        rnn(k, cell, UNITS, return_sequences=True),
        k.layers.Dropout(0.0),
        rnn(k, cell, 2, return_sequences=True),
        rnn(k, cell, UNITS),
        k.layers.Dense(1),
    )
    return regression(k, model)


@case(
    layer={
        "SimpleRNN": ("SimpleRNN", {"activation": "elu"}),
        "LSTM": ("LSTM", {"activation": "softsign", "recurrent_activation": "hard_sigmoid"}),
        "GRU": ("GRU", {"activation": "softplus", "recurrent_activation": "softsign"}),
        "GRU_before": ("GRU", {"reset_after": False}),
        "GRU_before_elu": ("GRU", {"reset_after": False, "activation": "elu"}),
        "LSTM_backwards": ("LSTM", {"go_backwards": True}),
        "LSTM_no_bias": ("LSTM", {"use_bias": False}),
        "GRU_no_bias": ("GRU", {"use_bias": False}),
    }
)
def gradient_of_inputs(k, layer):
    """The layer below learns from what the upper one hands down."""
    cell, options = layer
    lower = rnn(k, "LSTM", UNITS, return_sequences=True)
    return regression(k, stack(k, lower, rnn(k, cell, UNITS, **options), k.layers.Dense(1)))


@case(cell=CELLS)
def dropouts_are_silent_in_predict(k, cell):
    model = alone(k, cell, dropout=0.4, recurrent_dropout=0.3)
    x = noise(4, T, I)
    set_start(model, x)
    return {"before": predicted(model, x)}


@case(cell=CELLS, options={"last": {}, "sequences": {"return_sequences": True}})
def return_state(k, cell, options):
    """Outputs and states all reach the loss."""
    x = k.Input((T, I))
    outputs = rnn(k, cell, UNITS, return_state=True, **options)(x)
    parts = [k.layers.Flatten()(output) for output in outputs]
    return regression(k, k.Model(x, k.layers.Dense(1)(k.layers.Concatenate()(parts))))


@case(
    cell=CELLS,
    options={
        "forward": {},
        "backwards": {"go_backwards": True},
        "elu": {"activation": "elu"},
        "no_bias": {"use_bias": False},
    },
)
def initial_state(k, cell, options):
    """States that other layers compute: gradients flow into them."""
    return _from_states(k, cell, options)


@case()
def initial_state_of_a_gru_that_resets_before(k):
    return _from_states(k, "GRU", {"reset_after": False})


def _from_states(k, cell, options):
    x, context = k.Input((T, I)), k.Input((2,))
    states = [k.layers.Dense(UNITS)(context) for _ in range(STATES[cell])]
    outputs = rnn(k, cell, UNITS, **options)(x, initial_state=states)
    model = k.Model([x, context], k.layers.Dense(1)(outputs))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, [noise(N, T, I), noise(N, 2, seed=2)], noise(N, 1, seed=1))


@case(cell=CELLS)
def encoder_and_decoder(k, cell):
    """The encoder's final states start the decoder."""
    source, target = k.Input((T, I)), k.Input((4, 2))
    _, *states = rnn(k, cell, UNITS, return_state=True)(source)
    outputs = rnn(k, cell, UNITS, return_sequences=True)(target, initial_state=states)
    model = k.Model([source, target], k.layers.Dense(2)(outputs))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return trained(model, [noise(N, T, I), noise(N, 4, 2, seed=2)], noise(N, 4, 2, seed=1))


def carried(k, *layers, rows=4):
    """A compiled model whose batches all have `rows` rows."""
    model = k.Sequential([k.Input(batch_shape=(rows, T, I)), *layers, k.layers.Dense(1)])
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    return model


def stateful_run(k, *layers):
    model = carried(k, *layers)
    targets = noise(N, *model.output_shape[1:], seed=1)
    return trained(model, noise(N, T, I), targets, batch_size=4)


@case(options={"last": {}, "backwards": {"go_backwards": True}})
def stateful(k, options):
    """The state goes from batch to batch and epoch to epoch, through fit and predict."""
    return stateful_run(k, k.layers.SimpleRNN(UNITS, stateful=True, **options))


@case()
def stateful_stack(k):
    first = k.layers.SimpleRNN(UNITS, stateful=True, return_sequences=True)
    return stateful_run(k, first, k.layers.SimpleRNN(2, stateful=True))


@case(cell=CELLS)
def stateful_gates(k, cell):
    """As `stateful`, with Keras carrying the states by hand.

    Keras' torch back end cannot train its stateful LSTM and GRU: it overwrites the state that the
    backward pass still needs.
    """
    if k.__name__ == "fastrnn":
        return stateful_run(k, rnn(k, cell, UNITS, stateful=True))
    model, states = _with_states(k, cell), [np.zeros((4, UNITS), "float32")] * STATES[cell]
    set_start(model, None)
    trainer = k.Model(model.inputs, model.outputs[0])
    trainer.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")
    x, y = noise(N, T, I).reshape(-1, 4, T, I), noise(N, 1, seed=1).reshape(-1, 4, 1)
    before, *states = model.predict([x[0], *states], verbose=0)
    losses = []
    for _ in range(2):
        epoch = []
        for batch, target in zip(x, y, strict=True):
            inputs = [batch, *states]
            _, *states = model.predict(inputs, verbose=0)
            epoch.append(trainer.train_on_batch(inputs, target))
        losses.append(np.mean(epoch))
    after, *_ = model.predict([x[0], *states], verbose=0)
    return {
        "before": [before],
        "history.loss": losses,
        "after": [after],
        "weights": model.get_weights(),
    }


def _with_states(k, cell):
    """A model of one recurrent layer and Dense(1) that takes and returns the states."""
    x = k.Input((T, I))
    given = [k.Input((UNITS,)) for _ in range(STATES[cell])]
    output, *states = rnn(k, cell, UNITS, return_state=True)(x, initial_state=given)
    return k.Model([x, *given], [k.layers.Dense(1)(output), *states])


@case(cell=CELLS)
def reset_states(k, cell):
    layer = rnn(k, cell, UNITS, stateful=True)
    model = carried(k, layer)
    x = noise(N, T, I)
    set_start(model, x[:4])
    carried_on = predicted(model, x)
    layer.reset_states()
    return {"before": [*carried_on, *predicted(model, x), *predicted(model, x)]}


@case()
def stateful_from_given_states(k):
    """An initial state given to a stateful layer is the state it carries on from."""
    layer = rnn(k, "GRU", UNITS, stateful=True, return_state=True)
    x = noise(4, T, I)
    layer.build(x.shape)
    layer.set_weights(start_weights([w.shape for w in layer.get_weights()]))
    first = layer(x, initial_state=noise(4, UNITS, seed=3))
    return {"before": [as_array(v) for v in (*first, *layer(x))]}


@case(cell=CELLS)
def regularised(k, cell):
    """Kernel, recurrent, bias and activity penalties: each in the loss and in the gradient."""
    r = k.regularizers
    options = {
        "kernel_regularizer": r.L1(0.02),
        "recurrent_regularizer": r.L2(0.03),
        "bias_regularizer": r.L1L2(0.01, 0.02),
    }
    if cell != "SimpleRNN":  # where Keras forgets it
        options["activity_regularizer"] = r.L2(0.05)
    return regression(k, alone(k, cell, **options))


@case(
    option=[
        *("kernel_regularizer", "recurrent_regularizer"),
        *("bias_regularizer", "activity_regularizer"),
    ],
    sequences={"last": False, "sequences": True},
)
def regulariser(k, option, sequences):
    penalty = k.regularizers.L1L2(0.03, 0.04)
    options = {option: penalty, "return_sequences": sequences}
    return regression(k, alone(k, "LSTM", **options))


@case(cell=CELLS)
def constrained(k, cell):
    c = k.constraints
    options = {
        "kernel_constraint": c.MaxNorm(0.4),
        "recurrent_constraint": c.UnitNorm(),
        "bias_constraint": c.NonNeg(),
    }
    return regression(k, alone(k, cell, **options))


@case()
def batch_of_one_row(k):
    return regression(k, alone(k, "LSTM"), batch_size=1, epochs=1)


@case(cell=CELLS)
def any_number_of_steps(k, cell):
    """An input of shape (None, I): batches of unequal length."""
    model = stack(k, rnn(k, cell, UNITS), k.layers.Dense(1), shape=(None, I))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse")

    def batches():
        for steps in (4, 1, 7) * 2:
            yield noise(BATCH, steps, I, seed=5), noise(BATCH, 1, seed=steps)

    return trained(model, batches(), rows=noise(4, 6, I), steps_per_epoch=3)


def two_heads(k):
    """A model with two inputs (steps, static) and two outputs (value, label), all named."""
    steps, static = k.Input((T, I), name="steps"), k.Input((2,), name="static")
    shared = k.layers.Concatenate()([rnn(k, "LSTM", UNITS)(steps), static])
    value = k.layers.Dense(1, name="value")(shared)
    label = k.layers.Dense(3, activation="softmax", name="label")(shared)
    return k.Model([steps, static], [value, label])
