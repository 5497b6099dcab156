# SPDX-License-Identifier: Apache-2.0
"""What SimpleRNN, LSTM and GRU share: their arguments, states, masks, on the engine's loop."""

import numpy as np

from .. import activations, checks, constraints, initializers, oldnames, regularizers
from .._core.backward import backward as run_backward
from .._core.forward import Tape
from .._core.forward import forward as run_forward
from .._core.pack import PackedLayer
from ..parameters import GATES, ROLES
from ..quiet import is_quiet
from ..tape import FOR_INPUTS, NOTHING, Tensor
from .base import Layer, known, rank
from .broadcasting import unbroadcast
from .dropout import RandomMask
from .states import Cell, State, listed_states, set_states
from .steps import Steps
from .stepwise import backward as step_backward
from .stepwise import forward as step_forward
from .stepwise import layer_in_steps
from .variable import GateBias, Gates

_NO_GRADIENTS = dict.fromkeys(ROLES)


class Recurrent(Layer):
    """What the three recurrent layers share; `LSTM` documents the arguments.

    Subclasses name their `kind` and in which order Keras shows its gates.
    """

    arguments = (
        "units", "activation", "use_bias", "kernel_initializer", "recurrent_initializer",
        "bias_initializer", "kernel_regularizer", "recurrent_regularizer", "bias_regularizer",
        "kernel_constraint", "recurrent_constraint", "bias_constraint", "dropout",
        "recurrent_dropout", "seed", "return_sequences", "return_state", "go_backwards",
        "stateful", "unroll", "zero_output_for_mask",
    )
    supports_masking = True
    takes_list = True
    takes_constants = True
    kind = None             # of the engine's cells
    gate_order = None       # shown gate -> stored gate, None: the same
    reset_after = True
    recurrent_activation = activations.get("sigmoid")

    def __init__(self, units, activation="tanh", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal",
                 bias_initializer="zeros", kernel_regularizer=None, recurrent_regularizer=None,
                 bias_regularizer=None, kernel_constraint=None, recurrent_constraint=None,
                 bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, seed=None,
                 return_sequences=False, return_state=False, go_backwards=False, stateful=False,
                 unroll=False, zero_output_for_mask=False, use_cudnn="auto", implementation=2,
                 time_major=False, **options):
        super().__init__(**_with_input_dim(options))
        if time_major:
            raise ValueError(f"{self.name}: time_major is not there in Keras 3 nor here; "
                             "inputs are (batch, steps, features)")
        self.units = checks.count("units", units)
        self.activation = activations.get(activation)
        self.use_bias = checks.flag("use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = checks.probability("dropout", dropout)
        self.recurrent_dropout = checks.probability("recurrent_dropout", recurrent_dropout)
        self.seed = seed
        self.return_sequences = checks.flag("return_sequences", return_sequences)
        self.return_state = checks.flag("return_state", return_state)
        self.go_backwards = checks.flag("go_backwards", go_backwards)
        self.stateful = checks.flag("stateful", stateful)
        self.unroll = checks.flag("unroll", unroll)
        self.zero_output_for_mask = checks.flag("zero_output_for_mask", zero_output_for_mask)
        self.states = None
        self._input_noise = RandomMask(self.dropout, seed) if dropout else None
        self._state_noise = (RandomMask(self.recurrent_dropout, None if seed is None else seed + 1)
                             if recurrent_dropout else None)
        self._packed = -1, None
        self._gradients = None

    # -- building ----------------------------------------------------------------------------

    @property
    def state_size(self):
        """The sizes of the states."""
        return [self.units] * self._states

    @property
    def _states(self):
        return 2 if self.kind == "lstm" else 1

    def build(self, input_shape):
        sequence_shape = self._sequence_shape(input_shape)
        _sequences(self, sequence_shape)
        inputs, columns = known(self, sequence_shape), GATES[self.kind] * self.units
        form = Gates(self.gate_order)
        self.kernel = self.add_weight(
            "kernel", (inputs, columns), self.kernel_initializer, form=form,
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )
        self.recurrent_kernel = self.add_weight(
            "recurrent_kernel", (self.units, columns), self.recurrent_initializer, form=form,
            regularizer=self.recurrent_regularizer, constraint=self.recurrent_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", self._bias_shape(), self._bias_values, form=GateBias(self.gate_order),
                regularizer=self.bias_regularizer, constraint=self.bias_constraint,
            )
        if self.stateful:
            zeros = self._zero_states(known(self, sequence_shape, axis=0))
            self.states = [State(f"state_{k}", zero, self) for k, zero in enumerate(zeros)]

    def ensure_built(self, input_shape):
        if not self.built and self.stateful and self.given_shape is not None:
            input_shape = (self.given_shape[0], *self._sequence_shape(input_shape)[1:])
        super().ensure_built(input_shape)
        rows, *_ = _sequences(self, self._sequence_shape(input_shape))
        for shape in input_shape[1:] if isinstance(input_shape, list) else ():
            fits = len(shape) == 2 and shape[1] in (self.units, None) and (
                shape[0] in (1, rows, None) or rows is None)
            if not fits:
                raise ValueError(f"{self.name}: initial_state must have shape "
                                 f"{(rows, self.units)}, or one row for all, got {tuple(shape)}")

    @staticmethod
    def _sequence_shape(input_shape):
        """The sequence's shape; states may be inputs too."""
        return tuple(input_shape[0] if isinstance(input_shape, list) else input_shape)

    def _bias_shape(self):
        return (GATES[self.kind] * self.units,)

    def _bias_values(self, shape, dtype):
        return self.bias_initializer(shape, dtype)

    def compute_output_shape(self, input_shape, uses_mask=True):
        N, T, _ = self._sequence_shape(input_shape)
        output = (N, T, self.units) if self.return_sequences else (N, self.units)
        return [output] + [(N, self.units)] * self._states if self.return_state else output

    # -- calling -----------------------------------------------------------------------------

    def __call__(self, inputs, initial_state=None, mask=None, training=None, **options):
        """Run over sequences.

        Parameters
        ----------
        inputs : array (N, T, I), or a list of it with the initial states
        initial_state : array (N, H) or (1, H), or list of arrays, optional
            h, for an LSTM [h, c]; zeros by default, or, where stateful, what the last batch left.
            One row serves all. Where `inputs` are symbolic, arrays are constants of the graph:
            those of N rows fit batches of N rows only.
        mask : array (N, T) of bool, optional
            True for steps that count; any pattern.
        training : bool, optional
            Whether dropout is on.
        """
        if (initial_state is None and type(inputs) is Tensor and mask is None and self.built
                and is_quiet()):
            return self._apply(inputs, self._cast(inputs.array), inputs.mask, training, options)
        if initial_state is not None:
            states = listed_states(self, initial_state, self._states)
            sequence = inputs[0] if isinstance(inputs, list | tuple) else inputs
            inputs = [sequence, *states]
            options = options_for_states(mask, len(states))
            return super().__call__(inputs, training=training, **options)
        return super().__call__(inputs, mask, training, **options)

    def forward(self, inputs, mask, training, keep, uses_mask=True):
        x, given = inputs, None
        if type(inputs) is list:
            x, given, mask = inputs[0], inputs[1:], mask[0]
        if x.ndim != 3 or x.shape[2] != self.kernel.shape[0] or x.shape[1] == 0:
            _sequences(self, x.shape, self.kernel.shape[0])
        N, T, _ = x.shape
        states = _NO_STATES if given is None and not self.stateful else (
            self._initial_states(given, N))
        out_mask = mask if self.return_sequences else None   # as in Keras, in the inputs' order
        mask = mask if uses_mask else None
        if self.go_backwards:
            x = x[:, ::-1]
            mask = None if mask is None else mask[:, ::-1]
        drop = self._dropout_factors(N) if training and (
            self.dropout or self.recurrent_dropout) else _NO_DROPOUT
        steps = None
        if mask is not None:
            steps = Steps(_step_mask(self, mask, N, T), self.zero_output_for_mask)
            x = steps.gather(x)
        if drop.inputs is not None:
            x = x * drop.inputs[:, None]
        y, final, tape = self._run(x, states, steps, drop.recurrent, keep)
        if self.stateful:
            for state, value in zip(self.states, final, strict=True):
                state.assign(value)
        if self.return_sequences:
            output = y if steps is None else steps.spread(y)
        else:
            output = final[0] if steps is None else self._last_output(final[0], steps)
        kept = (tape, steps, drop.inputs, (N, T), given, keep) if keep else None
        if not self.return_state:
            return output, out_mask, kept
        return [output, *final], [out_mask] + [None] * len(final), kept

    def _run(self, x, states, steps, recurrent_drop, keep):
        """Run the time loop over x (N, T, I); return y (N, T, H), the final states, the tape."""
        N, T, _ = x.shape
        y = np.empty((N, T, self.units), self.dtype)
        final = [np.empty((N, self.units), self.dtype) for _ in range(self._states)]
        tape = None
        if N:
            layer = self._packed_layer()
            run = run_forward if type(layer) is PackedLayer else step_forward
            tape = run(
                layer, x.swapaxes(0, 1), y.swapaxes(0, 1), _pair(states), _pair(final),
                None if steps is None else steps.lengths, False, keep != NOTHING, recurrent_drop,
            )
        return y, final, tape

    def _last_output(self, h, steps):
        """The output at the last step: the last one counted, else zeros."""
        if steps.zero_output:
            return np.where(steps.mask[:, -1:], h, 0)
        return np.where(steps.lengths[:, None] > 0, h, 0)

    def backward(self, kept, doutputs):
        tape, steps, input_factor, (N, T), given, keep = kept
        doutput, dfinal = doutputs, [None] * self._states
        if self.return_state:
            doutput, *dfinal = doutputs
        dy, dfinal = self._gradients_of_loop(doutput, dfinal, steps)
        dx = None
        if keep == FOR_INPUTS:
            dx = np.empty((N, T if steps is None else steps.longest, self.kernel.shape[0]),
                          self.dtype)
        dinitial = [np.empty((N, self.units), self.dtype) for _ in range(self._states)]
        if N:
            run = run_backward if type(tape) is Tape else step_backward
            run(
                tape, None if dy is None else dy.swapaxes(0, 1), *_pair(dfinal),
                None if dx is None else dx.swapaxes(0, 1), *_pair(dinitial),
                self._gradient_arrays(), False,
            )
        if dx is not None:
            if input_factor is not None:
                dx *= input_factor[:, None]
            if steps is not None:
                dx = steps.spread_inputs(dx, T)
            if self.go_backwards:
                dx = dx[:, ::-1]
        if given is None:
            return dx
        return [dx, *[unbroadcast(d, state.shape)
                      for d, state in zip(dinitial, given, strict=True)]]

    def _gradients_of_loop(self, doutput, dfinal, steps):
        """From the gradients of the layer's outputs to those of the loop's y and final states."""
        if doutput is None:
            return None, dfinal
        if self.return_sequences:
            return doutput if steps is None else steps.gather_gradient(doutput), dfinal
        if steps is not None:
            doutput = self._last_output(doutput, steps)
        dh = doutput if dfinal[0] is None else dfinal[0] + doutput
        return None, [dh, *dfinal[1:]]

    # -- weights -----------------------------------------------------------------------------

    def _packed_layer(self):
        version, packed = self._packed
        if version != self.version:
            version = self.version
            b_ih, b_hh = self._biases(None if self.bias is None else self.bias.array)
            pair = self.activation, self.recurrent_activation
            names = tuple(map(activations.name_in_time_loop, pair))
            weights = self.kernel.array, self.recurrent_kernel.array, b_ih, b_hh, None
            if None in names:
                packed = layer_in_steps(self.kind, pair, *weights, self.reset_after)
            else:
                packed = PackedLayer(self.kind, names, *weights, self.reset_after)
            self._packed = version, packed
        return packed

    def _gradient_arrays(self):
        if self._gradients is None:
            b_ih, b_hh = self._biases(None if self.bias is None else self.bias.gradient)
            self._gradients = _NO_GRADIENTS | {
                "w_ih": self.kernel.gradient, "w_hh": self.recurrent_kernel.gradient,
                "b_ih": b_ih, "b_hh": b_hh,
            }
        return self._gradients

    def _biases(self, array):
        """The two biases of the engine in an array like that of `bias`."""
        return array, None

    def __getstate__(self):
        # Both are made anew from the weights, which a copy has for itself.
        return {**vars(self), "_packed": (-1, None), "_gradients": None}

    # -- states and dropout ------------------------------------------------------------------

    def _initial_states(self, given, N):
        if given is not None:
            for state in given:
                if state.shape not in ((N, self.units), (1, self.units)):
                    raise ValueError(f"{self.name}: initial_state must have shape "
                                     f"{(N, self.units)}, or one row for all, got {state.shape}")
            return [np.ascontiguousarray(state if len(state) == N else
                                         np.broadcast_to(state, (N, self.units)))
                    for state in given]
        if len(self.states[0]) != N:
            raise ValueError(f"{self.name} is stateful, for batches of {len(self.states[0])} "
                             f"rows; got {N}")
        return [state.array for state in self.states]

    def _zero_states(self, N):
        return [np.zeros((N, self.units), self.dtype) for _ in range(self._states)]

    def get_initial_state(self, batch_size):
        """Return zeros for the states of `batch_size` rows, a list."""
        return self._zero_states(batch_size)

    def reset_own_state(self):
        for state in self.states or ():
            state.assign(np.zeros(state.shape))

    def reset_states(self, states=None):
        """Forget the states of a stateful layer, or set them.

        Parameters
        ----------
        states : array (N, H), or list of arrays, optional
            h, for an LSTM [h, c], for the rows of a batch; zeros by default.

        Raises
        ------
        ValueError
            If there are no states to set, or their number or shapes differ; nothing is changed.
        """
        if states is None:
            self.reset_state()
        else:
            set_states(self, self.states, states)

    @property
    def cell(self):
        """The layer's cell, as Keras shows it: its weights and arguments."""
        return Cell(self)

    def _dropout_factors(self, N):
        """One factor for a whole sequence, as in Keras (Gal and Ghahramani, 2016): the same at
        every step; recurrent dropout has one for each gate."""
        inputs = recurrent = None
        if self._input_noise is not None:
            inputs = self._input_noise.factors((N, self.kernel.shape[0]), self.dtype)
        if self._state_noise is not None:
            shape = GATES[self.kind], N, self.units
            recurrent = self._state_noise.factors(shape, self.dtype)
        return _Dropout(inputs, recurrent)


class _Dropout:
    """Factors of a training call, None where there is no dropout."""

    __slots__ = ("inputs", "recurrent")

    def __init__(self, inputs, recurrent):
        self.inputs, self.recurrent = inputs, recurrent


_NO_DROPOUT = _Dropout(None, None)
_NO_STATES = None, None     # zeros


def options_for_states(mask, count):
    """The options of a call that is given `count` states beside the sequence.

    As in Keras, a mask that comes with the sequence is passed on but not used then; one given by
    hand is.
    """
    if mask is None:
        return {"uses_mask": False}
    return {"mask": [mask] + [None] * count}


def _with_input_dim(options):
    """input_dim and Keras 2's input_length, as an input_shape."""
    inputs, length = options.pop("input_dim", None), options.pop("input_length", None)
    if inputs is not None and options.get("input_shape") is None:
        options["input_shape"] = (length, inputs)
    return options


def _sequences(layer, shape, features=None):
    """Return (N, T, I); raise unless `shape` is that of sequences the layer can read."""
    if len(shape) == 2:
        raise ValueError(
            f"{layer.name}: inputs must be 3-D, (batch, steps, features); got 2-D, shape "
            f"{tuple(shape)}. Ids of words or characters become vectors in an Embedding layer "
            "before this one; a recurrent layer before it needs return_sequences=True; plain "
            "series need x[..., None]"
        )
    rank(layer, shape, 3, "(batch, steps, features)")
    if features is not None and shape[2] != features:
        raise ValueError(f"{layer.name}: inputs must have {features} features, got shape "
                         f"{tuple(shape)}")
    if shape[1] == 0:
        raise ValueError(f"{layer.name}: inputs must have at least one step, got shape "
                         f"{tuple(shape)}")
    return shape


def _step_mask(layer, mask, N, T):
    if mask.shape != (N, T):
        raise ValueError(f"{layer.name}: mask must have shape {(N, T)}, one for each step; "
                         f"got {mask.shape}")
    return mask


def _pair(states):
    """The engine's (h, c), where a GRU or SimpleRNN has no c."""
    return (states[0], states[1]) if len(states) == 2 else (states[0], None)


def __getattr__(name):
    return oldnames.find(__name__, name)
