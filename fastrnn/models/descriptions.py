# SPDX-License-Identifier: Apache-2.0
"""Models as plain values and as text: their configuration, Keras' JSON, a table."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Self

from .graph_config import graph_config, graph_from_config
from .keras_writing import WRITER, described
from .summary import lines
from .whole import PartOfModel


class Describable(PartOfModel):
    """The part of a model that says what it is made of."""

    def summary(self, line_length: int | None = None, positions: Sequence[float] | None = None,
                print_fn: Callable[[str], Any] = print, expand_nested: bool = False,
                show_trainable: bool = False, layer_range: Sequence[str] | None = None) -> None:
        """Print a table of the layers: names, shapes of the outputs, numbers of parameters."""
        for line in lines(self, expand_nested, show_trainable):
            print_fn(line)

    def to_json(self, **options: Any) -> str:
        """Return the description of the model, without weights, as JSON text.

        Keras 3 reads it as well, but for what it does not have, such as ``Masking(nan=True)``.
        """
        return json.dumps({**described(self), "backend": WRITER}, **options)

    def get_config(self) -> dict[str, Any]:
        """Return a description from which `from_config` makes such a model, without weights."""
        config = {"name": self.name, "trainable": self.trainable}
        if self.graph is None:
            return {**config, "dtype": self.dtype.name}
        return {**config, **graph_config(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the new model that `get_config` described."""
        return graph_from_config(cls, config) if "layers" in config else cls(**config)
