# SPDX-License-Identifier: Apache-2.0
"""What stands around the recurrent network of the character model, private to it.

These are not the layers of `fastrnn.layers`: a model of the demo goes on, bit for bit, from files
in torch.nn's layout. There a dense weight is (outputs, inputs), not (inputs, outputs); products
with it, and the sum of squares by which gradients are clipped, add up in another order.
"""

from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .._common import checks
from .._common.products import add_products_of_rows, add_rows, multiply_rows
from .._common.quiet import set_apart
from ..engine.module import Module, Owner
from ..engine.parameters import Gradients, Parameters


class Part(Owner):
    """A module with parameters of its own, a forward and a backward.

    Parameters
    ----------
    shapes : dict of str to tuple
        The parameters by name.
    sizes : dict of str to int
        The arguments the shapes were made from, for messages.
    dtype : str or dtype
        float32 or float64.
    draw : callable
        The initial values from a shape and a dtype.
    """

    def __init__(self, shapes: dict[str, tuple[int, ...]], sizes: dict[str, int], dtype: np.dtype,
                 draw: Callable[..., np.ndarray]) -> None:
        checks.weight_sizes(shapes, sizes, dtype.itemsize)
        with checks.enough_memory(sizes):
            values = {name: draw(shape, dtype) for name, shape in shapes.items()}
            self._parameters = Parameters(values)
            self.grads = Gradients(self._parameters)
        self.dtype = dtype
        self._kept = None

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        set_apart(cls, ("forward", "backward"))

    def __call__(self, x: npt.ArrayLike) -> np.ndarray:
        return self.forward(x)

    def _keep(self, kept):
        if self.training:
            self._kept = self._parameters.version, kept

    def _take_kept(self):
        """Return what the last training forward kept, once."""
        if self._kept is None:
            raise RuntimeError("no forward is kept for backward: call train(), then the layer; "
                               "one forward serves one backward")
        version, kept = self._kept
        if version != self._parameters.version:
            raise RuntimeError("the weights changed since the forward that backward would follow")
        return kept

    def __getstate__(self):
        state = vars(self).copy()
        del state["grads"]
        state["_kept"] = None
        return state

    def __setstate__(self, state):
        for name, value in state.items():
            setattr(self, name, value)
        self.grads = Gradients(self._parameters)


class Dense(Part):
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
        Of the initial values: W (O, I) and b (O,) ~ U(-1/sqrt(I), 1/sqrt(I)), as in
        torch.nn.Linear.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True,
                 dtype: npt.DTypeLike = "float32", seed: int | None = None) -> None:
        inputs = checks.count("in_features", in_features)
        outputs = checks.count("out_features", out_features)
        dtype = checks.float_dtype(dtype)
        shapes = self.shapes(inputs, outputs, checks.flag("bias", bias))
        rng, bound = checks.random_source(seed), inputs**-0.5
        super().__init__(shapes, {"in_features": inputs, "out_features": outputs}, dtype,
                         lambda shape, dtype: rng.uniform(-bound, bound, shape).astype(dtype))
        self.in_features, self.out_features = inputs, outputs

    @staticmethod
    def shapes(in_features: int, out_features: int,
               bias: bool = True) -> dict[str, tuple[int, ...]]:
        """Map the parameters' names to their shapes."""
        weight: dict[str, tuple[int, ...]] = {"weight": (out_features, in_features)}
        return weight | {"bias": (out_features,)} if bias else weight

    def forward(self, x: npt.ArrayLike) -> np.ndarray:
        """Return y (..., O) of x (..., I), which must be of the layer's dtype."""
        x = checks.array("x", x, self.dtype)
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            raise RuntimeError(f"x must have in_features = {self.in_features} as its last axis, "
                               f"got shape {x.shape}")
        self._keep(x)
        y = multiply_rows(x.reshape(-1, self.in_features), self.weight.T)
        if "bias" in self.grads:
            y += self.bias
        return y.reshape(*x.shape[:-1], self.out_features)

    def backward(self, dy: npt.ArrayLike) -> np.ndarray:
        """Add dy^T x and sum(dy) into `grads`; return dx = dy W, shaped like x."""
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


class Embedding(Part):
    """y = weight[ids].

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        V, the number of symbols, and D, the size of a vector.
    dtype : str or dtype
        float32 or float64.
    seed : int, optional
        Of the initial values (V, D) ~ N(0, 1), as in torch.nn.Embedding.
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, dtype: npt.DTypeLike = "float32",
                 seed: int | None = None) -> None:
        symbols = checks.count("num_embeddings", num_embeddings)
        width = checks.count("embedding_dim", embedding_dim)
        dtype = checks.float_dtype(dtype)
        super().__init__(self.shapes(symbols, width),
                         {"num_embeddings": symbols, "embedding_dim": width}, dtype,
                         checks.random_source(seed).standard_normal)
        self.num_embeddings, self.embedding_dim = symbols, width

    @staticmethod
    def shapes(num_embeddings: int, embedding_dim: int) -> dict[str, tuple[int, ...]]:
        """Map the parameters' names to their shapes."""
        return {"weight": (num_embeddings, embedding_dim)}

    def forward(self, ids: npt.ArrayLike) -> np.ndarray:
        """Return the vectors (..., D) of the integers `ids` (...), each in [0, V).

        Raises
        ------
        TypeError
            If `ids` are not integers.
        IndexError
            If one is out of range.
        """
        ids = _checked_ids(ids, self.num_embeddings)
        self._keep(ids)
        return self.weight[ids]

    def backward(self, dy: npt.ArrayLike) -> None:
        """Add dy (..., D) into the gradients of the vectors used; ids have no gradient."""
        ids = self._take_kept()
        dy = checks.shaped("dy", dy, self.dtype, (*ids.shape, self.embedding_dim))
        self._kept = None
        add_rows(self.grads["weight"], ids.reshape(-1), dy.reshape(-1, self.embedding_dim))

    def __repr__(self):
        return f"Embedding({self.num_embeddings}, {self.embedding_dim})"


def _checked_ids(ids, count):
    ids = checks.as_ndarray("ids", ids)
    if ids.dtype.kind not in "iu":
        raise TypeError(f"ids must be integers, got dtype {ids.dtype}")
    if ids.size:
        low, high = int(ids.min()), int(ids.max())
        if low < 0 or high >= count:
            wrong = low if low < 0 else high
            raise IndexError(f"ids must be in [0, {count}), got {wrong}")
    return ids


class Joined(Module):
    """A module made of others; its parameters are named ``part.parameter``.

    Parameters
    ----------
    parts : dict of str to module
        The parts, which become attributes.
    """

    forward: Callable[..., Any]

    def __init__(self, parts: dict[str, Any]) -> None:
        self._parts = parts
        for name, part in parts.items():
            setattr(self, name, part)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of every part; return self."""
        super().train(mode)
        for part in self._parts.values():
            part.train(mode)
        return self

    @property
    def grads(self) -> dict[str, np.ndarray]:
        """Gradients by parameter name: the arrays of the parts."""
        return self._joined(part.grads for part in self._parts.values())

    def zero_grad(self) -> None:
        """Set all gradients to zero."""
        for part in self._parts.values():
            part.zero_grad()

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return the parameters of all parts as read-only views of the live arrays."""
        return self._joined(part.state_dict() for part in self._parts.values())

    @contextmanager
    def _updating(self):
        with ExitStack() as stack:
            arrays = [stack.enter_context(part._updating()) for part in self._parts.values()]
            yield self._joined(arrays)

    def _joined(self, mappings):
        return {
            f"{part}.{name}": array
            for part, mapping in zip(self._parts, mappings, strict=True)
            for name, array in mapping.items()
        }
