# SPDX-License-Identifier: Apache-2.0
"""The time loop, forward: one layer in one direction over a batch of sequences, equations (5).

Rows may differ in length. Step s works on the rows longer than s and on nothing else, so a row
that has ended keeps its state, and padding is never read. In reading order `reverse` a row starts
at its own last valid step.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .._common.quiet import quiet
from . import gru, lstm, rnn
from .layer import Layer

CELLS = {"rnn": rnn, "lstm": lstm, "gru": gru}


@dataclass(frozen=True)
class Tape:
    """What backward needs: the layer, its masks, the shape of x, for each step (t, rows, saved)."""

    layer: Layer
    masks: np.ndarray | None
    x_shape: tuple
    steps: list

    def masks_of(self, rows: np.ndarray) -> np.ndarray | None:
        return masks_of(self.masks, rows)


def masks_of(masks: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    """Return the masks of some rows; None of None."""
    return None if masks is None else masks[:, rows]


def reading_order(T: int, lengths: np.ndarray, reverse: bool) -> Iterator[Any]:
    """Yield for each step (t, rows): the rows still running, and the time each of them reads."""
    for s in range(max(lengths, default=0)):
        rows = np.flatnonzero(lengths > s)
        yield np.where(reverse, lengths[rows] - 1 - s, s), rows


@quiet
def forward(layer: Layer, x: np.ndarray, h0: np.ndarray | None = None, c0: np.ndarray | None = None,
            lengths: npt.ArrayLike | None = None, reverse: bool = False,
            masks: np.ndarray | None = None, keep: bool = True) -> Any:
    """Run one layer in one direction.

    Parameters
    ----------
    layer : Layer
    x : ndarray (T, N, I)
    h0 : ndarray (N, P), optional
    c0 : ndarray (N, H), optional
        Initial state, zeros by default; c0 is the LSTM's.
    lengths : sequence of N int, optional
        Valid steps of each row, 0 to T in any order; T by default.
    reverse : bool
        Read each row from its last valid step to its first.
    masks : ndarray (G, N, P), optional
        Recurrent dropout (1c): the factors of h' for each gate, the same at every step.
    keep : bool
        Whether the tape is to have the steps.

    Returns
    -------
    y : ndarray (T, N, P)
        In the time order of x whatever the reading order; zeros past a row's length.
    h_n : ndarray (N, P)
    c_n : ndarray (N, H) or None
        State after the last step read; of a row of length 0, its initial state.
    tape : Tape
        For `backward`.
    """
    T, N, _ = x.shape
    lengths = np.full(N, T) if lengths is None else np.asarray(lengths)
    cell, sizes = CELLS[layer.cell], layer.state_sizes
    state = [
        np.zeros((N, size), x.dtype) if given is None else given.copy()  # (5a)
        for given, size in zip((h0, c0), sizes, strict=False)
    ]
    y = np.zeros((T, N, sizes[0]), x.dtype)
    steps = []
    for t, rows in reading_order(T, lengths, reverse):
        new, saved = cell.step(
            layer, masks_of(masks, rows), x[t, rows], *(part[rows] for part in state)
        )  # (5b)
        for part, value in zip(state, new, strict=True):
            part[rows] = value
        y[t, rows] = new[0]  # (5c)
        if keep:
            steps.append((t, rows, saved))
    h_n, c_n = (*state, None)[:2]
    return y, h_n, c_n, Tape(layer, masks, x.shape, steps)
