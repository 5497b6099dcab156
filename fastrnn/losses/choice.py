# SPDX-License-Identifier: Apache-2.0
"""Names that stand for one of three losses or metrics, by the shapes of targets and output."""

from typing import Any, NamedTuple


class ByShapes(NamedTuple):
    """The three of which a name such as "crossentropy" or "accuracy" stands for one."""

    binary: Any
    sparse: Any
    categorical: Any

    def fitting(self, y_true_shape: tuple[int, ...], y_pred_shape: tuple[int, ...]) -> Any:
        """Return the one that targets and an output of these shapes want."""
        return self[kind_of_targets(y_true_shape, y_pred_shape)]


def kind_of_targets(y_true_shape: tuple[int, ...], y_pred_shape: tuple[int, ...]) -> int:
    """Return 0 for an output of one number, 1 for targets that are labels, 2 for others."""
    true, pred = tuple(y_true_shape), tuple(y_pred_shape)
    if pred[-1] == 1:
        return 0
    return 1 if len(true) < len(pred) or true[-1] == 1 else 2
