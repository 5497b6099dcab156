# SPDX-License-Identifier: Apache-2.0
"""Python's operators as layers: what `tensor[key]` and `tensor + 1` are inside a model."""

import numpy as np

from .. import checks
from ..symbolic import SymbolicTensor
from ..tape import Tensor, current
from .base import Layer
from .broadcasting import common_shape, summed_to


def item(tensor, key):
    """Return `tensor[key]` of an eager or a symbolic tensor.

    Where nothing is recorded the key may be any that NumPy takes; else it is `GetItem`'s.
    """
    if type(tensor) is SymbolicTensor:
        return GetItem(key, dtype=_dtype(tensor))(tensor)
    if current.tape is None:
        return Tensor(tensor.array[key])
    return _shared(GetItem, tensor, key)(tensor)


def arithmetic(operation, a, b):
    """Return ``a operation b``; one of them, or both, are tensors, eager or symbolic.

    Parameters
    ----------
    operation : {"add", "subtract", "multiply", "divide"}
    a, b : tensor, number or array
        Two tensors must have the same number of axes and the same batch; what is no tensor is a
        constant and is broadcast to the tensor's shape.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    tensors = [value for value in (a, b) if isinstance(value, _TENSORS)]
    first = tensors[0]
    arguments = (operation,)
    if len(tensors) == 1:
        arguments = (operation, b, False) if first is a else (operation, a, True)
        tensors = first
    if type(first) is SymbolicTensor:
        return Arithmetic(*arguments, dtype=_dtype(first))(tensors)
    return _shared(Arithmetic, first, *arguments)(tensors)


def _dtype(tensor):
    """Return the dtype of the layer that does an operation on a tensor."""
    dtype = np.dtype(tensor.dtype)
    return dtype if dtype in checks.DTYPES else "float32"


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
    key = kind, tensor.dtype, repr(arguments)
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
    **options
        Those of every `Layer`.

    Raises
    ------
    IndexError
        If the key selects rows of the batch, or does not fit the inputs.
    """

    arguments = ("key",)
    casts_inputs = False

    def __init__(self, key, **options):
        super().__init__(**options)
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
        return self._of(inputs, inputs.shape), None, inputs.shape

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


_FUNCTIONS = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply,
              "divide": np.divide}


class Arithmetic(Layer):
    """y = a op b of two inputs, or of one and a constant.

    Parameters
    ----------
    operation : {"add", "subtract", "multiply", "divide"}
    constant : number or array, optional
        The other operand. It is no input: it has no gradient.
    constant_first : bool
        Whether the constant is a.
    **options
        Those of every `Layer`.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """

    arguments = ("operation", "constant", "constant_first")
    takes_list = True

    def __init__(self, operation, constant=None, constant_first=False, **options):
        super().__init__(**options)
        self.operation = checks.choice("operation", operation, tuple(_FUNCTIONS))
        self._function = _FUNCTIONS[operation]
        self.constant = None
        self.constant_first = constant_first
        if constant is not None:
            self.constant = checks.as_ndarray(f"the other operand of {operation}", constant)
            if self.constant.dtype.kind not in "fiub":
                raise TypeError(f"the other operand of {operation} must be a tensor, a number or "
                                f"an array of numbers, got {type(constant).__name__}")
            self.constant = self.constant.astype(self.dtype, copy=False)

    def compute_output_shape(self, input_shape):
        if self.constant is None:
            a, b = input_shape
            if len(a) != len(b):
                raise ValueError(f"{self.name}: tensors of shapes {tuple(a)} and {tuple(b)} have "
                                 "different numbers of axes: add one, as in x[:, None]")
            return common_shape(self, (a, b))
        shape, other = tuple(input_shape), self.constant.shape
        axes = (1,) * (len(shape) - len(other)) + other
        if len(axes) == len(shape) and axes[0] in (1, shape[0]):
            return common_shape(self, (shape, (shape[0], *axes[1:])))
        raise ValueError(f"{self.name}: a constant of shape {other} does not fit a tensor of "
                         f"shape {shape}: the batch axis must stay as it is")

    def forward(self, inputs, mask, training, keep):
        if self.constant is None:
            a, b = inputs
            if a.shape != b.shape:
                self.compute_output_shape((a.shape, b.shape))
        else:
            if self.constant.ndim:
                self.compute_output_shape(inputs.shape)
            a, b = ((self.constant, inputs) if self.constant_first else (inputs, self.constant))
        return self._function(a, b), None, (a, b) if keep else None

    def backward(self, kept, doutputs):
        a, b = kept
        if self.constant is not None:
            which, x = (1, b) if self.constant_first else (0, a)
            return summed_to(self._gradient(which, a, b, doutputs), x.shape)
        return [summed_to(self._gradient(0, a, b, doutputs), a.shape),
                summed_to(self._gradient(1, a, b, doutputs), b.shape)]

    def _gradient(self, which, a, b, dy):
        """Return the gradient of operand `which`, in the shape of the result."""
        if self.operation == "add":
            return dy
        if self.operation == "subtract":
            return -dy if which else dy
        if self.operation == "multiply":
            return dy * (a if which else b)
        return dy * (-a / (b * b)) if which else dy / b

    def get_config(self):
        config = super().get_config()
        if self.constant is not None:
            config["constant"] = self.constant.tolist()
        return config
