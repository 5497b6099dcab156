# SPDX-License-Identifier: Apache-2.0
"""One step a call, the state kept in between: `Stream`, made by a model's ``stream()``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._common.checks import array
from . import checks
from .parameters import Snapshot
from .recurrence import Recurrence, new_stream

if TYPE_CHECKING:    # slow to load
    from numpy.typing import ArrayLike

_ndarray = np.ndarray
_empty = np.empty


class Stream:
    """Runs a model step by step over `batch_size` rows, from zero states.

    It keeps the weights its model had when it was made: changing them later does not reach it.
    It always evaluates (no dropout, nothing kept for gradients). Different streams may step in
    different threads at once; one stream is for one thread at a time.

    A copy or a pickle has the state and the weights of the stream, and goes on by itself to the
    same bits. Its model comes with it: `copy.copy` shares it, `copy.deepcopy` and `pickle` copy
    it, once with all that is copied together. On another instruction set the weights are packed
    for that one. While a copy is made, the stream must not step nor its model be trained.
    """

    __slots__ = ("_core", "_dtype", "_model", "_shape", "_snapshot", "_step", "batch_size")

    def __init__(self, model: Any, layers: Sequence[Recurrence], batch_size: int,
                 snapshot: Snapshot) -> None:
        self._core = new_stream(layers, batch_size)
        self._step = self._core.step
        self._model = model
        self._snapshot = snapshot
        self._dtype = model.dtype
        self._shape = (batch_size, model.output_size)
        self.batch_size = batch_size

    def step(self, x: ArrayLike, out: np.ndarray | None = None) -> np.ndarray:
        """Read one input of each row and return the outputs of the last layer.

        Parameters
        ----------
        x : array (N, I), or (I,) where batch_size is 1
            The inputs, of the model's dtype.
        out : ndarray, optional
            Where to write the outputs: (N, P), or (P,) for a 1-D x; C-contiguous, of the model's
            dtype, not overlapping x.

        Returns
        -------
        ndarray (N, P), or (P,) for a 1-D x
            `out` where it was given, else a new array.

        Raises
        ------
        TypeError, ValueError, RuntimeError
            As a call of the model; the state is then as before.
        """
        if type(x) is not _ndarray or x.ndim != 2:
            return self._step_checked(x, out)
        y = _empty(self._shape, self._dtype) if out is None else out
        try:
            self._step(x, y)
        except (TypeError, ValueError):
            return self._step_checked(x, out)
        return y

    def _step_checked(self, x, out):
        """Step with anything that is not plainly right: convert it, or say what is wrong."""
        x = array("x", x, self._dtype)
        wanted = (self.batch_size, self._model.input_size)
        single = x.ndim == 1 and self.batch_size == 1
        if not single and x.ndim != 2:
            raise ValueError(f"x must have shape {wanted}, got {x.ndim}-D of shape {x.shape}")
        if x.shape != (wanted[1:] if single else wanted):
            raise RuntimeError(f"x must have shape {wanted}, got {x.shape}")
        shape = self._shape[1:] if single else self._shape
        if out is None:
            out = _empty(shape, self._dtype)
        else:
            self._check_out(out, shape)
        self._step(checks.contiguous(x).reshape(wanted), out.reshape(self._shape))
        return out

    def _check_out(self, out, shape):
        if type(out) is not _ndarray:
            raise TypeError(f"out must be an ndarray, got {type(out).__name__}")
        if out.dtype != self._dtype:
            raise ValueError(f"out must have the model's dtype {self._dtype}, got {out.dtype}")
        if out.shape != shape:
            raise RuntimeError(f"out must have shape {shape}, got {out.shape}")
        if not out.flags.carray:
            raise ValueError("out must be C-contiguous, aligned and writable")

    @property
    def state(self) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """A copy of the state, shaped as the model's: h (L, N, P), for an LSTM (h, c).

        Assigning a state (None for zeros) copies it in; the errors are those of the model's
        ``state`` argument.
        """
        h, c = self._core.get_state()
        return h if c is None else (h, c)

    @state.setter
    def state(self, value: Any) -> None:
        h, c = checks.state("state", value, self._model, self.batch_size, batched=True)
        self._write(slice(None), 0 if h is None else h, 0 if c is None else c)

    def _write(self, rows, new_h, new_c):
        h, c = self._core.get_state()
        h[:, rows] = new_h
        if c is not None:
            c[:, rows] = new_c
        self._core.set_state(h, c)

    def reset(self, rows: Any = None) -> None:
        """Set the state to zero: of all rows, or of those that `rows` selects.

        Parameters
        ----------
        rows : int, slice, sequence of ints or bool mask, optional
            An index of the rows, as NumPy takes it.

        Raises
        ------
        TypeError, ValueError, IndexError
            If `rows` is no such index; the state is then as before.
        """
        rows = slice(None) if rows is None else checks.row_index("rows", rows, self.batch_size)
        self._write(rows, 0, 0)

    def __reduce__(self):
        model = self._model
        with model._parameters.lock:
            # Weights that the model still has need not be held twice.
            return _restored, (model, self.batch_size, self._snapshot.arrays, self.state)

    def __repr__(self):
        return f"<Stream of {self._model!r}, batch_size={self.batch_size}>"


def _restored(model, batch_size, arrays, state):
    """Return a stream with the weights `arrays` by name, None for those the model has."""
    if arrays is None:
        stream = model.stream(batch_size)
    else:
        stream = Stream(model, model._layers(arrays, version=-1), batch_size, Snapshot(arrays))
    stream.state = state
    return stream
