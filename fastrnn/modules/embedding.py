# SPDX-License-Identifier: Apache-2.0
"""Embedding: a learned vector for each symbol."""

from .._common import checks
from .._common.products import add_rows
from .base import Layer


class Embedding(Layer):
    """y = weight[ids].

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        V, the number of symbols, and D, the size of a vector.
    dtype : str or dtype
        float32 or float64.
    seed : int, optional
        Of the initial values ~ N(0, 1), as in torch.nn.Embedding.

    Attributes
    ----------
    weight : ndarray (V, D)
        Read-only.
    """

    def __init__(self, num_embeddings, embedding_dim, dtype="float32", seed=None):
        symbols = checks.count("num_embeddings", num_embeddings)
        width = checks.count("embedding_dim", embedding_dim)
        dtype = checks.float_dtype(dtype)
        shapes = self.shapes(symbols, width)
        sizes = {"num_embeddings": symbols, "embedding_dim": width}
        checks.weight_sizes(shapes, sizes, dtype.itemsize)
        rng = checks.random_source(seed)
        with checks.enough_memory(sizes):
            super().__init__({name: rng.standard_normal(shape, dtype)
                              for name, shape in shapes.items()})
        self.num_embeddings, self.embedding_dim = symbols, width

    @staticmethod
    def shapes(num_embeddings, embedding_dim):
        """Map the parameters' names to their shapes."""
        return {"weight": (num_embeddings, embedding_dim)}

    def forward(self, ids):
        """Return the vectors (..., D) of the integers `ids` (...), each in [0, V).

        Raises
        ------
        TypeError
            If `ids` are not integers.
        IndexError
            If one is out of range.
        """
        ids = checked_ids("ids", ids, self.num_embeddings)
        self._keep(ids)
        return self.weight[ids]

    def backward(self, dy):
        """Add dy (..., D) into the gradients of the vectors used; ids have no gradient.

        Raises
        ------
        RuntimeError
            If no training forward is kept, the weights changed since, or dy is not shaped like y.
        ValueError
            If dy has another dtype than the layer.
        """
        ids = self._take_kept()
        dy = checks.shaped("dy", dy, self.dtype, (*ids.shape, self.embedding_dim))
        self._kept = None
        add_rows(self.grads["weight"], ids.reshape(-1), dy.reshape(-1, self.embedding_dim))

    def __repr__(self):
        return f"Embedding({self.num_embeddings}, {self.embedding_dim})"


def checked_ids(name, ids, count):
    """Return `ids` as an array of integers in [0, count)."""
    ids = checks.as_ndarray(name, ids)
    if ids.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got dtype {ids.dtype}")
    if ids.size:
        low, high = int(ids.min()), int(ids.max())
        if low < 0 or high >= count:
            wrong = low if low < 0 else high
            raise IndexError(f"{name} must be in [0, {count}), got {wrong}")
    return ids
