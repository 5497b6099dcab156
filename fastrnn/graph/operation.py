# SPDX-License-Identifier: Apache-2.0
"""Operations: functions of tensors through which gradients pass.

An operation computes on NumPy arrays, the batch on the first axis, in two functions that know
nothing of tapes and graphs::

    outputs, mask, kept = operation.forward(inputs, mask, training, keep)
    dinputs = operation.backward(kept, doutputs)

Here `inputs`, `outputs` and their gradients are an array each or, where an operation takes or
gives several, a list of them; so are the masks: arrays (N, T) of bool, True for steps that count,
or None. A gradient that is None stands for zeros. Neither function may write to what it is given.
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .._common import checks
from .._common.classes import own_config
from .._common.quiet import is_quiet, quiet, set_apart
from ..backend import floatx, name_of
from .broadcasting import Shape
from .parts import Part
from .symbolic import Node, SymbolicTensor, connect
from .tape import FOR_INPUTS, FOR_WEIGHTS, NOTHING, Tensor, current

# NumPy takes long to tell the name of a dtype, and operators make an operation for each call.
_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


class Operation(Part):
    """Base of what is called on tensors: a call with a gradient and no weights.

    Subclasses give `forward`, `backward` and, where the outputs have another shape than the
    inputs, `compute_output_shape`. `arguments` names those of the constructor that make up its
    configuration; each is an attribute too. All of an operation of one value::

        class Exp(Operation):
            def forward(self, inputs, mask, training, keep):
                y = np.exp(inputs)
                return y, mask, y

            def backward(self, y, doutputs):
                return doutputs * y

    Parameters
    ----------
    name : str, optional
        By default the class's name in small letters, with a number from the second one on.
    trainable : bool
        Of an operation it has no meaning; of a `Layer` whether training changes its weights.
    dtype : str or dtype, optional
        float32 or float64; by default `backend.floatx`.
    input_shape, batch_input_shape, batch_shape : tuple, optional
        Of the inputs, without and with the batch, for the first part of a `Sequential`.
    input_dim : int, optional
        In place of ``input_shape=(input_dim,)``.

    Raises
    ------
    TypeError
        If there is another argument, or one of another kind than said here.
    ValueError
        If the dtype is another.
    """

    arguments: tuple[str, ...] = ()
    # Whether a mask passes on.
    supports_masking = False
    # Whether the inputs become the operation's dtype; else integers stay what they are.
    casts_inputs = True
    # Whether it may be called with a list of inputs.
    takes_list = False
    # Whether inputs after the first may be constants where the first is symbolic.
    takes_constants = False
    # Whether NaN in its inputs are steps that do not count.
    takes_missing = False
    # Whether a gradient may pass from its outputs to its inputs.
    has_gradient = True
    # Whether each step of its outputs depends on that step of its inputs alone, where it acts on
    # the last axis; subclasses of the caller's are not taken at this word.
    is_stepwise = False
    # Whether outside training it gives what it is given.
    is_identity_in_evaluation = False
    # What a layer's outputs add to the loss.
    activity_regularizer: Any = None
    # The inputs' shape, with the batch, that the constructor was given.
    given_shape: Shape | None = None
    # Its calls on symbolic tensors.
    _nodes: Sequence[Node] = ()

    def __init__(self, *, name: str | None = None, trainable: bool = True,
                 dtype: npt.DTypeLike | None = None, input_shape: Shape | int | None = None,
                 input_dim: int | None = None, batch_input_shape: Shape | None = None,
                 batch_shape: Shape | None = None, **unknown: Any) -> None:
        if unknown:
            raise TypeError(f"{type(self).__name__} has no argument {', '.join(sorted(unknown))}")
        self.name = name_of(type(self).__name__) if name is None else str(name)
        given: Any = dtype
        self.dtype: np.dtype = given if given is _SINGLE or given is _DOUBLE else (
            checks.float_dtype(getattr(given, "name", given) or floatx()))
        if input_shape is None and input_dim is not None:
            input_shape = (input_dim,)
        batch_shape = batch_input_shape or batch_shape
        if not (input_shape is None and batch_shape is None):
            self.given_shape = _given_shape(input_shape, batch_shape)
        if trainable is not True:
            self._trainable = checks.flag("trainable", trainable)

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        set_apart(cls, (), ("forward", "backward"))

    # -- calling -----------------------------------------------------------------------------

    def __call__(self, inputs: Any, mask: Any = None, training: bool | None = None,
                 **options: Any) -> Any:
        """Apply the operation to arrays or to symbolic tensors.

        Parameters
        ----------
        inputs : array, tensor, or list of them
            What the operation takes; floats are cast to its dtype.
        mask : array (N, T) of bool, or list of them, optional
            In place of what the tensors bring with them.
        training : bool, optional
            By default, that of the model the call is part of.

        Returns
        -------
        Tensor, SymbolicTensor, or list of them

        Raises
        ------
        TypeError
            If the inputs are no arrays of real numbers, or a list that is not taken.
        ValueError
            If an input has no batch axis, or a shape does not fit.
        """
        if (type(inputs) is Tensor and mask is None and self.built
                and is_quiet()):   # the most usual call
            return self._perform((inputs,), self._cast(inputs.array), inputs.mask, training,
                                 options)
        return self._call_quietly(inputs, mask, training, options)

    @quiet
    def _call_quietly(self, inputs, mask, training, options):
        listed = isinstance(inputs, list | tuple)
        if listed and not self.takes_list:
            raise TypeError(f"{self.name} ({type(self).__name__}) takes one array or tensor, got "
                            f"a {type(inputs).__name__} of {len(inputs)}")
        values = tuple(inputs) if listed else (inputs,)
        for value in values:
            if isinstance(value, SymbolicTensor):
                return connect(self, values, options, mask, training, listed)
        tensors = tuple([
            value if type(value) is Tensor else Tensor(self._as_array(value)) for value in values
        ])
        arrays = [self._cast(tensor.array) for tensor in tensors]
        if mask is None:
            masks = [tensor.mask for tensor in tensors]
        else:
            masks = [_as_mask(m) for m in (mask if listed else (mask,))]
        if not self.built:
            shapes = [array.shape for array in arrays]
            self.ensure_built(shapes if listed else shapes[0])
        if listed:
            return self._perform(tensors, arrays, masks, training, options, True)
        return self._perform(tensors, arrays[0], masks[0], training, options)

    def _perform(self, tensors, inputs, mask, training, options, listed=False):
        """Run `forward`, record it on the tape there is, and wrap what it gives.

        Parameters
        ----------
        tensors : tuple of Tensor
        inputs, mask
            Theirs, as `forward` takes them: lists if `listed`.
        training : bool or None
        options : dict
            The further arguments of `forward`.
        listed : bool
            Whether the call was given a list.
        """
        tape = current.tape
        keep = NOTHING
        if tape is not None and self.has_gradient:
            leads = any([t.tracked for t in tensors]) if listed else tensors[0].tracked
            keep = FOR_INPUTS if leads else FOR_WEIGHTS if self.has_trainable() else NOTHING
        outputs, mask, kept = self.forward(
            inputs, mask, current.training if training is None else bool(training), keep,
            **options,
        )
        tracked = keep != NOTHING
        if type(outputs) is list:
            result = [Tensor(array, m, tracked) for array, m in zip(
                outputs, mask or [None] * len(outputs), strict=True)]
            made = tuple(result)
        else:
            result = Tensor(outputs, mask, tracked)
            made = (result,)
        if tracked:
            tape.record(self, kept, tensors, made, listed, type(result) is list)
        if self.activity_regularizer is not None and current.penalties is not None:
            self._penalise(made, tape)
        return result

    def constant_input(self, value: Any) -> np.ndarray:
        """Return an input that is a constant of the graph as an ndarray of its own."""
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

    def forward(self, inputs: Any, mask: Any, training: bool,
                keep: int) -> tuple[Any, Any, Any]:
        """Compute the outputs.

        Parameters
        ----------
        inputs : ndarray or list of ndarray
        mask : ndarray (N, T) of bool, None, or list of them
        training : bool
            Whether dropout is on.
        keep : int
            What `kept` must serve for: `tape.NOTHING`, `tape.FOR_WEIGHTS` (backward may return
            None then), or `tape.FOR_INPUTS`.

        Returns
        -------
        outputs : ndarray or list of ndarray
        mask : ndarray (N, T) of bool, None, or list of them
            Of the outputs.
        kept : object
            For `backward`.
        """
        raise NotImplementedError

    def backward(self, kept: Any, doutputs: Any) -> Any:
        """Add the gradients of the weights to them; return those of the inputs.

        Parameters
        ----------
        kept : object
            Of `forward`.
        doutputs : ndarray or list of ndarray or None
            The gradient(s) of the outputs, as `forward` gave them; a None in a list is zeros.

        Returns
        -------
        ndarray, None for zeros, or list of them
            As `forward` was given the inputs.
        """
        raise NotImplementedError

    def ensure_built(self, input_shape: Any) -> None:
        """Make ready for inputs of this shape; an operation always is."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape(s) of the outputs for the shape(s) of the inputs; None is any size."""
        return input_shape

    def output_dtype(self, given: str) -> str:
        """Return the outputs' dtype, a str, for inputs of dtype `given`."""
        return self.dtype.name if self.casts_inputs else given

    def output_dtypes(self, given: list[str], count: int) -> list[str]:
        """Return the dtypes, str, of `count` outputs for inputs of these dtypes."""
        return [self.output_dtype(given[0])] * count

    # -- place in a graph ---------------------------------------------------------------------

    def connected(self, node: Node) -> None:
        """Note a call on symbolic tensors, a `Node`."""
        if not isinstance(self._nodes, list):
            self._nodes = []
        self._nodes.append(node)

    def _first_node(self, what):
        if not self._nodes:
            raise AttributeError(f"{self.name} has no {what}: it was not called on symbolic "
                                 "tensors")
        return self._nodes[0]

    @property
    def input(self) -> Any:
        """The symbolic tensor(s) it was first called on."""
        return self._first_node("input").given()

    @property
    def output(self) -> Any:
        """The symbolic tensor(s) it first gave."""
        return self._first_node("output").made()

    @property
    def input_shape(self) -> Any:
        """The shape(s) of `input`."""
        tensors = self.input
        return [t.shape for t in tensors] if isinstance(tensors, list) else tensors.shape

    @property
    def output_shape(self) -> Any:
        """The shape(s) of `output`."""
        tensors = self.output
        return [t.shape for t in tensors] if isinstance(tensors, list) else tensors.shape

    # -- configuration -----------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain values, a dict."""
        config: dict[str, Any] = {"name": self.name, "trainable": self._trainable,
                                  "dtype": self.dtype.name}
        if self.given_shape is not None:
            config["batch_shape"] = self.given_shape
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = plain(self.activity_regularizer)
        config.update((name, plain(getattr(self, name))) for name in self.arguments)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return a new one of this configuration, ours or that of Keras."""
        return cls(**own_config(cls, config))

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def plain(value: Any) -> Any:
    """Return an argument as what JSON can hold."""
    if hasattr(value, "get_config"):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    if hasattr(value, "name") and callable(value):
        return value.name
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def _as_mask(mask):
    if mask is None:
        return None
    return np.asarray(mask.array if type(mask) is Tensor else mask, bool)


def _given_shape(input_shape, batch_shape):
    if input_shape is not None:
        sizes = (input_shape,) if isinstance(input_shape, int) else tuple(input_shape)
        batch_shape = (None, *sizes)
    return tuple(None if size is None else checks.count("input_shape", size)
                 for size in batch_shape)
