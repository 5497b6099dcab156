# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np

ARRAY_ACTIVATIONS: dict[str, int]
CROSSENTROPIES: dict[str, int]

class Elementwise:
    name: str
    numbers: tuple[float, ...]
    by_slope: bool
    def __init__(self, name: str, numbers: tuple[float, ...] = (),
                 by_slope: bool = False) -> None: ...
    def forward(self, x: np.ndarray, bias: np.ndarray | None = None, own: bool = False,
                keep: bool = True) -> tuple[np.ndarray, np.ndarray | None]: ...
    def backward(self, kept: np.ndarray, dy: np.ndarray) -> np.ndarray: ...

def softmax_forward(x: np.ndarray, log: bool = False, bias: np.ndarray | None = None,
                    own: bool = False) -> np.ndarray: ...
def softmax_backward(y: np.ndarray, dy: np.ndarray, log: bool = False) -> np.ndarray: ...
def crossentropy(how: int, from_logits: bool, numbers: tuple[float, ...],
                 targets: np.ndarray | None, labels: np.ndarray | None, output: np.ndarray,
                 scale: Any = None) -> tuple[np.ndarray, np.ndarray | None]: ...
