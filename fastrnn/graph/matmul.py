# SPDX-License-Identifier: Apache-2.0
"""The product of matrices, as the operator @ makes it."""

from typing import Any

import numpy as np
import numpy.typing as npt

from .._common.products import multiply_batches, multiply_rows
from .binary import Binary
from .broadcasting import Shape, joined, unbroadcast


class MatMul(Binary):
    """y = a @ b of two inputs, or of one and a constant, over the last two axes as in NumPy.

    Parameters
    ----------
    constant : array, optional
        The other operand, which has no gradient.
    constant_first : bool
        Whether the constant is a.
    **options
        Those of every `Operation`.

    Raises
    ------
    ValueError
        If the shapes do not fit, or in a graph the product would sum over the batch.
    """

    def __init__(self, constant: npt.ArrayLike | None = None, constant_first: bool = False,
                 **options: Any) -> None:
        super().__init__(constant, constant_first, "matmul", **options)
        if self.constant is not None:
            self.constant = self.constant.astype(self.dtype, copy=False)
            if self.constant.ndim == 0:
                raise ValueError("the other operand of matmul must be an array, got one number")

    def compute_output_shape(self, input_shape: Any) -> Shape:
        a, b = map(tuple, self.both(input_shape, () if self.constant is None
                                       else self.constant.shape))
        made = self._shape(a, b)
        # The batch is the first axis of what is made only where no matrix has it as an axis.
        first, second = len(a), len(b)
        if self.constant is None:
            keeps = first == second >= 3
        elif self.constant_first:
            keeps = second >= 3 and second >= first
        else:
            keeps = first >= 2 and second <= max(2, first)
        if not keeps:
            raise ValueError(f"{self.name}: {a} @ {b} does not leave the batch axis as it is")
        return made

    def _shape(self, a, b):
        made = _product_shape(a, b)
        if made is None:
            raise ValueError(f"{self.name}: {a} @ {b} do not fit: the last axis of the first and "
                             "the last but one of the second must be equal, those before as well")
        return made

    def forward(self, inputs: list[np.ndarray] | np.ndarray, mask: Any, training: bool,
                keep: int) -> tuple[np.ndarray, None, Any]:
        a, b = self.both(inputs, self.constant)
        self._shape(a.shape, b.shape)
        return np.asarray(_product(a, b)), None, (a, b) if keep else None

    def gradient(self, which: int, kept: Any, dy: np.ndarray) -> np.ndarray:
        a, b = kept
        rows, columns = a[None, :] if a.ndim == 1 else a, b[:, None] if b.ndim == 1 else b
        if a.ndim == 1:
            dy = dy[..., None, :] if b.ndim > 1 else dy[..., None]
        if b.ndim == 1:
            dy = dy[..., None]
        if which == 0:
            da = _product(dy, columns.swapaxes(-1, -2))
            return unbroadcast(da, rows.shape).reshape(a.shape)
        if columns.ndim == 2 and rows.ndim > 2:
            # One matrix for all rows: a single product over them.
            rows, dy = (x.reshape(-1, x.shape[-1]) for x in (rows, dy))
        return unbroadcast(_product(rows.swapaxes(-1, -2), dy), columns.shape).reshape(b.shape)


def _product(a, b):
    """a @ b, in pieces where BLAS would wake threads."""
    if b.ndim == 2 and a.ndim >= 2:
        return multiply_rows(np.ascontiguousarray(a).reshape(-1, a.shape[-1]), b).reshape(
            *a.shape[:-1], b.shape[-1])
    if a.ndim >= 2 and b.ndim >= 2 and a.shape[:-2] == b.shape[:-2]:
        return multiply_batches(a, b)
    return a @ b


def _product_shape(a, b):
    """Return the shape of a @ b for two shapes, None where they do not fit."""
    if not a or not b:
        return None
    rows, columns = (1, *a) if len(a) == 1 else a, (*b, 1) if len(b) == 1 else b
    inner, outer = rows[-1], columns[-2]
    batches = joined(rows[:-2], columns[:-2])
    if batches is None or (inner != outer and None not in (inner, outer)):
        return None
    return (*batches, *(() if len(a) == 1 else (rows[-2],)),
            *(() if len(b) == 1 else (columns[-1],)))
