# SPDX-License-Identifier: Apache-2.0
"""What operations of two operands have in common: either may be a constant."""

from typing import Any

import numpy as np
import numpy.typing as npt

from .._common import checks
from .operation import Operation


class Binary(Operation):
    """Base of the operations of two inputs, or of one and a constant.

    Subclasses give `forward`, with what `both` makes of its inputs, and `gradients`.

    Parameters
    ----------
    constant : number, array or None
        The other operand. It is no input: it has no gradient.
    constant_first : bool
        Whether the constant is a.
    what : str
        The operation, for messages.
    **options
        Those of every `Operation`.

    Raises
    ------
    TypeError
        If the constant is none of numbers.
    """

    arguments: tuple[str, ...] = ("constant", "constant_first")
    takes_list = True

    def __init__(self, constant: npt.ArrayLike | None, constant_first: bool, what: str,
                 **options: Any) -> None:
        super().__init__(**options)
        self.constant_first = constant_first
        self.constant: np.ndarray | None = (
            None if constant is None else self._checked(what, constant))

    def _checked(self, what, value):
        """Return a constant as an array, floats in the operation's dtype."""
        if type(value) is float:     # the most usual one
            return np.array(value, self.dtype)
        array = checks.as_ndarray(f"the other operand of {what}", value)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"the other operand of {what} must be a tensor, a number or "
                            f"an array of numbers, got {type(value).__name__}")
        return array.astype(self.dtype, copy=False) if array.dtype.kind == "f" else array

    def both(self, given: Any, constant: Any) -> tuple[Any, Any]:
        """Return a and b: the two that are given, or the one and the constant, in their order.

        It serves for the inputs as for their shapes.
        """
        if self.constant is None:
            return given
        return (constant, given) if self.constant_first else (given, constant)

    def backward(self, kept: Any, doutputs: np.ndarray) -> Any:
        if self.constant is None:
            return [self.gradient(0, kept, doutputs), self.gradient(1, kept, doutputs)]
        return self.gradient(1 if self.constant_first else 0, kept, doutputs)

    def gradient(self, which: int, kept: Any, dy: np.ndarray) -> np.ndarray | None:
        """Return the gradient of a (0) or b (1), in its shape, None where there is none."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.constant is not None:
            config["constant"] = self.constant.tolist()
        return config
