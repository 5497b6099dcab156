# SPDX-License-Identifier: Apache-2.0
"""What the steps of a call of `fit` and its like have in common."""

from typing import Any, Self


class Plan:
    """What training a model touches: its variables, regularisers, constraints.

    Attributes
    ----------
    penalised : bool
        Whether a layer has an activity regulariser.
    variables : list of Variable, or None
        The trainable ones; known after the first batch at the latest.
    """

    __slots__ = ("constrained", "gradients", "layers", "model", "penalised", "regularized",
                 "variables", "weight_penalty")

    def __init__(self, model: Any) -> None:
        self.model = model
        self.penalised = any(layer.activity_regularizer is not None
                             for layer in model.all_layers())
        self.variables: list[Any] | None = None
        self.weight_penalty: float | None = None

    def complete(self) -> Self:
        """Find the variables; return self."""
        if self.variables is None:
            self.variables = variables = self.model.trainable_variables
            # Of frozen layers too: their backward adds to them.
            self.gradients = [v.gradient for v in self.model.weights if v.trainable]
            self.regularized = [v for v in variables if v.regularizer is not None]
            self.constrained = [v for v in variables if v.constraint is not None]
            self.layers = list({id(v.owner): v.owner for v in variables}.values())
        return self

    def penalty(self) -> float:
        """Return what regularisers of weights add to the loss in a pass that changes none."""
        if self.weight_penalty is None:
            self.weight_penalty = sum(self.model.losses)
        return self.weight_penalty
