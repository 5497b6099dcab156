# SPDX-License-Identifier: Apache-2.0
"""What the parts of a model ask of the whole: declared, not made."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph.symbolic import Graph

if TYPE_CHECKING:
    from .call import Call


class PartOfModel:
    """A base of the classes that `Model` is put together from.

    It has no values and no methods of its own: those come from the layer that a model is and from
    `Model` itself.

    Attributes
    ----------
    graph : Graph or None
        The calls of a functional model.
    """

    name: str
    built: bool
    trainable: bool
    dtype: np.dtype
    graph: Graph | None
    all_layers: Callable[..., list[Any]]
    sublayers: Callable[[], list[Any]]

    if TYPE_CHECKING:
        @property
        def compiled(self) -> bool: ...

        @property
        def output_names(self) -> list[str] | None: ...

        def outputs_like(self) -> Any: ...

        def run(self, x: Any, training: bool, keep: bool) -> Call: ...
