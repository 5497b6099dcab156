# SPDX-License-Identifier: Apache-2.0
from collections.abc import Mapping, Sequence

import numpy as np

from .forward import Tape, _StatePair

_Gradients = Mapping[str, np.ndarray | None]

def backward(tape: Tape, dy: np.ndarray | None, dh_n: np.ndarray | None, dc_n: np.ndarray | None,
             dx: np.ndarray | None, dh0: np.ndarray, dc0: np.ndarray | None, grads: _Gradients,
             accumulate_dx: bool) -> None: ...
def backward_both(tapes: Sequence[Tape], dys: Sequence[np.ndarray | None],
                  dfinal: Sequence[_StatePair], dx: np.ndarray | Sequence[np.ndarray] | None,
                  dinitial: Sequence[_StatePair], grads: Sequence[_Gradients]) -> None: ...
