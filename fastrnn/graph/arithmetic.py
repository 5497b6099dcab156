# SPDX-License-Identifier: Apache-2.0
"""Arithmetic, comparisons and logic, element by element."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .._common import checks
from ..backend import floatx
from .binary import Binary
from .broadcasting import Shape, common_shape, unbroadcast


class _Function(NamedTuple):
    """What one operation computes.

    `slopes` has, for each operand, a function (a, b, y, dy) of its gradient in the shape of y, or
    None where there is none; an operation of one operand has b None.
    """

    function: Callable[..., Any]
    slopes: tuple[Callable[..., Any] | None, ...] = (None, None)
    gives: str = "common"       # "common", "float" or "bool": the dtype of what it makes
    takes_bool: bool = False    # whether its operands become bool


def _power(a, b):
    return np.square(a) if b.ndim == 0 and b == 2 else np.power(a, b)


def _power_slope_of_base(a, b, y, dy):
    if b.ndim == 0 and b == 2:
        return dy * (b * a)
    # 0 where b is 0, as the derivative is, also at a = 0.
    with np.errstate(all="ignore"):
        return np.where(b == 0, 0, dy * (b * np.power(a, b - (b != 0))))


def _power_slope_of_exponent(a, b, y, dy):
    with np.errstate(all="ignore"):
        return np.where((a == 0) & (b >= 0), 0, dy * (y * np.log(a)))


OPERATIONS = {
    "add": _Function(np.add, (lambda a, b, y, dy: dy, lambda a, b, y, dy: dy)),
    "subtract": _Function(np.subtract, (lambda a, b, y, dy: dy, lambda a, b, y, dy: -dy)),
    "multiply": _Function(np.multiply, (lambda a, b, y, dy: dy * b, lambda a, b, y, dy: dy * a)),
    "divide": _Function(np.divide, (lambda a, b, y, dy: dy / b,
                                     lambda a, b, y, dy: dy * (-a / (b * b))), "float"),
    "power": _Function(_power, (_power_slope_of_base, _power_slope_of_exponent)),
    "floor_divide": _Function(np.floor_divide),
    "mod": _Function(np.remainder, (lambda a, b, y, dy: dy,
                                     lambda a, b, y, dy: dy * -np.floor_divide(a, b))),
    "negative": _Function(np.negative, (lambda a, b, y, dy: -dy,)),
    "absolute": _Function(np.absolute, (lambda a, b, y, dy: dy * np.sign(a),)),
    "round": _Function(np.round, (None,)),
    "logical_not": _Function(np.logical_not, (None,), "bool", True),
    "logical_and": _Function(np.logical_and, gives="bool", takes_bool=True),
    "logical_or": _Function(np.logical_or, gives="bool", takes_bool=True),
    "logical_xor": _Function(np.logical_xor, gives="bool", takes_bool=True),
    "less": _Function(np.less, gives="bool"),
    "less_equal": _Function(np.less_equal, gives="bool"),
    "greater": _Function(np.greater, gives="bool"),
    "greater_equal": _Function(np.greater_equal, gives="bool"),
    "equal": _Function(np.equal, gives="bool"),
    "not_equal": _Function(np.not_equal, gives="bool"),
}
# Operations that give truth values, not numbers, of truth values.
_OF_TRUTH = {"add", "multiply", "absolute"}


class Arithmetic(Binary):
    """y = a op b of two inputs, or of one and a constant; y = op a for some.

    Floats are computed in the operation's dtype. Integers stay integers, unless they are divided
    or meet floats. Comparisons and logic give bool, through which no gradient passes. These are
    the rules of Keras.

    Parameters
    ----------
    operation : str
        Of two operands: "add", "subtract", "multiply", "divide", "power", "floor_divide", "mod",
        "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "logical_and",
        "logical_or", "logical_xor"; of one: "negative", "absolute", "round", "logical_not".
    constant : number or array, optional
        The other operand. It is no input: it has no gradient.
    constant_first : bool
        Whether the constant is a.
    **options
        Those of every `Operation`.

    Raises
    ------
    TypeError
        If the constant is none of numbers.
    ValueError
        If there is no such operation, or, in a call, the shapes do not fit.
    """

    arguments = ("operation", "constant", "constant_first")
    is_stepwise = True
    casts_inputs = False

    def __init__(self, operation: str, constant: npt.ArrayLike | None = None,
                 constant_first: bool = False, **options: Any) -> None:
        self.operation = checks.choice("operation", operation, tuple(OPERATIONS))
        super().__init__(constant, constant_first, operation, **options)
        self._of = made = OPERATIONS[operation]
        self._alone = len(made.slopes) == 1
        self.has_gradient = made.slopes[0] is not None
        if self.constant is not None:
            self._as_floats = self.constant.astype(self.dtype, copy=False)

    # -- dtypes ------------------------------------------------------------------------------

    def _common(self, a, b):
        """Return the dtype in which operands of dtypes a and b (or None) meet."""
        made, kinds = self._of, {a.kind, a.kind if b is None else b.kind}
        if made.takes_bool:
            return np.dtype(bool)
        if "f" in kinds or made.gives == "float":
            floats = [d for d in (a, b) if d is not None and d.kind == "f"]
            return max(floats, key=lambda d: d.itemsize) if floats else np.dtype(floatx())
        if kinds == {"b"}:
            stays = made.gives == "bool" or self.operation in _OF_TRUTH
            return np.dtype(bool if stays else np.int32)
        if self.constant is not None:
            # A number beside integers takes their dtype, and beside truth values that of Keras.
            whole = b if self.constant_first else a
            return whole if whole.kind in "iu" else np.dtype(np.int32)
        return a if b is None else np.promote_types(a, b)

    def output_dtypes(self, given: list[str], count: int) -> list[str]:
        if self._of.gives == "bool":
            return ["bool"]
        dtypes = [np.dtype(d) for d in given]
        dtypes = [self.dtype if d.kind == "f" else d for d in dtypes]
        if self.constant is not None:
            dtypes.insert(0 if self.constant_first else 1, self.constant.dtype)
        return [self._common(*dtypes, *[None] * (2 - len(dtypes))).name]

    # -- shapes ------------------------------------------------------------------------------

    def compute_output_shape(self, input_shape: Any) -> Shape:
        if self._alone:
            return tuple(input_shape)
        if self.constant is None:
            a, b = input_shape
            if len(a) != len(b):
                raise ValueError(f"{self.name}: tensors of shapes {tuple(a)} and {tuple(b)} have "
                                 "different numbers of axes: add one, as in x[:, None]")
            return common_shape(self, (a, b))
        shape, other = tuple(input_shape), self.constant.shape
        axes = (1,) * (len(shape) - len(other)) + other
        if len(axes) == len(shape) and (not axes or axes[0] in (1, shape[0])):
            return common_shape(self, (shape, (*shape[:1], *axes[1:])))
        raise ValueError(f"{self.name}: a constant of shape {other} does not fit a tensor of "
                         f"shape {shape}: the batch axis must stay as it is")

    # -- values ------------------------------------------------------------------------------

    def forward(self, inputs: list[np.ndarray] | np.ndarray, mask: Any, training: bool,
                keep: int) -> tuple[np.ndarray, None, Any]:
        a, b = self._operands(inputs)
        y = self._of.function(a) if b is None else self._of.function(a, b)
        return np.asarray(y), None, (a, b, y) if keep else None

    def _operands(self, inputs):
        if self._alone:
            common = self._common(inputs.dtype, None)
            return inputs.astype(common, copy=False), None
        if self.constant is None:
            a, b = inputs
            if a.shape != b.shape and a.ndim and b.ndim:
                self._check_shapes(a, b)
            if a.dtype is b.dtype and a.dtype.kind == "f":
                return a, b
        else:
            if self.constant.ndim:
                self.compute_output_shape(inputs.shape)
            of_floats = inputs.dtype.kind == "f" and not self._of.takes_bool
            a, b = self.both(inputs, self._as_floats if of_floats else self.constant)
            if of_floats:
                return a, b
        common = self._common(a.dtype, b.dtype)
        return a.astype(common, copy=False), b.astype(common, copy=False)

    def _check_shapes(self, a, b):
        try:
            np.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            fit = False
        else:
            # The weights of layers have fewer axes: they have no batch.
            fit = a.ndim != b.ndim or 1 in (len(a), len(b))
        if not fit:
            self.compute_output_shape((a.shape, b.shape))

    def backward(self, kept: Any, doutputs: np.ndarray) -> Any:
        return self.gradient(0, kept, doutputs) if self._alone else (
            super().backward(kept, doutputs))

    def gradient(self, which: int, kept: Any, dy: np.ndarray) -> np.ndarray | None:
        slope = self._of.slopes[which]
        return None if slope is None else unbroadcast(slope(*kept, dy), kept[which].shape)
