# SPDX-License-Identifier: Apache-2.0
"""Layers that make fewer steps of many."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._common import checks
from ..graph.broadcasting import Shape
from .base import Layer, rank
from .reshaping import checked_data_format


class _Global(Layer):
    """Base: one vector of all steps, (N, T, F) -> (N, F).

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
        "channels_first" reads (N, F, T).
    keepdims : bool
        Whether the axis of steps stays, with size 1.
    """

    arguments: tuple[str, ...] = ("data_format", "keepdims")

    def __init__(self, data_format: str | None = None, keepdims: bool = False,
                 **options: Any) -> None:
        super().__init__(**options)
        self.data_format = checked_data_format(data_format)
        self.keepdims = checks.flag("keepdims", keepdims)
        self._steps = 1 if self.data_format == "channels_last" else 2

    def build(self, input_shape: Shape) -> None:
        rank(self, input_shape, 3, "the batch, steps and features")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.build(input_shape)
        sizes = list(input_shape)
        sizes[self._steps] = 1
        if not self.keepdims:
            del sizes[self._steps]
        return tuple(sizes)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        return None

    def _squeezed(self, y):
        return y if self.keepdims else y.squeeze(self._steps)

    def _widened(self, dy):
        return dy if self.keepdims else np.expand_dims(dy, self._steps)


class GlobalAveragePooling1D(_Global):
    """y = the mean over the steps that the mask leaves in; 0 for a row without one.

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
        "channels_first" reads (N, F, T).
    keepdims : bool
        Whether the axis of steps stays, with size 1.
    **options
        Those of every `Layer`.
    """

    supports_masking = True

    def forward(self, inputs: np.ndarray, mask: np.ndarray | None, training: bool,
                keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        if inputs.ndim != 3:
            self.build(inputs.shape)
        axis = self._steps
        share = inputs.dtype.type(1 / inputs.shape[axis])
        if mask is None:
            return (self._squeezed(inputs.mean(axis=axis, keepdims=True)), None,
                    (share, inputs.shape))
        counts = mask.sum(axis=1, keepdims=True, dtype=inputs.dtype)
        share = np.expand_dims(mask / np.maximum(counts, 1), 3 - axis)
        y = np.where(share != 0, inputs * share, inputs.dtype.type(0))
        return self._squeezed(y.sum(axis=axis, keepdims=True)), None, (share, inputs.shape)

    def backward(self, kept: Any, doutputs: np.ndarray) -> np.ndarray:
        share, shape = kept
        return np.broadcast_to(self._widened(doutputs) * share, shape)


class GlobalMaxPooling1D(_Global):
    """y = the largest value of each feature over all steps; a mask is not looked at.

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
        "channels_first" reads (N, F, T).
    keepdims : bool
        Whether the axis of steps stays, with size 1.
    **options
        Those of every `Layer`.
    """

    def forward(self, inputs: np.ndarray, mask: np.ndarray | None, training: bool,
                keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        if inputs.ndim != 3:
            self.build(inputs.shape)
        y = inputs.max(axis=self._steps, keepdims=True)
        return self._squeezed(y), self.masked(mask), (inputs, y) if keep else None

    def backward(self, kept: Any, doutputs: np.ndarray) -> np.ndarray:
        inputs, y = kept
        largest = inputs == y
        # Steps that share the largest value share its gradient.
        sharing = largest.sum(axis=self._steps, keepdims=True, dtype=doutputs.dtype)
        return largest * (self._widened(doutputs) / sharing)


class _Pooling(Layer):
    """Base: one step for every window of `pool_size` steps, (N, T, F) -> (N, T', F).

    Windows begin `strides` steps apart. "valid" windows lie within the inputs,
    T' = (T - pool_size) // strides + 1; "same" windows may stick out at both ends, where there is
    nothing, T' = ceil(T / strides).
    """

    arguments: tuple[str, ...] = ("pool_size", "strides", "padding", "data_format")

    def __init__(self, pool_size: int | Sequence[int], strides: int | Sequence[int] | None = None,
                 padding: str = "valid", data_format: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.pool_size = _single("pool_size", pool_size)
        self.strides = self.pool_size if strides is None else _single("strides", strides)
        self.padding = checks.choice("padding", str(padding).lower(), ("valid", "same"))
        self.data_format = checked_data_format(data_format)
        self._steps = 1 if self.data_format == "channels_last" else 2

    def build(self, input_shape: Shape) -> None:
        rank(self, input_shape, 3, "the batch, steps and features")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.build(input_shape)
        sizes = list(input_shape)
        if sizes[self._steps] is not None:
            sizes[self._steps] = self._windows(sizes[self._steps])
        return tuple(sizes)

    def _windows(self, steps):
        if self.padding == "same":
            return -(-steps // self.strides)
        windows = (steps - self.pool_size) // self.strides + 1
        if windows < 1:
            raise ValueError(f"{self.name}: pool_size {self.pool_size} is more than the "
                             f"{steps} steps of the inputs")
        return windows

    def _starts(self, steps):
        """Return where each window begins; before the first step is below 0."""
        windows = self._windows(steps)
        outside = max(0, (windows - 1) * self.strides + self.pool_size - steps)
        before = outside // 2 if self.padding == "same" else 0
        return np.arange(windows) * self.strides - before

    def _gathered(self, x):
        """Return the windows (N, T', K, F), which of their steps exist (T', K), and their places.
        """
        steps = x.shape[1]
        places = self._starts(steps)[:, None] + np.arange(self.pool_size)
        exists = (places >= 0) & (places < steps)
        places = np.clip(places, 0, steps - 1)
        return x[:, places], exists, places

    def forward(self, inputs: np.ndarray, mask: np.ndarray | None, training: bool,
                keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        if inputs.ndim != 3:
            self.build(inputs.shape)
        x = inputs if self._steps == 1 else inputs.swapaxes(1, 2)
        windows, exists, places = self._gathered(x)
        y, shares = self._pooled(windows, exists[..., None])
        y = y if self._steps == 1 else y.swapaxes(1, 2)
        return y, self.masked(mask), (shares, places, x.shape)

    def backward(self, kept: Any, doutputs: np.ndarray) -> np.ndarray:
        shares, places, shape = kept
        dy = doutputs if self._steps == 1 else doutputs.swapaxes(1, 2)
        dx = np.zeros(shape, doutputs.dtype)
        where: Any = slice(None), places
        np.add.at(dx, where, dy[:, :, None] * shares)
        return dx if self._steps == 1 else dx.swapaxes(1, 2)

    def _pooled(self, windows, exists):
        """Return y and the share of each step of a window in it."""
        raise NotImplementedError


class AveragePooling1D(_Pooling):
    """y = the mean of the steps of each window.

    Parameters
    ----------
    pool_size : int
    strides : int, optional
        `pool_size` by default.
    padding : {"valid", "same"}
        "valid" windows lie within the inputs, T' = (T - pool_size) // strides + 1; "same" ones may
        stick out at both ends, T' = ceil(T / strides).
    data_format : {"channels_last", "channels_first"}, optional
        "channels_first" reads (N, F, T).
    **options
        Those of every `Layer`.
    """

    def _pooled(self, windows, exists):
        shares = exists / exists.sum(axis=1, keepdims=True, dtype=windows.dtype)
        return (windows * shares).sum(axis=2), shares


class MaxPooling1D(_Pooling):
    """y = the largest value of each feature in each window; the first of equals has the gradient.

    Parameters
    ----------
    pool_size : int
    strides : int, optional
        `pool_size` by default.
    padding : {"valid", "same"}
        "valid" windows lie within the inputs, T' = (T - pool_size) // strides + 1; "same" ones may
        stick out at both ends, T' = ceil(T / strides).
    data_format : {"channels_last", "channels_first"}, optional
        "channels_first" reads (N, F, T).
    **options
        Those of every `Layer`.
    """

    def __init__(self, pool_size: int | Sequence[int] = 2, *arguments: Any, **options: Any) -> None:
        super().__init__(pool_size, *arguments, **options)

    def _pooled(self, windows, exists):
        windows = np.where(exists, windows, windows.dtype.type(-np.inf))
        first = np.expand_dims(windows.argmax(axis=2), 2)
        places = np.arange(windows.shape[2])[:, None]
        return np.take_along_axis(windows, first, axis=2)[:, :, 0], first == places


def _single(name, value):
    """Return an int, which may stand in a tuple of one."""
    if isinstance(value, tuple | list) and len(value) == 1:
        value = value[0]
    return checks.count(name, value)
