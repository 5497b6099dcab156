# SPDX-License-Identifier: Apache-2.0
from collections.abc import Mapping, Sequence

import numpy as np

from .forward import StatePair, Tape

Gradients = Mapping[str, np.ndarray | None]

def backward(tape: Tape, dy: np.ndarray | None, dh_n: np.ndarray | None, dc_n: np.ndarray | None,
             dx: np.ndarray | None, dh0: np.ndarray, dc0: np.ndarray | None, grads: Gradients,
             accumulate_dx: bool) -> None: ...
def backward_both(tapes: Sequence[Tape], dys: Sequence[np.ndarray | None],
                  dfinal: Sequence[StatePair], dx: np.ndarray | Sequence[np.ndarray] | None,
                  dinitial: Sequence[StatePair], grads: Sequence[Gradients]) -> None: ...
