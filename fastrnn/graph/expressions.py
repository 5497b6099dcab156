# SPDX-License-Identifier: Apache-2.0
"""Expressions of tensors: what ``a + b``, ``a == b`` and ``a[key]`` give."""

from typing import Any

import numpy as np

from .._common import checks
from .arithmetic import Arithmetic
from .indexing import GetItem
from .matmul import MatMul
from .operation import Operation
from .operators import Operators
from .symbolic import SymbolicTensor
from .tape import Tensor, current

_TENSORS = (Tensor, SymbolicTensor)


def operate(kind: type[Operation], tensors: list[Any], *arguments: Any) -> Any:
    """Return what an operation that is made for this one call gives.

    Parameters
    ----------
    kind : type
        The class of the operation.
    tensors : list of Tensor, or list of SymbolicTensor
        What it is called on.
    *arguments
        Of its constructor. It computes in the dtype of the tensors.
    """
    # Names are counted in graphs alone, where they tell operations apart.
    name = None if type(tensors[0]) is SymbolicTensor else kind.__name__
    made = kind(*arguments, name=name, dtype=_dtype(tensors))
    return made(tensors[0] if len(tensors) == 1 else tensors)


def item(tensor: Operators, key: Any) -> SymbolicTensor | Tensor:
    """Return `tensor[key]` of an eager or a symbolic tensor.

    The key may be any that NumPy takes; that of a symbolic tensor is `GetItem`'s.
    """
    if type(tensor) is SymbolicTensor:
        return operate(GetItem, [tensor], key)
    operand: Any = as_operand(tensor)
    key = tuple(map(_value, key)) if type(key) is tuple else _value(key)
    if current.tape is None or not operand.tracked:
        return Tensor(operand.array[key])
    return operate(GetItem, [operand], key, False)


def arithmetic(operation: str, *operands: Any) -> Any:
    """Return the result of an operation on tensors, eager or symbolic, numbers and arrays.

    Parameters
    ----------
    operation : str
        "matmul", or one of `Arithmetic`.
    *operands : tensor, weight, number or array
        One or two, of which one at least is a tensor. Two tensors must have the same number of
        axes and the same batch; what is no tensor is a constant and is broadcast to the tensor's
        shape. A weight of a layer takes part with its gradient.

    Raises
    ------
    TypeError
        If symbolic tensors meet eager ones.
    ValueError
        If the shapes do not fit.
    """
    tensors = [as_operand(v) for v in operands if isinstance(v, Operators)]
    kind: type[Operation] = MatMul if operation == "matmul" else Arithmetic
    arguments: tuple[Any, ...] = () if kind is MatMul else (operation,)
    if len(tensors) < len(operands):
        constant_first = not isinstance(operands[0], Operators)
        constant = operands[0 if constant_first else 1]
        if constant is None:
            raise TypeError(f"the other operand of {operation} must be a tensor, a number or an "
                            "array of numbers, got None")
        arguments += (constant, constant_first)
    elif type(tensors[0]) is not type(tensors[-1]):
        raise TypeError(f"{operation} of a symbolic tensor and a value of a call, or a weight: "
                        "give layer.weight.numpy() where a constant is meant")
    return operate(kind, tensors, *arguments)


def compared(operation: str, a: Operators, b: Any) -> Any:
    """Return ``a == b`` or ``a != b``; NotImplemented where they cannot be compared by elements,
    as a symbolic tensor and one of another shape cannot: Python then says whether they are one.
    """
    if not (isinstance(b, Operators | np.ndarray | np.generic | int | float)
            or (isinstance(b, list | tuple) and np.asarray(b).dtype.kind in "fiub")):
        return NotImplemented
    if type(a) is SymbolicTensor or type(b) is SymbolicTensor:
        try:
            return arithmetic(operation, a, b)
        except (TypeError, ValueError):
            return NotImplemented
    return arithmetic(operation, a, b)


def as_operand(value: Any) -> SymbolicTensor | Tensor:
    """Return a tensor as it is, and a weight of a layer as a tensor whose gradient is its own."""
    if isinstance(value, _TENSORS):
        return value
    tape = current.tape
    made = Tensor(value.value, tracked=tape is not None and value.is_trained)
    if tape is not None and made.tracked:
        tape.record(_READING, value, (), (made,), takes_list=True)
    return made


class _Reading:
    """What the tape has as the maker of a weight that an operator reads."""

    @staticmethod
    def backward(variable: Any, gradient: np.ndarray) -> list[None]:
        variable.gradient[...] += variable.form.store(gradient)
        return []


_READING = _Reading()


def _value(part):
    return part.array if type(part) is Tensor else part


def _dtype(tensors):
    """Return the dtype of an operation on tensors, None for the default."""
    for tensor in tensors:
        dtype = np.dtype(tensor.dtype)
        if dtype in checks.DTYPES:
            return dtype
    return None


Operators.are_made_by(arithmetic, compared, item)
