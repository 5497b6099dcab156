# SPDX-License-Identifier: Apache-2.0
"""Dense layer: the same affine map at every position."""

from .._common import checks
from .._common.products import add_products_of_rows, multiply_rows
from .base import Layer


class Dense(Layer):
    """y = x W^T + b over the last axis.

    Parameters
    ----------
    in_features, out_features : int
        I and O, the sizes of the last axis of x and of y.
    bias : bool
        Whether b is added.
    dtype : str or dtype
        float32 or float64.
    seed : int, optional
        Of the initial values: W and b ~ U(-1/sqrt(I), 1/sqrt(I)), as in torch.nn.Linear.

    Attributes
    ----------
    weight : ndarray (O, I)
        W, read-only.
    bias : ndarray (O,)
        b, read-only; not there without a bias.
    """

    def __init__(self, in_features, out_features, bias=True, dtype="float32", seed=None):
        inputs = checks.count("in_features", in_features)
        outputs = checks.count("out_features", out_features)
        dtype = checks.float_dtype(dtype)
        shapes = self.shapes(inputs, outputs, checks.flag("bias", bias))
        sizes = {"in_features": inputs, "out_features": outputs}
        checks.weight_sizes(shapes, sizes, dtype.itemsize)
        rng = checks.random_source(seed)
        bound = inputs**-0.5
        with checks.enough_memory(sizes):
            super().__init__({
                name: rng.uniform(-bound, bound, shape).astype(dtype)
                for name, shape in shapes.items()
            })
        self.in_features, self.out_features = inputs, outputs

    @staticmethod
    def shapes(in_features, out_features, bias=True):
        """Map the parameters' names to their shapes."""
        weight = {"weight": (out_features, in_features)}
        return weight | {"bias": (out_features,)} if bias else weight

    def forward(self, x):
        """Return y (..., O) of x (..., I).

        Raises
        ------
        ValueError
            If x has another dtype than the layer.
        RuntimeError
            If the last axis of x is not I.
        """
        x = checks.array("x", x, self.dtype)
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            raise RuntimeError(f"x must have in_features = {self.in_features} as its last axis, "
                               f"got shape {x.shape}")
        self._keep(x)
        y = multiply_rows(x.reshape(-1, self.in_features), self.weight.T)
        if "bias" in self.grads:
            y += self.bias
        return y.reshape(*x.shape[:-1], self.out_features)

    def backward(self, dy):
        """Add dy^T x and sum(dy) into `grads`; return dx = dy W, shaped like x.

        Raises
        ------
        RuntimeError
            If no training forward is kept, the weights changed since, or dy is not shaped like y.
        ValueError
            If dy has another dtype than the layer.
        """
        x = self._take_kept()
        dy = checks.shaped("dy", dy, self.dtype, (*x.shape[:-1], self.out_features))
        self._kept = None
        rows = dy.reshape(-1, self.out_features)
        add_products_of_rows(rows, x.reshape(-1, self.in_features), self.grads["weight"])
        if "bias" in self.grads:
            self.grads["bias"] += rows.sum(axis=0)
        return multiply_rows(rows, self.weight).reshape(x.shape)

    def __repr__(self):
        return f"Dense({self.in_features}, {self.out_features})"
