# SPDX-License-Identifier: Apache-2.0
"""Python's operators on values inside a model: each is an operation, so that gradients pass."""

from collections.abc import Callable
from typing import Any

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
    # Values stand below the operations, which make them. So `expressions` hands in what makes
    # the result of an operator: the functions of these names there.
    _arithmetic: Any = None
    _compared: Any = None
    _item: Any = None
    # `==` compares elements; what a set or a dict holds is the object.
    __hash__ = object.__hash__

    @classmethod
    def are_made_by(cls, arithmetic: Callable[..., Any], compared: Callable[..., Any],
                    item: Callable[..., Any]) -> None:
        """Set the functions that operators call: with the operator's name and its operands, with
        the name and two operands, and with a tensor and a key."""
        cls._arithmetic = staticmethod(arithmetic)
        cls._compared = staticmethod(compared)
        cls._item = staticmethod(item)

    def __array_ufunc__(self, function, method, *inputs, **options):
        """Take NumPy's arithmetic, as in ``array * tensor``; all else sees the values alone."""
        name = _UFUNCS.get(function)
        if name is not None and method == "__call__" and not options:
            return self._arithmetic(name, *inputs)
        values = [np.asarray(v) if isinstance(v, Operators) else v for v in inputs]
        return getattr(function, method)(*values, **options)

    def __add__(self, other):
        return self._arithmetic("add", self, other)

    def __radd__(self, other):
        return self._arithmetic("add", other, self)

    def __sub__(self, other):
        return self._arithmetic("subtract", self, other)

    def __rsub__(self, other):
        return self._arithmetic("subtract", other, self)

    def __mul__(self, other):
        return self._arithmetic("multiply", self, other)

    def __rmul__(self, other):
        return self._arithmetic("multiply", other, self)

    def __truediv__(self, other):
        return self._arithmetic("divide", self, other)

    def __rtruediv__(self, other):
        return self._arithmetic("divide", other, self)

    def __floordiv__(self, other):
        return self._arithmetic("floor_divide", self, other)

    def __rfloordiv__(self, other):
        return self._arithmetic("floor_divide", other, self)

    def __mod__(self, other):
        return self._arithmetic("mod", self, other)

    def __rmod__(self, other):
        return self._arithmetic("mod", other, self)

    def __pow__(self, other):
        return self._arithmetic("power", self, other)

    def __rpow__(self, other):
        return self._arithmetic("power", other, self)

    def __matmul__(self, other):
        return self._arithmetic("matmul", self, other)

    def __rmatmul__(self, other):
        return self._arithmetic("matmul", other, self)

    def __and__(self, other):
        return self._arithmetic("logical_and", self, other)

    def __rand__(self, other):
        return self._arithmetic("logical_and", other, self)

    def __or__(self, other):
        return self._arithmetic("logical_or", self, other)

    def __ror__(self, other):
        return self._arithmetic("logical_or", other, self)

    def __xor__(self, other):
        return self._arithmetic("logical_xor", self, other)

    def __rxor__(self, other):
        return self._arithmetic("logical_xor", other, self)

    def __neg__(self):
        return self._arithmetic("negative", self)

    def __pos__(self):
        return self

    def __abs__(self):
        return self._arithmetic("absolute", self)

    def __invert__(self):
        return self._arithmetic("logical_not", self)

    def __round__(self, digits=None):
        if digits:
            return self._arithmetic("round", self * 10.0**digits) / 10.0**digits
        return self._arithmetic("round", self)

    def __lt__(self, other):
        return self._arithmetic("less", self, other)

    def __le__(self, other):
        return self._arithmetic("less_equal", self, other)

    def __gt__(self, other):
        return self._arithmetic("greater", self, other)

    def __ge__(self, other):
        return self._arithmetic("greater_equal", self, other)

    def __eq__(self, other):
        return self._compared("equal", self, other)

    def __ne__(self, other):
        return self._compared("not_equal", self, other)

    def __len__(self):
        if not self.shape or self.shape[0] is None:
            what = "no axes" if not self.shape else "a first axis, the batch, of any size"
            raise TypeError(f"len() of a tensor with {what}: its shape is {tuple(self.shape)}")
        return self.shape[0]

    def __iter__(self):
        """The rows, along the first axis."""
        return iter([self[row] for row in range(len(self))])

    def __getitem__(self, key):
        return self._item(self, key)
