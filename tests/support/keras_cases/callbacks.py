# SPDX-License-Identifier: Apache-2.0
"""Callbacks that change the run they watch."""

import tempfile

from .feeding import VALIDATION, X, Y
from .figures import RATE, UNITS, predicted, stack, trained
from .models import simple
from .recurrent import rnn
from .registry import case

# Rates of the epochs of a run whose loss falls and rises.
UNEVEN = [0.1, 0.2, 0.1, 1.5, 2.0, 0.1, 2.5, 0.1]

STOPS = {
    "patience": {"monitor": "loss", "patience": 1},
    "no_patience": {"monitor": "loss", "patience": 0},
    "restored": {"monitor": "loss", "patience": 1, "restore_best_weights": True},
    "restored_at_the_end": {"monitor": "loss", "patience": 9, "restore_best_weights": True},
    "validation": {"patience": 2, "restore_best_weights": True},
    "min_delta": {"monitor": "loss", "min_delta": 0.05},
    "late": {"monitor": "loss", "start_from_epoch": 3, "restore_best_weights": True},
    "baseline": {"monitor": "loss", "baseline": 0.1, "patience": 2},
    "largest": {"monitor": "val_mae", "mode": "max", "patience": 2, "restore_best_weights": True},
}


def bounded(k):
    """A model that no rate can make diverge: its output is a tanh."""
    model = stack(k, rnn(k, "GRU", UNITS), k.layers.Dense(1, activation="tanh"))
    model.compile(optimizer=k.optimizers.SGD(RATE), loss="mse", metrics=["mae"])
    return model


def uneven(k, model, *callbacks):
    """A run of up to eight epochs whose loss rises and falls."""
    scheduler = k.callbacks.LearningRateScheduler(lambda epoch: UNEVEN[epoch])
    options = {"validation_data": VALIDATION, "epochs": len(UNEVEN)}
    return trained(model, X, Y, callbacks=[scheduler, *callbacks], **options)


@case(options=STOPS)
def early_stopping(k, options):
    return uneven(k, bounded(k), k.callbacks.EarlyStopping(**options))


@case(
    options={
        "plain": {"monitor": "loss", "factor": 0.5, "patience": 1},
        "floor": {"monitor": "loss", "factor": 0.1, "patience": 1, "min_lr": 0.4},
        "cooldown": {"monitor": "loss", "factor": 0.5, "patience": 1, "cooldown": 2},
        "validation": {"factor": 0.3, "patience": 1, "min_delta": 0.05},
        "largest": {"monitor": "val_mae", "mode": "max", "factor": 0.5, "patience": 1},
    }
)
def reduce_on_plateau(k, options):
    """From a rate at which the loss does not fall for long."""
    model = bounded(k)
    model.optimizer.learning_rate = 1.5
    plateau = k.callbacks.ReduceLROnPlateau(**options)
    options = {"validation_data": VALIDATION, "epochs": 8, "callbacks": [plateau]}
    return trained(model, X, Y, **options)


@case()
def scheduler_of_epoch_and_rate(k):
    def rate(epoch, present):
        return present * 0.7 if epoch else present

    model = simple(k)
    scheduler = k.callbacks.LearningRateScheduler(rate)
    return trained(model, X, Y, epochs=4, callbacks=[scheduler])


@case()
def own_callback(k):
    """Hooks see the epochs, the batches and the logs, and may stop the run."""
    seen = []

    class Watch(k.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(float(logs["loss"]))

        def on_epoch_end(self, epoch, logs=None):
            seen.append(float(logs["val_mae"]))
            if epoch == 1:
                self.model.stop_training = True

    options = {"validation_data": VALIDATION, "epochs": 5, "callbacks": [Watch()]}
    return trained(simple(k), X, Y, **options) | {"history.seen": seen}


@case()
def stopped_within_an_epoch(k):
    class Stop(k.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    return trained(simple(k), X, Y, epochs=3, callbacks=[Stop()])


@case()
def lambda_callback(k):
    seen = []
    spy = k.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(logs["loss"]),
        on_train_batch_begin=lambda batch, logs: seen.append(batch),
    )
    return trained(simple(k), X, Y, callbacks=[spy]) | {"history.seen": [float(v) for v in seen]}


@case()
def best_weights_in_a_file(k):
    """ModelCheckpoint keeps the best epoch; its weights are read back."""
    ending = "h5" if k.__name__ == "keras" else "safetensors"
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/best.weights.{ending}"
        keep = k.callbacks.ModelCheckpoint(
            path, monitor="loss", save_best_only=True, save_weights_only=True
        )
        model = bounded(k)
        figures = uneven(k, model, keep)
        model.load_weights(path)
    best = {"weights.best": model.get_weights(), "after.best": predicted(model, X)}
    return figures | best
