# SPDX-License-Identifier: Apache-2.0
"""Targets that fit an output: shapes, and labels that are numbers of classes."""

import numpy as np


def alike(name, y_true_shape, y_pred_shape):
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


def refuse(name, y_true_shape, y_pred_shape, wanted, hint=""):
    """Raise the ``ValueError`` of shapes that do not fit."""
    true, pred = tuple(y_true_shape), tuple(y_pred_shape)
    if len(true) > 1 and true[:1] + true[2:] == pred:
        hint = hint or ("targets for every step want an output for every step: "
                        "return_sequences=True in the last recurrent layer")
    raise ValueError(f"y_true of shape {true} does not fit the output of shape {pred}: "
                     f"{name} wants {wanted}{hint and '; '}{hint}")


def class_numbers(name, labels, classes, valid=None):
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
    with np.errstate(invalid="ignore"):
        numbers = labels.astype(np.intp, copy=False)
    if valid is not None:
        numbers = np.where(valid, numbers, 0)
    is_outside = numbers.size and (numbers.min() < 0 or numbers.max() >= classes)
    if is_outside or (labels.dtype.kind == "f" and (numbers != labels).any()):
        wrong = (numbers < 0) | (numbers >= classes) | (numbers != labels)
        wrong = wrong if valid is None else wrong & valid
        if wrong.any():
            raise ValueError(f"{first_of(labels, wrong)}: {name} wants labels that are whole "
                             f"numbers from 0 to {classes - 1}, one for each of the output's "
                             f"{classes} classes")
    return numbers


def first_of(y_true, wrong):
    """Return "y_true[2, 0] is 7", of the first number where `wrong`."""
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    place = f"[{', '.join(map(str, at))}]" if at else ""
    return f"y_true{place} is {y_true[at]}"


def _same_rank(true, pred):
    """Return two shapes, the last axis of one of them added or taken off if it is 1.

    Beside a shape of one axis it is added, else it is taken off.
    """
    if len(true) == len(pred) + 1 and true[-1] == 1:
        return (true, (*pred, 1)) if len(pred) == 1 else (true[:-1], pred)
    if len(pred) == len(true) + 1 and pred[-1] == 1:
        return ((*true, 1), pred) if len(true) == 1 else (true, pred[:-1])
    return true, pred
