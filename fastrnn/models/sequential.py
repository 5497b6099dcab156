# SPDX-License-Identifier: Apache-2.0
"""Models whose layers follow one another."""

from collections.abc import Iterable
from typing import Any, Self

from ..graph.operation import Operation
from ..graph.structure import is_nested
from ..graph.symbolic import Graph, SymbolicTensor
from ..layers.described import deserialize
from ..layers.input import Input, InputLayer
from . import keras_writing
from .graph_config import layer_configs
from .intake import fitting
from .model import Model
from .oldmethods import OldSequential


class Sequential(OldSequential, Model):  # type: ignore[override]
    """Layers that follow one another.

    It is built as soon as the inputs' shape is known: from an `Input` or an ``input_shape`` of
    the first layer, else from the first batch.

    Parameters
    ----------
    layers : list of Layer, optional
    name : str, optional
    trainable : bool
    """

    def __init__(self, layers: Iterable[Any] | None = None, *, name: str | None = None,
                 trainable: bool = True) -> None:
        self._sublayers: list[Any] = []
        self._input: InputLayer | None = None
        self._end: SymbolicTensor | None = None
        self._graph: Graph | None = None
        super().__init__(name=name, trainable=trainable)
        for layer in layers or ():
            self.add(layer)

    def sublayers(self) -> list[Any]:
        return self._sublayers

    def add(self, layer: Any) -> None:
        """Append a layer, or first of all an `Input`.

        Raises
        ------
        TypeError
            If it is none.
        ValueError
            If an input does not come first, a name is there already, or the layer cannot
            follow the last one.
        """
        if isinstance(layer, SymbolicTensor):
            layer = layer.node.layer
        if not isinstance(layer, Operation):
            got = f"the class {layer.__name__}" if isinstance(layer, type) else (
                type(layer).__name__)
            raise TypeError(f"a Sequential is made of layers, got {got}")
        if isinstance(layer, InputLayer):
            if self._sublayers or self._input is not None:
                raise ValueError("an Input can only come first")
            self._input = layer
            return
        if any(other.name == layer.name and other is not layer for other in self._sublayers):
            raise ValueError(f"the model has a layer named {layer.name!r} already; names must "
                             "differ")
        if not self._sublayers and self._input is None:
            self._input = _first_input(layer)
        self._sublayers.append(layer)
        try:
            self._connect(layer)
        except Exception:
            self._sublayers.pop()
            raise

    def pop(self) -> Any:
        """Remove the last layer and return it."""
        if not self._sublayers:
            raise ValueError("there is no layer to remove")
        layer = self._sublayers.pop()
        self._end, self._graph, self.built = None, None, False
        for each in self._sublayers:
            self._connect(each)
        return layer

    def _connect(self, layer):
        """Grow the graph by a layer, once there is an input."""
        if self._input is None:
            return
        made = layer(self._input.output if self._end is None else self._end)
        if isinstance(made, list):
            raise ValueError(f"{layer.name} gives several outputs; in a Sequential each layer "
                             "gives one: use a functional Model")
        self._end, self._graph = made, None
        self._input_structure, self._output_structure = self._input.output, made
        self.built = True

    @property
    def graph(self) -> Graph | None:  # type: ignore[override]  # it is read, never set
        """The calls from the input to the last layer, once there is an input."""
        if self._graph is None and self._input is not None and self._end is not None:
            self._graph = Graph([self._input.output], [self._end])
        return self._graph

    def build(self, input_shape: Any = None) -> None:
        """Build all layers for inputs of this shape, the batch included."""
        if self._input is None:
            self._input = Input(batch_shape=tuple(input_shape)).node.layer
            for layer in self._sublayers:
                self._connect(layer)

    def call(self, inputs: Any) -> Any:
        for layer in self._sublayers:
            inputs = layer(inputs)
        return inputs

    def _call(self, tensors, training, args=(), options=None):
        if self._input is None and self._sublayers and not is_nested(tensors):
            self.build((None, *tensors.shape[1:]))
        if not self._sublayers:
            raise ValueError(f"{self.name} has no layers yet")
        if is_nested(tensors):
            raise ValueError(f"{self.name} takes one input, got {len(tensors)}: several inputs "
                             "need a functional Model")
        return self.call(tensors)

    def ensure_built(self, input_shape: Any) -> None:
        if not self.built:
            self.build(input_shape)

    @property
    def input_count(self) -> int:
        return 1

    def _fitting(self, array, tensor):
        # As in Keras: the layers say themselves which sizes they can read.
        return fitting(array, tensor, sizes=False)

    def _expects_missing(self, index):
        return self._sublayers[0].takes_missing

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "trainable": self.trainable,
                "layers": layer_configs(self._with_input())}

    def keras_description(self) -> dict[str, Any]:
        return keras_writing.of_sequence(self, self._with_input())

    def _with_input(self):
        return ([self._input] if self._input is not None else []) + self._sublayers

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        layers = [deserialize(layer) for layer in config["layers"]]
        return cls(layers, name=config["name"], trainable=config["trainable"])


def _first_input(layer):
    """The input that the first layer's arguments, or a model's own input, imply."""
    if layer.given_shape is not None:
        dtype = layer.dtype.name if layer.casts_inputs else None
        return Input(batch_shape=layer.given_shape, dtype=dtype).node.layer
    if isinstance(layer, Model) and layer.graph is not None and len(layer.graph.inputs) == 1:
        tensor = layer.graph.inputs[0]
        return Input(batch_shape=tensor.shape, dtype=tensor.dtype).node.layer
    return None
