# SPDX-License-Identifier: Apache-2.0
import numpy as np

STREAMS: int

def draw(state: np.ndarray, threshold: int, kept: np.ndarray) -> None: ...
def scaled(x: np.ndarray, kept: np.ndarray, scale: float, y: np.ndarray) -> None: ...
