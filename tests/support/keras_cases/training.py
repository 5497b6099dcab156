# SPDX-License-Identifier: Apache-2.0
"""Optimisers, clipping, decay and schedules."""

from .figures import RATE, UNITS, I, N, T, noise, stack, trained
from .recurrent import rnn
from .registry import case

OPTIMISERS = {
    "sgd": ("SGD", {}),
    "momentum": ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    "nesterov": ("SGD", {"learning_rate": 0.05, "momentum": 0.8, "nesterov": True}),
    "rmsprop": ("RMSprop", {}),
    "rmsprop_options": ("RMSprop", {"learning_rate": 0.01, "rho": 0.8, "epsilon": 1e-3}),
    "rmsprop_momentum": ("RMSprop", {"learning_rate": 0.01, "momentum": 0.7}),
    "rmsprop_centred": ("RMSprop", {"learning_rate": 0.005, "centered": True, "epsilon": 1e-3}),
    "adam": ("Adam", {}),
    "adam_options": (
        "Adam",
        {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-4},
    ),
    "adam_amsgrad": ("Adam", {"learning_rate": 0.02, "amsgrad": True}),
    "adam_decay": ("Adam", {"learning_rate": 0.02, "weight_decay": 0.1}),
    "adamw": ("AdamW", {"learning_rate": 0.02}),
    "adamw_decay": ("AdamW", {"learning_rate": 0.02, "weight_decay": 0.2}),
    "sgd_decay": ("SGD", {"learning_rate": 0.05, "weight_decay": 0.1}),
}
CLIPS = {
    "clipnorm": {"clipnorm": 0.1},
    "clipvalue": {"clipvalue": 0.02},
    "global_clipnorm": {"global_clipnorm": 0.2},
    "loose": {"clipnorm": 100.0},
}
# name -> (class of schedule, its options); ten steps are taken
SCHEDULES = {
    "exponential": ("ExponentialDecay", (RATE, 3, 0.5), {}),
    "exponential_staircase": ("ExponentialDecay", (RATE, 3, 0.5), {"staircase": True}),
    "piecewise": ("PiecewiseConstantDecay", ([2, 5], [RATE, 0.05, 0.2]), {}),
    "cosine": ("CosineDecay", (RATE, 8), {}),
    "cosine_alpha": ("CosineDecay", (RATE, 6), {"alpha": 0.1}),
    "cosine_warm": ("CosineDecay", (0.01, 5), {"warmup_target": RATE, "warmup_steps": 4}),
    "cosine_restarts": ("CosineDecayRestarts", (RATE, 3), {"t_mul": 1.5, "m_mul": 0.8}),
    "inverse_time": ("InverseTimeDecay", (RATE, 2, 0.5), {}),
    "inverse_time_staircase": ("InverseTimeDecay", (RATE, 2, 0.5), {"staircase": True}),
    "polynomial": ("PolynomialDecay", (RATE, 7, 0.01), {"power": 2.0}),
    "polynomial_cycle": ("PolynomialDecay", (RATE, 3, 0.01), {"cycle": True}),
}


def learned(k, optimizer, epochs=2, **options):
    """Figures of an LSTM after six steps by default."""
    model = stack(k, rnn(k, "LSTM", UNITS), k.layers.Dense(2))
    model.compile(optimizer=optimizer, loss="mse")
    x, y = noise(N, T, I), noise(N, 2, seed=1)
    return trained(model, x, y, batch_size=4, epochs=epochs, **options)


def made(k, name, options):
    return getattr(k.optimizers, name)(**options)


@case(optimizer=OPTIMISERS)
def optimiser(k, optimizer):
    return learned(k, made(k, *optimizer), epochs=3)


@case(name=["sgd", "rmsprop", "adam", "adamw", "SGD", "RMSprop", "Adam", "AdamW"])
def by_name(k, name):
    return learned(k, name)


@case()
def default(k):
    """compile without an optimiser."""
    model = stack(k, rnn(k, "LSTM", UNITS), k.layers.Dense(2))
    model.compile(loss="mse")
    return trained(model, noise(N, T, I), noise(N, 2, seed=1))


@case(
    optimizer={name: OPTIMISERS[name] for name in ("momentum", "rmsprop", "adam", "adamw")},
    clip=CLIPS,
)
def clipped(k, optimizer, clip):
    name, options = optimizer
    return learned(k, made(k, name, options | clip))


@case(schedule=SCHEDULES)
def schedule(k, schedule):
    name, arguments, options = schedule
    rate = getattr(k.optimizers.schedules, name)(*arguments, **options)
    return learned(k, k.optimizers.SGD(rate), epochs=4)


@case(optimizer={"momentum": ("SGD", {"momentum": 0.9}), "adam": ("Adam", {})})
def scheduled_and_clipped(k, optimizer):
    name, options = optimizer
    rate = k.optimizers.schedules.ExponentialDecay(0.02, 2, 0.8)
    return learned(k, made(k, name, {"learning_rate": rate, "global_clipnorm": 0.3, **options}))


@case()
def decay_spares_what_is_excluded(k):
    optimizer = k.optimizers.AdamW(0.02, weight_decay=0.3)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return learned(k, optimizer)


@case()
def embedding_rows_not_seen(k):
    """Adam goes on moving rows of an Embedding whose gradient is zero."""
    model = stack(k, k.layers.Embedding(6, 3), rnn(k, "GRU", UNITS), k.layers.Dense(1), shape=(T,))
    model.compile(optimizer=k.optimizers.Adam(0.02), loss="mse")
    x = (noise(N, T) > 0).astype("int32")
    x[:4] += 2
    return trained(model, x, noise(N, 1, seed=1), batch_size=4)


@case(way=["set", "assign"])
def learning_rate_set_between_fits(k, way):
    model = stack(k, rnn(k, "LSTM", UNITS), k.layers.Dense(2))
    model.compile(optimizer=k.optimizers.Adam(0.02), loss="mse")
    x, y = noise(N, T, I), noise(N, 2, seed=1)
    first = trained(model, x, y)
    if way == "set":
        model.optimizer.learning_rate = 0.001
    else:
        model.optimizer.learning_rate.assign(0.001)
    history = model.fit(x, y, batch_size=4, shuffle=False, verbose=0).history
    return first | {
        "history.second": [*history["loss"], float(model.optimizer.learning_rate)],
        "weights.second": model.get_weights(),
    }
