# SPDX-License-Identifier: Apache-2.0
"""Matrix products of NumPy in pieces too small for its BLAS to wake threads.

BLAS threads beside the engine's are more threads than cores; the two kinds wait for each other
by spinning, and on a busy machine a product of a millisecond was seen to take a hundred. In pieces
one thread does all of it, as fast as before, and the result has the same bits for any number of
BLAS threads.
"""

import numpy as np

# Multiply-adds up to which OpenBLAS stays in one thread, whatever the shape.
_PIECE = 2**18
# Fewer rows than this are no longer a matrix product: then the whole is left to BLAS.
_FEWEST_ROWS = 4


def _rows_per_piece(rows, inputs, outputs):
    piece = _PIECE // (inputs * outputs)
    return piece if _FEWEST_ROWS <= piece < rows else rows


def multiply_rows(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a b for a (M, K) with many rows and b (K, J)."""
    rows, inputs = a.shape
    outputs = b.shape[1]
    if rows * inputs * outputs <= _PIECE:
        return a @ b
    piece = _rows_per_piece(rows, inputs, outputs)
    c = np.empty((rows, outputs), a.dtype)
    even = rows // piece * piece
    np.matmul(a[:even].reshape(-1, piece, inputs), b, out=c[:even].reshape(-1, piece, outputs))
    if even < rows:
        np.matmul(a[even:], b, out=c[even:])
    return c


def add_products_of_rows(a: np.ndarray, b: np.ndarray, into: np.ndarray) -> None:
    """into (J, K) += a^T b: the sum over all rows of the outer products of a (M, J), b (M, K)."""
    rows = len(a)
    if rows * into.size <= _PIECE:
        into += a.T @ b
        return
    piece = _rows_per_piece(rows, *into.shape)
    part = np.empty_like(into)
    for first in range(0, rows, piece):
        last = first + piece
        into += np.matmul(a[first:last].T, b[first:last], out=part)


def multiply_batches(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the products (..., M, J) of a (..., M, K) and b (..., K, J), batch by batch."""
    rows, inputs = a.shape[-2:]
    outputs = b.shape[-1]
    if rows * inputs * outputs <= _PIECE:
        return a @ b
    piece = _rows_per_piece(rows, inputs, outputs)
    c = np.empty((*a.shape[:-1], outputs), a.dtype)
    for first in range(0, rows, piece):
        last = first + piece
        np.matmul(a[..., first:last, :], b, out=c[..., first:last, :])
    return c


def add_rows(into: np.ndarray, ids: np.ndarray, rows: np.ndarray) -> None:
    """into[ids[k]] += rows[k] for every k, repeated ids included: onehot(ids)^T rows.

    Sorting brings the rows of one id together, so that each id is one sum: several times faster
    than ``np.add.at``, which goes through the elements one by one.
    """
    if not len(ids):
        return
    # NumPy sorts numbers of 16 bits by counting them.
    order = np.argsort(ids.astype(np.uint16) if len(into) <= 2**16 else ids, kind="stable")
    in_order = ids.take(order)
    starts = np.flatnonzero(np.concatenate(([True], in_order[1:] != in_order[:-1])))
    into[in_order[starts]] += np.add.reduceat(rows.take(order, axis=0), starts, axis=0)
