# SPDX-License-Identifier: Apache-2.0
"""What a model is trained for and judged by: losses and metrics of all its outputs.

Outputs, targets and weights come as flat lists, in the order of the model's outputs.
"""

from operator import itemgetter
from typing import Any

import numpy as np

from .. import losses, metrics
from ..graph.structure import flatten
from ..losses.targets import TargetError
from ..losses.weights import counted, weights_with_mask
from ..metrics import Metric
from .by_output import Outputs
from .class_weights import ClassWeights


class _Term:
    """One loss of one output."""

    __slots__ = ("index", "loss", "name", "shapes", "tracker", "weight")

    def __init__(self, index: int, loss: losses.Loss, weight: float | None, name: str) -> None:
        self.index, self.loss, self.weight, self.name = index, loss, weight, name
        self.shapes: tuple[Any, ...] | None = None
        self.tracker: metrics.Mean | None = None


class Objective:
    """Losses and metrics, assigned to outputs when their shapes are first seen.

    Parameters
    ----------
    loss : str, Loss, None, or list or dict of them
        One for all outputs, or one for each; an output whose loss is None has none.
    loss_weights : float, list or dict of float, optional
        Factors of the losses in their sum.
    given, weighted : list or dict of metrics, or None
        Metrics without and with the sample weights.
    names : list of str, or None
        The outputs' names.
    like : structure, or None
        That of the outputs, where it is known.

    Attributes
    ----------
    outputs : Outputs
        Told their structure by `Outputs.assume` where it is not known before the first batch.
    """

    def __init__(self, loss: Any, loss_weights: Any, given: dict[str, Any] | list[Any] | None,
                 weighted: dict[str, Any] | list[Any] | None, names: list[str] | None,
                 like: Any = None) -> None:
        self.loss, self.loss_weights = loss, loss_weights
        self.given, self.weighted = given, weighted
        self.outputs = Outputs(names, like)
        self.total = metrics.Mean(name="loss")
        self.terms: list[_Term] | None = None
        self._trackers: list[metrics.Mean] = []
        # (index of the output, whether weighted, name in logs, metric)
        self._metrics: list[tuple[int, bool, str, Metric]] = []

    # -- assignment --------------------------------------------------------------------------

    def check_names(self) -> None:
        """Raise for names of losses and metrics that are not known."""
        for loss in flatten(self.loss):
            losses.check(loss)
        for metric in flatten([self.given, self.weighted]):
            metrics.check(metric)

    def build(self, targets: list[Any], outputs: list[Any]) -> None:
        """Assign losses and metrics to outputs, of which only the shapes are looked at."""
        count = len(outputs)
        names = self.outputs.names_of(count)
        given = self.outputs.each(self.loss, names, count, "loss")
        weights = self.outputs.each(self.loss_weights, names, count, "loss_weights")
        self.terms, self._trackers = [], []
        for index, (loss, weight) in enumerate(zip(given, weights, strict=True)):
            if loss is not None and targets[index] is not None:
                loss = losses.resolve(loss, targets[index].shape, outputs[index].shape)
                name = self.outputs.name_of_loss(index, loss, names)
                self.terms.append(_Term(index, loss, weight, name))
        if not self.terms and any(loss is not None for loss in given):
            raise ValueError("no output has both a loss and targets: give y, shaped like the "
                             "outputs")
        if len(self.terms) > 1:
            for term in self.terms:
                term.tracker = metrics.Mean(name=f"{term.name}_loss")
            self._trackers = [term.tracker for term in self.outputs.listed(self.terms, self.loss)]
        self._metrics = []
        self._add_metrics(self.given, False, targets, outputs, names, "metrics")
        self._add_metrics(self.weighted, True, targets, outputs, names, "weighted_metrics")

    def _add_metrics(self, given, weighted, targets, outputs, names, argument):
        if not given:
            return
        count = len(outputs)
        wanted_for = [k for k, target in enumerate(targets) if target is not None]
        if len(wanted_for) == 1 and not isinstance(given, dict) and not _is_for_each(given, count):
            # The others, such as states that a call returns, are not judged.
            names, per_output = None, [[]] * count
            per_output[wanted_for[0]] = flatten(given)
        else:
            per_output = self._metrics_of_each(given, names, count, argument)
            if self.outputs.are_nested:
                names = None
        taken = {name for _, _, name, _ in self._metrics}
        for index, wanted in enumerate(per_output):
            for identifier in wanted:
                if identifier is None:
                    continue
                if targets[index] is None:
                    raise ValueError(f"{argument} are given for an output without targets")
                metric = metrics.resolve(identifier, targets[index].shape, outputs[index].shape)
                prefix = f"{names[index]}_" if count > 1 and names else ""
                name = _unique(prefix, metric.name, taken, weighted)
                taken.add(name)
                self._metrics.append((index, weighted, name, metric))

    def _metrics_of_each(self, given, names, count, argument):
        if isinstance(given, dict):
            return [flatten(value) if value is not None else []
                    for value in self.outputs.each(given, names, count, argument)]
        if len(given) != count:
            raise ValueError(f"{argument} must be a list with one entry for each of the {count} "
                             f"outputs or a dict by their names, got {len(given)} entries")
        return [flatten(value) for value in given]

    def ordered(self, what: str, given: Any, count: int) -> list[Any]:
        """Return targets or sample weights as a list, one for each of `count` outputs, None for
        none.

        Raises
        ------
        ValueError
            If a name is unknown, that of an output with a loss is missing, or there are too many.
        """
        if given is None:
            return [None] * count
        if isinstance(given, dict):
            return self._by_name(what, given, count)
        values = flatten(given)
        if len(values) > count:
            raise ValueError(f"the model has {count} outputs, got {len(values)} {what}")
        if len(values) == count:
            return values
        # Outputs without targets, such as states that a call returns, are not trained for.
        ordered: list[Any] = [None] * count
        for value, place in zip(values, self.places(count), strict=False):
            ordered[place] = value
        return ordered

    def _by_name(self, what, given, count):
        values = self.outputs.by_name(what, given, count)
        missing = [self.outputs.names[k] for k in self.places(count) if values[k] is None]
        if missing and what == "targets":
            raise ValueError(f"{what} for {', '.join(missing)} are missing; got "
                             f"{', '.join(map(str, given))}. An output that is not trained for "
                             "has the loss None")
        return values

    def places(self, count: int) -> list[int]:
        """Return which of `count` outputs want a target, in their order."""
        losses_given = self.outputs.each(self.loss, self.outputs.names, count, "loss")
        return [k for k, loss in enumerate(losses_given) if loss is not None]

    def check_shapes(self, targets: list[Any], output_shapes: list[tuple[Any, ...]]) -> None:
        """Raise where whole targets do not fit the outputs they are for.

        Parameters
        ----------
        targets : list of ndarray or None
        output_shapes : list of tuple
            Those with a size that is not known, None, are not looked at.

        Raises
        ------
        ValueError
            Naming both shapes.
        """
        given = self.outputs.each(self.loss, self.outputs.names, len(output_shapes), "loss")
        for target, shape, loss in zip(targets, output_shapes, given, strict=True):
            if loss is not None and target is not None and None not in shape:
                losses.resolve(loss, target.shape, shape).check(target.shape, shape)

    # -- values ------------------------------------------------------------------------------

    def values_and_gradients(self, targets: list[Any], outputs: list[np.ndarray], masks: list[Any],
                             weights: list[Any]) -> tuple[float, list[np.ndarray | None]]:
        """Return the weighted sum of the losses and its gradient by each output.

        Parameters
        ----------
        targets, outputs : list of ndarray
            A target that is None takes its output out of the losses.
        masks : list of ndarray or None
        weights : list of ndarray or None
            Sample weights.

        Raises
        ------
        ValueError
            If a target's shape does not fit its output, or a label is out of range.
        """
        total = 0.0
        gradients: list[np.ndarray | None] = [None] * len(outputs)
        for term in self._checked_terms(targets, outputs):
            index, y_pred = term.index, outputs[term.index]
            try:
                value, gradient = term.loss.value_and_gradient(targets[index], y_pred,
                                                               weights[index], masks[index])
            except TargetError as error:
                error.output = index
                raise
            if term.tracker is not None:
                term.tracker.update_state(value, len(y_pred))
            if term.weight is not None:
                value, gradient = value * term.weight, gradient * term.weight
            total += value
            gradients[index] = gradient
        return total, gradients

    def values(self, targets: list[Any], outputs: list[np.ndarray], masks: list[Any],
               weights: list[Any]) -> float:
        """Return the weighted sum of the losses; see `values_and_gradients`."""
        total = 0.0
        for term in self._checked_terms(targets, outputs):
            index, y_pred = term.index, outputs[term.index]
            try:
                value = term.loss(targets[index], y_pred, weights[index], masks[index])
            except TargetError as error:
                error.output = index
                raise
            if term.tracker is not None:
                term.tracker.update_state(value, len(y_pred))
            total += value if term.weight is None else value * term.weight
        return total

    def weights_of_classes(self, class_weights: ClassWeights, targets: list[Any],
                           outputs: list[np.ndarray], masks: list[Any],
                           weights: list[Any]) -> list[Any]:
        """Return the sample weights of each output times the weights of its targets' classes.

        Parameters
        ----------
        class_weights : ClassWeights
        targets, outputs, masks, weights
            See `values_and_gradients`.

        Raises
        ------
        ValueError
            If the dicts of classes do not fit the outputs, or a sample has several classes.
        """
        loss_of = {term.index: term.loss for term in self._checked_terms(targets, outputs)}
        tables = class_weights.of_outputs(self.outputs.names_of(len(outputs)), len(outputs),
                                          list(loss_of))
        weighed = list(weights)
        for k, (table, y_true) in enumerate(zip(tables, targets, strict=True)):
            if table is not None and y_true is not None:
                try:
                    weighed[k] = table.times(loss_of.get(k), y_true, outputs[k], masks[k],
                                             weights[k])
                except TargetError as error:
                    error.output = k
                    raise
        return weighed

    def _checked_terms(self, targets, outputs):
        """The losses, built and checked against shapes that were not seen before."""
        if self.terms is None:
            self.build(targets, outputs)
        for term in self.terms:
            y_true, y_pred = targets[term.index], outputs[term.index]
            shapes = y_true.shape[1:], y_pred.shape[1:], len(y_true) == len(y_pred)
            if term.shapes != shapes:
                term.loss.check(y_true.shape, y_pred.shape)
                term.shapes = shapes
        return self.terms

    def update(self, total: float, rows: int, targets: list[Any], outputs: list[np.ndarray],
               masks: list[Any], weights: list[Any]) -> None:
        """Take a batch of `rows` rows into the running loss and metrics."""
        self.total.update_state(total, rows)
        for index, weighted, _, metric in self._metrics:
            weight, mask = weights[index] if weighted else None, masks[index]
            if weight is None and mask is None:
                metric.update_state(targets[index], outputs[index])
            else:
                _update(metric, targets[index], outputs[index], weight, mask)

    def reset(self) -> None:
        """Begin a new epoch."""
        self.total.reset_state()
        for tracker in self._trackers:
            tracker.reset_state()
        for _, _, _, metric in self._metrics:
            metric.reset_state()

    def metrics(self) -> list[Metric]:
        """Return the running loss and the metrics, as objects."""
        return [self.total, *self._trackers, *(metric for _, _, _, metric in self._metrics)]

    def results(self) -> dict[str, Any]:
        """Return the running values by their names in logs, in Keras' order: the loss, the
        metrics that have their own names, the losses of the outputs, the other metrics by name."""
        logs = {"loss": float(self.total.result())}
        named = [(name, metric) for _, _, name, metric in self._metrics]
        own = [(name, metric) for name, metric in named if name == metric.name]
        others = sorted((pair for pair in named if pair[0] != pair[1].name), key=itemgetter(0))
        for name, metric in own:
            logs[name] = _plain(metric.result())
        for tracker in self._trackers:
            logs[tracker.name] = float(tracker.result())
        for name, metric in others:
            logs[name] = _plain(metric.result())
        return logs


def _update(metric, y_true, y_pred, weight, mask):
    """Take a batch into a metric: what the mask leaves out has weight 0, whatever kind it is."""
    y_true = counted(y_true, y_pred, weight, mask, getattr(metric, "axis", -1))
    if mask is not None:
        weight = weights_with_mask(weight, mask, dtype=y_pred.dtype)
    metric.update_state(y_true, y_pred, weight)


def _plain(value):
    return float(value) if np.ndim(value) == 0 else value


def _is_for_each(given, count):
    """Whether a list of metrics has an entry, a list or None, for each of several outputs."""
    return count > 1 and len(given) == count and all(
        item is None or isinstance(item, list | tuple) for item in given)


def _unique(prefix, name, taken, weighted):
    """The output's name and the metric's, changed as Keras does it where it is taken."""
    if f"{prefix}{name}" not in taken:
        return f"{prefix}{name}"
    if weighted and f"{prefix}weighted_{name}" not in taken:
        return f"{prefix}weighted_{name}"
    number = 1
    while f"{prefix}{name}_{number}" in taken:
        number += 1
    return f"{prefix}{name}_{number}"
