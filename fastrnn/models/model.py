# SPDX-License-Identifier: Apache-2.0
"""Models: layers with a way through them, which can be trained, saved and used as layers."""

import inspect

import numpy as np

from .._common.quiet import quiet
from ..backend import name_of
from ..graph.operation import Operation
from ..graph.structure import convert, flatten, is_nested, likeness, pack
from ..graph.symbolic import Graph, SymbolicTensor, connect, trial
from ..graph.tape import FOR_INPUTS, Tape, Tensor, calling, current
from ..layers.base import Layer
from ..layers.input import Input
from .arrays import as_dtype, missing
from .training import Trainer


class Call:
    """One run of a model over a batch.

    Attributes
    ----------
    outputs : list of ndarray
    masks : list of ndarray or None
    """

    __slots__ = ("_inputs", "_made", "_tape", "_tensors", "masks", "outputs")

    def __init__(self, made, tape, inputs):
        self._made, self._tape, self._inputs = made, tape, inputs
        self._tensors = tensors = [made] if type(made) is Tensor else flatten(made)
        for tensor in tensors:
            if type(tensor) is not Tensor:
                raise TypeError("call must return what layers give, or lists, tuples and dicts of "
                                f"it; got {type(tensor).__name__}")
        self.outputs = [tensor.array for tensor in tensors]
        self.masks = [tensor.mask for tensor in tensors]

    @property
    def rows(self):
        return len(self.outputs[0])

    @property
    def gives_one(self):
        """Whether the outputs are one tensor, in no list."""
        return type(self._made) is Tensor

    def structure(self):
        """Return the outputs as the model's call gave them, arrays in place of tensors."""
        return self.packed(self.outputs)

    def likeness(self):
        """Return the structure of the outputs with nothing in it."""
        return likeness(self._made)

    def packed(self, arrays):
        """Return arrays in the structure of the outputs."""
        return arrays[0] if self.gives_one else pack(self._made, arrays)

    def backward(self, gradients):
        """Propagate the gradients of the outputs (None: zeros); return those of the inputs."""
        for tensor, gradient in zip(self._tensors, gradients, strict=True):
            if gradient is not None and tensor.tracked:
                tensor.add_gradient(gradient)
        self._tape.backward()
        return [tensor.gradient for tensor in flatten(self._inputs)]


class Model(Trainer, Layer):
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
    graph = None
    _loaded = None      # weights from a file, for a model that is not built yet

    def __init__(self, inputs=None, outputs=None, *, name=None, trainable=True, dtype=None):
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

    def sublayers(self):
        if self.graph is not None:
            return self.graph.layers
        found = {}
        _find_layers(vars(self), found, set())
        return list(found.values())

    @property
    def layers(self):
        """The model's layers, without those inside them.

        Those of a subclassed model are its attributes, also in lists and dicts.
        """
        return list(self.sublayers())

    def get_layer(self, name=None, index=None):
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
    def inputs(self):
        """The symbolic inputs of a functional model, else None."""
        return None if self.graph is None else list(self.graph.inputs)

    @property
    def outputs(self):
        """The symbolic outputs of a functional model, else None."""
        return None if self.graph is None else list(self.graph.outputs)

    @property
    def input(self):
        return super().input if self.graph is None else self._input_structure

    @property
    def output(self):
        return super().output if self.graph is None else self._output_structure

    @property
    def input_shape(self):
        return convert(lambda tensor: tensor.shape, self.input)

    @property
    def output_shape(self):
        return convert(lambda tensor: tensor.shape, self.output)

    @property
    def input_count(self):
        """How many inputs there are, or None for a subclassed model, whose call alone knows."""
        return None if self.graph is None else len(self.graph.inputs)

    @property
    def input_names(self):
        """Names of the inputs of a functional model, else None."""
        if self.graph is None:
            return None
        if isinstance(self._input_structure, dict):
            return sorted(self._input_structure)
        return [tensor.name for tensor in self.graph.inputs]

    @property
    def output_names(self):
        """Names of the outputs of a functional model, else None."""
        if self.graph is None:
            return None
        if isinstance(self._output_structure, dict):
            return sorted(self._output_structure)
        return [tensor.node.layer.name for tensor in self.graph.outputs]

    # -- calling -----------------------------------------------------------------------------

    def call(self, inputs):
        """Apply the layers; subclasses override it."""
        if self.graph is None:
            raise NotImplementedError(f"{type(self).__name__} must define call(self, inputs)")
        outputs = self.graph.run(self._ordered(inputs))
        return pack(self._output_structure, outputs)

    @quiet
    def __call__(self, inputs, *args, training=None, mask=None, **options):
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
    def run(self, x, training, keep):
        """Call the model on a batch of arrays; return the `Call`, with a tape if `keep`."""
        tensors = Tensor(self._cast(x)) if type(x) is np.ndarray else convert(self._tensor, x)
        return self._recorded(tensors, training, keep)

    def _recorded(self, tensors, training, keep):
        tape = Tape() if keep else None
        with calling(tape, training):
            made = self._call(tensors, training)
        return Call(made, tape, tensors)

    def forward(self, inputs, mask, training, keep):
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

    def backward(self, kept, doutputs):
        call, several = kept
        dinputs = call.backward(doutputs if type(doutputs) is list else [doutputs])
        return dinputs if several else dinputs[0]

    def compute_output_shape(self, input_shape, **options):
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

    def _ordered(self, inputs):
        """The values of inputs in the order of the graph's inputs."""
        count = len(self.graph.inputs)
        if isinstance(inputs, dict):
            return self._by_name("inputs", inputs, self.input_names)
        values = flatten(inputs)
        if len(values) != count:
            raise ValueError(f"{self.name} has {count} inputs, got {len(values)}")
        return values

    @staticmethod
    def _by_name(what, values, names):
        missing = [name for name in names if name not in values]
        if missing:
            raise ValueError(f"{what} must be named {', '.join(names)}; missing: "
                             f"{', '.join(missing)}; got {', '.join(map(str, values))}")
        return [values[name] for name in names]

    # -- data --------------------------------------------------------------------------------

    def ordered_inputs(self, x):
        """Return inputs as `run` takes them, checked against the graph's shapes.

        Raises
        ------
        ValueError
            If their number, a name or a shape is wrong.
        """
        if self.graph is None:
            return x
        ordered = [x] if type(x) is np.ndarray else self._ordered(x)
        if len(ordered) != len(self.graph.inputs):
            raise ValueError(f"{self.name} has {len(self.graph.inputs)} inputs, got one array")
        ordered = [self._fitting(array, tensor)
                   for array, tensor in zip(ordered, self.graph.inputs, strict=True)]
        return ordered[0] if len(ordered) == 1 else ordered

    def output_dtype(self, given):
        """Return the dtype of the (first) output of floats, a str."""
        dtypes = () if self.graph is None else [tensor.dtype for tensor in self.graph.outputs]
        return next((name for name in dtypes if "float" in name), self.dtype.name)

    def output_dtypes(self, given, count):
        if self.graph is None:
            return super().output_dtypes(given, count)
        return [tensor.dtype for tensor in self.graph.outputs]

    def _fitting(self, array, tensor):
        return fitting(array, tensor)

    def outputs_like(self):
        """Return the structure of a functional model's outputs with nothing in it, else None."""
        return None if self.graph is None else likeness(self._output_structure)

    def ordered_targets(self, y, count, what="targets"):
        """Return targets or weights as a list, one for each output, None for none."""
        return self._objective.ordered(what, y, count)

    def check_missing(self, x):
        """Raise where the inputs have a NaN that no layer expects."""
        for k, array in enumerate(flatten(x)):
            found = missing(array)
            if found is not None and not self._expects_missing(k):
                number, first = found
                name = f"input {k} of the model" if is_nested(x) else "x"
                raise ValueError(
                    f"{name} has {number} missing values (NaN), the first at {first}: fill them "
                    "with fastrnn.preprocessing.fill_missing, or begin the model with "
                    "Masking(nan=True), for which such a step does not count"
                )

    def _expects_missing(self, index):
        if self.graph is None:
            return any(layer.takes_missing for layer in self.all_layers())
        given = self.graph.inputs[index]
        readers = [node.layer for node in self.graph.nodes
                   if any(tensor is given for tensor in node.parents())]
        return bool(readers) and all(layer.takes_missing for layer in readers)

    @property
    def takes_missing(self):
        """Whether NaN in the inputs are steps that do not count."""
        if self.graph is None:
            return any(layer.takes_missing for layer in self.sublayers())
        return all(self._expects_missing(k) for k in range(len(self.graph.inputs)))

    # -- files, descriptions -----------------------------------------------------------------

    def save(self, path, overwrite=True, include_optimizer=True):
        """Write the model, with its optimiser, to one file; `load_model` reads it.

        Parameters
        ----------
        path : str or os.PathLike
            Whatever its suffix, the file is a safetensors file with a JSON header.
        overwrite : bool
        include_optimizer : bool

        Raises
        ------
        OSError
            If it cannot be written, or is there and `overwrite` is false.
        ValueError
            If the model is not built yet, or has a part that has no configuration.
        """
        from .saving import save_model

        save_model(self, path, overwrite, include_optimizer)

    def save_weights(self, path, overwrite=True):
        """Write the weights alone to a file, for `load_weights`."""
        from .saving import save_weights

        save_weights(self, path, overwrite)

    def load_weights(self, path):
        """Take the weights from a file of `save_weights` or `save`.

        Raises
        ------
        OSError
            If it cannot be opened.
        fastrnn.io.FileFormatError
            If it is no such file or has other weights; the model is unchanged.
        """
        from .saving import load_weights

        load_weights(self, path)

    def summary(self, line_length=None, positions=None, print_fn=print, expand_nested=False,
                show_trainable=False, layer_range=None):
        """Print a table of the layers: names, shapes of the outputs, numbers of parameters."""
        from .summary import lines

        for line in lines(self, expand_nested, show_trainable):
            print_fn(line)

    def to_json(self, **options):
        """Return the description of the model, without weights, as JSON text.

        Keras 3 reads it as well, but for what it does not have, such as ``Masking(nan=True)``.
        """
        import json

        from .keras_writing import WRITER, described

        return json.dumps({**described(self), "backend": WRITER}, **options)

    def get_config(self):
        """Return a description from which `from_config` makes such a model, without weights."""
        if self.graph is None:
            return {"name": self.name, "trainable": self.trainable, "dtype": self.dtype.name}
        from .saving import graph_config

        return {"name": self.name, "trainable": self.trainable, **graph_config(self)}

    @classmethod
    def from_config(cls, config):
        if "layers" not in config:
            return cls(**config)
        from .saving import graph_from_config

        return graph_from_config(cls, config)

    def build(self, input_shape):
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


def fitting(array, tensor, sizes=True):
    """An input array in the shape and dtype of a symbolic input, but for its `sizes` if they are
    not to be looked at. As in Keras, a last axis of 1 is added or taken away."""
    shape = tensor.shape
    if array.ndim == len(shape) - 1 and shape[-1] == 1:
        array = array[..., None]
    elif array.ndim == len(shape) + 1 and array.shape[-1] == 1:
        array = array[..., 0]
    fits = array.ndim == len(shape) and (not sizes or all(
        size in (None, got) for size, got in zip(shape[1:], array.shape[1:], strict=True)))
    if not fits:
        hint = ""
        if array.dtype.kind in "iu" and array.ndim == len(shape) - 1:
            hint = "; ids of words or characters become vectors in an Embedding layer, put first"
        raise ValueError(f"the input {tensor.name!r} must have shape {shape}, got {array.shape}"
                         + hint)
    return as_dtype(array, tensor.dtype) if array.dtype.kind == "f" else array


def _find_layers(value, found, seen):
    """Collect the layers in lists, tuples and dicts, by their ids."""
    if isinstance(value, Operation):
        found[id(value)] = value
    elif isinstance(value, list | tuple | dict) and id(value) not in seen:
        seen.add(id(value))
        items = value.values() if isinstance(value, dict) else value
        for item in [item for item in items if isinstance(item, Operation | list | tuple | dict)]:
            _find_layers(item, found, seen)
