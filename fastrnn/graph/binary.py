# SPDX-License-Identifier: Apache-2.0
"""What operations of two operands have in common: either may be a constant."""

from typing import Any

import numpy as np

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

    arguments = ("constant", "constant_first")
    takes_list = True

    def __init__(self, constant: float | None, constant_first: bool, what: str,
                 **options: Any) -> None:
        super().__init__(**options)
        self.constant_first = constant_first
        self.constant = None if constant is None else self._checked(what, constant)

    def _checked(self, what, value):
        """Return a constant as an array, floats in the operation's dtype."""
        if type(value) is float:     # the most usual one
            return np.array(value, self.dtype)
        array = checks.as_ndarray(f"the other operand of {what}", value)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"the other operand of {what} must be a tensor, a number or "
                            f"an array of numbers, got {type(value).__name__}")
        return array.astype(self.dtype, copy=False) if array.dtype.kind == "f" else array

    def both(self, given: Any, constant: Any) -> Any:
        """Return a and b: the inputs, or the input and the constant, also of their shapes."""
        if self.constant is None:
            return given
        return (constant, given) if self.constant_first else (given, constant)

    def backward(self, kept: Any, doutputs: Any) -> Any:
        if self.constant is None:
            return [self.gradient(0, kept, doutputs), self.gradient(1, kept, doutputs)]
        return self.gradient(1 if self.constant_first else 0, kept, doutputs)

    def gradient(self, which: Any, kept: Any, dy: Any) -> Any:
        """Return the gradient of a (0) or b (1), in its shape, None where there is none."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.constant is not None:
            config["constant"] = self.constant.tolist()
        return config
