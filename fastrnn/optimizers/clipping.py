# SPDX-License-Identifier: Apache-2.0
"""Clipping of gradients by their norm."""

from __future__ import annotations

import math
from collections.abc import Callable


def factors(squares: list[float], clipnorm: float, global_clipnorm: float,
            name_of: Callable[[int], str]) -> list[float]:
    """Return the factor of each gradient by which its norm, or the joint one, is clipped.

    Parameters
    ----------
    squares : list of float
        The sum of squares of each gradient.
    clipnorm, global_clipnorm : float or None
        Highest norm of each gradient; if it is None or 0, highest joint norm.
    name_of : callable
        The name of the k-th variable, for the error.

    Returns
    -------
    list of float

    Raises
    ------
    FloatingPointError
        If a norm is not finite, naming the variables.
    """
    if clipnorm:
        norms, highest = [math.sqrt(square) for square in squares], clipnorm
    else:
        norms, highest = [math.sqrt(sum(squares))] * len(squares), global_clipnorm
    if not math.isfinite(sum(norms)):
        names = [name_of(k) for k, square in enumerate(squares) if not math.isfinite(square)]
        raise FloatingPointError("the gradients' norm is not finite: NaN, infinity or squares "
                                 f"that overflow in {', '.join(names) or 'their sum'}")
    return [highest / norm if norm > highest else 1.0 for norm in norms]
