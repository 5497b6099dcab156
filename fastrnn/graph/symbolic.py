# SPDX-License-Identifier: Apache-2.0
"""Symbolic tensors and the graph that calling layers and operations on them makes."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from .._common import checks
from .broadcasting import Shape
from .operators import Operators
from .structure import flatten


class SymbolicTensor(Operators):
    """A value that a functional model will have: a shape, and the call that will make it.

    Attributes
    ----------
    shape : tuple of int or None
        None stands for any size; the first axis is the batch.
    dtype : str
    name : str
    node : Node
    index : int
        Its place among the node's outputs.
    """

    __slots__ = ("dtype", "index", "name", "node", "shape")

    def __init__(self, shape: Shape, dtype: str, name: str, node: "Node", index: int) -> None:
        self.shape = tuple(shape)
        self.dtype = dtype
        self.name = name
        self.node = node
        self.index = index

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __bool__(self):
        operation, inputs = getattr(self.node.layer, "operation", None), self.node.inputs
        if operation in ("equal", "not_equal") and len(inputs) == 2:
            # What `in` and `index` of a list ask: whether two are one.
            return (inputs[0] is inputs[1]) == (operation == "equal")
        raise TypeError("a symbolic tensor has no values yet, so it is neither true nor false: "
                        "use & | ~ for logic, and multiply by a comparison in place of if")

    def __iter__(self):
        raise TypeError(f"a symbolic tensor cannot be iterated over: its first axis is the batch, "
                        f"its shape {self.shape}; index the others, as in x[:, 0]")

    def __array__(self, dtype=None, copy=None):
        raise TypeError("a symbolic tensor has no values for NumPy to work on: use layers and "
                        "operators, which become part of the model")

    def __repr__(self):
        return f"<SymbolicTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


KerasTensor = SymbolicTensor


class _Trials(threading.local):
    running = False


_trials = _Trials()


@contextmanager
def trial() -> Iterator[None]:
    """Let layers forget the symbolic calls made inside: their shapes alone are wanted."""
    before, _trials.running = _trials.running, True
    try:
        yield
    finally:
        _trials.running = before


class Node:
    """One call of a layer or an operation in a graph.

    Attributes
    ----------
    layer : Operation
        A layer or another operation.
    inputs : tuple of SymbolicTensor, or None
        Of some layers arrays too, which are constants. None is an input of the graph.
    takes_list : bool
        Whether the call was given a list.
    mask : SymbolicTensor, array, list of them, or None
        The mask given by hand.
    training : bool or None
        The mode given by hand.
    options : dict
        The other arguments of the call.
    outputs : tuple of SymbolicTensor
    gives_list : bool
        Whether the call gives a list.
    """

    __slots__ = ("gives_list", "inputs", "layer", "mask", "options", "outputs", "takes_list",
                 "training")

    def __init__(self, layer: Any, inputs: tuple[Any, ...] | None,
                 options: dict[str, Any], mask: Any = None, training: bool | None = None,
                 takes_list: bool = False) -> None:
        self.layer = layer
        self.inputs = inputs
        self.takes_list = takes_list
        self.mask = mask
        self.training = training
        self.options = options
        self.outputs: tuple[SymbolicTensor, ...] = ()
        self.gives_list = False

    def given(self) -> Any:
        """Return what the call was given: a tensor or a list of them, None for an input."""
        if self.inputs is None:
            return None
        return list(self.inputs) if self.takes_list else self.inputs[0]

    def made(self) -> Any:
        """Return what the call gave: a tensor or a list of them."""
        return list(self.outputs) if self.gives_list else self.outputs[0]

    def parents(self) -> list[SymbolicTensor]:
        """Return the input tensors, symbolic masks among them, as a list."""
        masks = self.mask if isinstance(self.mask, list | tuple) else (self.mask,)
        return [tensor for tensor in (*(self.inputs or ()), *masks)
                if isinstance(tensor, SymbolicTensor)]


def connect(layer: Any, inputs: tuple[Any, ...], options: dict[str, Any], mask: Any = None,
            training: bool | None = None,
            takes_list: bool = False) -> SymbolicTensor | list[SymbolicTensor]:
    """Record that `layer` is called on symbolic inputs; return what it gives.

    Parameters
    ----------
    layer : Operation
    inputs : tuple of SymbolicTensor
        After the first one, of a layer that takes constants, arrays too.
    options : dict
        The other arguments of the call.
    mask, training : optional
        Given by hand.
    takes_list : bool
        Whether the inputs came in a list.

    Returns
    -------
    SymbolicTensor or list of them

    Raises
    ------
    TypeError
        If symbolic tensors and arrays are mixed, and the layer takes no constants.
    """
    inputs = tuple([_constant(layer, k, value) for k, value in enumerate(inputs)])
    shapes = [tensor.shape for tensor in inputs]
    shapes = shapes if takes_list else shapes[0]
    layer.ensure_built(shapes)
    node = Node(layer, inputs, options, mask, training, takes_list)
    made = layer.compute_output_shape(shapes, **options)
    node.gives_list = isinstance(made, list)
    made = made if node.gives_list else [made]
    dtypes = layer.output_dtypes([tensor.dtype for tensor in inputs], len(made))
    node.outputs = tuple([
        SymbolicTensor(shape, dtypes[index], f"{layer.name}_{index}", node, index)
        for index, shape in enumerate(made)])
    if not _trials.running:
        layer.connected(node)
    return node.made()


def _constant(layer, place, value):
    """Return an input of a call: a symbolic tensor as it is, a constant as an array."""
    if isinstance(value, SymbolicTensor):
        return value
    if place == 0 or not layer.takes_constants:
        raise TypeError(f"{layer.name}: all inputs must be symbolic tensors where one is, "
                        f"got {type(value).__name__}")
    return layer.constant_input(value)


def input_tensor(layer: Any, shape: Shape, dtype: str) -> SymbolicTensor:
    """Return the symbolic output of an input layer."""
    node = Node(layer, None, {})
    tensor = SymbolicTensor(shape, dtype, layer.name, node, 0)
    node.outputs = (tensor,)
    layer.connected(node)
    return tensor


class Graph:
    """The calls between given inputs and outputs, in an order in which they can be made.

    Parameters
    ----------
    inputs, outputs : list of SymbolicTensor
    """

    def __init__(self, inputs: list[SymbolicTensor], outputs: list[SymbolicTensor]) -> None:
        for tensor in (*inputs, *outputs):
            if not isinstance(tensor, SymbolicTensor):
                raise TypeError("inputs and outputs of a model must be what Input and layers "
                                f"called on it give, got {type(tensor).__name__}")
        if len({id(tensor) for tensor in inputs}) != len(inputs):
            raise ValueError("an input of a model is listed twice")
        self.inputs, self.outputs = inputs, outputs
        self.nodes = self._ordered()
        self.layers = self._layers_by_depth()

    def _layers_by_depth(self):
        """The layers as Keras orders them, and with them their weights: those far from the
        outputs first; where two are as far, as they are met on the way from the outputs."""
        starts = [tensor.node for tensor in self.inputs if tensor.node.inputs is None]
        depths, depth_of_layer = {}, {}
        for node in (*reversed(self.nodes), *starts):
            depth = max(depths.get(id(node), 0), depth_of_layer.get(id(node.layer), 0))
            depth_of_layer[id(node.layer)] = depth
            for tensor in node.parents():
                key = id(tensor.node)
                depths[key] = max(depths.get(key, 0), depth + 1)
        met, layers = self._met(), {}
        for node in (*starts, *self.nodes):
            layers[id(node.layer)] = node.layer
        return sorted(layers.values(), key=lambda layer: (-depth_of_layer[id(layer)],
                                                          met.get(id(layer), len(met))))

    def _met(self):
        """The place of each layer on a walk from the outputs to the inputs, depth first."""
        met, seen = {}, set()
        stack = [tensor.node for tensor in reversed(self.outputs)]
        while stack:
            node = stack.pop()
            met.setdefault(id(node.layer), len(met))
            if id(node) not in seen:
                seen.add(id(node))
                stack.extend(tensor.node for tensor in reversed(node.parents()))
        return met

    def _ordered(self):
        """Every node after those whose outputs it reads (depth first, without recursion)."""
        given = {id(tensor) for tensor in self.inputs}
        done, ordered = set(), []
        stack = [(t.node, False) for t in reversed(self.outputs) if id(t) not in given]
        while stack:
            node, ready = stack.pop()
            if id(node) in done:
                continue
            if ready:
                done.add(id(node))
                ordered.append(node)
                continue
            if node.inputs is None:
                raise ValueError(f"the graph is disconnected: the outputs depend on the input "
                                 f"{node.layer.name!r}, which is not among the model's inputs")
            stack.append((node, True))
            stack.extend((t.node, False) for t in reversed(node.parents()) if id(t) not in given)
        return ordered

    def run(self, tensors: list[Any]) -> list[Any]:
        """Call the layers on `tensors`, one for each input; return the outputs as a list."""
        values = dict(zip(map(id, self.inputs), tensors, strict=True))
        for node in self.nodes:
            inputs = [values.get(id(given), given) for given in node.inputs]
            inputs = inputs if node.takes_list else inputs[0]
            if node.mask is None and node.training is None:
                made = node.layer(inputs, **node.options)
            else:
                made = node.layer(inputs, mask=_looked_up(node.mask, values),
                                  training=node.training, **node.options)
            for tensor, value in zip(node.outputs, flatten(made) if node.gives_list else (made,),
                                     strict=True):
                values[id(tensor)] = value
        return [values[id(tensor)] for tensor in self.outputs]

    def output_shapes(self, input_shapes: list[Shape]) -> list[Shape]:
        """Return the outputs' shapes for other shapes of the inputs."""
        shapes = dict(zip(map(id, self.inputs), input_shapes, strict=True))
        for node in self.nodes:
            given = [shapes.get(id(value), value.shape) for value in node.inputs]
            made = node.layer.compute_output_shape(given if node.takes_list else given[0],
                                                   **node.options)
            for tensor, shape in zip(node.outputs, made if node.gives_list else (made,),
                                     strict=True):
                shapes[id(tensor)] = tuple(shape)
        return [shapes[id(tensor)] for tensor in self.outputs]


def _looked_up(given, values):
    """The values of symbolic masks; what is none stays as it is."""
    if isinstance(given, list | tuple):
        return [values.get(id(item), item) for item in given]
    return values.get(id(given), given)


def checked_shape(name: str, shape: Iterable[int | None]) -> Shape:
    """Return a shape of sizes of at least 1, or None for any size, as a tuple."""
    try:
        sizes = tuple(shape)
    except TypeError:
        raise TypeError(f"{name} must be a tuple of ints, got {shape!r}") from None
    return tuple(None if size is None else checks.count(name, size) for size in sizes)
