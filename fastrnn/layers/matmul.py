# SPDX-License-Identifier: Apache-2.0
"""The product of matrices, as the operator @ makes it."""

import numpy as np

from .._common.products import multiply_batches, multiply_rows
from .arithmetic import _constant
from .base import Layer
from .broadcasting import joined, unbroadcast


class MatMul(Layer):
    """y = a @ b of two inputs, or of one and a constant, over the last two axes as in NumPy.

    Parameters
    ----------
    constant : array, optional
        The other operand, which has no gradient.
    constant_first : bool
        Whether the constant is a.
    **options
        Those of every `Layer`.

    Raises
    ------
    ValueError
        If the shapes do not fit, or in a graph the product would sum over the batch.
    """

    arguments = ("constant", "constant_first")
    takes_list = True

    def __init__(self, constant=None, constant_first=False, **options):
        super().__init__(**options)
        self.constant = None
        self.constant_first = constant_first
        if constant is not None:
            self.constant = _constant("matmul", constant, self.dtype).astype(self.dtype, copy=False)
            if self.constant.ndim == 0:
                raise ValueError("the other operand of matmul must be an array, got one number")

    def compute_output_shape(self, input_shape):
        shapes = [input_shape] if self.constant is not None else list(input_shape)
        tensors = len(shapes)
        if tensors == 1:
            shapes.insert(0 if self.constant_first else 1, self.constant.shape)
        a, b = map(tuple, shapes)
        made = _product_shape(a, b)
        if made is None:
            raise ValueError(f"{self.name}: {a} @ {b} do not fit: the last axis of the first and "
                             "the last but one of the second must be equal, those before as well")
        # The batch is the first axis of what is made only where no matrix has it as an axis.
        first, second = len(a), len(b)
        if tensors == 2:
            keeps = first == second >= 3
        elif self.constant_first:
            keeps = second >= 3 and second >= first
        else:
            keeps = first >= 2 and second <= max(2, first)
        if not keeps:
            raise ValueError(f"{self.name}: {a} @ {b} does not leave the batch axis as it is")
        return made

    def forward(self, inputs, mask, training, keep):
        a, b = inputs if self.constant is None else (
            (self.constant, inputs) if self.constant_first else (inputs, self.constant))
        if _product_shape(a.shape, b.shape) is None:
            raise ValueError(f"{self.name}: {a.shape} @ {b.shape} do not fit: the last axis of "
                             "the first and the last but one of the second must be equal, those "
                             "before as well")
        return np.asarray(_product(a, b)), None, (a, b) if keep else None

    def backward(self, kept, doutputs):
        a, b = kept
        dy = doutputs
        rows, columns = a[None, :] if a.ndim == 1 else a, b[:, None] if b.ndim == 1 else b
        if a.ndim == 1:
            dy = dy[..., None, :] if b.ndim > 1 else dy[..., None]
        if b.ndim == 1:
            dy = dy[..., None]
        da = db = None
        if self.constant is None or not self.constant_first:
            da = unbroadcast(_product(dy, columns.swapaxes(-1, -2)), rows.shape).reshape(a.shape)
        if self.constant is None or self.constant_first:
            if columns.ndim == 2 and rows.ndim > 2:
                # One matrix for all rows: a single product over them.
                rows, dy = (x.reshape(-1, x.shape[-1]) for x in (rows, dy))
            db = unbroadcast(_product(rows.swapaxes(-1, -2), dy), columns.shape).reshape(b.shape)
        if self.constant is not None:
            return db if self.constant_first else da
        return [da, db]

    def get_config(self):
        config = super().get_config()
        if self.constant is not None:
            config["constant"] = self.constant.tolist()
        return config


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
