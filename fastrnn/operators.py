# SPDX-License-Identifier: Apache-2.0
"""Python's operators on values inside a model: each is a layer, so that gradients pass."""

import numpy as np

_ARITHMETIC = {np.add: "add", np.subtract: "subtract", np.multiply: "multiply",
               np.divide: "divide"}


class Operators:
    """Arithmetic and indexing of eager and of symbolic tensors."""

    __slots__ = ()

    def __array_ufunc__(self, function, method, *inputs, **options):
        """Take NumPy's arithmetic, as in ``array * tensor``; all else sees the values alone."""
        name = _ARITHMETIC.get(function)
        if name is not None and method == "__call__" and not options:
            return _arithmetic(name, *inputs)
        values = [np.asarray(v) if isinstance(v, Operators) else v for v in inputs]
        return getattr(function, method)(*values, **options)

    def __add__(self, other):
        return _arithmetic("add", self, other)

    def __radd__(self, other):
        return _arithmetic("add", other, self)

    def __sub__(self, other):
        return _arithmetic("subtract", self, other)

    def __rsub__(self, other):
        return _arithmetic("subtract", other, self)

    def __mul__(self, other):
        return _arithmetic("multiply", self, other)

    def __rmul__(self, other):
        return _arithmetic("multiply", other, self)

    def __truediv__(self, other):
        return _arithmetic("divide", self, other)

    def __rtruediv__(self, other):
        return _arithmetic("divide", other, self)

    def __neg__(self):
        return _arithmetic("multiply", self, -1)

    def __getitem__(self, key):
        from .layers.operators import item

        return item(self, key)


def _arithmetic(name, a, b):
    from .layers.operators import arithmetic

    return arithmetic(name, a, b)
