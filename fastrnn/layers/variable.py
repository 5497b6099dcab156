# SPDX-License-Identifier: Apache-2.0
"""Weights of layers: an array as the kernels want it, shown in the shape that Keras gives it."""

from typing import Any

import numpy as np
import numpy.typing as npt

from .._common import checks
from .._common.layout import c_ordered
from .._common.quiet import quiet
from ..graph.operators import Operators


class Plain:
    """Stored as shown; like `Gates` and `GateBias` a form that a `Variable` is stored in.

    ``show`` gives the array that is shown for the stored one, ``store`` the other way.
    """

    def show(self, stored: np.ndarray) -> np.ndarray:
        return stored

    def store(self, shown: np.ndarray) -> np.ndarray:
        return shown


class Gates:
    """Shown (K, G*H) with the gates in Keras' order, stored (G*H, K) in torch's.

    Parameters
    ----------
    order : tuple of int or None
        order[g] is the stored place of the shown gate g; None where the orders agree. It must be
        its own inverse, as exchanging two gates is.
    """

    def __init__(self, order: tuple[int, ...] | None = None) -> None:
        self.order = order

    def show(self, stored: np.ndarray) -> np.ndarray:
        return self._reordered(stored).T

    def store(self, shown: np.ndarray) -> np.ndarray:
        return shown.T if self.order is None else self._reordered(c_ordered(shown.T))

    def _reordered(self, rows):
        if self.order is None:
            return rows
        blocks = rows.reshape(len(self.order), -1, rows.shape[-1])
        return blocks[list(self.order)].reshape(rows.shape)


class GateBias:
    """Shown (..., G*H) with the gates in Keras' order, stored so in torch's."""

    def __init__(self, order: tuple[int, ...] | None = None) -> None:
        self.order = order

    def show(self, stored: np.ndarray) -> np.ndarray:
        if self.order is None:
            return stored
        blocks = stored.reshape(*stored.shape[:-1], len(self.order), -1)
        return blocks[..., list(self.order), :].reshape(stored.shape)

    store = show


_PLAIN = Plain()


class Variable(Operators):
    """One weight of a layer.

    Parameters
    ----------
    name : str
        Its name in the layer, such as "kernel".
    value : ndarray
        Initial value, in the shape that is shown.
    owner : Layer
        The layer whose version goes up with each change.
    form : Plain, Gates or GateBias, optional
        How it is stored: `show` and `store` turn one form into the other.

    Attributes
    ----------
    array : ndarray
        The weight as it is stored; whoever writes to it must call `changed` afterwards.
    gradient : ndarray
        As it is stored, added to by `Layer.backward`.
    """

    __slots__ = ("_gradient", "array", "constraint", "form", "name", "owner", "regularizer",
                 "shape", "trainable")

    def __init__(self, name: str, value: np.ndarray, owner: Any, *, trainable: bool = True,
                 regularizer: Any = None, constraint: Any = None,
                 form: Plain | Gates | GateBias = _PLAIN) -> None:
        self.name = name
        self.owner = owner
        self.trainable = trainable
        self.regularizer = regularizer
        self.constraint = constraint
        self.form = form
        self.shape = value.shape
        self.array = c_ordered(form.store(value))
        self._gradient: np.ndarray | None = None

    @property
    def path(self) -> str:
        """The layer's name and its own."""
        return f"{self.owner.name}/{self.name}"

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def is_trained(self) -> bool:
        """Whether training changes it."""
        return self.trainable and self.owner.trainable

    @property
    def gradient(self) -> np.ndarray:
        if self._gradient is None:
            self._gradient = np.zeros_like(self.array)
        return self._gradient

    @property
    def value(self) -> np.ndarray:
        """The weight as it is shown, read-only."""
        shown = self.form.show(self.array).view()
        shown.flags.writeable = False
        return shown

    def numpy(self) -> np.ndarray:
        """Return a copy of the weight as it is shown."""
        return c_ordered(self.value)

    @quiet
    def assign(self, value: npt.ArrayLike) -> None:
        """Copy `value`, cast to the weight's dtype, into the weight.

        Raises
        ------
        TypeError
            If it is not an array of real numbers.
        ValueError
            If it has another shape.
        """
        self.array[...] = self.form.store(self.checked(value))
        self.changed()

    def checked(self, value: npt.ArrayLike) -> np.ndarray:
        """Return `value` as an array that `assign` accepts; see there for the errors."""
        array = checks.as_ndarray(self.path, value)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{self.path} must be an array of real numbers, "
                            f"got dtype {array.dtype}")
        if array.shape != self.shape:
            raise ValueError(f"{self.path} must have shape {self.shape}, got {array.shape}")
        return array

    def changed(self) -> None:
        """Tell the layer that the weight has another value."""
        self.owner.version += 1

    def add_penalty(self) -> float:
        """Add the gradient of the regulariser to `gradient`; return its value."""
        value = self.value
        self.gradient[...] += self.form.store(self.regularizer.gradient(value))
        return float(self.regularizer(value))

    def __array__(self, dtype=None, copy=None):
        return np.array(self.value, dtype=dtype, copy=copy)

    def __repr__(self):
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}>"
