# SPDX-License-Identifier: Apache-2.0
"""What engine classes, layers and models have in common: parameters, gradients, modes.

The protocol: `state_dict` hands out read-only arrays by name, `grads` holds one writable array
for each of them, and ``with module._updating() as arrays`` gives an optimiser the writable ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from .._common import checks
from .parameters import Parameters

if TYPE_CHECKING:    # slow to load
    from numpy.typing import ArrayLike

# An attribute of such a name would be taken for a parameter and never be read.
_PARAMETER_LIKE = re.compile(r"(weight|bias)(_|$)")


class _WithGradients(Protocol):
    @property
    def grads(self) -> Mapping[str, np.ndarray]: ...


class Module:
    """Base of everything with parameters; subclasses give `grads`, `state_dict`, `_updating`."""

    training = False

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return the parameters by name, as read-only views of the live arrays."""
        raise NotImplementedError

    def _updating(self) -> AbstractContextManager[dict[str, np.ndarray]]:
        raise NotImplementedError

    def train(self, mode: bool = True) -> Self:
        """Keep in each forward what `backward` needs; return self."""
        self.training = checks.flag("mode", mode)
        return self

    def eval(self) -> Self:
        """Leave training mode; return self."""
        return self.train(False)

    def parameters(self) -> Iterator[np.ndarray]:
        """Iterate over the arrays of `state_dict`."""
        return iter(self.state_dict().values())

    def zero_grad(self: _WithGradients) -> None:
        """Set all gradients to zero."""
        for gradient in self.grads.values():
            gradient.fill(0)

    def load_state_dict(self, mapping: Mapping[str, ArrayLike]) -> None:
        """Copy all parameters from a mapping of name to array, cast to the module's dtype.

        Raises
        ------
        TypeError
            If `mapping` is not a mapping.
        RuntimeError
            Naming every missing, unexpected, misshapen or non-numeric entry; nothing is changed.
        """
        with self._updating() as arrays:
            Parameters(arrays).load(mapping, type(self).__name__)


class Owner(Module):
    """A module with parameters of its own (`_parameters`), which are attributes too."""

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return the parameters by name, as read-only views of the live arrays.

        They show later changes of the module; copy them to keep a snapshot.
        """
        return dict(self._parameters.views)

    def load_state_dict(self, mapping: Mapping[str, ArrayLike]) -> None:
        self._parameters.load(mapping, type(self).__name__)

    load_state_dict.__doc__ = Module.load_state_dict.__doc__

    def _updating(self):
        return self._parameters.updating()

    def __getattr__(self, name):
        parameters = vars(self).get("_parameters")
        if parameters is None or name not in parameters.views:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return parameters.views[name]

    def __setattr__(self, name, value):
        parameters = vars(self).get("_parameters")
        if parameters is not None and name in parameters.arrays:
            parameters.assign(name, value)
        elif parameters is not None and _PARAMETER_LIKE.match(name):
            raise AttributeError(f"{type(self).__name__} has no parameter {name}; "
                                 "state_dict() has the names of those it has")
        else:
            super().__setattr__(name, value)

    def __dir__(self):
        return [*super().__dir__(), *self._parameters.views]
