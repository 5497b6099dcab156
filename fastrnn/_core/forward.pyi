# SPDX-License-Identifier: Apache-2.0
from collections.abc import Sequence

import numpy as np

from .pack import PackedLayer

_StatePair = tuple[np.ndarray | None, np.ndarray | None]

class Tape:
    @property
    def N(self) -> int: ...

def forward(layer: PackedLayer, x: np.ndarray, y: np.ndarray, initial: _StatePair,
            final: _StatePair, lengths: np.ndarray | None, reverse: bool, keep: bool,
            dropout: np.ndarray | None = None) -> Tape | None: ...
def forward_both(layers: Sequence[PackedLayer], x: np.ndarray | Sequence[np.ndarray],
                 outputs: Sequence[np.ndarray], initial: Sequence[_StatePair],
                 final: Sequence[_StatePair], lengths: np.ndarray | None, keep: bool,
                 dropout: Sequence[np.ndarray | None] = ...) -> list[Tape | None]: ...
