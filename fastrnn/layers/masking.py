# SPDX-License-Identifier: Apache-2.0
"""The layer that finds the steps that do not count."""

from typing import Any

import numpy as np
import numpy.typing as npt

from .._common import checks
from .base import Layer


class Masking(Layer):
    """Masks steps by their values.

    A step of the inputs (N, T, F) counts where any of its features differs from `mask_value`. The
    features of the others become 0, and the outputs' mask (N, T) is False there.

    Parameters
    ----------
    mask_value : float
        NaN means the same as ``nan=True``.
    nan : bool
        Whether steps with a missing value are masked: those where any feature is NaN. `mask_value`
        is not looked for then.
    **options
        Those of every `Layer`.

    Raises
    ------
    TypeError
        If `mask_value` is no number.
    ValueError
        If the inputs have fewer than two axes.
    """

    arguments = ("mask_value", "nan")
    supports_masking = True
    is_stepwise = True

    def __init__(self, mask_value: float = 0.0, nan: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.mask_value = float(checks.number("mask_value", mask_value))
        self.nan = checks.flag("nan", nan) or self.mask_value != self.mask_value
        self.takes_missing = self.nan

    def compute_mask(self, inputs: npt.ArrayLike, mask: Any = None) -> np.ndarray:
        return self._counting(np.asarray(inputs))

    def _counting(self, inputs):
        if inputs.ndim < 2:
            raise ValueError(f"{self.name}: inputs must have two axes or more, the batch and "
                             f"features; got shape {inputs.shape}")
        if self.nan:
            return ~np.isnan(inputs).any(axis=-1)
        return (inputs != inputs.dtype.type(self.mask_value)).any(axis=-1)

    def forward(self, inputs: np.ndarray, mask: np.ndarray | None, training: bool,
                keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        mask = self._counting(inputs)
        if mask.all():
            return inputs, mask, mask
        outputs = inputs.copy()
        outputs[~mask] = 0
        return outputs, mask, mask

    def backward(self, mask: np.ndarray, doutputs: np.ndarray) -> np.ndarray:
        return doutputs * mask[..., None]
