# SPDX-License-Identifier: Apache-2.0
"""Weights of classes: each sample, a row or a step, weighs what its own class does."""

import math
from typing import Any

import numpy as np

from ..losses import Loss, SparseCategoricalCrossentropy
from ..losses.choice import kind_of_targets
from ..losses.targets import TargetError
from ..losses.weights import aligned, counted


class ClassWeights:
    """What `fit` was given as `class_weight`, checked.

    Parameters
    ----------
    given : dict of class to weight, or list of such dicts, or dict of them by the outputs' names
        A class is a whole number, a weight a finite number of at least 0; classes that are not
        there weigh 1. None in the place of a dict leaves an output alone.

    Raises
    ------
    TypeError, ValueError
        If it is something else.
    """

    def __init__(self, given: Any) -> None:
        self._tables: Table | list[Table | None] | dict[Any, Table | None]
        if isinstance(given, dict) and any(isinstance(v, dict) for v in given.values()):
            self._tables = {name: _table(table, f"class_weight[{name!r}]")
                            for name, table in given.items()}
        elif isinstance(given, list | tuple) and any(isinstance(v, dict) for v in given):
            self._tables = [_table(table, f"class_weight[{k}]") for k, table in enumerate(given)]
        else:
            self._tables = _table(given, "class_weight")

    def of_outputs(self, names: list[str] | None, count: int,
                   trained: list[int]) -> list["Table | None"]:
        """Return the `Table` of each output, or None.

        Parameters
        ----------
        names : list of str or None
            The outputs' names.
        count : int
            Number of outputs.
        trained : list of int
            Which outputs have a loss and targets: a dict of classes is for the only one.

        Raises
        ------
        ValueError
            If it does not say for each output what its classes weigh.
        """
        tables = self._tables
        listed = ", ".join(names) if names else f"{count} without names"
        if isinstance(tables, Table):
            if len(trained) != 1:
                raise ValueError(f"class_weight is one dict, but {len(trained)} outputs are "
                                 f"trained: give a dict of dicts by their names, or a list of "
                                 f"dicts; the outputs are {listed}")
            return [tables if k == trained[0] else None for k in range(count)]
        if isinstance(tables, dict):
            unknown = [str(name) for name in tables if name not in (names or ())]
            if unknown:
                raise ValueError(f"class_weight names {', '.join(unknown)}; the outputs are "
                                 f"{listed}")
            return [tables.get(name) for name in names or ()]
        if len(tables) != count:
            raise ValueError(f"class_weight must have one dict for each of the {count} outputs, "
                             f"got {len(tables)}")
        return tables


class Table:
    """Weights by class.

    Attributes
    ----------
    label : str
        What the caller gave, for messages.
    weights : dict of int to float
    """

    def __init__(self, label: str, weights: dict[int, float]) -> None:
        self.label, self.weights = label, weights
        self._classes = np.array(sorted(weights), np.float64)
        self._weights = np.array([weights[key] for key in sorted(weights)], np.float64)

    def of(self, classes: np.ndarray) -> np.ndarray:
        """Return the weights of an array of classes; NaN is no class and weighs 1."""
        if not len(self._classes):
            return np.ones(classes.shape)
        at = np.searchsorted(self._classes, classes)
        at[at == len(self._classes)] = 0
        return np.where(self._classes[at] == classes, self._weights[at], 1.0)

    def times(self, loss: Loss | None, y_true: np.ndarray, y_pred: np.ndarray,
              mask: np.ndarray | None, sample_weight: np.ndarray | None) -> np.ndarray:
        """Return `sample_weight`, or 1, times the weights of the targets' classes.

        Parameters
        ----------
        loss : Loss or None
        y_true, y_pred : ndarray
            Of shapes that fit the loss.
        mask, sample_weight : ndarray or None

        Returns
        -------
        ndarray of the samples' shape and the output's dtype

        Raises
        ------
        ValueError
            If a sample that counts has several classes.
        """
        axis = -1 if loss is None else loss.axis
        y_true = counted(y_true, y_pred, sample_weight, mask, axis)
        weights = self.of(classes_of(loss, y_true, y_pred)).astype(y_pred.dtype)
        if sample_weight is None:
            return weights
        return weights * aligned("sample_weight", np.asarray(sample_weight, weights.dtype),
                                 weights.shape)


def classes_of(loss: Loss | None, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Return the class of each sample, numbers of the samples' shape; NaN for none.

    What an array of targets means follows from the loss and from the output's shape: one number
    a sample is the class itself, in an output of one number as in `SparseCategoricalCrossentropy`;
    numbers for all classes mean the class of the largest.
    """
    if isinstance(loss, SparseCategoricalCrossentropy):
        return y_true.reshape(loss.check(y_true.shape, y_pred.shape)[0])
    axis = -1 if loss is None else loss.axis
    if axis in (-1, y_pred.ndim - 1):
        samples = y_pred.shape[:-1]
        if y_pred.ndim == 1 or y_true.shape == (*y_pred.shape, 1):
            samples = y_pred.shape
        elif kind_of_targets(y_true.shape, y_pred.shape) == 2:
            return _largest(y_true, axis)
        if y_true.size != math.prod(samples):
            raise ValueError(f"class_weight needs a class for each sample: targets of shape "
                             f"{y_true.shape} do not have one for an output of shape "
                             f"{y_pred.shape}; give sample_weight instead")
        y_true = y_true.reshape(samples)
        return np.round(y_true) if y_true.dtype.kind == "f" else y_true
    return _largest(y_true, axis)


def _largest(y_true, axis):
    largest = y_true.max(axis, keepdims=True)
    is_largest = (y_true == largest) & (largest > 0)
    found = np.count_nonzero(is_largest, axis=axis, keepdims=True)
    if (found > 1).any():
        twice = is_largest & (found > 1)
        raise TargetError(y_true, twice, ", and so is another number of that sample: class_weight "
                                         "needs one class for each; give sample_weight instead")
    return np.where(found, y_true.argmax(axis, keepdims=True), np.nan).squeeze(axis)


def _table(given, label):
    if given is None and label != "class_weight":
        return None
    if not isinstance(given, dict):
        hint = ": dict(enumerate(weights))" if np.ndim(given) == 1 else ""
        raise TypeError(f"{label} must be a dict of class to weight, got "
                        f"{type(given).__name__}{hint}")
    return Table(label, {_class(key, label): _weight(value, f"{label}[{key!r}]")
                         for key, value in given.items()})


def _class(key, label):
    if not isinstance(key, int | float | np.number | np.bool_) or key != key // 1:
        raise TypeError(f"{label} must have classes, whole numbers, as keys, got {key!r}")
    return int(key)


def _weight(value, label):
    if isinstance(value, str | bool) or np.ndim(value):
        raise TypeError(f"{label} must be a number, got {value!r}")
    try:
        weight = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{label} must be a number, got {type(value).__name__}") from None
    if not (math.isfinite(weight) and weight >= 0):
        raise ValueError(f"{label} must be a finite number of at least 0, got {value!r}")
    return weight
