# SPDX-License-Identifier: Apache-2.0
"""What a model is a tree of: parts, which may have weights and parts of their own."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .._common import checks


class Part:
    """A node of the tree: all that is asked of a whole subtree.

    Attributes
    ----------
    name : str
    built : bool
        Whether the weights are there.
    """

    name: str
    built = True
    # The weights of this part alone, each a `Variable`.
    _variables: Sequence[Any] = ()
    _trainable = True

    def sublayers(self) -> Sequence[Any]:
        """Return the parts this one is made of."""
        return ()

    def all_layers(self, trainable_only: bool = False) -> list[Any]:
        """Return the part and those inside it, each once, as a list; optionally without frozen
        ones and what is inside them."""
        found, waiting = {}, [self]
        while waiting:
            part = waiting.pop()
            if id(part) in found or (trainable_only and not part.trainable):
                continue
            found[id(part)] = part
            waiting.extend(reversed(part.sublayers()))
        return list(found.values())

    # -- weights -----------------------------------------------------------------------------

    @property
    def weights(self) -> list[Any]:
        """All weights, in the order of `get_weights`: a list of `Variable`."""
        return [v for part in self.all_layers() for v in part._variables]

    variables = weights

    @property
    def trainable_variables(self) -> list[Any]:
        """The weights that training changes, a list of `Variable`."""
        return [v for part in self.all_layers(trainable_only=True) for v in part._variables
                if v.trainable]

    trainable_weights = trainable_variables

    @property
    def non_trainable_weights(self) -> list[Any]:
        """The other weights, a list of `Variable`."""
        trainable = {id(v) for v in self.trainable_variables}
        return [v for v in self.weights if id(v) not in trainable]

    non_trainable_variables = non_trainable_weights

    def has_trainable(self) -> bool:
        """Return whether there is a weight that training changes."""
        if not self._trainable:
            return False
        return any(v.trainable for v in self._variables) or (
            bool(self.sublayers()) and bool(self.trainable_variables))

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights of this part and of those inside it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = checks.flag("trainable", value)
        for part in self.all_layers():
            part._trainable = value

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all weights, ndarrays in Keras' shapes and order, as a list."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Iterable[npt.ArrayLike]) -> None:
        """Set all weights from arrays in the shapes and order of `get_weights`.

        Raises
        ------
        TypeError
            If one is no array of real numbers; nothing is changed then.
        ValueError
            If their number or a shape is wrong; nothing is changed then.
        """
        variables = self.weights
        weights = list(weights)
        if len(weights) != len(variables):
            state = "" if self.built else " (the layer is not built yet)"
            raise ValueError(f"{self.name} has {len(variables)} weights{state}, "
                             f"got {len(weights)}")
        weights = [v.checked(w) for v, w in zip(variables, weights, strict=True)]
        for variable, weight in zip(variables, weights, strict=True):
            variable.assign(weight)

    def count_params(self) -> int:
        """Return the number of elements of all weights.

        Raises
        ------
        ValueError
            If they are not there yet.
        """
        if not self.built:
            raise ValueError(f"{self.name} has no weights before it is built: call it on data, "
                             "or give its input shape")
        return sum(variable.array.size for variable in self.weights)

    @property
    def losses(self) -> list[float]:
        """What the regularisers of the trainable weights add to the loss, a list of floats."""
        return [float(v.regularizer(v.value)) for v in self.trainable_variables
                if v.regularizer is not None]

    # -- states ------------------------------------------------------------------------------

    def reset_state(self) -> None:
        """Forget the states that stateful layers carry from batch to batch."""
        for part in self.all_layers():
            part.reset_own_state()

    def reset_own_state(self) -> None:
        """Forget the states of this part alone."""

    reset_states = reset_state
