# SPDX-License-Identifier: Apache-2.0
"""Masked steps of a recurrent layer, by the engine's lengths.

The engine reads the first `length` steps of each row. A mask may have padding on either side, and
holes: the steps that count are brought to the front of their row, read, and their outputs taken
back to where they belong. A step that does not count keeps the state, and its output is that of
the last step that counted, or zeros.
"""

import numpy as np


class Steps:
    """The steps that a mask lets through.

    Parameters
    ----------
    mask : ndarray (N, T) of bool
    zero_output : bool
        Whether the other steps' outputs are zeros.

    Attributes
    ----------
    lengths : ndarray (N,) of int64
    """

    def __init__(self, mask: np.ndarray, zero_output: bool) -> None:
        self.mask = mask
        self.zero_output = zero_output
        self.lengths = mask.sum(axis=1, dtype=np.int64)
        self.longest = max(1, int(self.lengths.max(initial=0)))
        self.gathered = np.arange(self.longest) < self.lengths[:, None]
        self._in_front = bool((mask[:, :self.longest] == self.gathered).all())

    def gather(self, x: np.ndarray) -> np.ndarray:
        """Return (N, T', ...): what counts, at the front of each row; the rest is not read."""
        if self._in_front:
            return x[:, :self.longest]
        front = np.zeros((len(x), self.longest, *x.shape[2:]), x.dtype)
        front[self.gathered] = x[self.mask]
        return front

    def spread_inputs(self, dx: np.ndarray, T: int) -> np.ndarray:
        """Return the gradient (N, T, ...) of x for that of `gather(x)`."""
        return self.spread_into(dx, np.zeros((len(dx), T, *dx.shape[2:]), dx.dtype))

    def spread_into(self, gathered: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """Write (N, T', ...) to the steps that count of `spread` (N, T, ...), and return it."""
        spread[self.mask] = gathered[self.gathered]
        return spread

    def spread(self, y: np.ndarray) -> np.ndarray:
        """Return the outputs (N, T, H) of all steps for those (N, T', H) of `gather`."""
        N, T = self.mask.shape
        if self.zero_output:
            return self.spread_inputs(y, T)
        last = np.cumsum(self.mask, axis=1) - 1
        spread = y[np.arange(N)[:, None], np.maximum(last, 0)]
        spread[last < 0] = 0
        return spread

    def gather_gradient(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient (N, T', H) of y for that of `spread(y)`."""
        gathered = np.zeros((len(dy), self.longest, dy.shape[2]), dy.dtype)
        if self.zero_output:
            gathered[self.gathered] = dy[self.mask]
            return gathered
        if not self.mask.any():
            return gathered
        # Each counted step's output stands in all the places up to the next counted one.
        before_any = np.cumsum(self.mask, axis=1) == 0
        if before_any.any():
            dy = np.where(before_any[:, :, None], 0, dy)
        rows = dy.reshape(-1, dy.shape[2])
        gathered[self.gathered] = np.add.reduceat(rows, np.flatnonzero(self.mask), axis=0)
        return gathered
