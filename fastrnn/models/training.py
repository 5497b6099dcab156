# SPDX-License-Identifier: Apache-2.0
"""compile, fit, evaluate, predict: how models are trained and used."""

import math
from contextlib import nullcontext

import numpy as np

from .. import callbacks as callback_kinds
from .. import checks, optimizers
from ..structure import convert, flatten
from ..tape import collecting_penalties
from .data import (
    ArrayBatches,
    RememberedBatches,
    as_arrays,
    batches,
    is_iterable_of_batches,
    split,
    unpack,
)
from .objective import Objective

# What a program for Keras may override to train in its own way.
_NOT_CALLED = ("train_step", "test_step", "compute_loss", "compute_metrics")


class _Plan:
    """What the steps of one call of `fit` and its like have in common.

    Attributes
    ----------
    penalised : bool
        Whether a layer has an activity regulariser.
    variables : list of Variable, or None
        The trainable ones; known after the first batch at the latest.
    """

    __slots__ = ("constrained", "gradients", "layers", "model", "penalised", "regularized",
                 "variables", "weight_penalty")

    def __init__(self, model):
        self.model = model
        self.penalised = any(layer.activity_regularizer is not None
                             for layer in model.all_layers())
        self.variables = self.weight_penalty = None

    def complete(self):
        """Find the variables; return self."""
        if self.variables is None:
            self.variables = variables = self.model.trainable_variables
            # Of frozen layers too: their backward adds to them.
            self.gradients = [v.gradient for v in self.model.weights if v.trainable]
            self.regularized = [v for v in variables if v.regularizer is not None]
            self.constrained = [v for v in variables if v.constraint is not None]
            self.layers = list({id(v.owner): v.owner for v in variables}.values())
        return self

    def penalty(self):
        """Return what regularisers of weights add to the loss in a pass that changes none."""
        if self.weight_penalty is None:
            self.weight_penalty = sum(self.model.losses)
        return self.weight_penalty


class Trainer:
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
            Names, metrics or functions of (y_true, y_pred); the latter with sample weights.
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
        """Names of the values that `evaluate` gives."""
        return list(self._objective.results()) if self.compiled else []

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
        if self._objective.like is None:
            self._objective.assume(call.likeness())
        facts = (self._targets(y, len(outputs)), outputs, call.masks, self._weights(weight, call))
        return call, facts, sum(penalties)

    def _train_step(self, batch):
        """Train on a batch; return its loss, which takes in what regularisers add."""
        call, facts, activity = self._run_batch(batch, True)
        loss, gradients = self._objective.values_and_gradients(*facts)
        loss += activity
        plan = self._plan.complete()
        if not plan.variables:
            import warnings

            warnings.warn(f"{self.name} has no weights to train", UserWarning, stacklevel=4)
        for gradient in plan.gradients:
            gradient.fill(0)
        for variable in plan.regularized:
            loss += variable.add_penalty()
        if not math.isfinite(loss):
            return loss
        call.backward(gradients)
        self.optimizer.apply(plan.variables)
        for variable in plan.constrained:
            variable.assign(variable.constraint(variable.value))
        for layer in plan.layers:
            layer.version += 1
        self._objective.update(loss, call.rows, *facts)
        return loss

    def _test_step(self, batch):
        """Take a batch into the running loss and metrics; return its loss."""
        call, facts, activity = self._run_batch(batch, False)
        loss = self._objective.values(*facts) + activity + self._plan.complete().penalty()
        self._objective.update(loss, call.rows, *facts)
        return loss

    def _targets(self, y, count):
        if count == 1 and type(y) is np.ndarray:
            return [y]
        return self.ordered_targets(y, count)

    def _weights(self, weight, call):
        if weight is None:
            return [None] * len(call.outputs)
        if type(weight) is np.ndarray:
            return [weight] * len(call.outputs)
        return self.ordered_targets(weight, len(call.outputs), "sample_weight")

    # -- fit ---------------------------------------------------------------------------------

    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None,
            validation_split=0.0, validation_data=None, shuffle=True, class_weight=None,
            sample_weight=None, initial_epoch=0, steps_per_epoch=None, validation_steps=None,
            validation_batch_size=None, validation_freq=1):
        """Train for a number of epochs.

        Parameters
        ----------
        x : array, list or dict of arrays, generator or other iterable of batches
            An iterable gives (x, y) or (x, y, sample_weight).
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
        class_weight : dict of int to float
        sample_weight : array (N,) or (N, T)
        initial_epoch : int
            Number of epochs done already.
        steps_per_epoch, validation_steps : int
            Batches to take; needed for generators that do not end.
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
        self._plan = _Plan(self)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = split((x, y, sample_weight),
                                                           validation_split)
        train = self._batches(x, y, sample_weight, batch_size, steps_per_epoch, bool(shuffle),
                              class_weight)
        validation = None
        if validation_data is not None:
            parts = ((validation_data, None, None) if is_iterable_of_batches(validation_data)
                     else unpack(tuple(validation_data)))
            size = None if is_iterable_of_batches(parts[0]) else (
                validation_batch_size or batch_size)
            validation = self._batches(*parts, size, validation_steps)
            if hasattr(parts[0], "__next__"):
                validation = RememberedBatches(validation)
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
            objective.reset()
            hooks.on_epoch_begin(epoch)
            self._train_epoch(train, hooks, epoch)
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

    @np.errstate(over="ignore", invalid="ignore")   # what overflows shows in the loss
    def _train_epoch(self, train, hooks, epoch):
        results = self._objective.results
        for index, batch in enumerate(train):
            hooks.on_train_batch_begin(index)
            loss = self._train_step(batch)
            if not math.isfinite(loss):
                if not hooks.stops_on_nan:
                    raise FloatingPointError(_not_finite(loss, epoch, index, batch))
                hooks.on_train_batch_end(index, lambda value=loss: {**results(), "loss": value})
                if self.stop_training:
                    self._objective.total.update_state(loss)
                    return
                continue
            hooks.on_train_batch_end(index, results)
            if self.stop_training:
                return

    def _batches(self, x, y=None, weight=None, size=None, steps=None, shuffle=False,
                 class_weight=None):
        made = batches(x, y, weight, batch_size=size, steps=steps, shuffle=shuffle,
                       class_weight=class_weight)
        parts = getattr(made, "parts", None)
        if parts is not None:
            made.parts = self._prepared(*parts)
            self._check_targets(made)
            return made
        return _Prepared(made, self._prepared)

    def _check_targets(self, data):
        """Refuse targets that fit no output before anything is computed: the error then names the
        arrays as they were given, not a batch of them."""
        if self.graph is not None and self.loss is not None and data.parts[1] is not None:
            shapes = [(data.rows, *tensor.shape[1:]) for tensor in self.graph.outputs]
            self._objective.check_shapes(self._targets(data.parts[1], len(shapes)), shapes)

    def _prepared(self, x, y, weight):
        """Inputs and targets as the model and the losses want them; checked once."""
        x = self.ordered_inputs(x)
        self.check_missing(x)
        return x, convert(self._as_floats, y), convert(self._as_floats, weight)

    def _as_floats(self, array):
        """Floats in the outputs' dtype; labels stay integers."""
        if array.dtype.kind == "f":
            return array.astype(self.output_dtype(self.dtype.name), copy=False)
        return array.astype(np.int64) if array.dtype.kind == "b" else array

    # -- evaluate, predict -------------------------------------------------------------------

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
        self._plan = _Plan(self)
        data = self._batches(x, y, sample_weight, batch_size, steps)
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
        for index, batch in enumerate(data):
            hooks.on_test_batch_begin(index)
            self._test_step(batch)
            hooks.on_test_batch_end(index, objective.results)
        logs = objective.results()
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
        data = self._batches(x, size=batch_size, steps=steps)
        hooks = callback_kinds.CallbackList(
            callbacks, model=self, verbose=_shown(verbose, data), epochs=1, steps=data.count(),
        )
        hooks.on_predict_begin()
        made, call = [], None
        for index, (x, _, _) in enumerate(data):
            hooks.on_predict_batch_begin(index)
            call = self.run(x, False, keep=False)
            made.append(_unshared(call.outputs, x))
            hooks.on_predict_batch_end(index, lambda call=call: {"outputs": call.structure()})
        hooks.on_predict_end()
        if call is None:
            raise ValueError("x must have at least one row, got none")
        return call.packed([np.concatenate(parts) for parts in zip(*made, strict=True)])

    def predict_on_batch(self, x):
        """Return the outputs for one batch."""
        x, _, _ = self._prepared(*ArrayBatches(x).parts)
        call = self.run(x, False, keep=False)
        return call.packed(_unshared(call.outputs, x))

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """Train on one batch; return its loss and metrics, as `evaluate` does.

        Raises
        ------
        ValueError, FloatingPointError
            As for `fit`.
        """
        self._need_compiled("train_on_batch")
        return self._one_batch(self._train_step, x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """Return the loss and metrics of one batch, as `evaluate` does."""
        self._need_compiled("test_on_batch")
        return self._one_batch(self._test_step, x, y, sample_weight, None, return_dict)

    def _one_batch(self, step, x, y, sample_weight, class_weight, return_dict):
        self._plan = _Plan(self)
        x = as_arrays("x", x)
        rows = len(flatten(x)[0])
        data = self._batches(x, y, sample_weight, max(1, rows), None, False, class_weight)
        self._objective.reset()
        batch = next(iter(data))
        loss = step(batch)
        if not math.isfinite(loss):
            raise FloatingPointError(_not_finite(loss, None, None, batch))
        return _as_given(self._objective.results(), return_dict)


class _Prepared:
    """Batches of an iterable, each made ready."""

    def __init__(self, source, prepare):
        self.source, self.prepare = source, prepare

    def count(self):
        return self.source.count()

    def restart(self):
        self.source.restart()

    def __iter__(self):
        for batch in self.source:
            yield self.prepare(*batch)


def _as_given(logs, as_dict):
    """Values as evaluate gives them: by name, or the loss first, alone where it is alone."""
    if as_dict:
        return dict(sorted(logs.items()))
    values = list(logs.values())
    return values[0] if len(values) == 1 else values


def _unshared(outputs, x):
    """The outputs, copied where they are parts of the inputs or of each other."""
    seen, own = set(map(id, flatten(x))), []
    for array in outputs:
        handed_on = id(array) in seen or not array.flags.owndata
        seen.add(id(array))
        own.append(array.copy() if handed_on else array)
    return own


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


def _not_finite(loss, epoch, index, batch):
    where = "" if epoch is None else f" in epoch {epoch + 1}, batch {index + 1}"
    text = f"the loss became {loss}{where}; the trainable weights are those before that batch"
    for name, part in zip(("targets", "sample weights"), batch[1:], strict=True):
        for leaf in flatten(part):
            if leaf is not None and leaf.dtype.kind == "f" and not np.isfinite(leaf).all():
                return f"{text}: its {name} have NaN or infinity"
    return f"{text}: a smaller learning rate or clipnorm may help"
