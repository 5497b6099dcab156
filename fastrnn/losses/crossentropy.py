# SPDX-License-Identifier: Apache-2.0
"""Losses between distributions: t the targets, p the output's probabilities, z its logits."""

import warnings

import numpy as np

from .. import activations, checks
from .base import EPSILON, ElementwiseLoss, Loss
from .targets import TargetError, class_numbers, refuse


class BinaryCrossentropy(ElementwiseLoss):
    """-mean(t log p + (1 - t) log(1 - p)) along `axis`, with p in [1e-7, 1 - 1e-7].

    Parameters
    ----------
    from_logits : bool
        Whether the output is z with p = sigmoid(z): the same without rounding twice.
    label_smoothing : float
        In [0, 1]: how far targets move to 1/2.
    axis : int
    reduction, name, dtype
        See `Loss`.

    Raises
    ------
    ValueError
        When it is called, if a target is not in [0, 1].
    """

    fields = ("name", "reduction", "from_logits", "label_smoothing", "axis")
    options = ("from_logits", "label_smoothing", "axis")

    def __init__(self, from_logits=False, label_smoothing=0.0, axis=-1,
                 reduction="sum_over_batch_size", name="binary_crossentropy", dtype=None):
        super().__init__(reduction, name, dtype)
        self.from_logits = checks.flag("from_logits", from_logits)
        self.label_smoothing = checks.probability("label_smoothing", label_smoothing)
        self.axis = _checked_axis(axis)

    def _elements(self, t, y_pred):
        self._check_targets(t)
        if self.label_smoothing:
            t = t * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        if self.from_logits:
            return np.logaddexp(y_pred, 0) - y_pred * t, (t, y_pred, None)
        p = _clipped(y_pred)
        q = np.negative(p)
        elements = (t - 1) * np.log1p(q)
        elements -= t * np.log(p)
        return elements, (t, y_pred, p)

    def _slopes(self, kept):
        t, y_pred, p = kept
        if p is None:
            slopes, _ = activations.sigmoid.forward(y_pred)
            slopes -= t
            return slopes
        slopes = p - t
        slopes /= np.maximum((1 - p) * p, 1e-12)
        slopes *= p == y_pred
        return slopes

    def _check_targets(self, t):
        if t.size and not (t.min() >= 0 and t.max() <= 1):
            wrong = ~((t >= 0) & (t <= 1))
            raise TargetError(t, wrong, f": {self.name} wants targets between 0 and 1")


class CategoricalCrossentropy(ElementwiseLoss):
    """-sum(t log p) along `axis`, the classes; p is divided by its sum, then put into
    [1e-7, 1 - 1e-7].

    Parameters
    ----------
    from_logits : bool
        Whether the output is z with p = softmax(z): the same without rounding twice.
    label_smoothing : float
        In [0, 1]: how far targets move to 1 / number of classes.
    axis : int
    reduction, name, dtype
        See `Loss`.
    """

    fields = ("name", "reduction", "from_logits", "label_smoothing", "axis")
    options = ("from_logits", "label_smoothing", "axis")
    is_mean = False

    def __init__(self, from_logits=False, label_smoothing=0.0, axis=-1,
                 reduction="sum_over_batch_size", name="categorical_crossentropy", dtype=None):
        super().__init__(reduction, name, dtype)
        self.from_logits = checks.flag("from_logits", from_logits)
        self.label_smoothing = checks.probability("label_smoothing", label_smoothing)
        self.axis = _checked_axis(axis)

    def check(self, y_true_shape, y_pred_shape):
        """Return the shapes; see `Loss.check`."""
        true, pred = tuple(y_true_shape), tuple(y_pred_shape)
        if true != pred:
            labels = true in (pred[:-1], (*pred[:-1], 1)) and pred[-1:] != (1,)
            refuse(self.name, true, pred, "one target for each class",
                         "labels that are integers want sparse_categorical_crossentropy"
                         if labels else "")
        if pred[-1:] == (1,):
            warnings.warn("categorical_crossentropy of one class is always 0: two classes in one "
                          "number want binary_crossentropy", SyntaxWarning, stacklevel=3)
        return true, pred

    def _elements(self, t, y_pred):
        if self.label_smoothing:
            t = t * (1 - self.label_smoothing) + self.label_smoothing / t.shape[self.axis]
        if self.from_logits:
            log_p, _ = activations.LogSoftmax(self.axis).forward(y_pred)
            return -t * log_p, (t, log_p, None, None)
        sums = np.add.reduce(y_pred, axis=self.axis, keepdims=True)
        shares = y_pred / sums
        p = _clipped(shares)
        elements = np.log(p)
        elements *= t
        return np.negative(elements, out=elements), (t, p, shares, sums)

    def _slopes(self, kept):
        t, p, shares, sums = kept
        if shares is None:
            slopes = np.exp(p)
            slopes *= np.add.reduce(t, axis=self.axis, keepdims=True)
            slopes -= t
            return slopes
        slopes = t / p
        slopes *= p == shares
        along = np.add.reduce(slopes * shares, axis=self.axis, keepdims=True)
        np.subtract(along, slopes, out=slopes)
        slopes /= sums
        return slopes


class SparseCategoricalCrossentropy(Loss):
    """-log p[label]: the `CategoricalCrossentropy` of labels, the numbers of classes.

    Parameters
    ----------
    from_logits : bool
        Whether the output is z with p = softmax(z).
    ignore_class : int, optional
        Samples of this label do not count; it need not be the number of a class.
    reduction
        See `Loss`.
    axis : int
        The axis of the output's classes.
    name, dtype
        See `Loss`.

    Raises
    ------
    ValueError
        When it is called, if a label is not the number of a class: the first such and its place.
    """

    fields = ("name", "reduction", "from_logits", "ignore_class", "axis")
    options = ("from_logits", "ignore_class", "axis")

    def __init__(self, from_logits=False, ignore_class=None, reduction="sum_over_batch_size",
                 axis=-1, name="sparse_categorical_crossentropy", dtype=None):
        super().__init__(name, reduction, dtype)
        self.from_logits = checks.flag("from_logits", from_logits)
        self.ignore_class = ignore_class
        self.axis = _checked_axis(axis)
        self._is_plain_mean = self._is_plain_mean and ignore_class is None

    def check(self, y_true_shape, y_pred_shape):
        """Return the shapes; y_true may have an axis of 1 in the place of the classes."""
        true, pred = tuple(y_true_shape), tuple(y_pred_shape)
        axis = range(len(pred))[self.axis]
        samples = pred[:axis] + pred[axis + 1 :]
        if true not in (samples, (*pred[:axis], 1, *pred[axis + 1 :])):
            refuse(self.name, true, pred, "one label for each sample, so y_true of shape "
                                     f"{samples}",
                         "targets of a number for each class want categorical_crossentropy"
                         if true == pred else "")
        return samples, pred

    def forward(self, labels, y_pred):
        moved = y_pred if self.axis == -1 else np.moveaxis(y_pred, self.axis, -1)
        rows = moved.reshape(-1, moved.shape[-1])
        valid = self._valid(labels)
        labels = class_numbers(self.name, labels, rows.shape[1], valid)
        at = (np.arange(len(rows)), labels.reshape(-1))
        if self.from_logits:
            p, _ = activations.log_softmax.forward(rows)
            values, share, sums = -p[at], None, None
        else:
            sums = np.add.reduce(rows, axis=1)
            share = rows[at] / sums
            p = _clipped(share)
            values = np.log(p)
            np.negative(values, out=values)
        values = values.reshape(labels.shape)
        if valid is not None:
            values *= valid
        return values, (moved.shape, at, p, share, sums)

    def backward(self, kept, dvalues):
        moved_shape, at, p, share, sums = kept
        if type(dvalues) is not float:
            dvalues = dvalues.reshape(-1)
        if share is None:
            gradient = np.exp(p)
            gradient[at] -= 1
            gradient *= dvalues if type(dvalues) is float else dvalues[:, None]
        else:
            scale = dvalues / sums
            scale *= p == share
            gradient = np.empty((len(p), moved_shape[-1]), p.dtype)
            gradient[:] = scale[:, None]
            gradient[at] -= scale / p
        gradient = gradient.reshape(moved_shape)
        return gradient if self.axis == -1 else np.moveaxis(gradient, -1, self.axis)

    def _prepared(self, y_true, y_pred):
        shape, _ = self.check(y_true.shape, y_pred.shape)
        return y_true.reshape(shape), y_pred

    def _valid(self, labels):
        return None if self.ignore_class is None else labels != self.ignore_class


def _clipped(p):
    p = np.maximum(p, EPSILON)
    return np.minimum(p, 1 - EPSILON, out=p)


def _checked_axis(axis):
    return checks.count("axis", axis, minimum=-checks.MAX_SIZE)
