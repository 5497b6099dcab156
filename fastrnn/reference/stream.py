# SPDX-License-Identifier: Apache-2.0
"""One step a call: equation (5b) through all layers, with the state kept between the calls."""

from typing import Any

import numpy as np

from .._common.quiet import quiet
from .sequence import CELLS


class Stream:
    """Carry the state of a model without reverse direction from step to step; no dropout.

    Attributes
    ----------
    parts : list of ndarray
        h (L, N, P) and, of an LSTM, c (L, N, H).
    """

    def __init__(self, model: Any, batch_size: int = 1) -> None:
        self._model = model
        self.parts = [
            np.zeros((model.num_layers, batch_size, size), model.dtype)
            for size in model.layer(0).state_sizes
        ]

    @property
    def state(self) -> np.ndarray | tuple[np.ndarray, ...]:
        """Copy of the state, in the form a call of the model takes."""
        copies = tuple(part.copy() for part in self.parts)
        return copies if self._model.cell == "lstm" else copies[0]

    @quiet
    def step(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return y (N, P) of x (N, I), written into `out` if given."""
        y = np.asarray(x, self._model.dtype)
        for k in range(self._model.num_layers):
            layer = self._model.layer(k)
            new, _ = CELLS[layer.cell].step(layer, None, y, *(part[k] for part in self.parts))
            for part, value in zip(self.parts, new, strict=True):
                part[k] = value
            y = new[0]
        if out is None:
            return y
        out[...] = y
        return out

    def reset(self, rows: list[int] | None = None) -> None:
        """Set the state of some rows, by default of all, to zero."""
        for part in self.parts:
            part[:, slice(None) if rows is None else rows] = 0
