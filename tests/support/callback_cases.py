# SPDX-License-Identifier: Apache-2.0
"""What callbacks need of a model, and runs of logs."""

import numpy as np
import pytest

from fastrnn.optimizers import SGD


class Model:
    """What callbacks need of a model; its weights are the number of the epoch."""

    metrics = ()  # Keras' callbacks ask for them

    def __init__(self, optimizer=None):
        self.optimizer = optimizer or SGD(0.5)
        self.stop_training = False
        self.weights = [np.zeros(1)]
        self.saved = []

    def get_weights(self):
        return [weight.copy() for weight in self.weights]

    def set_weights(self, weights):
        self.weights = [weight.copy() for weight in weights]

    def save(self, path, overwrite=True):
        self.saved.append(("model", path, float(self.weights[0][0])))

    def save_weights(self, path, overwrite=True):
        self.saved.append(("weights", path, float(self.weights[0][0])))


def run(callback, epochs, model=None, batches=()):
    """Replay the logs of epochs, each after its batches; return what every epoch left behind."""
    model = model or Model()
    callback.set_model(model)
    callback.set_params({"verbose": 0, "epochs": len(epochs), "steps": len(batches)})
    callback.on_train_begin()
    seen = []
    for epoch, logs in enumerate(epochs):
        callback.on_epoch_begin(epoch)
        for batch, batch_logs in enumerate(batches):
            callback.on_train_batch_begin(batch)
            callback.on_train_batch_end(batch, logs=batch_logs)
        model.weights[0][...] = epoch + 1
        logs = dict(logs)
        callback.on_epoch_end(epoch, logs)
        seen.append((float(model.optimizer.learning_rate), logs))
        if model.stop_training:
            break
    callback.on_train_end({})
    return model, seen


def losses_of(rng, count=30):
    """Values that fall, stay and rise, with some that are equal."""
    values = np.cumsum(rng.standard_normal(count) - 0.15)
    return [{"val_loss": float(v), "loss": float(v) / 2, "accuracy": -float(v)}
            for v in np.round(values, 1)]


def assert_alike(seen, oracle):
    assert len(seen) == len(oracle)
    for (rate, logs), (oracle_rate, oracle_logs) in zip(seen, oracle, strict=True):
        assert rate == pytest.approx(oracle_rate, rel=1e-6)
        assert logs == pytest.approx(oracle_logs, rel=1e-6)
