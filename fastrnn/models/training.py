# SPDX-License-Identifier: Apache-2.0
"""fit and evaluate: epochs of batches, with callbacks around them."""

from collections.abc import Collection
from typing import Any

from .. import callbacks as callback_kinds
from .._common import checks, oldnames
from .._common.notices import warn
from .._common.quiet import quiet
from ..callbacks import History
from ..callbacks.base import Callbacks
from ..graph.structure import flatten
from ..losses.targets import TargetError
from .arrays import as_arrays
from .class_weights import ClassWeights
from .data import is_iterable_of_batches, split, unpack
from .diagnosis import NotFinite, Place, explained, placed
from .feeding import feed
from .oldmethods import WORKERS, OldTrainer
from .plan import Plan
from .prediction import Predicting
from .steps import Steps
from .verbosity import checked, verbosity


class Trainer(Steps, Predicting, OldTrainer):
    """The part of a model that trains it."""

    def __init__(self) -> None:
        super().__init__()
        self.stop_training = False
        self.history: History | Any = None      # Any: None before the first fit

    @oldnames.arguments(dropped=WORKERS)
    def fit(self, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1,
            verbose: int | str = "auto", callbacks: Callbacks = None,
            validation_split: float = 0.0, validation_data: Any = None, shuffle: bool = True,
            class_weight: dict[Any, Any] | list[Any] | None = None, sample_weight: Any = None,
            initial_epoch: int = 0, steps_per_epoch: int | None = None,
            validation_steps: int | None = None, validation_batch_size: int | None = None,
            validation_freq: int | Collection[int] = 1) -> History:
        """Train for a number of epochs.

        Parameters
        ----------
        x : array, list or dict of arrays, generator or other iterable of batches
            An iterable, such as a `PyDataset` or a DataLoader of torch, gives (x, y) or
            (x, y, sample_weight); a dict may have inputs and targets by their names.
            Arrays may be of any numbers, in memory or in a file (``numpy.memmap``, HDF5): they
            are read and cast batch by batch. So it is for `y` and `sample_weight`.
        y : array, or list or dict of arrays
            Targets, shaped as the losses want them for the outputs.
        batch_size : int
            32 by default.
        epochs : int
            Number of the last epoch.
        verbose : {"auto", 0, 1, 2}
            1: a bar for each epoch, 2: a line; "auto" is 1.
        callbacks : list of Callback
        validation_split : float
            Share of the rows, the last ones, to validate on.
        validation_data : tuple (x, y) or (x, y, sample_weight), or an iterable of batches
        shuffle : bool
            Whether the rows are in another order in each epoch.
        class_weight : dict of int to float, or list or dict by output of such dicts
            What each row or, where an output has steps, each step weighs by the class that is its
            target; classes that are not there weigh 1. Sample weights given beside it are
            multiplied with it; batches of an iterable must not have any.
        sample_weight : array (N,) or (N, T)
            Targets of rows or steps of weight 0 are not looked at, as those of masked steps.
        initial_epoch : int
            Number of epochs done already.
        steps_per_epoch, validation_steps : int
            Batches to take; needed for generators that do not end. Where the data end before,
            a warning says so; training ends there if nothing more is to come, with the history
            of what was trained.
        validation_batch_size : int
        validation_freq : int or list of int
            Validate every so many epochs, or after these.

        Returns
        -------
        History
            ``history.history`` has a list of the values of each epoch by name.

        Raises
        ------
        ValueError
            If the model is not compiled, or shapes, labels or numbers of rows do not fit, or
            the inputs have a NaN and the model does not begin with ``Masking(nan=True)``.
        FloatingPointError
            If the loss is no longer finite (with the callback TerminateOnNaN, training stops
            instead); the trainable weights stay as they were before that batch.
        """
        self._need_compiled("fit")
        weights = None if class_weight is None else ClassWeights(class_weight)
        self._plan = Plan(self)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = split((x, y, sample_weight),
                                                           validation_split)
        train = feed(self, x, y, sample_weight, batch_size, steps_per_epoch, bool(shuffle),
                     class_weight)
        validation = None if validation_data is None else self._validation_feed(
            validation_data, validation_batch_size or batch_size, validation_steps)
        hooks = callback_kinds.CallbackList(
            callbacks, model=self, add_history=True, epochs=epochs, steps=train.count(),
            verbose=1 if verbose == "auto" else checked(verbose),
        )
        self.stop_training = False
        objective = self._objective
        hooks.on_train_begin()
        logs: dict[str, Any] = {}
        epochs = checks.count("epochs", epochs, minimum=0)
        for epoch in range(checks.count("initial_epoch", initial_epoch, minimum=0), epochs):
            if train.ended:
                _warn_of_end(epoch, epochs)
                break
            objective.reset()
            hooks.on_epoch_begin(epoch)
            if not self._train_epoch(train, hooks, epoch, weights):
                _warn_of_end(epoch, epochs)
                break
            logs = objective.results()
            if validation is not None and _due(epoch, validation_freq):
                logs |= {f"val_{name}": value
                         for name, value in self._evaluate(validation, hooks).items()}
            logs = dict(sorted(logs.items()))
            hooks.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        self._settle()
        hooks.on_train_end(logs)
        return self.history

    def _validation_feed(self, data, batch_size, steps):
        parts = ((data, None, None) if is_iterable_of_batches(data) else unpack(tuple(data)))
        size = None if is_iterable_of_batches(parts[0]) else batch_size
        return feed(self, *parts, size, steps, remembered=True)

    def _settle(self):
        """Put in place what the optimiser keeps for the end of training."""
        plan = self._plan
        if self.optimizer.use_ema and plan.variables:
            self.optimizer.finalize_variable_values(plan.variables)
            for layer in plan.layers:
                layer.version += 1

    def _train_epoch(self, train, hooks, epoch, class_weights):
        """Train on the batches of an epoch; return whether there was one."""
        results, index = self._objective.results, None
        for index, batch in enumerate(train):
            hooks.on_train_batch_begin(index)
            try:
                self._train_step(batch, class_weights)
            except TargetError as error:
                raise placed(error, batch[1], _place(train, epoch, index)) from None
            except NotFinite as error:
                if not hooks.stops_on_nan:
                    place = _place(train, epoch, index)
                    raise FloatingPointError(
                        explained(error, self, batch, place, class_weights)) from None
                loss = error.loss
                hooks.on_train_batch_end(index, lambda value=loss: {**results(), "loss": value})
                if self.stop_training:
                    self._objective.total.update_state(loss)
                    break
                continue
            hooks.on_train_batch_end(index, results)
            if self.stop_training:
                break
        return index is not None

    @oldnames.arguments(dropped=WORKERS)
    def evaluate(self, x: Any = None, y: Any = None, batch_size: int | None = None,
                 verbose: int | str = "auto", sample_weight: Any = None, steps: int | None = None,
                 callbacks: Callbacks = None, return_dict: bool = False) -> Any:
        """Return the loss and metrics on data, as `fit` takes them.

        Returns
        -------
        float, list of float, or dict
            The loss alone where there are no metrics; a dict with `return_dict`.

        Raises
        ------
        ValueError
            As for `fit`.
        """
        self._need_compiled("evaluate")
        self._plan = Plan(self)
        data = feed(self, x, y, sample_weight, batch_size, steps)
        hooks = callback_kinds.CallbackList(
            callbacks, model=self, verbose=verbosity(verbose, data), epochs=1, steps=data.count(),
        )
        logs = self._evaluate(data, hooks)
        return _as_given(logs, return_dict)

    def _evaluate(self, data, hooks):
        objective = self._objective
        objective.reset()
        data.restart()
        self._plan.weight_penalty = None
        hooks.on_test_begin()
        index = None
        for index, batch in enumerate(data):
            hooks.on_test_batch_begin(index)
            try:
                self._test_step(batch)
            except TargetError as error:
                raise placed(error, batch[1], Place("", data.rows_given())) from None
            hooks.on_test_batch_end(index, objective.results)
        logs = {} if index is None else objective.results()
        if index is None:
            warn("the validation data gave no more batches: there are no values of theirs")
        hooks.on_test_end(logs)
        return logs

    def train_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None,
                       class_weight: dict[Any, Any] | list[Any] | None = None,
                       return_dict: bool = False) -> Any:
        """Train on one batch; return its loss and metrics, as `evaluate` does.

        Raises
        ------
        ValueError, FloatingPointError
            As for `fit`.
        """
        self._need_compiled("train_on_batch")
        weights = None if class_weight is None else ClassWeights(class_weight)
        return self._one_batch(self._train_step, x, y, sample_weight, weights, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None,
                      return_dict: bool = False) -> Any:
        """Return the loss and metrics of one batch, as `evaluate` does."""
        self._need_compiled("test_on_batch")
        return self._one_batch(self._strict_test_step, x, y, sample_weight, None, return_dict)

    @quiet
    def _one_batch(self, step, x, y, sample_weight, class_weights, return_dict):
        self._plan = Plan(self)
        x = as_arrays("x", x)
        rows = len(flatten(x)[0])
        data = feed(self, x, y, sample_weight, max(1, rows))
        self._objective.reset()
        batch = next(iter(data))
        try:
            step(batch, class_weights)
        except TargetError as error:
            raise placed(error, batch[1], Place()) from None
        except NotFinite as error:
            raise FloatingPointError(explained(error, self, batch, None, class_weights)) from None
        return _as_given(self._objective.results(), return_dict)


def _place(train, epoch, index):
    return Place(f" in epoch {epoch + 1}, batch {index + 1}", train.rows_given())


def _as_given(logs, as_dict):
    """Values as evaluate gives them: by name, or the loss first, alone where it is alone."""
    if as_dict:
        return dict(sorted(logs.items()))
    values = list(logs.values())
    return values[0] if len(values) == 1 else values


def _due(epoch, frequency):
    if isinstance(frequency, int):
        return (epoch + 1) % checks.count("validation_freq", frequency) == 0
    return epoch + 1 in frequency


def _warn_of_end(done, epochs):
    warn(f"training ended after epoch {done} of {epochs}: the data gave no more batches; "
         "a generator must give enough for all epochs, or be something that can be "
         "iterated over again")
