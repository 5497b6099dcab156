# SPDX-License-Identifier: Apache-2.0
"""Checks of what callers hand in, done once; below them nothing is checked again.

Each function returns the value in the form the loops want, or raises an error that names the
argument, what was got and what was wanted. The error classes are those of torch.nn where it has
a rule of its own: ``TypeError`` for a value of the wrong kind, ``ValueError`` for a wrong rank or
dtype of the input, ``RuntimeError`` for sizes that do not fit the model or each other.
"""

import operator
import sys
from contextlib import contextmanager

import numpy as np

# The loops and BLAS count rows and columns in 32-bit integers.
MAX_SIZE = 2**31 - 1
MAX_LAYERS = 2**15 - 1
DTYPES = {np.dtype(np.float32), np.dtype(np.float64)}

_ndarray = np.ndarray


def count(name, value, minimum=1, maximum=MAX_SIZE):
    """Return `value` as an int between `minimum` and `maximum`."""
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an int, got {type(value).__name__}")
    number = operator.index(value)
    if number < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {number}")
    if number > maximum:
        raise ValueError(f"{name} is too large: at most {maximum}, got {number}")
    return number


def flag(name, value):
    """Return `value`, which must be a bool."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be a bool, got {type(value).__name__}")
    return bool(value)


def probability(name, value):
    """Return `value` as a float in [0, 1]."""
    number = isinstance(value, int | float | np.integer | np.floating)
    if not number or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number in [0, 1], got {value!r}")
    return float(value)


def number(name, value):
    """Return `value`, which must be an int or a float."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be a number, got {type(value).__name__}")
    return value


def random_source(seed, make=None):
    """Return ``make(seed)``, a Generator by default; the error for what cannot be a seed names it.

    NumPy loads its random module when it is first used; it takes as long as all of this package.
    """
    make = make or np.random.default_rng
    try:
        return make(seed)
    except (TypeError, ValueError) as reason:
        wanted = "an int of at least 0, a numpy.random.Generator or None"
        raise type(reason)(f"seed must be {wanted}, got {seed!r}") from None


def choice(name, value, allowed):
    """Return `value`, which must be one of the strings `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {value!r}")
    return value


def float_dtype(value):
    """Return `value` as the NumPy dtype float32 or float64."""
    try:
        dtype = np.dtype(value)
    except TypeError:
        raise TypeError(f"dtype must be float32 or float64, got {value!r}") from None
    if value is None or dtype not in DTYPES:
        raise ValueError(f"dtype must be float32 or float64, got {value!r}")
    return dtype


def weight_sizes(shapes, sizes, itemsize):
    """Refuse parameters too large to be addressed, before anything is allocated.

    Parameters
    ----------
    shapes : dict of str to tuple
        The shape of each parameter.
    sizes : dict of str to int
        The arguments the shapes were made from, for the message.
    itemsize : int
        Bytes of one element.
    """
    total = 0
    for name, shape in shapes.items():
        elements = 1
        for size in shape:
            if size > MAX_SIZE:
                _raise_too_large(f"{name} would have shape {shape}", sizes)
            elements *= size
        total += elements
    if total * itemsize > sys.maxsize:
        _raise_too_large(f"the parameters would take {total * itemsize} bytes", sizes)


def _raise_too_large(consequence, sizes):
    culprit = max(sizes, key=sizes.get)
    raise ValueError(f"{culprit} is too large: {consequence} ({_listed(sizes)})")


def _listed(sizes):
    return ", ".join(f"{name}={value}" for name, value in sizes.items())


@contextmanager
def enough_memory(sizes):
    """Name the arguments `sizes` in a ``MemoryError`` of what is done within."""
    try:
        yield
    except MemoryError as reason:
        text = f"not enough memory for parameters of {_listed(sizes)}: {reason}"
        raise MemoryError(text) from None


def max_rows(widest, itemsize):
    """Return how many steps x rows of `widest` elements the loops can count and address."""
    return min(MAX_SIZE, sys.maxsize // (widest * itemsize))


def as_ndarray(name, value):
    """Return ``numpy.asarray(value)``; what NumPy cannot read raises ``TypeError``.

    So does a masked array: its mask would be lost. Tensors that NumPy does not know are asked for
    their ``numpy()``.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, whose mask would be lost: fill it first")
    try:
        if hasattr(value, "numpy") and not hasattr(value, "__array__"):
            value = value.numpy()
        return np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as reason:
        kind = type(value).__name__
        raise TypeError(f"{name} must be an array of numbers, got {kind}: {reason}") from None


def array(name, value, dtype, error=ValueError):
    """Return `value` as an ndarray of exactly `dtype`; a wrong dtype raises `error`.

    Lists, buffers and the tensors of other libraries are taken when NumPy reads them as `dtype`.
    Nothing is cast.
    """
    if type(value) is _ndarray and value.dtype is dtype:
        return value
    result = as_ndarray(name, value)
    if result.dtype != dtype:
        raise error(f"{name} must have the model's dtype {dtype}, got {_dtype_text(result.dtype)}")
    return result


def _dtype_text(dtype):
    return str(dtype) if dtype.isnative else f"{dtype.name} in foreign byte order"


def shaped(name, value, dtype, shape, error=ValueError):
    """Return `value` as an array of `dtype` and `shape`; see `array` for `error`."""
    result = array(name, value, dtype, error)
    if result.shape != shape:
        raise RuntimeError(f"{name} must have shape {shape}, got {result.shape}")
    return result


def sequence(model, x):
    """Return the input `x` as an array of rank 2 or 3 that `model` can read."""
    x = array("x", x, model.dtype)
    shape = x.shape
    rank = len(shape)
    if rank != 3 and rank != 2:
        raise ValueError(f"x must be 2-D (unbatched) or 3-D, got {rank}-D of shape {shape}")
    if shape[-1] != model.input_size:
        raise RuntimeError(
            f"x must have input_size = {model.input_size} as its last axis, got shape {shape}"
        )
    return x if x.flags.aligned else np.array(x)


def steps_and_rows(steps, rows, max_rows):
    """Refuse sequences without a step, and more steps x rows than the loops can count."""
    if steps == 0:
        raise RuntimeError("x must have at least one time step, got 0")
    if steps * rows > max_rows:
        raise ValueError(f"x is too large: {steps} steps x {rows} rows, at most {max_rows}")


def lengths(value, steps, rows):
    """Return valid steps per row as int64 (N,), or None where every row has all `steps`."""
    result = as_ndarray("lengths", value)
    if result.dtype.kind not in "iu" and not (rows == 0 and result.size == 0):
        raise TypeError(f"lengths must be integers, got {_kind_of(value, result)}")
    if result.shape != (rows,):
        raise ValueError(f"lengths must have shape ({rows},), one per row, got {result.shape}")
    if rows == 0:
        return None
    low, high = int(result.min()), int(result.max())
    if low < 0 or high > steps:
        wrong = low if low < 0 else high
        raise ValueError(f"lengths must be between 0 and {steps}, the steps of x, got {wrong}")
    if low == steps:
        return None
    return np.ascontiguousarray(result, dtype=np.int64)


def row_index(name, value, rows):
    """Return an index of `rows` rows: an int, slice, sequence of ints, or bool mask."""
    wanted = f"{name} must be an int, slice, sequence of ints or bool mask of {rows} rows"
    if isinstance(value, slice):
        try:
            value.indices(rows)
        except (TypeError, ValueError) as reason:
            raise type(reason)(f"{wanted}, got {value}: {reason}") from None
        return value
    index = as_ndarray(name, value)
    if index.shape == (0,) and index.dtype.kind == "f":  # an empty list
        return index.astype(np.intp)
    if index.dtype.kind == "b" and index.ndim:
        if index.shape != (rows,):
            raise IndexError(f"{wanted}, got a mask of shape {index.shape}")
        return index
    if index.dtype.kind not in "iu":
        raise TypeError(f"{wanted}, got {_kind_of(value, index)}")
    if index.size and not -rows <= int(index.min()) <= int(index.max()) < rows:
        raise IndexError(f"{wanted}, got {value!r}: out of range")
    return index


def _kind_of(value, result):
    return type(value).__name__ if result.ndim == 0 else f"dtype {result.dtype}"


def contiguous(value):
    """Return `value`, copied where it is not C-contiguous and aligned."""
    flags = value.flags
    return value if flags.c_contiguous and flags.aligned else np.array(value, order="C")


class _NotGiven:
    """What stands for an argument that the caller left out: None is one."""

    def __repr__(self):
        return "<not given>"


NOT_GIVEN = _NotGiven()


def torch_names(x, state, input, hx):
    """Return (x, state, the state's name) of a call that may use torch's names of the two.

    Raises
    ------
    TypeError
        If one is given under both names, or there is no sequence.
    """
    if (x is not NOT_GIVEN and input is not None) or (state is not None and hx is not None):
        other, name = ("hx", "state") if input is None else ("input", "x")
        raise TypeError(f"{other} is torch's name of {name}: give one of the two")
    if x is NOT_GIVEN and input is None:
        raise TypeError("a call needs a sequence, x")
    return (input if x is NOT_GIVEN else x), *((state, "state") if hx is None else (hx, "hx"))


def state(name, value, model, rows, batched, optional=False):
    """Return the pair (h, c) of 3-D arrays of a state or of its gradient; c is None but for LSTM.

    Parameters
    ----------
    name : str
        The argument's name, for messages.
    value : array, pair of arrays, or None
        h (S, N, P), for an LSTM the pair (h, c) with c (S, N, H); 2-D where `batched` is false.
    model : RNN, LSTM or GRU
        Gives the sizes: S = num_layers * directions.
    rows : int
        N.
    batched : bool
        Whether the input was 3-D.
    optional : bool
        Whether one of the pair may be None.
    """
    if value is None:
        return None, None
    if model.has_cell_state:
        h, c = _pair(name, value)
        return (
            _state_array(f"{name}[0] (h)", h, model, model.output_size, rows, batched, optional),
            _state_array(f"{name}[1] (c)", c, model, model.hidden_size, rows, batched, optional),
        )
    if isinstance(value, tuple | list):
        raise TypeError(f"{name} must be one array, got a {type(value).__name__}")
    return _state_array(name, value, model, model.output_size, rows, batched, False), None


def _pair(name, value):
    if not isinstance(value, tuple | list):
        raise TypeError(f"{name} must be a pair (h, c), got {type(value).__name__}")
    if len(value) != 2:
        raise RuntimeError(f"{name} must be a pair (h, c), got {len(value)} arrays")
    return value


def _state_array(name, value, model, width, rows, batched, optional):
    if value is None and optional:
        return None
    slots = model.state_slots
    shape = (slots, rows, width) if batched else (slots, width)
    result = contiguous(shaped(name, value, model.dtype, shape, RuntimeError))
    return result if batched else result[:, None]
