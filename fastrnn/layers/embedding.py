# SPDX-License-Identifier: Apache-2.0
"""The embedding layer: a learned vector for each id."""

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import constraints, initializers, regularizers
from .._common import checks
from .._common.products import add_rows
from ..graph.broadcasting import Shape
from .base import Layer, Named
from .dense import refuse_adaptation
from .variable import Variable


class Embedding(Layer):
    """y = embeddings[ids].

    Parameters
    ----------
    input_dim : int
        V: ids are in [0, V).
    output_dim : int
        D, the size of a vector.
    embeddings_initializer : str or Initializer
    embeddings_regularizer : str or Regularizer, optional
    embeddings_constraint : str or Constraint, optional
    mask_zero : bool
        Whether id 0 is padding: the outputs' mask is ``ids != 0``.
    weights : array (V, D), or list of one, optional
        Initial embeddings.
    lora_rank, lora_alpha, quantization_config : None
        There is neither low-rank adaptation nor quantisation here.
    input_length : int, optional
        Of old programs; has no effect.
    **options
        Those of every `Layer`.

    Attributes
    ----------
    embeddings : Variable (V, D)
        Once the layer is built.

    Raises
    ------
    ValueError
        If an id is not a whole number or is out of range; the error says which and where.
    """

    arguments = ("input_dim", "output_dim", "embeddings_initializer", "embeddings_regularizer",
                 "embeddings_constraint", "mask_zero")
    casts_inputs = False
    is_stepwise = True

    def __init__(self, input_dim: int, output_dim: int, embeddings_initializer: Named = "uniform",
                 embeddings_regularizer: Named | None = None,
                 embeddings_constraint: Named | None = None, mask_zero: bool = False,
                 weights: npt.ArrayLike | None = None, lora_rank: None = None,
                 lora_alpha: None = None, quantization_config: None = None,
                 input_length: int | None = None, **options: Any) -> None:
        refuse_adaptation("Embedding", lora_rank, lora_alpha, quantization_config)
        super().__init__(**options)
        self.input_dim = checks.count("input_dim", input_dim)
        self.output_dim = checks.count("output_dim", output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = self.supports_masking = checks.flag("mask_zero", mask_zero)
        self.embeddings: Variable | Any = None      # until the layer is built
        if weights is not None:
            self.ensure_built((None, None))
            self.set_weights(weights if isinstance(weights, list) and len(weights) == 1
                             else [weights])

    def build(self, input_shape: Shape) -> None:
        self.embeddings = self.add_weight(
            "embeddings", (self.input_dim, self.output_dim), self.embeddings_initializer,
            regularizer=self.embeddings_regularizer, constraint=self.embeddings_constraint,
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.output_dim)

    def compute_mask(self, inputs: npt.ArrayLike,
                     mask: np.ndarray | None = None) -> np.ndarray | None:
        return np.asarray(inputs) != 0 if self.mask_zero else self.masked(mask)

    def output_dtype(self, given: str) -> str:
        return self.dtype.name

    def forward(self, inputs: np.ndarray, mask: np.ndarray | None, training: bool,
                keep: int) -> tuple[np.ndarray, np.ndarray | None, Any]:
        ids = self._ids(inputs)
        y = self.embeddings.array.take(ids, axis=0)
        return y, self.compute_mask(ids, mask), ids if keep else None

    def backward(self, ids: np.ndarray, doutputs: np.ndarray) -> None:
        if self._trainable:
            add_rows(self.embeddings.gradient, ids.reshape(-1),
                     doutputs.reshape(-1, self.output_dim))

    def _ids(self, inputs):
        """Return the inputs as int64, all in [0, V)."""
        if inputs.dtype.kind == "f":
            ids = _whole(self, inputs)
        else:
            ids = inputs.astype(np.int64, copy=False)
        # Read as unsigned, a negative id is a huge one: one search for both ends of the range.
        if ids.size and int(ids.astype(np.uint64, copy=False).max()) >= self.input_dim:
            _raise_at(self, ids, (ids < 0) | (ids >= self.input_dim),
                      f"in [0, {self.input_dim}), as input_dim = {self.input_dim} says")
        return ids


def _whole(layer, inputs):
    ids = inputs.astype(np.int64)
    fractions = ids != inputs
    if fractions.any():
        _raise_at(layer, inputs, fractions, "whole numbers")
    return ids


def _raise_at(layer, inputs, wrong, wanted):
    where = tuple(map(int, np.argwhere(wrong)[0]))
    raise ValueError(f"{layer.name}: ids must be {wanted}; got {inputs[where]} at {where}")
