# SPDX-License-Identifier: Apache-2.0
"""Targets that fit an output: shapes, and labels that are numbers of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np


class TargetError(ValueError):
    """A target that a loss or metric cannot take.

    Parameters
    ----------
    y_true : ndarray
    wrong : bool ndarray of its shape
        The first true is the one that is named.
    reason : str

    Attributes
    ----------
    place, size : int
        Of that target in the flattened array, and of the array.
    reason : str
    output : int
        Of a model: which of its outputs the target is for.
    """

    output = 0

    def __init__(self, y_true: np.ndarray, wrong: np.ndarray, reason: str) -> None:
        self.size, self.place = y_true.size, int(np.flatnonzero(wrong)[0])
        at = np.unravel_index(self.place, y_true.shape)
        self.reason = reason
        super().__init__(self.named("y_true", at, y_true[at]))

    def __reduce__(self):
        # An error goes to another process as its message, as one that a pool's worker raised.
        return ValueError, self.args

    def named(self, label: str, index: Sequence[Any], value: Any) -> str:
        """Return the message for an array of this name, with its value at an index."""
        at = f"[{', '.join(str(int(i)) for i in index)}]" if len(index) else ""
        return f"{label}{at} is {value}{self.reason}"


def alike(name: str, y_true_shape: tuple[int, ...],
          y_pred_shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shapes in which one target for each number of the output is compared.

    A last axis of one number may be missing on one side.

    Parameters
    ----------
    name : str
        Of the loss or metric, for the message.
    y_true_shape, y_pred_shape : tuple of int

    Raises
    ------
    ValueError
        If they are not the same then: nothing is broadcast.
    """
    fitted = _same_rank(tuple(y_true_shape), tuple(y_pred_shape))
    if fitted[0] != fitted[1]:
        refuse(name, y_true_shape, y_pred_shape, "one target for each number of the output")
    return fitted


def refuse(name: str, y_true_shape: tuple[int, ...], y_pred_shape: tuple[int, ...], wanted: str,
           hint: str = "") -> NoReturn:
    """Raise the ``ValueError`` of shapes that do not fit."""
    true, pred = tuple(y_true_shape), tuple(y_pred_shape)
    if len(true) > 1 and true[:1] + true[2:] == pred:
        hint = hint or ("targets for every step want an output for every step: "
                        "return_sequences=True in the last recurrent layer")
    raise ValueError(f"y_true of shape {true} does not fit the output of shape {pred}: "
                     f"{name} wants {wanted}{hint and '; '}{hint}")


def class_numbers(name: str, labels: np.ndarray, classes: int,
                  valid: np.ndarray | None = None) -> np.ndarray:
    """Return labels as indices of classes.

    Parameters
    ----------
    name : str
        Of the loss or metric, for the message.
    labels : ndarray
        Integers, or floats that are whole numbers.
    classes : int
    valid : bool ndarray, optional
        Which labels count; the others become 0.

    Raises
    ------
    ValueError
        If a label is not the number of a class: the first such, and its place.
    """
    numbers = labels.astype(np.intp, copy=False)
    if valid is not None:
        numbers = np.where(valid, numbers, 0)
    is_outside = numbers.size and (numbers.min() < 0 or numbers.max() >= classes)
    if is_outside or (labels.dtype.kind == "f" and (numbers != labels).any()):
        wrong = (numbers < 0) | (numbers >= classes) | (numbers != labels)
        wrong = wrong if valid is None else wrong & valid
        if wrong.any():
            raise TargetError(labels, wrong, f": {name} wants labels that are whole numbers from "
                                             f"0 to {classes - 1}, one for each of the output's "
                                             f"{classes} classes")
    return numbers


def _same_rank(true, pred):
    """Return two shapes, the last axis of one of them added or taken off if it is 1.

    Beside a shape of one axis it is added, else it is taken off.
    """
    if len(true) == len(pred) + 1 and true[-1] == 1:
        return (true, (*pred, 1)) if len(pred) == 1 else (true[:-1], pred)
    if len(pred) == len(true) + 1 and pred[-1] == 1:
        return ((*true, 1), pred) if len(true) == 1 else (true, pred[:-1])
    return true, pred
