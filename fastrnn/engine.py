# SPDX-License-Identifier: Apache-2.0
"""What the three cells share: sizes, the run through layers and directions, modes, copies.

Sizes: T steps, N rows (batch), I = input_size, H = hidden_size, P = proj_size or H, D = 2
directions where bidirectional, else 1; S = num_layers * D states, layer by layer, in each layer
the forward direction first. Below this module every array is time-major, (T, N, ...): batch_first
and unbatched arrays are given as views.
"""

import warnings
from typing import NamedTuple

import numpy as np

from . import checks, oldnames
from ._core.backward import backward as _recurrent_backward
from ._core.forward import forward as _recurrent_forward
from ._core.forward import forward_both as _recurrent_forward_both
from ._core.pack import PackedLayer
from .module import Owner
from .parameters import (
    GATES,
    ROLES,
    Gradients,
    Parameters,
    direction_names,
    initial_values,
    model_shapes,
)
from .quiet import quiet
from .stream import Stream

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


@quiet
def _drop(array, mask):
    array *= mask


def _state_row(state, row):
    """One (layer, direction) of a pair of state arrays, which may be None."""
    h, c = state
    return None if h is None else h[row], None if c is None else c[row]


class _Kept(NamedTuple):
    """What one training forward leaves for backward."""

    version: int
    tapes: list  # [layer][direction] of the loops' tapes; empty where N = 0
    masks: list  # [layer]: what layer k's output was multiplied with, (T, N, D*P)
    x_shape: tuple
    y_shape: tuple


class Engine(Owner):
    """Everything the three cells share; `LSTM` documents the interface."""

    cell = None
    has_cell_state = False

    def __init__(self, *, input_size, hidden_size, num_layers, bias, batch_first, dropout,
                 bidirectional, dtype, seed, proj_size=0, nonlinearity=None):
        sizes = {
            "input_size": checks.count("input_size", input_size),
            "hidden_size": checks.count("hidden_size", hidden_size),
            "num_layers": checks.count("num_layers", num_layers, maximum=checks.MAX_LAYERS),
        }
        dtype = checks.float_dtype(dtype)
        proj_size = checks.count("proj_size", proj_size, minimum=0)
        if proj_size >= sizes["hidden_size"]:
            raise ValueError(
                f"proj_size must be smaller than hidden_size = {hidden_size}, got {proj_size}"
            )
        vars(self).update(
            sizes,
            bias=checks.flag("bias", bias),
            batch_first=checks.flag("batch_first", batch_first),
            dropout=checks.probability("dropout", dropout),
            bidirectional=checks.flag("bidirectional", bidirectional),
            proj_size=proj_size,
            nonlinearity=nonlinearity,
            dtype=dtype,
            output_size=proj_size or sizes["hidden_size"],
        )
        if self.dropout > 0 and self.num_layers == 1:
            warnings.warn(
                f"dropout={self.dropout} acts between layers: with num_layers=1 it does nothing",
                UserWarning, stacklevel=3,
            )
        self._set_rows()
        shapes = model_shapes(
            self.cell, self.input_size, self.hidden_size, self.num_layers, self.bias,
            self.bidirectional, proj_size,
        )
        checks.weight_sizes(shapes, sizes, dtype.itemsize)
        rng = checks.random_source(seed)
        with checks.enough_memory(sizes):
            values = initial_values(shapes, self.hidden_size, dtype, rng)
        vars(self).update(training=False, _rng=rng, _parameters=Parameters(values))
        self._forget()

    # -- sizes -------------------------------------------------------------------------------

    def _set_rows(self):
        """Lay out the S = num_layers * D rows of weights and states."""
        directions = 2 if self.bidirectional else 1
        width = self.output_size
        columns = [slice(d * width, (d + 1) * width) for d in range(directions)]
        widest = max(GATES[self.cell] * self.hidden_size, directions * width, self.input_size)
        vars(self).update(
            state_slots=self.num_layers * directions,
            _output_width=directions * width,
            _columns=columns,
            _names=direction_names(
                self.num_layers, self.bias, self.bidirectional, self.proj_size > 0
            ),
            _max_rows=checks.max_rows(widest, self.dtype.itemsize),
        )

    @classmethod
    def _stored_shapes(cls, input_size, hidden_size, num_layers=1, bias=True, bidirectional=False,
                       proj_size=0, **_):
        """Map the parameters' names to the shapes that the constructor's arguments imply."""
        return model_shapes(
            cls.cell, checks.count("input_size", input_size),
            checks.count("hidden_size", hidden_size),
            checks.count("num_layers", num_layers, maximum=checks.MAX_LAYERS),
            checks.flag("bias", bias), checks.flag("bidirectional", bidirectional),
            checks.count("proj_size", proj_size, minimum=0),
        )

    def _forget(self):
        """Drop what is derived from the parameters."""
        vars(self).update(_packed=(-1, ()), _kept=None, _grads=None, _grad_rows=None)

    # -- forward -----------------------------------------------------------------------------

    def __call__(self, x=checks.NOT_GIVEN, state=None, lengths=None, *, input=None, hx=None):
        named = "state"
        if hx is not None or input is not None or x is checks.NOT_GIVEN:
            x, state, named = checks.torch_names(x, state, input, hx)
        x = checks.sequence(self, x)
        x_shape = x.shape
        batched = len(x_shape) == 3
        x = self._time_major(x)
        steps, rows, _ = x.shape
        checks.steps_and_rows(steps, rows, self._max_rows)
        h0, c0 = checks.state(named, state, self, rows, batched)
        if lengths is not None:
            if not batched:
                raise ValueError("lengths need a 3-D x; an unbatched x has one length, its own")
            lengths = checks.lengths(lengths, steps, rows)

        y = np.empty((*x_shape[:-1], self._output_width), self.dtype)
        h_n, c_n = self._new_state(rows)
        version, layers = self._packed_layers()
        keep = self.training
        record = [], []
        if rows:
            record = self._run(
                layers, x, self._time_major(y), (h0, c0), (h_n, c_n), lengths, keep
            )
        if keep:
            vars(self)["_kept"] = _Kept(version, *record, x_shape, y.shape)
        return y, self._state_out(h_n, c_n, batched)

    def _time_major(self, sequence):
        """View a sequence as (T, N, ...), whatever the caller's order of axes."""
        if sequence.ndim == 2:
            return sequence[:, None]
        return sequence.swapaxes(0, 1) if self.batch_first else sequence

    def _new_state(self, rows):
        """Arrays for h (S, N, P) and c (S, N, H), which is None but for LSTM."""
        h = np.empty((self.state_slots, rows, self.output_size), self.dtype)
        if not self.has_cell_state:
            return h, None
        return h, np.empty((self.state_slots, rows, self.hidden_size), self.dtype)

    def _run(self, layers, x, y, initial, final, lengths, keep):
        """Run all layers from x (T, N, I) into y (T, N, D*P); return (tapes, dropout masks)."""
        last = len(layers) - 1
        both = len(self._columns) == 2
        tapes, masks, spare = [], [], None
        for k, layer in enumerate(layers):
            if keep and k < last:
                # Backward reads the inputs of every layer.
                out = self._between(x)
            elif not both or (last - k) % 2 == 0:
                # A layer of one direction may write where it reads.
                out = y
            else:
                out = spare = self._between(x) if spare is None else spare
            if both:
                rows = 2 * k, 2 * k + 1
                tapes.append(_recurrent_forward_both(
                    layer, x, [out[:, :, columns] for columns in self._columns],
                    [_state_row(initial, row) for row in rows],
                    [_state_row(final, row) for row in rows], lengths, keep,
                ))
            else:
                tapes.append([_recurrent_forward(
                    layer[0], x, out, _state_row(initial, k), _state_row(final, k), lengths,
                    False, keep,
                )])
            if keep and self.dropout > 0 and k < last:
                masks.append(self._dropout_mask(out.shape))
                _drop(out, masks[k])
            x = out
        return tapes, masks

    def _between(self, x):
        """Return an array (T, N, D*P) for what passes between two layers, T and N those of x."""
        return np.empty((*x.shape[:2], self._output_width), self.dtype)

    def _dropout_mask(self, shape):
        """0 with probability p, else 1/(1-p), drawn anew for each element and step."""
        kept = self._rng.random(shape, self.dtype) >= self.dropout
        scale = 1 / (1 - self.dropout) if self.dropout < 1 else 0
        return np.multiply(kept, scale, dtype=self.dtype)

    def _packed_layers(self):
        """Return (version, layers) of the current weights, packing them where they changed."""
        packed = self._packed
        parameters = self._parameters
        if packed[0] != parameters.version:
            with parameters.lock:
                packed = self._packed
                if packed[0] != parameters.version:
                    packed = parameters.version, self._pack(parameters.arrays, self.training)
                    vars(self)["_packed"] = packed
        return packed

    def _pack(self, arrays, training=False):
        rows = [
            PackedLayer(
                self.cell, self.nonlinearity,
                *[arrays[names[role]] if role in names else None for role in ROLES],
                training=training,
            )
            for names in self._names
        ]
        directions = len(self._columns)
        return [rows[k:k + directions] for k in range(0, len(rows), directions)]

    def _state_out(self, h, c, batched):
        if not batched:
            h, c = h[:, 0], None if c is None else c[:, 0]
        return (h, c) if self.has_cell_state else h

    # -- backward ----------------------------------------------------------------------------

    def backward(self, dy, dstate=None):
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
        dx = np.empty(kept.x_shape, self.dtype)
        rows = self._time_major(dx).shape[1]
        if dy is None and dstate is None:
            raise ValueError("dy and dstate are both None: there is nothing to propagate")
        if dy is not None:
            dy = checks.shaped("dy", dy, self.dtype, kept.y_shape)
            dy = self._time_major(dy if dy.flags.aligned else np.array(dy))
        dfinal = checks.state("dstate", dstate, self, rows, batched, optional=True)
        dh0, dc0 = self._new_state(rows)
        grad_rows = self._gradient_rows()
        vars(self)["_kept"] = _SPENT  # the loops overwrite the tapes
        if rows:
            self._run_backward(kept, dy, dfinal, self._time_major(dx), (dh0, dc0), grad_rows)
        return dx, self._state_out(dh0, dc0, batched)

    def _kept_forward(self):
        kept = self._kept
        if kept is None:
            raise RuntimeError("no forward is kept for backward: call train(), then the model")
        if kept is _SPENT:
            raise RuntimeError("backward was already called for the last training forward")
        if kept.version != self._parameters.version:
            raise RuntimeError("the weights changed since the forward that backward would follow")
        return kept

    def _run_backward(self, kept, dy, dfinal, dx, dinitial, grad_rows):
        """Run all layers from the last to the first; dx (T, N, I) is the first one's."""
        both = len(self._columns) == 2
        spare = [None, None]
        for k in range(self.num_layers - 1, -1, -1):
            if k == 0:
                out = dx
            else:
                out = spare[k & 1]
                if out is None:
                    out = spare[k & 1] = self._between(dx)
            for direction, tape in enumerate(kept.tapes[k]):
                row = k * len(self._columns) + direction
                _recurrent_backward(
                    tape, dy[:, :, self._columns[direction]] if both and dy is not None else dy,
                    *_state_row(dfinal, row), out, *_state_row(dinitial, row),
                    grad_rows[row], direction == 1,
                )
            if k and kept.masks:
                _drop(out, kept.masks[k - 1])
            dy = out

    @property
    def grads(self):
        """Gradients by parameter name, added to by `backward`; made zero when first asked for."""
        if self._grads is None:
            vars(self)["_grads"] = Gradients(self._parameters)
        return self._grads

    def _gradient_rows(self):
        """The gradients as the loops take them: one dict of roles for each row."""
        if self._grad_rows is None:
            grads = self.grads
            vars(self)["_grad_rows"] = [
                {role: grads[names[role]] if role in names else None for role in ROLES}
                for names in self._names
            ]
        return self._grad_rows

    def zero_grad(self):
        """Set all gradients to zero."""
        if self._grads is not None:
            self._grads.zero()

    # -- parameters --------------------------------------------------------------------------

    def eval(self):
        """Leave training mode; return self. A forward already kept can still be used."""
        return self.train(False)

    def __setattr__(self, name, value):
        if name in _CONSTRUCTION and "_parameters" in vars(self):
            raise AttributeError(f"{name} is fixed once the {type(self).__name__} is made")
        super().__setattr__(name, value)

    # -- copies and files --------------------------------------------------------------------

    def __getstate__(self):
        state = vars(self).copy()
        for derived in ("_packed", "_kept", "_grads", "_grad_rows"):
            del state[derived]
        return state

    def __setstate__(self, state):
        vars(self).update(state)
        self._forget()

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

    def save(self, path):
        """Write the constructor's arguments and the parameters to a safetensors file.

        The file appears whole or not at all. Gradients, mode and random state are not saved.
        """
        from . import io

        header = {"kind": "engine", "class": self.cell.upper(), "arguments": self._arguments()}
        io.write(path, self.state_dict(), header)

    # -- streams -----------------------------------------------------------------------------

    def stream(self, batch_size=1):
        """Return a `Stream`, which runs `batch_size` rows one step a call from zero states.

        A stream keeps the weights the model has now; later changes do not reach it.

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
            return Stream(self, self._packed_layers()[1], batch_size, parameters.snapshot())


def __getattr__(name):
    return oldnames.find(__name__, name)
