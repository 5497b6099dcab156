# SPDX-License-Identifier: Apache-2.0
"""One batch: training on it, or judging the model by it."""

import math
from contextlib import nullcontext
from typing import Any

import numpy as np

from .._common.notices import warn
from .._common.quiet import quiet
from ..graph.tape import collecting_penalties
from .compiling import Compiled
from .diagnosis import NotFinite
from .plan import Plan


class Steps(Compiled):
    """The part of a model that trains on a batch; a model gives `run`, which calls its layers."""

    def __init__(self) -> None:
        super().__init__()
        self._plan: Plan | Any = None   # Any: None before the first step

    def _run_batch(self, batch, training):
        """Return the call, (targets, outputs, masks, weights) and what activities add."""
        x, y, weight = batch
        penalised = collecting_penalties() if self._plan.penalised else nullcontext(())
        with penalised as penalties:
            call = self.run(x, training, keep=training)
        outputs = call.outputs
        count = len(outputs)
        named = self._objective.outputs
        if named.like is None:
            named.assume(call.likeness())
        facts = (self._targets(y, count), outputs, call.masks, self._weights(weight, count))
        return call, facts, sum(penalties)

    @quiet
    def _train_step(self, batch, class_weights=None):
        """Train on a batch; return its loss, which takes in what regularisers add.

        Raises
        ------
        NotFinite
            If the loss is not; the trainable weights stay.
        """
        call, facts, activity = self._run_batch(batch, True)
        if class_weights is not None:
            facts = (*facts[:3], self._objective.weights_of_classes(class_weights, *facts))
        loss, gradients = self._objective.values_and_gradients(*facts)
        loss += activity
        plan = self._plan.complete()
        if not plan.variables:
            warn(f"{self.name} has no weights to train")
        for gradient in plan.gradients:
            gradient.fill(0)
        for variable in plan.regularized:
            loss += variable.add_penalty()
        if not math.isfinite(loss):
            raise NotFinite(loss, facts, activity)
        call.backward(gradients)
        self.optimizer.apply(plan.variables)
        for variable in plan.constrained:
            variable.assign(variable.constraint(variable.value))
        for layer in plan.layers:
            layer.version += 1
        self._objective.update(loss, call.rows, *facts)
        return loss

    @quiet
    def _test_step(self, batch):
        """Take a batch into the running loss and metrics; return its loss."""
        return self._judged(batch)[0]

    @quiet
    def _strict_test_step(self, batch, class_weights=None):
        """As `_test_step`, but a loss that is not finite raises NotFinite."""
        loss, facts, activity = self._judged(batch)
        if not math.isfinite(loss):
            raise NotFinite(loss, facts, activity)

    def _judged(self, batch):
        call, facts, activity = self._run_batch(batch, False)
        loss = self._objective.values(*facts) + activity + self._plan.complete().penalty()
        self._objective.update(loss, call.rows, *facts)
        return loss, facts, activity

    def _targets(self, y, count):
        if count == 1 and type(y) is np.ndarray:
            return [y]
        return self.ordered_targets(y, count)

    def _weights(self, weight, count):
        if weight is None:
            return [None] * count
        if type(weight) is np.ndarray:
            return [weight] * count
        return self.ordered_targets(weight, count, "sample_weight")

    def ordered_targets(self, y: Any, count: int, what: str = "targets") -> list[Any]:
        """Return targets or weights as a list, one for each output, None for none."""
        return self._objective.ordered(what, y, count)

    def check_target_shapes(self, y: Any, output_shapes: list[Any]) -> None:
        """Raise where whole targets do not fit outputs of these shapes."""
        targets = self._targets(y, len(output_shapes))
        self._objective.check_shapes(targets, output_shapes)
