# SPDX-License-Identifier: Apache-2.0
"""Python's operators on values inside a model: each is a layer, so that gradients pass."""

import numpy as np

# NumPy's functions that stand for an operator, as in ``array * tensor``.
_UFUNCS = {
    np.add: "add", np.subtract: "subtract", np.multiply: "multiply", np.divide: "divide",
    np.power: "power", np.float_power: "power", np.floor_divide: "floor_divide",
    np.remainder: "mod", np.matmul: "matmul", np.negative: "negative", np.absolute: "absolute",
    np.less: "less", np.less_equal: "less_equal", np.greater: "greater",
    np.greater_equal: "greater_equal", np.equal: "equal", np.not_equal: "not_equal",
    np.bitwise_and: "logical_and", np.bitwise_or: "logical_or", np.bitwise_xor: "logical_xor",
    np.logical_and: "logical_and", np.logical_or: "logical_or", np.logical_xor: "logical_xor",
    np.logical_not: "logical_not", np.invert: "logical_not",
}


class Operators:
    """Arithmetic, comparisons and indexing of eager and symbolic tensors, and of weights."""

    __slots__ = ()
    # `==` compares elements; what a set or a dict holds is the object.
    __hash__ = object.__hash__

    def __array_ufunc__(self, function, method, *inputs, **options):
        """Take NumPy's arithmetic, as in ``array * tensor``; all else sees the values alone."""
        name = _UFUNCS.get(function)
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

    def __floordiv__(self, other):
        return _arithmetic("floor_divide", self, other)

    def __rfloordiv__(self, other):
        return _arithmetic("floor_divide", other, self)

    def __mod__(self, other):
        return _arithmetic("mod", self, other)

    def __rmod__(self, other):
        return _arithmetic("mod", other, self)

    def __pow__(self, other):
        return _arithmetic("power", self, other)

    def __rpow__(self, other):
        return _arithmetic("power", other, self)

    def __matmul__(self, other):
        return _arithmetic("matmul", self, other)

    def __rmatmul__(self, other):
        return _arithmetic("matmul", other, self)

    def __and__(self, other):
        return _arithmetic("logical_and", self, other)

    def __rand__(self, other):
        return _arithmetic("logical_and", other, self)

    def __or__(self, other):
        return _arithmetic("logical_or", self, other)

    def __ror__(self, other):
        return _arithmetic("logical_or", other, self)

    def __xor__(self, other):
        return _arithmetic("logical_xor", self, other)

    def __rxor__(self, other):
        return _arithmetic("logical_xor", other, self)

    def __neg__(self):
        return _arithmetic("negative", self)

    def __pos__(self):
        return self

    def __abs__(self):
        return _arithmetic("absolute", self)

    def __invert__(self):
        return _arithmetic("logical_not", self)

    def __round__(self, digits=None):
        if digits:
            return _arithmetic("round", self * 10.0**digits) / 10.0**digits
        return _arithmetic("round", self)

    def __lt__(self, other):
        return _arithmetic("less", self, other)

    def __le__(self, other):
        return _arithmetic("less_equal", self, other)

    def __gt__(self, other):
        return _arithmetic("greater", self, other)

    def __ge__(self, other):
        return _arithmetic("greater_equal", self, other)

    def __eq__(self, other):
        return _compared("equal", self, other)

    def __ne__(self, other):
        return _compared("not_equal", self, other)

    def __len__(self):
        if not self.shape or self.shape[0] is None:
            what = "no axes" if not self.shape else "a first axis, the batch, of any size"
            raise TypeError(f"len() of a tensor with {what}: its shape is {tuple(self.shape)}")
        return self.shape[0]

    def __iter__(self):
        """The rows, along the first axis."""
        return iter([self[row] for row in range(len(self))])

    def __getitem__(self, key):
        from ..layers.operators import item

        return item(self, key)


def _arithmetic(name, *operands):
    from ..layers.operators import arithmetic

    return arithmetic(name, *operands)


def _compared(name, a, b):
    from ..layers.operators import compared

    return compared(name, a, b)
