# SPDX-License-Identifier: Apache-2.0
"""The hooks of a callback."""


class Callback:
    """Base of the callbacks: override the hooks that should do something.

    `logs` are the values so far by name, as floats: "loss", the metrics and, at the end of an
    epoch, the same of the validation data with "val_" before the name. What an `on_epoch_end`
    writes into them, later callbacks see and `History` keeps. `epoch` and `batch` count from 0.

    Attributes
    ----------
    model : Model
        What is trained, tested or asked for predictions.
    params : dict
        "verbose", "epochs" and "steps".
    """

    _model = None
    params = None

    def __init__(self):
        pass

    @property
    def model(self):
        return self._model

    def set_model(self, model):
        """Take the model; called before any hook."""
        self._model = model

    def set_params(self, params):
        """Take the parameters of the run; called before any hook."""
        self.params = params

    def on_train_begin(self, logs=None):
        """Called when `fit` begins."""

    def on_train_end(self, logs=None):
        """Called when `fit` ends, with the logs of the last epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        """Called before each epoch."""

    def on_epoch_end(self, epoch, logs=None):
        """Called after each epoch and its validation."""

    def on_batch_begin(self, batch, logs=None):
        """The older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch, logs=None):
        """The older name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch, logs=None):
        """Called before each batch of `fit`."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch, logs=None):
        """Called after each batch of `fit`; logs hold means over the epoch so far."""
        self.on_batch_end(batch, logs=logs)

    def on_test_begin(self, logs=None):
        """Called when `evaluate`, or the validation within `fit`, begins."""

    def on_test_end(self, logs=None):
        """Called when `evaluate`, or the validation within `fit`, ends."""

    def on_test_batch_begin(self, batch, logs=None):
        """Called before each batch of `evaluate`."""

    def on_test_batch_end(self, batch, logs=None):
        """Called after each batch of `evaluate`."""

    def on_predict_begin(self, logs=None):
        """Called when `predict` begins."""

    def on_predict_end(self, logs=None):
        """Called when `predict` ends."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Called before each batch of `predict`."""

    def on_predict_batch_end(self, batch, logs=None):
        """Called after each batch of `predict`, with its "outputs"."""


class LambdaCallback(Callback):
    """A callback made of functions.

    Parameters
    ----------
    **hooks : callable, optional
        By the names of the hooks of `Callback`, taking the same arguments.

    Raises
    ------
    TypeError
        If a name is not that of a hook, or its value cannot be called.
    """

    def __init__(self, on_epoch_begin=None, on_epoch_end=None, on_train_begin=None,
                 on_train_end=None, on_train_batch_begin=None, on_train_batch_end=None, **hooks):
        super().__init__()
        hooks |= {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin, "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin, "on_train_batch_end": on_train_batch_end,
        }
        for name, function in hooks.items():
            if not (name.startswith("on_") and hasattr(Callback, name)):
                raise TypeError(f"LambdaCallback: {name} is not a hook of Callback")
            if function is not None:
                if not callable(function):
                    raise TypeError(f"{name} must be callable, got {type(function).__name__}")
                setattr(self, name, function)
