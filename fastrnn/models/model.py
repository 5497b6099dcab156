# SPDX-License-Identifier: Apache-2.0
"""Models: layers with a way through them, which can be trained, saved and used as layers."""

import inspect
from typing import Any

import numpy as np
import numpy.typing as npt

from .._common.quiet import quiet
from ..backend import name_of
from ..graph.operation import Operation
from ..graph.structure import convert, flatten, is_nested, likeness, pack
from ..graph.symbolic import Graph, SymbolicTensor, connect, trial
from ..graph.tape import FOR_INPUTS, Tape, Tensor, calling, current
from ..layers.base import Layer
from ..layers.input import Input
from . import keras_writing
from .call import Call
from .descriptions import Describable
from .intake import Intake
from .saving import Savable
from .training import Trainer


class Model(Savable, Describable, Intake, Trainer, Layer):  # type: ignore[override]
    """A model, made in one of three ways.

    - ``Model(inputs, outputs)`` from what `Input` and layers called on it gave (functional);
    - a subclass that makes its layers in ``__init__`` and uses them in
      ``call(self, inputs, ...)``, which may take `training` and `mask` too;
    - `Sequential`.

    Parameters
    ----------
    inputs, outputs : SymbolicTensor, or list or dict of them, optional
        Of a functional model.
    name : str, optional
    trainable : bool

    Raises
    ------
    TypeError
        If inputs or outputs are no symbolic tensors.
    ValueError
        If outputs depend on an input that is not among the inputs.
    """

    supports_masking = True
    casts_inputs = False
    calls_layers = True
    graph: Graph | None = None
    _loaded: Any = None     # weights from a file, for a model that is not built yet

    def __init__(self, inputs: Any = None, outputs: Any = None, *, name: str | None = None,
                 trainable: bool = True, dtype: npt.DTypeLike | None = None) -> None:
        if name is None and inputs is not None and type(self) is Model:
            name = name_of("Functional")
        Layer.__init__(self, name=name, trainable=trainable, dtype=dtype)
        Trainer.__init__(self)
        if (inputs is None) != (outputs is None):
            raise ValueError("a functional model needs both inputs and outputs")
        if inputs is not None:
            inputs, outputs = _alone(inputs), _alone(outputs)
            self._input_structure, self._output_structure = inputs, outputs
            self.graph = Graph(flatten(inputs), flatten(outputs))
            _check_names(self.graph.layers)
            self.built = True
        self._own_call = self.graph is None and type(self).call is not Model.call
        signature = inspect.signature(type(self).call).parameters
        takes_all = any(p.kind is p.VAR_KEYWORD for p in signature.values())
        self._takes = {name: name in signature or takes_all for name in ("training", "mask")}

    # -- parts -------------------------------------------------------------------------------

    def sublayers(self) -> list[Any]:
        if self.graph is not None:
            return self.graph.layers
        found: dict[int, Operation] = {}
        _find_layers(vars(self), found, set())
        return list(found.values())

    @property
    def layers(self) -> list[Any]:
        """The model's layers, without those inside them.

        Those of a subclassed model are its attributes, also in lists and dicts.
        """
        return list(self.sublayers())

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """Return the layer of a name, or of a place.

        Raises
        ------
        ValueError
            If there is none, or not exactly one of the arguments is given.
        """
        if (name is None) == (index is None):
            raise ValueError("give one of name and index")
        if index is not None:
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"no layer is named {name!r}; there are "
                         f"{', '.join(layer.name for layer in self.layers)}")

    @property
    def inputs(self) -> list[SymbolicTensor] | None:
        """The symbolic inputs of a functional model, else None."""
        return None if self.graph is None else list(self.graph.inputs)

    @property
    def outputs(self) -> list[SymbolicTensor] | None:
        """The symbolic outputs of a functional model, else None."""
        return None if self.graph is None else list(self.graph.outputs)

    @property
    def input(self) -> Any:
        return super().input if self.graph is None else self._input_structure

    @property
    def output(self) -> Any:
        return super().output if self.graph is None else self._output_structure

    @property
    def input_shape(self) -> Any:
        return convert(lambda tensor: tensor.shape, self.input)

    @property
    def output_shape(self) -> Any:
        return convert(lambda tensor: tensor.shape, self.output)

    @property
    def output_names(self) -> list[str] | None:
        """Names of the outputs of a functional model, else None."""
        if self.graph is None:
            return None
        if isinstance(self._output_structure, dict):
            return sorted(self._output_structure)
        return [tensor.node.layer.name for tensor in self.graph.outputs]

    # -- calling -----------------------------------------------------------------------------

    def call(self, inputs: Any) -> Any:
        """Apply the layers; subclasses override it."""
        if self.graph is None:
            raise NotImplementedError(f"{type(self).__name__} must define call(self, inputs)")
        outputs = self.graph.run(self._ordered(inputs))
        return pack(self._output_structure, outputs)

    @quiet
    def __call__(self, inputs: Any, *args: Any, training: bool | None = None, mask: Any = None,
                 **options: Any) -> Any:
        """Apply the model to arrays, tensors or symbolic tensors, or a structure of them."""
        if any(isinstance(value, SymbolicTensor) for value in flatten(inputs)):
            return self._connected(inputs, args, options, mask, training)
        training = current.training if training is None else bool(training)
        tensors = convert(self._tensor, inputs)
        if mask is not None:
            masks = flatten(mask)
            tensors = pack(inputs, [Tensor(t.array, m, t.tracked)
                                    for t, m in zip(flatten(tensors), masks, strict=True)])
        with calling(current.tape, training):
            return self._call(tensors, training, args, options)

    def _connected(self, inputs, args, options, mask, training):
        """Become part of another graph; the outputs have the structure they have in a call."""
        if args:
            raise TypeError(f"{self.name}: further arguments of a call on symbolic tensors must "
                            "be given by name")
        if self.graph is not None:
            inputs = self._ordered(inputs) if is_nested(inputs) else inputs
        listed = isinstance(inputs, list | tuple)
        made = connect(self, tuple(inputs) if listed else (inputs,), options, mask, training,
                       listed)
        return pack(self._output_structure, made) if isinstance(made, list) else made

    def _call(self, tensors, training, args=(), options=None):
        options = dict(options or {})
        if self._own_call:
            if self._takes["training"]:
                options.setdefault("training", training)
            if self._takes["mask"]:
                options.setdefault("mask", convert(lambda t: t.mask, tensors))
        made = self.call(tensors, *args, **options)
        if not self.built:
            self.built = True
            if self._loaded is not None:
                waiting, self._loaded = self._loaded, None
                waiting.give(self)
                return self.call(tensors, *args, **options)
        return made

    def _tensor(self, value):
        if type(value) is Tensor:
            return value
        return Tensor(self._cast(self._as_array(value)))

    @quiet
    def run(self, x: Any, training: bool, keep: bool) -> Call:
        """Call the model on a batch of arrays; return the `Call`, with a tape if `keep`."""
        tensors = Tensor(self._cast(x)) if type(x) is np.ndarray else convert(self._tensor, x)
        return self._recorded(tensors, training, keep)

    def _recorded(self, tensors, training, keep):
        tape = Tape() if keep else None
        with calling(tape, training):
            made = self._call(tensors, training)
        return Call(made, tape, tensors)

    def forward(self, inputs: Any, mask: Any, training: bool, keep: int) -> tuple[Any, Any, Any]:
        """As a layer inside another, on a tape of its own."""
        several = type(inputs) is list
        tracked = keep == FOR_INPUTS
        tensors = [Tensor(array, m, tracked) for array, m in zip(
            inputs if several else [inputs], mask if several else [mask], strict=True)]
        call = self._recorded(tensors if several else tensors[0], training, keep)
        kept = (call, several) if keep else None
        if call.gives_one:
            return call.outputs[0], call.masks[0], kept
        return call.outputs, call.masks, kept

    def backward(self, kept: Any, doutputs: Any) -> Any:
        call, several = kept
        dinputs = call.backward(doutputs if type(doutputs) is list else [doutputs])
        return dinputs if several else dinputs[0]

    def compute_output_shape(self, input_shape: Any, **options: Any) -> Any:
        """Return the shape(s) of the outputs for the shape(s) of the inputs."""
        several = isinstance(input_shape, list)
        shapes = input_shape if several else [input_shape]
        if self.graph is not None:
            made = self.graph.output_shapes(shapes)
        else:
            # A subclassed model shows them in a trial call.
            with trial():
                inputs = [Input(batch_shape=shape) for shape in shapes]
                self._output_structure = self.call(inputs if several else inputs[0], **options)
            made = [tensor.shape for tensor in flatten(self._output_structure)]
        return made if is_nested(self._output_structure) else made[0]

    def output_dtype(self, given: str) -> str:
        """Return the dtype of the (first) output of floats, a str."""
        dtypes = () if self.graph is None else [tensor.dtype for tensor in self.graph.outputs]
        return next((name for name in dtypes if "float" in name), self.dtype.name)

    def output_dtypes(self, given: list[str], count: int) -> list[str]:
        if self.graph is None:
            return super().output_dtypes(given, count)
        return [tensor.dtype for tensor in self.graph.outputs]

    def outputs_like(self) -> Any:
        """Return the structure of a functional model's outputs with nothing in it, else None."""
        return None if self.graph is None else likeness(self._output_structure)

    def keras_description(self) -> dict[str, Any]:
        """Return what describes the model as Keras 3 reads it; see `keras_writing.described`."""
        if self.graph is None:
            return keras_writing.of_layer(self)
        own_class = None if type(self) is Model else type(self).__name__
        return keras_writing.of_graph(self, own_class)

    def build(self, input_shape: Any) -> None:
        """Make the weights of a subclassed model by a call on zeros of this shape."""
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        zeros = [np.zeros([size or 1 for size in shape], self.dtype) for shape in shapes]
        self.run(zeros if isinstance(input_shape, list) else zeros[0], False, keep=False)
        self.reset_state()


def _check_names(layers):
    names = [layer.name for layer in layers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"layers of a model must have different names; more than one is named "
                         f"{', '.join(twice)}")


def _alone(structure):
    """One tensor in a list is the tensor."""
    alone = isinstance(structure, list | tuple) and len(structure) == 1
    return structure[0] if alone and not is_nested(structure[0]) else structure


def _find_layers(value, found, seen):
    """Collect the layers in lists, tuples and dicts, by their ids."""
    if isinstance(value, Operation):
        found[id(value)] = value
    elif isinstance(value, list | tuple | dict) and id(value) not in seen:
        seen.add(id(value))
        items = value.values() if isinstance(value, dict) else value
        for item in [item for item in items if isinstance(item, Operation | list | tuple | dict)]:
            _find_layers(item, found, seen)
