# SPDX-License-Identifier: Apache-2.0
import numpy as np

ACTIVATIONS: dict[str, int]

class CellDescription:
    gates: int
    has_c: bool
    can_project: bool

def describe(name: str) -> CellDescription: ...

class PackedLayer:
    cell: int
    dtype: int
    fused: bool
    gates: int
    input_size: int
    hidden_size: int
    output_size: int
    def __init__(self, cell: str, activations: str | tuple[str | None, str | None] | None,
                 w_ih: np.ndarray, w_hh: np.ndarray, b_ih: np.ndarray | None,
                 b_hh: np.ndarray | None, w_hr: np.ndarray | None, reset_after: bool = True,
                 training: bool = False) -> None: ...
