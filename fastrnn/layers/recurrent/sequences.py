# SPDX-License-Identifier: Apache-2.0
"""Checks of what recurrent layers are made and called with."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...graph.broadcasting import Shape
from ..base import rank


def sequences(layer: Any, shape: Shape, features: int | None = None) -> Shape:
    """Return `shape`, (N, T, I); raise ValueError unless the layer can read such sequences."""
    if len(shape) == 2:
        raise ValueError(
            f"{layer.name}: inputs must be 3-D, (batch, steps, features); got 2-D, shape "
            f"{tuple(shape)}. Ids of words or characters become vectors in an Embedding layer "
            "before this one; a recurrent layer before it needs return_sequences=True; plain "
            "series need x[..., None]"
        )
    rank(layer, shape, 3, "(batch, steps, features)")
    if features is not None and shape[2] != features:
        raise ValueError(f"{layer.name}: inputs must have {features} features, got shape "
                         f"{tuple(shape)}")
    if shape[1] == 0:
        raise ValueError(f"{layer.name}: inputs must have at least one step, got shape "
                         f"{tuple(shape)}")
    return shape


def step_mask(layer: Any, mask: np.ndarray, N: int, T: int) -> np.ndarray:
    """Return `mask`, which must be (N, T); else raise ValueError."""
    if mask.shape != (N, T):
        raise ValueError(f"{layer.name}: mask must have shape {(N, T)}, one for each step; "
                         f"got {mask.shape}")
    return mask


def state_shapes(layer: Any, shapes: Sequence[Shape], rows: int | None) -> None:
    """Raise ValueError unless each of `shapes` is (rows, units) or (1, units), where known."""
    units = layer.units
    for shape in shapes:
        if len(shape) != 2 or shape[1] not in (units, None) or not (
                shape[0] in (1, rows, None) or rows is None):
            raise ValueError(f"{layer.name}: initial_state must have shape {(rows, units)}, "
                             f"or one row for all, got {tuple(shape)}")


def options_for_states(mask: Any, count: int) -> dict[str, Any]:
    """Return the options of a call that is given `count` states beside the sequence.

    As in Keras, a mask that comes with the sequence is passed on but not used then; one given by
    hand is.
    """
    if mask is None:
        return {"uses_mask": False}
    return {"mask": [mask] + [None] * count}


def with_input_dim(options: dict[str, Any]) -> dict[str, Any]:
    """Return a constructor's options, input_dim and Keras 2's input_length as an input_shape."""
    inputs, length = options.pop("input_dim", None), options.pop("input_length", None)
    if inputs is not None and options.get("input_shape") is None:
        options["input_shape"] = (length, inputs)
    return options
