# SPDX-License-Identifier: Apache-2.0
"""Why a loss is not finite: which number of which array it was made from.

Nothing here runs before a loss was found to be NaN or infinite. Numbers are named as the caller
gave them: ``y['out'][7, 2, 0]`` is row 7 of that array, not of the batch.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph.structure import is_nested
from ..losses.targets import TargetError
from ..losses.weights import counted
from .class_weights import ClassWeights, classes_of

_RATE = "a smaller learning rate or clipnorm may help"
# Data beyond this are a likelier reason for large weights than the learning rate alone.
_LARGE = 1e6
# Weights below this have not grown.
_MODEST = 10


class NotFinite(Exception):
    """A batch has a loss that is NaN or infinite.

    Attributes
    ----------
    loss : float
    facts : tuple
        Targets, outputs, masks and weights, in the order of the outputs.
    activity : float
        What activity regularisers add.
    """

    def __init__(self, loss: float, facts: tuple[Any, ...], activity: float) -> None:
        super().__init__(loss)
        self.loss, self.facts, self.activity = loss, facts, activity


class Place:
    """Where a batch comes from.

    Parameters
    ----------
    text : str
        Such as " in epoch 1, batch 3".
    rows : slice or array of int, optional
        Which rows of the caller's arrays it has; without it rows are those of the batch.
    """

    def __init__(self, text: str = "", rows: slice | np.ndarray | None = None) -> None:
        self.text, self._rows = text, rows

    def first(self, wrong: np.ndarray) -> tuple[int, ...]:
        """Return the index of the first true of a batch's array, in the order of the caller's."""
        found = np.argwhere(wrong)
        if isinstance(self._rows, np.ndarray) and found.shape[1]:
            return tuple(found[self._rows[found[:, 0]].argmin()])
        return tuple(found[0])

    def index(self, index: Sequence[Any]) -> list[int]:
        """Return where a number of a batch's array is in the caller's."""
        at = [int(i) for i in index]
        if at and self._rows is not None:
            rows = self._rows
            at[0] = rows.start + at[0] if isinstance(rows, slice) else int(rows[at[0]])
        return at

    def named(self, label: str, array: np.ndarray, index: Sequence[Any]) -> str:
        """Return "y[7, 2, 0] is 1e+30" of a number of a batch's array."""
        at, value = self.index(index), array[tuple(index)]
        place = f"[{', '.join(map(str, at))}]" if at else ""
        # The caller's number may have been finite in another dtype.
        dtype = f" in {array.dtype}" if np.isinf(value) else ""
        return f"{label}{place} is {value:.6g}{dtype}"


def explained(error: NotFinite, model: Any, batch: tuple[Any, ...], place: Place | None = None,
              class_weights: ClassWeights | None = None) -> str:
    """Return the text of the error for a batch whose loss is not finite.

    Parameters
    ----------
    error : NotFinite
    model : Model
    batch : tuple
        Its inputs, targets and sample weights.
    place : Place, optional
    class_weights : ClassWeights, optional
    """
    place = place or Place()
    with np.errstate(all="ignore"):
        try:
            reason = _Search(error, model, batch, place, class_weights).reason()
        except (ValueError, IndexError):    # a loss of the caller's own, of values of other shapes
            reason = _RATE
    return (f"the loss became {error.loss}{place.text}: {reason}; "
            "the trainable weights are those before that batch")


def placed(error: TargetError, y: Any, place: Place) -> ValueError:
    """Return the error for a target that a loss cannot take, named as the caller gave it.

    Parameters
    ----------
    error : TargetError
    y : array, or list or dict of arrays
        The targets of the batch.
    place : Place
    """
    arrays = list(_labelled("y", y))
    first = arrays[error.output:error.output + 1]
    label, array = next(((label, array) for label, array in first + arrays
                         if array.size == error.size), (None, None))
    if label is None or array is None:
        return error
    at = np.unravel_index(error.place, array.shape)
    found = f"; found{place.text}" if place.text else ""
    return ValueError(f"{error.named(label, place.index(at), array[at])}{found}")


class _Search:
    """The steps of a search for the number to blame, from the data on to the sum."""

    def __init__(self, error: NotFinite, model: Any, batch: tuple[Any, ...], place: Place,
                 class_weights: ClassWeights | None) -> None:
        self.error, self.model, self.place = error, model, place
        self.x, self.y, self.weight = batch
        self.class_weights = class_weights

    def reason(self) -> str:
        targets, outputs, masks, weights = self.error.facts
        for term in self.model._objective.terms:
            k = term.index
            if not np.isfinite(outputs[k]).all():
                bad = outputs[k][~np.isfinite(outputs[k])][0]
                return self._of_output(bad, targets[k], masks[k], weights[k])
            found = self._of_term(term, targets[k], outputs[k], masks[k], weights[k])
            if found:
                return found
        for term in self.model._objective.terms:
            if term.weight is not None and not abs(term.weight) < 1e6:
                return f"loss_weights has {term.weight:.6g} for {term.name}"
        for variable in self.model.trainable_variables:
            if variable.regularizer is not None and not math.isfinite(
                    variable.regularizer(variable.value)):
                return f"the penalty of the regularizer of {variable.path} is not finite: {_RATE}"
        if not math.isfinite(self.error.activity):
            return f"what activity regularizers add is {self.error.activity}: {_RATE}"
        return _RATE

    # -- inputs, weights of the model --------------------------------------------------------

    def _of_output(self, value, target, mask, weight):
        """The reason for an output of this value: inputs, weights, or what made them large."""
        text = f"an output is {value:.6g}"
        largest, reach = None, 0.0
        for label, array in self._inputs():
            if array.dtype.kind == "f" and array.size:
                size = np.abs(array)
                if self.model.takes_missing:
                    size = np.where(np.isnan(size), 0, size)
                at = np.unravel_index(size.argmax(), size.shape)
                if not math.isfinite(size[at]):
                    return f"{text}: {self.place.named(label, array, at)}"
                if size[at] > reach:
                    largest, reach = self.place.named(label, array, at), float(size[at])
        heaviest, path = max(((_reach(v.array), v.path) for v in self.model.weights),
                             default=(0.0, ""))
        if max(heaviest, reach) < _MODEST:
            return (f"{text}, though no input and no weight is beyond {_MODEST}: an activation "
                    f"without bounds, such as exponential, may overflow from step to step; {_RATE}")
        if heaviest > reach:
            if not math.isfinite(heaviest):
                return (f"{text}: the weight {path} is not finite; where training made it so, "
                        f"gradients were infinite or NaN, as inputs that are infinite give them: "
                        f"look for such inputs in the batches before, or {_RATE}")
            return (f"{text}: the weight {path} has {heaviest:.3g}; "
                    f"{self._slower(target, mask, weight)}")
        return f"{text}: {largest}, the largest input" + (
            "" if reach > _LARGE else f"; {_RATE}")

    def _slower(self, target, mask, weight):
        """The advice for weights that have grown, with the largest target if it is very large."""
        if target is not None and target.dtype.kind == "f" and mask is None and weight is None:
            at = np.unravel_index(np.abs(target).argmax(), target.shape)
            if abs(target[at]) > _LARGE:
                return f"{self._target(target, at)}: smaller targets, or {_RATE}"
        return _RATE

    def _inputs(self):
        if not is_nested(self.x):
            return [("x", self.x)]
        names = self.model.input_names
        if isinstance(self.x, list) and names and len(names) == len(self.x):
            return [(f"x[{k}] (the input {name!r})", array)
                    for k, (name, array) in enumerate(zip(names, self.x, strict=True))]
        return list(_labelled("x", self.x))

    # -- targets and their weights -----------------------------------------------------------

    def _of_term(self, term, target, output, mask, weight):
        """The reason why a loss is not finite though the output is; None if it is finite."""
        y_true, y_pred, values, weights = term.loss.in_parts(target, output, weight, mask)
        factors = np.broadcast_to(1.0 if weights is None else weights, values.shape)
        weighted = np.where(factors == 0, 0, values * factors)
        total = weighted.sum()
        if math.isfinite(total) and math.isfinite(term.loss(target, output, weight, mask)):
            return None
        wrong = ~np.isfinite(values) & (factors != 0)
        is_weight = not wrong.any()
        if is_weight:
            wrong = ~np.isfinite(weighted)
        if wrong.any():
            sample = self.place.first(wrong)
        else:       # only the sum is too large
            sample = np.unravel_index(np.abs(weighted).argmax(), values.shape)
            is_weight = abs(factors[sample]) > abs(values[sample])
        if is_weight:
            return self._weight_at(term, sample, output)
        return self._target_at(term, sample, target, y_true, y_pred, mask)

    def _target_at(self, term, sample, target, y_true, y_pred, mask):
        """Name the target of a sample, or say that it is the output that is too large."""
        axis = term.loss.axis % y_pred.ndim
        if len(sample) == y_pred.ndim - 1:
            y_pred = np.moveaxis(y_pred, axis, -1)
        reach = np.abs(y_pred[sample]).max()
        if y_true.ndim == len(sample):      # labels, which have been found to be classes
            return self._of_output(reach, None, mask, None)
        places = np.arange(y_true.size).reshape(y_true.shape)
        if len(sample) == y_true.ndim - 1:
            y_true, places = np.moveaxis(y_true, axis, -1), np.moveaxis(places, axis, -1)
        size = np.abs(y_true[sample]).reshape(-1)
        k = int(size.argmax())
        if size[k] < reach:
            return self._of_output(reach, target, mask, None)
        at = np.unravel_index(places[sample].reshape(-1)[k], target.shape)
        counts = ", at a step that the mask does not leave out" if mask is not None else ""
        wanted = f", too large for {term.loss.name}" if math.isfinite(size[k]) else ""
        return self._target(target, at) + wanted + counts

    def _target(self, target, at):
        label = next((label for label, array in _labelled("y", self.y) if array is target), "y")
        return f"among the targets {self.place.named(label, target, at)}"

    def _weight_at(self, term, sample, output):
        """Name the larger one of the weight of a sample and that of its class."""
        given = self.model._weights(self.weight, len(self.error.facts[1]))[term.index]
        named = []
        if given is not None:
            label = next((label for label, array in _labelled("sample_weight", self.weight)
                          if array is given), "sample_weight")
            at = (*sample, *(0,) * given.ndim)[:given.ndim]
            at = tuple(i if n > 1 else 0 for i, n in zip(at, given.shape, strict=True))
            named.append((self.place.named(label, given, at), abs(float(given[at]))))
        if self.class_weights is not None:
            named.append(self._class_at(term, sample, output))
        named = [pair for pair in named if pair is not None]
        return max(named, key=lambda pair: math.inf if math.isnan(pair[1]) else pair[1],
                   default=(_RATE, 0))[0]

    def _class_at(self, term, sample, output):
        objective, count = self.model._objective, len(self.error.facts[1])
        table = self.class_weights.of_outputs(
            objective.outputs.names_of(count), count, [t.index for t in objective.terms],
        )[term.index]
        if table is None:
            return None
        target, mask, weight = (self.error.facts[k][term.index] for k in (0, 2, 3))
        target = counted(target, output, weight, mask, term.loss.axis)
        kind = classes_of(term.loss, target, output)[sample]
        weight = table.weights.get(int(kind)) if math.isfinite(kind) else None
        return None if weight is None else (f"{table.label}[{int(kind)}] is {weight:.6g}", weight)


def _labelled(label, part):
    """Yield the arrays of a structure with their names, as in ``y['out']``."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield from _labelled(f"{label}[{key!r}]", value)
    elif isinstance(part, list | tuple):
        for k, value in enumerate(part):
            yield from _labelled(f"{label}[{k}]", value)
    elif part is not None:
        yield label, part


def _reach(array):
    """The largest absolute value, infinite where there is a NaN."""
    reach = float(np.abs(array).max()) if array.size else 0.0
    return math.inf if math.isnan(reach) else reach
