# SPDX-License-Identifier: Apache-2.0
"""Models as plain values and as text: their configuration, Keras' JSON, a table."""

import json
from typing import Any

from .graph_config import graph_config, graph_from_config
from .keras_writing import WRITER, described
from .summary import lines


class Describable:
    """The part of a model that says what it is made of."""

    def summary(self, line_length: Any = None, positions: Any = None, print_fn: Any = print,
                expand_nested: Any = False, show_trainable: Any = False,
                layer_range: Any = None) -> None:
        """Print a table of the layers: names, shapes of the outputs, numbers of parameters."""
        for line in lines(self, expand_nested, show_trainable):
            print_fn(line)

    def to_json(self, **options: Any) -> Any:
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
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the new model that `get_config` described."""
        return graph_from_config(cls, config) if "layers" in config else cls(**config)
