# SPDX-License-Identifier: Apache-2.0
"""The protocol of layers: how they are called, built, trained and described.

A layer computes on NumPy arrays, the batch on the first axis, in two functions that know nothing
of tapes and graphs::

    outputs, mask, kept = layer.forward(inputs, mask, training, keep)
    dinputs = layer.backward(kept, doutputs)

Here `inputs`, `outputs` and their gradients are an array each or, where a layer takes or gives
several, a list of them; so are the masks: arrays (N, T) of bool, True for steps that count, or
None. A gradient that is None stands for zeros. Neither function may write to what it is given.
"""

import functools

import numpy as np

from .. import constraints, initializers, regularizers
from .._common import checks, oldnames
from .._common.classes import own_config
from .._common.quiet import call_back, is_own, is_quiet, quiet, set_apart
from ..backend import floatx, name_of
from ..graph.symbolic import SymbolicTensor, connect
from ..graph.tape import FOR_INPUTS, FOR_WEIGHTS, NOTHING, Tensor, current
from .variable import Variable


class Layer:
    """Base of all layers.

    Subclasses give `forward`, `backward`, `compute_output_shape` and, where they have weights,
    `build`. `arguments` names those of the constructor that make up its configuration; each is
    an attribute too.

    Parameters
    ----------
    name : str, optional
        By default the class's name in small letters, with a number from the second one on.
    trainable : bool
        Whether training changes the layer's weights.
    dtype : str or dtype, optional
        float32 or float64; by default `backend.floatx`.
    input_shape, batch_input_shape, batch_shape : tuple, optional
        Of the inputs, without and with the batch, for the first layer of a `Sequential`.
    input_dim : int, optional
        In place of ``input_shape=(input_dim,)``.
    activity_regularizer : optional
        Adds its value for the outputs, over the batch's size, to the loss.
    """

    arguments = ()
    # Whether a mask passes on; a layer that drops one warns, once.
    supports_masking = False
    # Whether the inputs become the layer's dtype; else integers stay what they are.
    casts_inputs = True
    # Whether it may be called with a list of inputs.
    takes_list = False
    # Whether inputs after the first may be constants where the first is symbolic.
    takes_constants = False
    # Whether NaN in its inputs are steps that do not count.
    takes_missing = False
    # Whether a gradient may pass from its outputs to its inputs.
    has_gradient = True
    # Whether what it does is said by a `call` that uses other layers.
    calls_layers = False

    def __init__(self, *, name=None, trainable=True, dtype=None, input_shape=None, input_dim=None,
                 batch_input_shape=None, batch_shape=None, activity_regularizer=None, **unknown):
        if unknown:
            raise TypeError(f"{type(self).__name__} has no argument {', '.join(sorted(unknown))}")
        self.name = name_of(type(self).__name__) if name is None else str(name)
        self.dtype = checks.float_dtype(getattr(dtype, "name", dtype) or floatx())
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.built = False
        self.version = 0
        if input_shape is None and input_dim is not None:
            input_shape = (input_dim,)
        self.given_shape = _given_shape(input_shape, batch_input_shape or batch_shape)
        self._variables = []
        self._nodes = []
        self._trainable = checks.flag("trainable", trainable)
        self._mask_warned = False

    # -- calling -----------------------------------------------------------------------------

    def __call__(self, inputs, mask=None, training=None, **options):
        """Apply the layer to arrays or to symbolic tensors.

        Parameters
        ----------
        inputs : array, tensor, or list of them
            What the layer takes; floats are cast to its dtype.
        mask : array (N, T) of bool, or list of them, optional
            In place of what the tensors bring with them.
        training : bool, optional
            By default, that of the model the call is part of.
        """
        if (type(inputs) is Tensor and mask is None and self.built
                and is_quiet()):   # the most usual call
            return self._apply(inputs, self._cast(inputs.array), inputs.mask, training, options)
        return self._call_quietly(inputs, mask, training, options)

    @quiet
    def _call_quietly(self, inputs, mask, training, options):
        several = isinstance(inputs, list | tuple)
        if several and not self.takes_list:
            raise TypeError(f"{self.name} ({type(self).__name__}) takes one array or tensor, got "
                            f"a {type(inputs).__name__} of {len(inputs)}")
        values = inputs if several else (inputs,)
        for value in values:
            if isinstance(value, SymbolicTensor):
                return connect(self, inputs, options, mask, training)
        tensors = [
            value if type(value) is Tensor else Tensor(self._as_array(value)) for value in values
        ]
        arrays = [self._cast(tensor.array) for tensor in tensors]
        if mask is None:
            masks = [tensor.mask for tensor in tensors]
        else:
            masks = [_as_mask(m) for m in (mask if several else (mask,))]
        if not self.built:
            shapes = [array.shape for array in arrays]
            self.ensure_built(shapes if several else shapes[0])
        if several:
            return self._apply(tensors, arrays, masks, training, options)
        return self._apply(tensors[0], arrays[0], masks[0], training, options)

    def _apply(self, tensors, arrays, masks, training, options):
        """Run `forward`, record it on the tape there is, and wrap what it gives."""
        tape = current.tape
        keep = NOTHING
        if tape is not None and self.has_gradient:
            leads = (any(t.tracked for t in tensors) if type(tensors) is list
                     else tensors.tracked)
            keep = FOR_INPUTS if leads else FOR_WEIGHTS if self.has_trainable() else NOTHING
        outputs, mask, kept = self.forward(
            arrays, masks, current.training if training is None else bool(training), keep,
            **options,
        )
        tracked = keep != NOTHING
        if type(outputs) is list:
            made = [Tensor(array, m, tracked)
                    for array, m in zip(outputs, mask or [None] * len(outputs), strict=True)]
        else:
            made = Tensor(outputs, mask, tracked)
        if tracked:
            tape.record(self, kept, tensors, made)
        if self.activity_regularizer is not None and current.penalties is not None:
            self._penalise(made, tape)
        return made

    def _penalise(self, made, tape):
        made = made if type(made) is list else [made]
        gradients = activity_penalties(self, [tensor.array for tensor in made])
        if tape is not None:
            for tensor, gradient in zip(made, gradients, strict=True):
                tape.penalise(tensor, gradient)

    def constant_input(self, value):
        """Return an input that is a constant of the graph as an array of its own."""
        if type(value) is Tensor:
            value = value.array
        return np.array(self._as_array(value), self.dtype)

    def _as_array(self, value):
        array = checks.as_ndarray("inputs", value)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{self.name}: inputs must be an array of real numbers, "
                            f"got dtype {array.dtype}")
        if array.ndim == 0:
            raise ValueError(f"{self.name}: inputs must have a batch axis, got a single number")
        return array

    def _cast(self, array):
        if array.dtype is self.dtype:
            return array
        if self.casts_inputs or array.dtype.kind == "f":
            return array.astype(self.dtype, copy=False)
        return array

    def masked(self, mask):
        """Return the mask a layer passes on; one that drops it says so once."""
        if self.supports_masking or mask is None:
            return mask
        if not self._mask_warned:
            import warnings

            self._mask_warned = True
            warnings.warn(
                f"layer {self.name} ({type(self).__name__}) was given a mask and does not pass it "
                "on: the layers after it see none", UserWarning, stacklevel=2,
            )
        return None

    def forward(self, inputs, mask, training, keep):
        """Return (outputs, mask, kept).

        Parameters
        ----------
        inputs : ndarray or list of ndarray
        mask : ndarray (N, T) of bool, None, or list of them
        training : bool
            Whether dropout is on.
        keep : int
            What `kept` must serve for: `tape.NOTHING`, `tape.FOR_WEIGHTS` (backward may return
            None then), or `tape.FOR_INPUTS`.
        """
        raise NotImplementedError

    def backward(self, kept, doutputs):
        """Add the gradients of the weights to them; return those of the inputs."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        """Return the shape(s) of the outputs for the shape(s) of the inputs; None is any size."""
        return input_shape

    def output_dtype(self, given):
        """Return the outputs' dtype, a str, for inputs of dtype `given`."""
        return self.dtype.name if self.casts_inputs else given

    def output_dtypes(self, given, count):
        """Return the dtypes, str, of `count` outputs for inputs of these dtypes."""
        return [self.output_dtype(given[0])] * count

    def compute_mask(self, inputs, mask):
        """Return the mask of the outputs."""
        return self.masked(mask)

    # -- building ----------------------------------------------------------------------------

    def build(self, input_shape):
        """Make the weights for inputs of this shape."""

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "call" in vars(cls) and "forward" not in vars(cls) and not cls.calls_layers:
            raise TypeError(f"{cls.__name__} has call() but no forward() and backward(): a layer "
                            "of one's own needs its derivative; what is made of other layers is "
                            "a subclass of fastrnn.Model")
        if "build" in vars(cls):
            cls.build = _marking_built(cls.build)
        set_apart(cls, (), ("forward", "backward"))
        if is_own(cls) and "__init__" in vars(cls):
            cls.__init__ = oldnames.arguments(cls.__init__)

    def ensure_built(self, input_shape):
        """Build the layer unless it is."""
        if not self.built:
            self.build(input_shape)
            self.built = True

    @quiet
    def add_weight(self, name, shape, initializer, *, regularizer=None, constraint=None,
                   trainable=True, form=None):
        """Make a `Variable` of the layer.

        Parameters
        ----------
        name : str
        shape : tuple of int
            As Keras shows it.
        initializer, regularizer, constraint
            Names or objects.
        form : optional
            How it is stored; see `Variable`.
        """
        shape = tuple(shape)
        checks.weight_sizes({name: shape}, {f"shape of {self.name}": max(shape, default=1)},
                            self.dtype.itemsize)
        value = np.asarray(call_back(initializers.get(initializer), shape, self.dtype), self.dtype)
        if value.shape != shape:
            raise ValueError(f"the initializer of {self.name}/{name} must give shape {shape}, "
                             f"got {value.shape}")
        variable = Variable(
            name, value, self, trainable=trainable, regularizer=regularizers.get(regularizer),
            constraint=constraints.get(constraint), **({"form": form} if form else {}),
        )
        self._variables.append(variable)
        return variable

    # -- weights -----------------------------------------------------------------------------

    def sublayers(self):
        """Return the layers this one is made of."""
        return ()

    def all_layers(self, trainable_only=False):
        """Return the layer and those inside it, each once; optionally without frozen ones."""
        found, waiting = {}, [self]
        while waiting:
            layer = waiting.pop()
            if id(layer) in found or (trainable_only and not layer.trainable):
                continue
            found[id(layer)] = layer
            waiting.extend(reversed(layer.sublayers()))
        return list(found.values())

    @property
    def weights(self):
        """All weights, in the order of `get_weights`."""
        return [v for layer in self.all_layers() for v in layer._variables]

    variables = weights

    @property
    def trainable_variables(self):
        """The weights that training changes."""
        return [v for layer in self.all_layers(trainable_only=True) for v in layer._variables
                if v.trainable]

    trainable_weights = trainable_variables

    def has_trainable(self):
        """Whether there is a weight that training changes."""
        if not self._trainable:
            return False
        return any(v.trainable for v in self._variables) or (
            bool(self.sublayers()) and bool(self.trainable_variables))

    @property
    def non_trainable_weights(self):
        trainable = {id(v) for v in self.trainable_variables}
        return [v for v in self.weights if id(v) not in trainable]

    non_trainable_variables = non_trainable_weights

    @property
    def trainable(self):
        """Whether training changes the weights of this layer and of those inside it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        value = checks.flag("trainable", value)
        for layer in self.all_layers():
            layer._trainable = value

    def get_weights(self):
        """Return copies of all weights, in Keras' shapes and order."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights):
        """Set all weights from arrays in the shapes and order of `get_weights`.

        Raises
        ------
        ValueError
            If their number or a shape is wrong; nothing is changed then.
        """
        variables = self.weights
        weights = list(weights)
        if len(weights) != len(variables):
            state = "" if self.built else " (the layer is not built yet)"
            raise ValueError(f"{self.name} has {len(variables)} weights{state}, "
                             f"got {len(weights)}")
        weights = [v.checked(w) for v, w in zip(variables, weights, strict=True)]
        for variable, weight in zip(variables, weights, strict=True):
            variable.assign(weight)

    @property
    def losses(self):
        """What the regularisers of the trainable weights add to the loss, a list of floats."""
        return [float(v.regularizer(v.value)) for v in self.trainable_variables
                if v.regularizer is not None]

    def count_params(self):
        """Return the number of elements of all weights."""
        if not self.built:
            raise ValueError(f"{self.name} has no weights before it is built: call it on data, "
                             "or give its input shape")
        return sum(variable.array.size for variable in self.weights)

    def reset_state(self):
        """Forget the states that stateful layers carry from batch to batch."""
        for layer in self.all_layers():
            layer.reset_own_state()

    def reset_own_state(self):
        """Forget the states of this layer alone."""

    reset_states = reset_state

    # -- place in a graph ---------------------------------------------------------------------

    def connected(self, node):
        """Note a call on symbolic tensors."""
        self._nodes.append(node)

    def _first_node(self, what):
        if not self._nodes:
            raise AttributeError(f"{self.name} has no {what}: it was not called on symbolic "
                                 "tensors")
        return self._nodes[0]

    @property
    def input(self):
        """The symbolic tensor(s) the layer was first called on."""
        return self._first_node("input").inputs

    @property
    def output(self):
        """The symbolic tensor(s) the layer first gave."""
        node = self._first_node("output")
        return node.outputs if node.several else node.outputs[0]

    @property
    def input_shape(self):
        tensors = self.input
        return [t.shape for t in tensors] if isinstance(tensors, list) else tensors.shape

    @property
    def output_shape(self):
        tensors = self.output
        return [t.shape for t in tensors] if isinstance(tensors, list) else tensors.shape

    # -- configuration -----------------------------------------------------------------------

    def get_config(self):
        """Return the constructor's arguments as plain values."""
        config = {"name": self.name, "trainable": self._trainable, "dtype": self.dtype.name}
        if self.given_shape is not None:
            config["batch_shape"] = self.given_shape
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = plain(self.activity_regularizer)
        config.update((name, plain(getattr(self, name))) for name in self.arguments)
        return config

    @classmethod
    def from_config(cls, config):
        """Return a new layer of this configuration, ours or that of Keras."""
        return cls(**own_config(cls, config))

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _marking_built(build):
    """Callers may build a layer themselves; whoever does, it is built afterwards."""
    @functools.wraps(build)
    def marking(self, *args, **options):
        build(self, *args, **options)
        self.built = True

    return marking


def activity_penalties(layer, outputs):
    """Add what a layer's activity regulariser says of `outputs` to the loss of the call that is
    going on; return its gradients, None where there is none."""
    regularizer = layer.activity_regularizer
    if regularizer is None or current.penalties is None:
        return [None] * len(outputs)
    current.penalties += [float(regularizer(out)) / len(out) for out in outputs]
    return [regularizer.gradient(out) / len(out) for out in outputs]


def plain(value):
    """Return an argument as what JSON can hold."""
    if isinstance(value, Layer) or hasattr(value, "get_config"):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    if hasattr(value, "name") and callable(value):
        return value.name
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def rank(layer, shape, ndim, what):
    """Raise unless the inputs' shape has `ndim` axes; `what` says what they are."""
    if len(shape) != ndim:
        raise ValueError(f"{layer.name}: inputs must be {ndim}-D, {what}; "
                         f"got {len(shape)}-D, shape {tuple(shape)}")


def known(layer, shape, axis=-1):
    """Return the size of an axis that must be known to build a layer."""
    size = shape[axis]
    if size is None:
        raise ValueError(f"{layer.name}: axis {axis} of the inputs' shape {tuple(shape)} must be "
                         "known, got None")
    return size


def _as_mask(mask):
    if mask is None:
        return None
    return np.asarray(mask.array if type(mask) is Tensor else mask, bool)


def _given_shape(input_shape, batch_shape):
    if input_shape is None and batch_shape is None:
        return None
    if input_shape is not None:
        sizes = (input_shape,) if isinstance(input_shape, int) else tuple(input_shape)
        batch_shape = (None, *sizes)
    return tuple(None if size is None else checks.count("input_shape", size)
                 for size in batch_shape)
