# SPDX-License-Identifier: Apache-2.0
"""compile, fit, evaluate, predict: how models are trained and used."""

import math
from contextlib import nullcontext

import numpy as np

from .. import callbacks as callback_kinds
from .. import optimizers
from .._common import checks, oldnames
from .._common.notices import warn
from .._common.quiet import quiet
from ..graph.structure import flatten
from ..graph.tape import collecting_penalties
from ..losses.targets import TargetError
from .arrays import as_arrays, row_count
from .class_weights import ClassWeights
from .data import is_iterable_of_batches, split, unpack
from .diagnosis import NotFinite, Place, explained, placed
from .feeding import feed, one_batch
from .objective import Objective
from .oldmethods import WORKERS, OldTrainer
from .outputs import Gathered, unshared
from .plan import Plan

# What a program for Keras may override to train in its own way.
_NOT_CALLED = ("train_step", "test_step", "compute_loss", "compute_metrics")


class Trainer(OldTrainer):
    """The part of a model that trains it; a model gives `run`, which calls its layers."""

    def __init__(self):
        self.optimizer = None
        self.loss = None
        self.stop_training = False
        self.history = None
        self._objective = None
        self._compiled_with = None
        self._plan = None

    # -- compile -----------------------------------------------------------------------------

    @oldnames.arguments(dropped=("sample_weight_mode",))
    def compile(self, optimizer="rmsprop", loss=None, loss_weights=None, metrics=None,
                weighted_metrics=None, run_eagerly=False, steps_per_execution=1,
                jit_compile="auto", auto_scale_loss=True):
        """Choose how to train.

        Parameters
        ----------
        optimizer : str or Optimizer
        loss : str, Loss, None, or a list or dict of them for several outputs
        loss_weights : float, list or dict, optional
        metrics, weighted_metrics : list, or list of lists or dict for several outputs
            Names, metrics or functions of (y_true, y_pred); the latter with sample weights. In
            both only the steps count that the output's mask has: a metric of one's own gets the
            mask as its `sample_weight`, or as a factor of it.
        run_eagerly, steps_per_execution, jit_compile, auto_scale_loss
            Accepted; they change nothing here.

        Raises
        ------
        ValueError
            If a name is not known.
        """
        self.optimizer = optimizers.get(optimizer)
        self.loss = loss
        self._compiled_with = {"loss": loss, "loss_weights": loss_weights, "metrics": metrics,
                               "weighted_metrics": weighted_metrics}
        self._objective = Objective(loss, loss_weights, metrics, weighted_metrics,
                                    self.output_names, self.outputs_like())
        self._objective.check_names()

    @property
    def compiled(self):
        """Whether `compile` was called."""
        return self._objective is not None

    def reset_metrics(self):
        """Begin the running loss and metrics anew."""
        self._objective.reset()

    @property
    def metrics(self):
        """The running loss and the metrics."""
        return self._objective.metrics() if self.compiled else []

    @property
    def metrics_names(self):
        """Names of the values that `evaluate` gives; for a model whose outputs are known, before
        the first batch too."""
        if not self.compiled:
            return []
        objective = self._objective
        if objective.terms is None and self.graph is not None:
            objective = Objective(names=self.output_names, loss=self.loss, **{
                name: self._compiled_with[given] for name, given in (
                    ("loss_weights", "loss_weights"), ("given", "metrics"),
                    ("weighted", "weighted_metrics"))})
            objective.build(self.graph.outputs, self.graph.outputs)
        return list(objective.results())

    def _need_compiled(self, what):
        for name in _NOT_CALLED:
            if hasattr(self, name):
                raise TypeError(f"{type(self).__name__}.{name} would not be called: steps of one's "
                                "own are not supported; loop over train_on_batch instead")
        if not self.compiled:
            raise ValueError(f"call model.compile(optimizer, loss) before {what}")
        if what in ("fit", "train_on_batch") and self.loss is None:
            raise ValueError(f"{what} needs a loss: give one to model.compile")

    # -- steps -------------------------------------------------------------------------------

    def _run_batch(self, batch, training):
        """Return the call, (targets, outputs, masks, weights) and what activities add."""
        x, y, weight = batch
        penalised = collecting_penalties() if self._plan.penalised else nullcontext(())
        with penalised as penalties:
            call = self.run(x, training, keep=training)
        outputs = call.outputs
        count = len(outputs)
        if self._objective.like is None:
            self._objective.assume(call.likeness())
        facts = (self._targets(y, count), outputs, call.masks, self._weights(weight, count))
        return call, facts, sum(penalties)

    @quiet
    def _train_step(self, batch, class_weights=None):
        """Train on a batch; return its loss, which takes in what regularisers add.

        Raises
        ------
        NotFinite
            If the loss is not; the trainable weights stay.
        """
        call, facts, activity = self._run_batch(batch, True)
        if class_weights is not None:
            facts = (*facts[:3], self._objective.weights_of_classes(class_weights, *facts))
        loss, gradients = self._objective.values_and_gradients(*facts)
        loss += activity
        plan = self._plan.complete()
        if not plan.variables:
            warn(f"{self.name} has no weights to train")
        for gradient in plan.gradients:
            gradient.fill(0)
        for variable in plan.regularized:
            loss += variable.add_penalty()
        if not math.isfinite(loss):
            raise NotFinite(loss, facts, activity)
        call.backward(gradients)
        self.optimizer.apply(plan.variables)
        for variable in plan.constrained:
            variable.assign(variable.constraint(variable.value))
        for layer in plan.layers:
            layer.version += 1
        self._objective.update(loss, call.rows, *facts)
        return loss

    @quiet
    def _test_step(self, batch):
        """Take a batch into the running loss and metrics; return its loss."""
        return self._judged(batch)[0]

    @quiet
    def _strict_test_step(self, batch, class_weights=None):
        """As `_test_step`, but a loss that is not finite raises NotFinite."""
        loss, facts, activity = self._judged(batch)
        if not math.isfinite(loss):
            raise NotFinite(loss, facts, activity)

    def _judged(self, batch):
        call, facts, activity = self._run_batch(batch, False)
        loss = self._objective.values(*facts) + activity + self._plan.complete().penalty()
        self._objective.update(loss, call.rows, *facts)
        return loss, facts, activity

    def _targets(self, y, count):
        if count == 1 and type(y) is np.ndarray:
            return [y]
        return self.ordered_targets(y, count)

    def _weights(self, weight, count):
        if weight is None:
            return [None] * count
        if type(weight) is np.ndarray:
            return [weight] * count
        return self.ordered_targets(weight, count, "sample_weight")

    # -- fit ---------------------------------------------------------------------------------

    @oldnames.arguments(dropped=WORKERS)
    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None,
            validation_split=0.0, validation_data=None, shuffle=True, class_weight=None,
            sample_weight=None, initial_epoch=0, steps_per_epoch=None, validation_steps=None,
            validation_batch_size=None, validation_freq=1):
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
        validation = None
        if validation_data is not None:
            parts = ((validation_data, None, None) if is_iterable_of_batches(validation_data)
                     else unpack(tuple(validation_data)))
            size = None if is_iterable_of_batches(parts[0]) else (
                validation_batch_size or batch_size)
            validation = feed(self, *parts, size, validation_steps, remembered=True)
        hooks = callback_kinds.CallbackList(
            callbacks, model=self, add_history=True, epochs=epochs, steps=train.count(),
            verbose=1 if verbose == "auto" else _checked_verbose(verbose),
        )
        self.stop_training = False
        objective = self._objective
        hooks.on_train_begin()
        logs = {}
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

    def check_target_shapes(self, y, output_shapes):
        """Raise where whole targets do not fit outputs of these shapes."""
        targets = self._targets(y, len(output_shapes))
        self._objective.check_shapes(targets, output_shapes)

    # -- evaluate, predict -------------------------------------------------------------------

    @oldnames.arguments(dropped=WORKERS)
    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None,
                 steps=None, callbacks=None, return_dict=False):
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
            callbacks, model=self, verbose=_shown(verbose, data), epochs=1, steps=data.count(),
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

    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """Return the outputs for inputs, as `fit` takes them.

        Returns
        -------
        ndarray, or the structure of the model's outputs

        Raises
        ------
        ValueError
            If the inputs do not fit the model.
        """
        size = 32 if batch_size is None else batch_size
        if (type(x) is np.ndarray and callbacks is None and x.ndim and 0 < len(x) <= size
                and steps is None):
            return self.predict_on_batch(x)
        data = feed(self, x, size=batch_size, steps=steps)
        hooks = callback_kinds.CallbackList(
            callbacks, model=self, verbose=_shown(verbose, data), epochs=1, steps=data.count(),
        )
        hooks.on_predict_begin()
        made, call = Gathered(getattr(data, "rows", None)), None
        for index, (x, _, _) in enumerate(data):
            hooks.on_predict_batch_begin(index)
            call = self.run(x, False, keep=False)
            made.add(call.outputs, x)
            hooks.on_predict_batch_end(index, lambda call=call: {"outputs": call.structure()})
        hooks.on_predict_end()
        if call is None:
            raise ValueError("x must have at least one row, got none")
        return call.packed(made.arrays())

    @quiet
    def predict_on_batch(self, x):
        """Return the outputs for one batch."""
        x = as_arrays("x", x)
        if row_count((x, None, None)) == 0:
            raise ValueError("x must have at least one row, got none")
        x, _, _ = one_batch(self, x)
        call = self.run(x, False, keep=False)
        return call.packed(unshared(call.outputs, x))

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """Train on one batch; return its loss and metrics, as `evaluate` does.

        Raises
        ------
        ValueError, FloatingPointError
            As for `fit`.
        """
        self._need_compiled("train_on_batch")
        weights = None if class_weight is None else ClassWeights(class_weight)
        return self._one_batch(self._train_step, x, y, sample_weight, weights, return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
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


def _shown(verbose, data):
    """Whether evaluate and predict show a bar; by default for more than one batch."""
    if verbose != "auto":
        return _checked_verbose(verbose)
    return int(data.count() != 1)


def _checked_verbose(verbose):
    if verbose not in (0, 1, 2):
        raise ValueError(f'verbose must be "auto", 0, 1 or 2, got {verbose!r}')
    return int(verbose)


def _due(epoch, frequency):
    if isinstance(frequency, int):
        return (epoch + 1) % checks.count("validation_freq", frequency) == 0
    return epoch + 1 in frequency


def _warn_of_end(done, epochs):
    warn(f"training ended after epoch {done} of {epochs}: the data gave no more batches; "
         "a generator must give enough for all epochs, or be something that can be "
         "iterated over again")
