# SPDX-License-Identifier: Apache-2.0
"""Python's operators as layers: what `tensor[key]` and `tensor + 1` are inside a model."""

import numpy as np

from .._common import checks
from ..backend import floatx
from ..graph.operators import Operators
from ..graph.symbolic import SymbolicTensor
from ..graph.tape import Tensor, current
from .arithmetic import Arithmetic
from .base import Layer
from .matmul import MatMul


def item(tensor, key):
    """Return `tensor[key]` of an eager or a symbolic tensor.

    The key may be any that NumPy takes; that of a symbolic tensor is `GetItem`'s.
    """
    if type(tensor) is SymbolicTensor:
        return GetItem(key, dtype=_dtype(tensor))(tensor)
    tensor = as_operand(tensor)
    key = tuple(map(_value, key)) if type(key) is tuple else _value(key)
    if current.tape is None or not tensor.tracked:
        return Tensor(tensor.array[key])
    return _shared(GetItem, tensor, key, False)(tensor)


def arithmetic(operation, *operands):
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
    operands = [as_operand(v) if isinstance(v, Operators) else v for v in operands]
    tensors = [v for v in operands if isinstance(v, _TENSORS)]
    first = tensors[0]
    kind, arguments = (MatMul, ()) if operation == "matmul" else (Arithmetic, (operation,))
    if len(tensors) < len(operands):
        constant = operands[1] if operands[0] is first else operands[0]
        if constant is None:
            raise TypeError(f"the other operand of {operation} must be a tensor, a number or an "
                            "array of numbers, got None")
        arguments += (constant, operands[0] is not first)
    kinds = set(map(type, tensors))
    if SymbolicTensor in kinds:
        if len(kinds) > 1:
            raise TypeError(f"{operation} of a symbolic tensor and a value of a call, or a weight: "
                            "give layer.weight.numpy() where a constant is meant")
        layer = kind(*arguments, dtype=_dtype(*tensors))
    else:
        layer = _shared(kind, _floating(tensors), *arguments)
    return layer(tensors[0] if len(tensors) == 1 else tensors)


def compared(operation, a, b):
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


def as_operand(value):
    """Return a tensor as it is, and a weight of a layer as a tensor whose gradient is its own."""
    if isinstance(value, _TENSORS):
        return value
    made = Tensor(value.value, tracked=current.tape is not None and value.is_trained)
    if made.tracked:
        current.tape.record(_READING, value, [], made)
    return made


class _Reading:
    """What the tape has as the maker of a weight that an operator reads."""

    @staticmethod
    def backward(variable, gradient):
        variable.gradient[...] += variable.form.store(gradient)
        return []


_READING = _Reading()


def _value(part):
    return part.array if type(part) is Tensor else part


def _floating(tensors):
    """Return the first tensor of floats, or the first one."""
    for tensor in tensors:
        if tensor.dtype.kind == "f":
            return tensor
    return tensors[0]


def _dtype(*tensors):
    """Return the dtype of the layer that does an operation on tensors."""
    for tensor in tensors:
        dtype = np.dtype(tensor.dtype)
        if dtype in checks.DTYPES:
            return dtype
    return None


_TENSORS = (Tensor, SymbolicTensor)
_SMALL = (int, float, str, slice, type(None), type(Ellipsis))
# Operations of eager tensors. They hold no weights and appear in no graph, so that equal ones can
# be one; to make a layer takes longer than most operations.
_made = {}
_MOST_MADE = 4096


def _shared(kind, tensor, *arguments):
    """Return a layer of this kind with these arguments, for an eager tensor."""
    if not all(map(_is_small, arguments)):
        return kind(*arguments, name=kind.__name__, dtype=_dtype(tensor))
    dtype = tensor.dtype
    key = kind, dtype if dtype.kind == "f" else floatx(), repr(arguments)
    layer = _made.get(key)
    if layer is None:
        if len(_made) >= _MOST_MADE:
            _made.clear()
        layer = _made[key] = kind(*arguments, name=kind.__name__, dtype=_dtype(tensor))
    return layer


def _is_small(argument):
    """Say whether ``repr`` tells all of an argument."""
    if type(argument) is tuple:
        return all(map(_is_small, argument))
    return isinstance(argument, _SMALL)


class GetItem(Layer):
    """y = x[key].

    Parameters
    ----------
    key : int, slice, None, Ellipsis, list of int, or tuple of them
        The batch must stay as it is: a tuple begins with ``:`` or ``...``.
    keeps_batch : bool
        Without it the key may be any that NumPy takes: then the layer is none for a graph.
    **options
        Those of every `Layer`.

    Raises
    ------
    IndexError
        If the key selects rows of the batch, or does not fit the inputs.
    """

    arguments = ("key",)
    casts_inputs = False

    def __init__(self, key, keeps_batch=True, **options):
        super().__init__(**options)
        self._keeps_batch = keeps_batch
        if not keeps_batch:
            self.key = key
            parts = key if type(key) is tuple else (key,)
            self._repeats = any(isinstance(part, list | np.ndarray) for part in parts)
            return
        self.key = tuple(map(_read, key)) if isinstance(key, tuple | list) else (_read(key),)
        first = self.key[0] if self.key else None
        if first is not Ellipsis and not (isinstance(first, slice) and first == slice(None)):
            raise IndexError(f"indexing inside a model must leave the batch axis as it is: begin "
                             f"with ':' as in x[:, -1], got [{_text(self.key)}]")
        lists = sum(isinstance(part, np.ndarray) for part in self.key)
        if lists > 1 or (lists and any(isinstance(part, int | np.integer) for part in self.key)):
            raise IndexError("indexing inside a model takes one list of ints, and no int beside "
                             f"it; got [{_text(self.key)}]")
        self._repeats = lists > 0

    def compute_output_shape(self, input_shape):
        # Two probes that differ where a size is open show which sizes of the result are open.
        shapes = [self._of(_probe(input_shape, size), input_shape).shape
                  for size in (2**20, 2**20 + 3)]
        sizes = tuple(a if a == b else None for a, b in zip(*shapes, strict=True))
        return (input_shape[0], *sizes[1:])

    def _of(self, array, shape):
        """Return array[key]; `shape` is that of the message."""
        if not self._keeps_batch:
            return array[self.key]
        try:
            result = array[self.key]
        except IndexError as reason:
            raise IndexError(f"{self.name}: [{_text(self.key)}] does not fit inputs of shape "
                             f"{tuple(shape)}: {reason}") from None
        if result.ndim == 0 or result.shape[0] != array.shape[0]:
            raise IndexError(f"{self.name}: [{_text(self.key)}] does not leave the batch axis of "
                             f"inputs of shape {tuple(shape)} as it is")
        return result

    def forward(self, inputs, mask, training, keep):
        outputs = self._of(inputs, inputs.shape)
        return np.asarray(outputs), None, inputs.shape

    def backward(self, shape, doutputs):
        dx = np.zeros(shape, doutputs.dtype)
        if self._repeats:
            np.add.at(dx, self.key, doutputs)
        else:
            dx[self.key] = doutputs
        return dx

    def get_config(self):
        config = super().get_config()
        config["key"] = [_described(part) for part in self.key]
        return config


def _probe(shape, open_size):
    """Return an array of zeros of a shape, of which it takes no memory."""
    batch, *sizes = shape
    sizes = [open_size if size is None else size for size in sizes]
    return np.broadcast_to(np.float32(0), (batch or 2, *sizes))


def _read(part):
    """Return a part of a key, also of one that `get_config` described."""
    if isinstance(part, dict):
        return slice(*part["slice"]) if part else Ellipsis
    if isinstance(part, list | np.ndarray):
        part = np.asarray(part)
        if part.dtype.kind in "iu" and part.ndim == 1:
            return part
    elif part is None or part is Ellipsis or isinstance(part, slice | int | np.integer):
        return part
    raise IndexError("an index inside a model must be of ints, slices, lists of ints, None and "
                     f"Ellipsis, got {part!r}")


def _described(part):
    if part is Ellipsis:
        return {}
    if isinstance(part, slice):
        return {"slice": [part.start, part.stop, part.step]}
    return part.tolist() if isinstance(part, np.ndarray) else part


def _text(key):
    return ", ".join(map(_part_text, key))


def _part_text(part):
    if isinstance(part, slice):
        ends = ["" if end is None else str(end) for end in (part.start, part.stop)]
        return ":".join(ends if part.step is None else [*ends, str(part.step)])
    return "..." if part is Ellipsis else str(part)
