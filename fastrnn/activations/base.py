# SPDX-License-Identifier: Apache-2.0
"""What all activations have in common: how they are called, and what one of your own gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._common import checks
from .._common.registry import Configured


class Applying:
    """Base of the layers that apply an activation and may be named in its place.

    Attributes
    ----------
    activation : Activation
    """

    activation: Activation


class Activation(Configured):
    """Base of the activations; one of your own gives `forward` and `backward`.

    Attributes
    ----------
    name : str or None
        That of ours, None of your own.
    recurrent : bool
        Whether it is one of those that recurrent layers commonly have; they take every one.
    """

    computes = ("__call__", "forward", "backward")
    name: str | None = None
    recurrent = False

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "forward" in vars(cls):
            # Quicker ways to the same values must not go around a forward of one's own.
            for quicker in ("value", "forward_in_place"):
                if quicker not in vars(cls):
                    setattr(cls, quicker, vars(Activation)[quicker])

    def __call__(self, x: Any, *options: Any, **named_options: Any) -> np.ndarray:
        """Return the activation of each number of `x`.

        Parameters
        ----------
        x : array
        *options, **named_options
            Those of the class, for this call: ``elu(x, alpha=0.5)``.

        Returns
        -------
        y : ndarray of the shape of x
        """
        activation = type(self)(*options, **named_options) if options or named_options else self
        x = checks.as_ndarray("x", x)
        return activation.value(x if x.dtype in checks.DTYPES else x.astype(np.float32))

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the activation of `x`, float32 or float64, and what `backward` needs."""
        raise NotImplementedError

    def backward(self, kept: Any, dy: np.ndarray) -> np.ndarray:
        """Return dx, from what `forward` kept and dy; neither is changed."""
        raise NotImplementedError

    def value(self, x: np.ndarray) -> np.ndarray:
        """Return what `forward` does, without what `backward` needs."""
        return self.forward(x)[0]

    def forward_in_place(self, a: np.ndarray, bias: np.ndarray | None = None,
                         keep: bool = True) -> tuple[np.ndarray, Any]:
        """Return `forward` of a + bias; `a` may be overwritten.

        Parameters
        ----------
        a : ndarray
        bias : ndarray of the size of a's last axis, optional
        keep : bool
            Whether there is to be a `backward`; if not, what it needs may be None.
        """
        if bias is not None:
            a += bias
        return self.forward(a)

    @property
    def __name__(self) -> str | None:
        return self.name
