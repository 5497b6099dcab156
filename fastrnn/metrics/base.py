# SPDX-License-Identifier: Apache-2.0
"""What all metrics share: a state that batches add to, and its result."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from .._common import checks
from .._common.quiet import call_back, is_own
from .._common.registry import Configured, snake_case
from ..losses.weights import aligned, weights_with_mask, without_uncounted


class Metric(Configured):
    """Base of the metrics.

    One of your own gives ``update_state(y_true, y_pred, sample_weight=None)``, ``result()`` and
    ``reset_state()``.

    Parameters
    ----------
    name : str, optional
    dtype
        Taken and not used: sums are of double precision.
    """

    fields: tuple[str, ...] = ("name",)
    computes = ("update_state", "update_masked", "result")

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Update the state and return the result so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch to the state."""
        raise NotImplementedError

    def update_masked(self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike,
                      sample_weight: npt.ArrayLike | None = None,
                      mask: npt.ArrayLike | None = None) -> None:
        """Add a batch whose output has a mask, which only a mean of a function's values heeds, as
        in Keras. A model heeds it for every metric: there the mask is part of the weights."""
        self.update_state(y_true, y_pred, sample_weight)

    def result(self) -> Any:
        """Return the metric of all batches since the last `reset_state`."""
        raise NotImplementedError

    def reset_state(self) -> None:
        """Forget all batches."""
        raise NotImplementedError


class Sum(Metric):
    """The sum of values, each times its weight."""

    def __init__(self, name: str = "sum", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.reset_state()

    def update_state(self, values: npt.ArrayLike,
                     sample_weight: npt.ArrayLike | None = None) -> None:
        values = floats("values", values)
        if sample_weight is not None:
            values = values * weights_with_mask(sample_weight, None, values.shape, values.dtype)
        self.total += float(np.add.reduce(values, axis=None))

    def result(self) -> Any:
        return self.total

    def reset_state(self) -> None:
        self.total = 0.0


class Mean(Metric):
    """The mean of values by their weights; 0 of none.

    A value is the mean of all axes but the first, and so is its weight.
    """

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.reset_state()

    def update_state(self, values: npt.ArrayLike,
                     sample_weight: npt.ArrayLike | None = None) -> None:
        """Add values to the mean.

        Parameters
        ----------
        values : array
        sample_weight : array, optional
            Its axes are the first ones of the values; a single number weighs their mean.
        """
        if type(values) is float and type(sample_weight) is int:
            self.total += values * sample_weight
            self.count += sample_weight
            return
        values = floats("values", values)
        if sample_weight is not None:
            sample_weight = np.asarray(sample_weight, values.dtype)
        self._add(values, sample_weight)

    def _add(self, values, weights):
        if weights is None:
            count = values.shape[0] if values.ndim else 1
            total = float(np.add.reduce(values, axis=None))
            self.total += total * count / values.size if values.size else 0.0
            self.count += count
            return
        weights = aligned("sample_weight", weights, values.shape)
        # Rows weigh the means of their steps, steps weigh themselves: a batch that is padded
        # further adds the same.
        axes = weights.ndim
        while axes and weights.shape[axes - 1] == 1:
            axes -= 1
        axes = max(axes, min(weights.ndim, 1))
        weighted = without_uncounted(values * weights, weights)
        if weighted.size:
            self.total += (float(np.add.reduce(weighted, axis=None))
                           / math.prod(values.shape[axes:]))
            self.count += (float(np.add.reduce(weights, axis=None))
                           * math.prod(values.shape[:axes]) / weights.size)

    def result(self) -> Any:
        return self.total / self.count if self.count else 0.0

    def reset_state(self) -> None:
        self.total = 0.0
        self.count = 0.0


class MeanMetricWrapper(Mean):
    """The mean of the values of a function.

    Parameters
    ----------
    fn : callable
        ``fn(y_true, y_pred, **options)`` returns an array of values.
    name : str, optional
    dtype
        See `Metric`.
    **options
        Given to `fn`.
    """

    def __init__(self, fn: Any, name: str | None = None, dtype: Any = None, **options: Any) -> None:
        super().__init__(name or function_name(fn), dtype)
        self._fn: Any = fn if is_own(fn) else partial(call_back, fn)
        self._options = options

    def update_state(  # type: ignore[override]
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
    ) -> None:
        """Add a batch.

        Parameters
        ----------
        y_true, y_pred : array
            Targets and output.
        sample_weight : array, optional
            Its axes are the first ones of the values.
        """
        self.update_masked(y_true, y_pred, sample_weight)

    def update_masked(self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike,
                      sample_weight: npt.ArrayLike | None = None,
                      mask: npt.ArrayLike | None = None) -> None:
        """Add a batch; where `mask` is false, values do not count."""
        values = floats("values", self._fn(y_true, y_pred, **self._options))
        weights = weights_with_mask(sample_weight, mask, values.shape or None, values.dtype)
        # One number for the whole batch weighs as much as its samples do together.
        self._add(values, weights if values.ndim or weights is None else weights.sum())


def floats(name: str, values: Any) -> np.ndarray:
    """Return `values` as an array of float32 or float64."""
    values = checks.as_ndarray(name, values)
    return values if values.dtype in checks.DTYPES else values.astype(np.float32)


def function_name(fn: Callable[..., Any]) -> str:
    """Return what a function or object is called in a history: ``<lambda>`` is "lambda"."""
    name = str(getattr(fn, "name", None) or getattr(fn, "__name__", type(fn).__name__))
    return snake_case("".join(c for c in name if c.isalnum() or c == "_"))
