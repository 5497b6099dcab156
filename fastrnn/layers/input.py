# SPDX-License-Identifier: Apache-2.0
"""The inputs of functional models."""

from typing import Any

import numpy as np
import numpy.typing as npt

from .._common import checks
from ..backend import floatx
from ..graph.broadcasting import Shape
from ..graph.symbolic import SymbolicTensor, checked_shape, input_tensor
from .base import Layer


class InputLayer(Layer):
    """Where data enter a functional model; `Input` makes one.

    Parameters
    ----------
    shape : tuple of int or None
        Without the batch.
    batch_size : int, optional
    dtype : str
        Of the data: `backend.floatx` by default, an integer dtype for ids.
    batch_shape : tuple, optional
        In place of `shape` and `batch_size`.

    Raises
    ------
    ValueError
        If both or neither of `shape` and `batch_shape` are given.
    """

    supports_masking = True
    casts_inputs = False

    def __init__(self, shape: Shape | int | None = None, batch_size: int | None = None,
                 dtype: npt.DTypeLike | None = None, batch_shape: Shape | None = None,
                 **options: Any) -> None:
        if (shape is None) == (batch_shape is None):
            raise ValueError("Input needs one of shape and batch_shape")
        data_type = np.dtype(dtype or floatx())
        super().__init__(dtype=data_type if data_type in checks.DTYPES else None, **options)
        given: Any = batch_shape
        if shape is not None:
            given = (batch_size, *((shape,) if isinstance(shape, int) else shape))
        self.batch_shape = checked_shape("batch_shape", given)
        self.data_type = data_type
        self.built = True
        input_tensor(self, self.batch_shape, data_type.name)

    def get_config(self) -> dict[str, Any]:
        return {"batch_shape": self.batch_shape, "dtype": self.data_type.name, "name": self.name}


def Input(shape: Shape | int | None = None, batch_size: int | None = None,
          dtype: npt.DTypeLike | None = None, name: str | None = None,
          batch_shape: Shape | None = None) -> SymbolicTensor:
    """Return a symbolic tensor that stands for an input of a functional model.

    Parameters
    ----------
    shape : tuple of int or None
        Without the batch; None stands for any size.
    batch_size : int, optional
    dtype : str, optional
        `backend.floatx` by default; an integer dtype for ids.
    name : str, optional
    batch_shape : tuple, optional
        In place of the first two.

    Returns
    -------
    SymbolicTensor

    Raises
    ------
    ValueError
        If both or neither of `shape` and `batch_shape` are given.
    """
    return InputLayer(shape=shape, batch_size=batch_size, dtype=dtype, name=name,
                      batch_shape=batch_shape).output
