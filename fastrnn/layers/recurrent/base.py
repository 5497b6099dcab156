# SPDX-License-Identifier: Apache-2.0
"""What SimpleRNN, LSTM and GRU share: their arguments, states, masks, on the engine's loop."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ... import activations, constraints, initializers, regularizers
from ..._common import checks
from ..._common.quiet import is_quiet
from ...engine.recurrence import GATES, HAS_C, ROLES, Array, Recurrence, Spec, StatePair
from ...graph.broadcasting import Shape, unbroadcast
from ...graph.tape import FOR_INPUTS, NOTHING, Tensor
from ..base import Layer, Named, known
from ..dropout import RandomMask
from ..variable import GateBias, Gates, Variable
from .masked_steps import Steps
from .sequences import options_for_states, sequences, state_shapes, step_mask, with_input_dim
from .states import Cell, State, listed_states, set_states
from .stepwise import StepwiseRecurrence


class Dropped(NamedTuple):
    """Factors of a training call, None where there is no dropout."""

    inputs: Array | None        # (N, I), the same at every step
    recurrent: Array | None     # (G, N, H)


class Kept(NamedTuple):
    """What a layer's forward leaves for its backward."""

    recurrence: Recurrence | StepwiseRecurrence
    tape: Any
    steps: Steps | None
    input_factors: Array | None
    shape: tuple[int, int]          # N, T
    given: list[Array] | None       # the initial states that the call was given
    keep: int


NO_DROPOUT = Dropped(None, None)


class Recurrent(Layer):
    """What the three recurrent layers share; `LSTM` documents the arguments.

    Subclasses name their `kind` and in which order Keras shows its gates.
    """

    arguments: tuple[str, ...] = (
        "units", "activation", "use_bias", "kernel_initializer", "recurrent_initializer",
        "bias_initializer", "kernel_regularizer", "recurrent_regularizer", "bias_regularizer",
        "kernel_constraint", "recurrent_constraint", "bias_constraint", "dropout",
        "recurrent_dropout", "seed", "return_sequences", "return_state", "go_backwards",
        "stateful", "unroll", "zero_output_for_mask",
    )
    supports_masking = True
    takes_list = True
    takes_constants = True
    kind: str                                   # of the engine's cells
    gate_order: tuple[int, ...] | None = None   # shown gate -> stored gate, None: the same
    reset_after = True
    recurrent_activation = activations.get("sigmoid")

    def __init__(self, units: int, activation: Named | None = "tanh", use_bias: bool = True,
                 kernel_initializer: Named = "glorot_uniform",
                 recurrent_initializer: Named = "orthogonal", bias_initializer: Named = "zeros",
                 kernel_regularizer: Named | None = None,
                 recurrent_regularizer: Named | None = None,
                 bias_regularizer: Named | None = None, kernel_constraint: Named | None = None,
                 recurrent_constraint: Named | None = None, bias_constraint: Named | None = None,
                 dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: int | None = None,
                 return_sequences: bool = False, return_state: bool = False,
                 go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
                 zero_output_for_mask: bool = False, use_cudnn: bool | str = "auto",
                 implementation: int = 2, time_major: bool = False, **options: Any) -> None:
        super().__init__(**with_input_dim(options))
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
        self.states: list[State] | Any = None   # of a stateful layer, once it is built
        self._input_noise = RandomMask(self.dropout, seed) if dropout else None
        self._state_noise = (RandomMask(self.recurrent_dropout, None if seed is None else seed + 1)
                             if recurrent_dropout else None)
        self._recurrence: Recurrence | StepwiseRecurrence | None = None
        self._gradients: dict[str, Array | None] | None = None

    # -- building ----------------------------------------------------------------------------

    @property
    def state_size(self) -> list[int]:
        """The sizes of the states."""
        return [self.units] * self._states

    @property
    def _states(self):
        return 2 if HAS_C[self.kind] else 1

    def build(self, input_shape: Shape | list[Shape]) -> None:
        sequence_shape = self._sequence_shape(input_shape)
        sequences(self, sequence_shape)
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
        self.bias: Variable | None = None
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", self._bias_shape(), self._bias_values, form=GateBias(self.gate_order),
                regularizer=self.bias_regularizer, constraint=self.bias_constraint,
            )
        if self.stateful:
            zeros = self._zero_states(known(self, sequence_shape, axis=0))
            self.states = [State(f"state_{k}", zero, self) for k, zero in enumerate(zeros)]

    def ensure_built(self, input_shape: Any) -> None:
        if not self.built and self.stateful and self.given_shape is not None:
            input_shape = (self.given_shape[0], *self._sequence_shape(input_shape)[1:])
        super().ensure_built(input_shape)
        rows, *_ = sequences(self, self._sequence_shape(input_shape))
        if isinstance(input_shape, list):
            state_shapes(self, input_shape[1:], rows)

    @staticmethod
    def _sequence_shape(input_shape):
        """The sequence's shape; states may be inputs too."""
        return tuple(input_shape[0] if isinstance(input_shape, list) else input_shape)

    def _bias_shape(self):
        return (GATES[self.kind] * self.units,)

    def _bias_values(self, shape, dtype):
        return self.bias_initializer(shape, dtype)

    def compute_output_shape(self, input_shape: Shape | list[Shape],
                             uses_mask: bool = True) -> Shape | list[Shape]:
        N, T, _ = self._sequence_shape(input_shape)
        output: Shape = (N, T, self.units) if self.return_sequences else (N, self.units)
        return [output, *[(N, self.units)] * self._states] if self.return_state else output

    # -- calling -----------------------------------------------------------------------------

    def __call__(self, inputs: Any, initial_state: Any = None,  # type: ignore[override]
                 mask: Any = None, training: bool | None = None, **options: Any) -> Any:
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
            return self._perform((inputs,), self._cast(inputs.array), inputs.mask, training,
                                 options)
        if initial_state is not None:
            states = listed_states(self, initial_state, self._states)
            sequence = inputs[0] if isinstance(inputs, list | tuple) else inputs
            inputs = [sequence, *states]
            options = options_for_states(mask, len(states))
            return super().__call__(inputs, training=training, **options)
        return super().__call__(inputs, mask, training, **options)

    def forward(self, inputs: Array | list[Array], mask: Any, training: bool, keep: int,
                uses_mask: bool = True) -> tuple[Any, Any, Kept | None]:
        x: Any = inputs
        given = None
        if isinstance(inputs, list):
            x, given, mask = inputs[0], inputs[1:], mask[0]
        self._check_sequences(x)
        N, T, _ = x.shape
        state = self._initial_state(given, N)
        out_mask = mask if self.return_sequences else None   # as in Keras, in the inputs' order
        mask = mask if uses_mask else None
        if self.go_backwards:
            x = x[:, ::-1]
            mask = None if mask is None else mask[:, ::-1]
        drop = self._dropout_factors(N) if training else NO_DROPOUT
        steps = None
        if mask is not None:
            steps = Steps(step_mask(self, mask, N, T), self.zero_output_for_mask)
            x = steps.gather(x)
        if drop.inputs is not None:
            x = x * drop.inputs[:, None]
        y = np.empty((N, x.shape[1], self.units), self.dtype)
        recurrence = self._current_recurrence(keep != NOTHING)
        final, tape = recurrence.forward(
            x.swapaxes(0, 1), y.swapaxes(0, 1), state, None if steps is None else steps.lengths,
            keep != NOTHING, (drop.recurrent,))
        outputs = self._outputs(y, final[0], steps)
        kept = (Kept(recurrence, tape, steps, drop.inputs, (N, T), given, keep)
                if keep else None)
        if not self.return_state:
            return outputs[0], out_mask, kept
        return outputs, [out_mask] + [None] * (len(outputs) - 1), kept

    def _check_sequences(self, x: Array) -> None:
        """Raise ValueError unless x is (N, T, I)."""
        if x.ndim != 3 or x.shape[2] != self.kernel.shape[0] or x.shape[1] == 0:
            sequences(self, x.shape, self.kernel.shape[0])

    def _outputs(self, y: Array, final: Any, steps: Steps | None) -> list[Array]:
        """Return the output and the states from what the time loop gave; keep the states too."""
        h, c = final
        if self.stateful:
            for state, value in zip(self.states, final, strict=False):   # a GRU's c is None
                state.assign(value)
        if self.return_sequences:
            output = y if steps is None else steps.spread(y)
        else:
            output = h if steps is None else self._last_output(h, steps)
        return [output, h] if c is None else [output, h, c]

    def _last_output(self, h, steps):
        """The output at the last step: the last one counted, else zeros."""
        if steps.zero_output:
            return np.where(steps.mask[:, -1:], h, 0)
        return np.where(steps.lengths[:, None] > 0, h, 0)

    def backward(self, kept: Kept, doutputs: Any) -> Any:
        recurrence, tape, steps, input_factors, (N, T), given, keep = kept
        dy, dfinal = self._loop_gradients(doutputs, steps)
        dx = None
        if keep == FOR_INPUTS:
            dx = np.empty((N, T if steps is None else steps.longest, self.kernel.shape[0]),
                          self.dtype)
        dinitial = recurrence.backward(
            tape, None if dy is None else dy.swapaxes(0, 1), (dfinal,),
            None if dx is None else dx.swapaxes(0, 1), (self._gradient_arrays(),))
        if dx is not None:
            if input_factors is not None:
                dx *= input_factors[:, None]
            if steps is not None:
                dx = steps.spread_inputs(dx, T)
            if self.go_backwards:
                dx = dx[:, ::-1]
        return dx if given is None else [dx, *state_gradients(dinitial[0], given)]

    def _loop_gradients(self, doutputs: Any, steps: Steps | None) -> tuple[Array | None, StatePair]:
        """Return the gradients of the loop's y and final states for those of the outputs."""
        doutput, dh, dc = doutputs, None, None
        if self.return_state:
            doutput, dh, dc = (*doutputs, None)[:3]
        if doutput is None:
            return None, (dh, dc)
        if self.return_sequences:
            return doutput if steps is None else steps.gather_gradient(doutput), (dh, dc)
        if steps is not None:
            doutput = self._last_output(doutput, steps)
        return None, (doutput if dh is None else dh + doutput, dc)

    # -- weights -----------------------------------------------------------------------------

    def _current_recurrence(self, training: bool = False) -> Recurrence | StepwiseRecurrence:
        """Return what runs the time loop, with the present weights; see `Recurrence`."""
        made = self._recurrence
        if made is None or made.version != self.version:
            pair = self.activation, self.recurrent_activation
            names = tuple(map(activations.name_in_time_loop, pair))
            compiled = None not in names
            arrays = self._by_role(None if self.bias is None else self.bias.array,
                                   self.kernel.array, self.recurrent_kernel.array)
            spec = Spec(self.kind, names if compiled else pair, self.reset_after)
            of_kind = Recurrence if compiled else StepwiseRecurrence
            made = self._recurrence = of_kind(spec, (arrays,), self.version, training)
        return made

    def _gradient_arrays(self) -> dict[str, Array | None]:
        """Return the gradients of the weights, by the engine's roles."""
        if self._gradients is None:
            self._gradients = self._by_role(None if self.bias is None else self.bias.gradient,
                                            self.kernel.gradient, self.recurrent_kernel.gradient)
        return self._gradients

    def _by_role(self, bias, kernel, recurrent_kernel):
        return dict(zip(ROLES, (kernel, recurrent_kernel, *self._biases(bias), None), strict=True))

    def _biases(self, array):
        """The two biases of the engine in an array like that of `bias`."""
        return array, None

    def __getstate__(self):
        # Both are made anew from the weights, which a copy has for itself.
        return {**vars(self), "_recurrence": None, "_gradients": None}

    # -- states and dropout ------------------------------------------------------------------

    def _initial_state(self, given: list[Array] | None, N: int) -> tuple[StatePair] | None:
        """Return the states that a call of N rows begins with, None for zeros."""
        if given is not None:
            state_shapes(self, [state.shape for state in given], N)
            states = [np.ascontiguousarray(state if len(state) == N else
                                           np.broadcast_to(state, (N, self.units)))
                      for state in given]
        elif not self.stateful:
            return None
        elif len(self.states[0]) != N:
            raise ValueError(f"{self.name} is stateful, for batches of {len(self.states[0])} "
                             f"rows; got {N}")
        else:
            states = [state.array for state in self.states]
        return ((states[0], states[1] if len(states) == 2 else None),)

    def _zero_states(self, N):
        return [np.zeros((N, self.units), self.dtype) for _ in range(self._states)]

    def get_initial_state(self, batch_size: int) -> list[Array]:
        """Return zeros for the states of `batch_size` rows, a list."""
        return self._zero_states(batch_size)

    def reset_own_state(self) -> None:
        for state in self.states or ():
            state.assign(np.zeros(state.shape))

    def reset_states(self, states: Any = None) -> None:
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
    def cell(self) -> Cell:
        """The layer's cell, as Keras shows it: its weights and arguments."""
        return Cell(self)

    def _dropout_factors(self, N: int) -> Dropped:
        """Draw the factors of a training call.

        One factor serves a whole sequence, as in Keras (Gal and Ghahramani, 2016): the same at
        every step; recurrent dropout has one for each gate.
        """
        if self._input_noise is None is self._state_noise:
            return NO_DROPOUT
        inputs = recurrent = None
        if self._input_noise is not None:
            inputs = self._input_noise.factors((N, self.kernel.shape[0]), self.dtype)
        if self._state_noise is not None:
            shape = GATES[self.kind], N, self.units
            recurrent = self._state_noise.factors(shape, self.dtype)
        return Dropped(inputs, recurrent)


def state_gradients(dinitial: Sequence[Any], given: Sequence[Array]) -> list[Array]:
    """Return the gradients of the initial states, in the shapes they were given in."""
    return [unbroadcast(d, state.shape) for d, state in zip(dinitial, given, strict=False)]
