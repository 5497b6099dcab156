# SPDX-License-Identifier: Apache-2.0
"""compile: what a model is trained for, by which optimiser, and judged by."""

from typing import Any

from .. import optimizers
from .._common import oldnames
from ..metrics import Metric
from ..optimizers import Optimizer
from .objective import Objective
from .whole import PartOfModel

# What a program for Keras may override to train in its own way.
_NOT_CALLED = ("train_step", "test_step", "compute_loss", "compute_metrics")


class Compiled(PartOfModel):
    """The part of a model that knows its optimiser, losses and metrics."""

    def __init__(self) -> None:
        # Any beside a type: None until `compile` was called.
        self.optimizer: Optimizer | Any = None
        self.loss: Any = None
        self._objective: Objective | Any = None
        self._compiled_with: dict[str, Any] | Any = None

    @oldnames.arguments(dropped=("sample_weight_mode",))
    def compile(self, optimizer: str | Optimizer = "rmsprop", loss: Any = None,
                loss_weights: Any = None, metrics: Any = None, weighted_metrics: Any = None,
                run_eagerly: bool = False, steps_per_execution: int | str = 1,
                jit_compile: bool | str = "auto", auto_scale_loss: bool = True) -> None:
        """Choose how to train.

        Parameters
        ----------
        optimizer : str or Optimizer
        loss : str, Loss, None, or a list or dict of them for several outputs
        loss_weights : float, list or dict, optional
        metrics, weighted_metrics : list, or list of lists or dict for several outputs
            Names, metrics or functions of (y_true, y_pred); the latter with sample weights. In
            both only the steps count that the output's mask has: a metric of one's own gets the
            mask as its `sample_weight`, or as a factor of it.
        run_eagerly, steps_per_execution, jit_compile, auto_scale_loss
            Accepted; they change nothing here.

        Raises
        ------
        ValueError
            If a name is not known.
        """
        self.optimizer = optimizers.get(optimizer)
        self.loss = loss
        self._compiled_with = {"loss": loss, "loss_weights": loss_weights, "metrics": metrics,
                               "weighted_metrics": weighted_metrics}
        self._objective = Objective(loss, loss_weights, metrics, weighted_metrics,
                                    self.output_names, self.outputs_like())
        self._objective.check_names()

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._objective is not None

    def reset_metrics(self) -> None:
        """Begin the running loss and metrics anew."""
        self._objective.reset()

    @property
    def metrics(self) -> list[Metric]:
        """The running loss and the metrics."""
        return self._objective.metrics() if self.compiled else []

    @property
    def metrics_names(self) -> list[str]:
        """Names of the values that `evaluate` gives; for a model whose outputs are known, before
        the first batch too."""
        if not self.compiled:
            return []
        objective = self._objective
        if objective.terms is None and self.graph is not None:
            objective = Objective(names=self.output_names, loss=self.loss, **{
                name: self._compiled_with[given] for name, given in (
                    ("loss_weights", "loss_weights"), ("given", "metrics"),
                    ("weighted", "weighted_metrics"))})
            objective.build(self.graph.outputs, self.graph.outputs)
        return list(objective.results())

    def _need_compiled(self, what):
        for name in _NOT_CALLED:
            if hasattr(self, name):
                raise TypeError(f"{type(self).__name__}.{name} would not be called: steps of one's "
                                "own are not supported; loop over train_on_batch instead")
        if not self.compiled:
            raise ValueError(f"call model.compile(optimizer, loss) before {what}")
        if what in ("fit", "train_on_batch") and self.loss is None:
            raise ValueError(f"{what} needs a loss: give one to model.compile")
