# SPDX-License-Identifier: Apache-2.0
"""What the three cells share: sizes, calls, modes, copies.

Sizes: T steps, N rows (batch), I = input_size, H = hidden_size, P = proj_size or H, D = 2
directions where bidirectional, else 1; S = num_layers * D states, layer by layer, in each layer
the forward direction first. Below this module every array is time-major, (T, N, ...): batch_first
and unbatched arrays are given as views.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from .._common import checks
from . import checks as own_checks
from . import depth
from .module import Owner
from .parameters import Gradients, Parameters, direction_names, initial_values, model_shapes
from .recurrence import GATES, ROLES, Array, Recurrence, Spec
from .stream import Stream

if TYPE_CHECKING:    # slow to load
    from numpy.typing import ArrayLike, DTypeLike

_DEFAULTS = {
    "num_layers": 1,
    "nonlinearity": "tanh",
    "bias": True,
    "batch_first": False,
    "dropout": 0.0,
    "bidirectional": False,
    "proj_size": 0,
    "dtype": "float32",
}
_CONSTRUCTION = ("input_size", "hidden_size", *_DEFAULTS)
_SPENT = object()
_empty = np.empty


class _Kept(NamedTuple):
    """What one training forward leaves for backward."""

    layers: Sequence[Recurrence]
    tapes: Sequence[Any]        # none where N = 0, as masks
    masks: Sequence[Array]
    x_shape: tuple[int, ...]
    y_shape: tuple[int, ...]


class _Derived:
    """What an engine makes from its parameters, or for them, and can make again."""

    __slots__ = ("grads", "grads_by_layer", "kept", "layers")

    def __init__(self):
        self.layers = ()
        self.kept = self.grads = self.grads_by_layer = None


def _time_major(sequence, batch_first):
    """View a sequence as (T, N, ...), whatever the caller's order of axes."""
    if sequence.ndim == 2:
        return sequence[:, None]
    return sequence.swapaxes(0, 1) if batch_first else sequence


class Engine(Owner):
    """Everything the three cells share; `LSTM` documents the interface."""

    cell: str
    has_cell_state = False

    def __init__(self, *, input_size: int, hidden_size: int, num_layers: int, bias: bool,
                 batch_first: bool, dropout: float, bidirectional: bool, dtype: DTypeLike,
                 seed: Any, proj_size: int = 0, nonlinearity: str | None = None) -> None:
        self.input_size = checks.count("input_size", input_size)
        self.hidden_size = checks.count("hidden_size", hidden_size)
        self.num_layers = checks.count("num_layers", num_layers, maximum=own_checks.MAX_LAYERS)
        self.dtype = checks.float_dtype(dtype)
        self.proj_size = checks.count("proj_size", proj_size, minimum=0)
        if self.proj_size >= self.hidden_size:
            raise ValueError(
                f"proj_size must be smaller than hidden_size = {hidden_size}, got {proj_size}"
            )
        self.bias = checks.flag("bias", bias)
        self.batch_first = checks.flag("batch_first", batch_first)
        self.dropout = checks.probability("dropout", dropout)
        self.bidirectional = checks.flag("bidirectional", bidirectional)
        self.nonlinearity = nonlinearity
        if self.dropout > 0 and self.num_layers == 1:
            warnings.warn(
                f"dropout={self.dropout} acts between layers: with num_layers=1 it does nothing",
                UserWarning, stacklevel=3,
            )
        self._set_sizes()
        self._make_parameters(seed)

    # -- sizes -------------------------------------------------------------------------------

    def _set_sizes(self):
        """Derive what the run needs from the constructor's arguments."""
        directions = 2 if self.bidirectional else 1
        self.output_size = self.proj_size or self.hidden_size
        self.state_slots = self.num_layers * directions
        self._directions = directions
        self._output_width = width = directions * self.output_size
        widest = max(GATES[self.cell] * self.hidden_size, width, self.input_size)
        self._max_rows = own_checks.max_rows(widest, self.dtype.itemsize)
        self._spec = Spec(self.cell, self.nonlinearity,
                          direction="both" if self.bidirectional else "forward")
        self._names = direction_names(self.num_layers, self.bias, self.bidirectional,
                                      self.proj_size > 0)

    def _make_parameters(self, seed):
        """Draw the initial weights; from here on what the constructor was given is fixed."""
        sizes = {name: getattr(self, name) for name in ("input_size", "hidden_size", "num_layers")}
        shapes = model_shapes(self.cell, *sizes.values(), self.bias, self.bidirectional,
                              self.proj_size)
        checks.weight_sizes(shapes, sizes, self.dtype.itemsize)
        self._rng = checks.random_source(seed)
        with checks.enough_memory(sizes):
            values = initial_values(shapes, self.hidden_size, self.dtype, self._rng)
        self._parameters = Parameters(values)
        self._derived = _Derived()

    @classmethod
    def _stored_shapes(cls, input_size, hidden_size, num_layers=1, bias=True, bidirectional=False,
                       proj_size=0, **_):
        """Map the parameters' names to the shapes that the constructor's arguments imply."""
        return model_shapes(
            cls.cell, checks.count("input_size", input_size),
            checks.count("hidden_size", hidden_size),
            checks.count("num_layers", num_layers, maximum=own_checks.MAX_LAYERS),
            checks.flag("bias", bias), checks.flag("bidirectional", bidirectional),
            checks.count("proj_size", proj_size, minimum=0),
        )

    # -- forward -----------------------------------------------------------------------------

    def __call__(self, x: ArrayLike = checks.NOT_GIVEN, state: Any = None,
                 lengths: ArrayLike | None = None, *, input: ArrayLike | None = None,
                 hx: Any = None) -> tuple[Array, Any]:
        named = "state"
        if hx is not None or input is not None or x is checks.NOT_GIVEN:
            x, state, named = checks.torch_names(x, state, input, hx)
        x = own_checks.sequence(self, x)
        x_shape = x.shape
        batched = len(x_shape) == 3
        batch_first = self.batch_first
        x = _time_major(x, batch_first)
        steps, rows, _ = x.shape
        own_checks.steps_and_rows(steps, rows, self._max_rows)
        initial = own_checks.state(named, state, self, rows, batched)
        if lengths is not None:
            if not batched:
                raise ValueError("lengths need a 3-D x; an unbatched x has one length, its own")
            lengths = own_checks.lengths(lengths, steps, rows)

        y = _empty((*x_shape[:-1], self._output_width), self.dtype)
        final = self._new_state(rows)
        layers = self._packed_layers()
        keep = self.training
        tapes = masks = ()
        if rows:
            tapes, masks = depth.forward(
                layers, x, _time_major(y, batch_first), initial, final, lengths, keep,
                self._dropout_mask if keep and self.dropout > 0 else None,
            )
        if keep:
            self._derived.kept = _Kept(layers, tapes, masks, x_shape, y.shape)
        return y, self._state_out(*final, batched)

    def _new_state(self, rows):
        """Arrays for h (S, N, P) and c (S, N, H), which is None but for LSTM."""
        h = _empty((self.state_slots, rows, self.output_size), self.dtype)
        if not self.has_cell_state:
            return h, None
        return h, _empty((self.state_slots, rows, self.hidden_size), self.dtype)

    def _dropout_mask(self, shape):
        """0 with probability p, else 1/(1-p), drawn anew for each element and step."""
        kept = self._rng.random(shape, self.dtype) >= self.dropout
        scale = 1 / (1 - self.dropout) if self.dropout < 1 else 0
        return np.multiply(kept, scale, dtype=self.dtype)

    def _packed_layers(self):
        """The layers with the current weights, packed where they changed."""
        layers = self._derived.layers
        parameters = self._parameters
        if not layers or layers[0].version != parameters.version:
            with parameters.lock:
                layers = self._derived.layers
                if not layers or layers[0].version != parameters.version:
                    layers = self._layers(parameters.arrays, parameters.version, self.training)
                    self._derived.layers = layers
        return layers

    def _layers(self, arrays: Mapping[str, Array], version: int,
                training: bool = False) -> Sequence[Recurrence]:
        """The layers with the weights `arrays`, by their names."""
        rows = self._rows_by_role(arrays)
        D = self._directions
        return [Recurrence(self._spec, rows[k:k + D], version, training)
                for k in range(0, len(rows), D)]

    def _rows_by_role(self, arrays):
        """One dict of roles for each of the S (layer, direction)."""
        return [{role: arrays[names[role]] if role in names else None for role in ROLES}
                for names in self._names]

    def _state_out(self, h, c, batched):
        if not batched:
            h, c = h[:, 0], None if c is None else c[:, 0]
        return (h, c) if self.has_cell_state else h

    # -- backward ----------------------------------------------------------------------------

    def backward(self, dy: ArrayLike | None, dstate: Any = None) -> tuple[Array, Any]:
        """Backpropagate through the last training forward, adding into `grads`.

        Parameters
        ----------
        dy : array or None
            Gradient of the outputs, shaped like y; entries past a row's length are ignored.
            None stands for zeros and needs `dstate`.
        dstate : array, pair of arrays, or None
            Gradient of the final state, shaped like it; for an LSTM (dh, dc), one of which may
            be None. None stands for zeros.

        Returns
        -------
        dx : ndarray
            Gradient of x, shaped like x; zeros past a row's length.
        dstate : ndarray or pair of ndarrays
            Gradient of the initial state.

        Raises
        ------
        RuntimeError
            If no training forward is kept, if it was used already, if the weights changed
            since, or if a shape is wrong.
        ValueError
            If a dtype is wrong, or dy and dstate are both None.
        """
        kept = self._kept_forward()
        batched = len(kept.x_shape) == 3
        batch_first = self.batch_first
        dx = np.empty(kept.x_shape, self.dtype)
        rows = _time_major(dx, batch_first).shape[1]
        if dy is None and dstate is None:
            raise ValueError("dy and dstate are both None: there is nothing to propagate")
        if dy is not None:
            dy = checks.shaped("dy", dy, self.dtype, kept.y_shape)
            dy = _time_major(dy if dy.flags.aligned else np.array(dy), batch_first)
        dfinal = own_checks.state("dstate", dstate, self, rows, batched, optional=True)
        dinitial = self._new_state(rows)
        grads = self._grads_by_layer()
        self._derived.kept = _SPENT  # the loops overwrite the tapes
        if rows:
            depth.backward(kept.layers, kept.tapes, kept.masks, dy, dfinal,
                           _time_major(dx, batch_first), dinitial, grads)
        return dx, self._state_out(*dinitial, batched)

    def _kept_forward(self):
        kept = self._derived.kept
        if kept is None:
            raise RuntimeError("no forward is kept for backward: call train(), then the model")
        if kept is _SPENT:
            raise RuntimeError("backward was already called for the last training forward")
        if kept.layers[0].version != self._parameters.version:
            raise RuntimeError("the weights changed since the forward that backward would follow")
        return kept

    @property
    def grads(self) -> Gradients:
        """Gradients by parameter name, added to by `backward`; made zero when first asked for."""
        derived = self._derived
        if derived.grads is None:
            derived.grads = Gradients(self._parameters)
        return derived.grads

    def _grads_by_layer(self):
        """The gradients as `depth.backward` takes them."""
        derived, D = self._derived, self._directions
        if derived.grads_by_layer is None:
            rows = self._rows_by_role(self.grads)
            derived.grads_by_layer = [rows[k:k + D] for k in range(0, len(rows), D)]
        return derived.grads_by_layer

    def zero_grad(self) -> None:
        """Set all gradients to zero."""
        if self._derived.grads is not None:
            self._derived.grads.zero()

    # -- parameters --------------------------------------------------------------------------

    def eval(self) -> Self:
        """Leave training mode; return self. A forward already kept can still be used."""
        return self.train(False)

    def __setattr__(self, name, value):
        if name in _CONSTRUCTION and "_parameters" in vars(self):
            raise AttributeError(f"{name} is fixed once the {type(self).__name__} is made")
        super().__setattr__(name, value)

    # -- copies and files --------------------------------------------------------------------

    def __getstate__(self):
        state = vars(self).copy()
        del state["_derived"]
        return state

    def __setstate__(self, state):
        for name, value in state.items():   # _parameters, which fix those before them, come after
            setattr(self, name, value)
        self._derived = _Derived()

    def _arguments(self):
        """The constructor's arguments, but for the seed, as JSON can hold them."""
        arguments = {name: getattr(self, name) for name in _CONSTRUCTION}
        arguments["dtype"] = self.dtype.name
        for name, cell in (("proj_size", "lstm"), ("nonlinearity", "rnn")):
            if self.cell != cell:
                del arguments[name]
        return arguments

    def __repr__(self):
        shown = [f"{self.input_size}, {self.hidden_size}"]
        shown += [f"{name}={value!r}" for name, value in self._arguments().items()
                  if name in _DEFAULTS and value != _DEFAULTS[name]]
        return f"{type(self).__name__}({', '.join(shown)})"

    def save(self, path: str | PathLike) -> None:
        """Write the constructor's arguments and the parameters to a safetensors file.

        The file appears whole or not at all. Gradients, mode and random state are not saved.
        """
        from .. import io  # slow to load, for files alone

        header = {"kind": "engine", "class": self.cell.upper(), "arguments": self._arguments()}
        io.write(path, self.state_dict(), header)

    # -- streams -----------------------------------------------------------------------------

    def stream(self, batch_size: int = 1) -> Stream:
        """Return a `Stream`, which runs `batch_size` rows one step a call from zero states.

        A stream keeps the weights the model has now; later changes do not reach it. Streams made
        from the same weights share them.

        Raises
        ------
        ValueError
            If the model is bidirectional: the reverse direction needs the whole sequence.
        """
        if self.bidirectional:
            raise ValueError("a bidirectional model cannot stream: the reverse direction "
                             "starts at the end of the sequence")
        batch_size = checks.count("batch_size", batch_size)
        parameters = self._parameters
        with parameters.lock:
            return Stream(self, self._packed_layers(), batch_size, parameters.snapshot())
