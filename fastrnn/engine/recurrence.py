# SPDX-License-Identifier: Apache-2.0
"""One recurrent layer, in one direction or in both: the only client of the compiled time loops.

Sizes: T steps, N rows (batch), I inputs, H hidden units, P values handed on (H without a
projection), G gates, D directions. Sequences are time-major, (T, N, ...).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._core.backward import backward as run_backward
from .._core.backward import backward_both as run_backward_both
from .._core.forward import forward as run_forward
from .._core.forward import forward_both as run_forward_both
from .._core.pack import ACTIVATIONS, PackedLayer, describe
from .._core.stream import StreamCore

__all__ = ["ACTIVATIONS", "GATES", "HAS_C", "ROLES", "Recurrence", "Spec", "new_stream"]

CELLS = ("rnn", "gru", "lstm")
# Blocks of H rows in W, R and b: LSTM i f g o, GRU r z n.
GATES = {cell: describe(cell).gates for cell in CELLS}
# Whether there is a second state, c.
HAS_C = {cell: describe(cell).has_c for cell in CELLS}
ROLES = ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr")

Array = np.ndarray
StatePair = tuple[Array | None, Array | None]  # h (N, P), c (N, H), in one direction
Masks = Sequence[Array | None]

# One array, or one for each direction.
OneOrPair = Any

_ZEROS: tuple[StatePair, ...] = ((None, None), (None, None))
_NO_MASKS: Masks = (None, None)
_empty = np.empty


class Spec(NamedTuple):
    """What a recurrent layer computes, but for its weights.

    Parameters
    ----------
    cell : {"rnn", "lstm", "gru"}
    activations : str, pair of str, or None
        The activation (RNN: of h; LSTM: of g and c; GRU: of n) and that of the gates, names of
        `ACTIVATIONS`; one name is the first of them. None is "tanh", for the gates "sigmoid".
    reset_after : bool
        GRU: whether r meets R_n h' + b_hn, or else, before the product, h'.
    direction : {"forward", "reverse", "both"}
        In which order steps are read; reverse begins at a row's last valid step.
    """

    cell: str
    activations: Any = None
    reset_after: bool = True
    direction: str = "forward"


class Recurrence:
    """One recurrent layer, in one direction or in both: arrays in, arrays out.

    The weights are copied: changing them later does not reach it. It never changes, so that any
    number of threads may use it. What a forward leaves for its backward is in the tape it returns,
    so that any number of forwards may wait for theirs. Arguments are not checked.

    Parameters
    ----------
    spec : Spec
    weights : sequence of D mappings of str to ndarray
        Of each direction, by `ROLES`: w_ih (G*H, I), w_hh (G*H, P), b_ih and b_hh (G*H,), w_hr
        (P, H), in torch's layouts; C-contiguous and of one dtype, float32 or float64. Both biases,
        b_hh alone, and the projection may be missing or None.
    version : int
        Which weights these are, for their owner.
    training : bool
        Whether a backward is to be expected: the packs it needs are made with the others then,
        which is cheaper than at the first backward.

    Attributes
    ----------
    spec, version
        As given.
    input_size, hidden_size, output_size : int
        I, H and P.
    dtype : numpy.dtype
    """

    __slots__ = ("_has_c", "_layers", "_reverse", "dtype", "hidden_size", "input_size",
                 "output_size", "spec", "version")

    def __init__(self, spec: Spec, weights: Sequence[Mapping[str, Any]],
                 version: int = 0, training: bool = False) -> None:
        self._take(spec, weights[0]["w_ih"].dtype, version,
                   [_packed(spec, roles, training) for roles in weights])

    def _take(self, spec, dtype, version, layers):
        self.spec = spec
        self.version = version
        self.dtype = dtype
        self.input_size = layers[0].input_size
        self.hidden_size = layers[0].hidden_size
        self.output_size = layers[0].output_size
        self._has_c = HAS_C[spec.cell]
        self._layers = layers
        self._reverse = spec.direction == "reverse"

    def joined(self, reverse: "Recurrence") -> "Recurrence":
        """Return the layer that has this one as its forward direction and `reverse` as its other.

        The two share their packed weights with it; its tapes are pairs of tapes, each of which the
        one it came from can take too.

        Raises
        ------
        ValueError
            If they are not of one kind and size.
        """
        if not self.fits(reverse):
            raise ValueError("the directions of a layer must be of one kind and size, got "
                             f"{self!r} and {reverse!r}")
        both = Recurrence.__new__(Recurrence)
        both._take(self.spec._replace(direction="both"), self.dtype,
                   (self.version, reverse.version), [*self._layers, *reverse._layers])
        return both

    def fits(self, other: object) -> bool:
        """Return whether `other` can be the second direction of a layer with this one."""
        return (isinstance(other, Recurrence) and len(self._layers) == len(other._layers) == 1
                and self._kind() == other._kind())

    def _kind(self):
        return (self.spec._replace(direction="both"), self.dtype, self.input_size,
                self.hidden_size, self.output_size)

    def new_state(self, rows: int) -> tuple[StatePair, ...]:
        """Return arrays for the states of each direction, (h (N, P), c (N, H) or None)."""
        if len(self._layers) == 1:
            return (self._new_pair(rows),)
        return self._new_pair(rows), self._new_pair(rows)

    def _new_pair(self, rows):
        h = _empty((rows, self.output_size), self.dtype)
        return h, _empty((rows, self.hidden_size), self.dtype) if self._has_c else None

    def forward(self, x: OneOrPair, y: OneOrPair,
                state: Sequence[StatePair] | None = None, lengths: Array | None = None,
                keep: bool = False, drop: Masks | None = None,
                final: Sequence[StatePair] | None = None) -> tuple[Sequence[StatePair], Any]:
        """Run over whole sequences.

        Parameters
        ----------
        x : ndarray (T, N, I), or a pair of them
            Of any strides, read only; in two directions a pair gives each its own.
        y : ndarray (T, N, D*P), or a pair of (T, N, P)
            Output, its last axis contiguous: the directions side by side, or each by itself. Zeros
            past a row's length. It may be x where `keep` is false, in direction "forward" only.
        state : D pairs (h0 (N, P), c0 (N, H)), optional
            Initial states, either of which may be None for zeros; c0 is None but for LSTM.
        lengths : ndarray (N,) of int64, optional
            Valid steps of each row, 0 to T; T by default.
        keep : bool
            Whether a backward is to follow.
        drop : D ndarrays (G, N, P) or None, optional
            Recurrent dropout: what multiplies the state before each gate's product, the same at
            every step.
        final : D pairs (h_n, c_n), optional
            Output: where the final states go, by default `new_state`.

        Returns
        -------
        final : D pairs (h_n (N, P), c_n (N, H) or None)
            The states after each row's last valid step.
        tape : object or None
            For one backward, where `keep`. It refers to x, which must not change until then.
        """
        layers = self._layers
        drop = drop or _NO_MASKS
        state = state or _ZEROS
        if len(layers) == 1:
            final = final or self.new_state(x.shape[1])
            return final, run_forward(layers[0], x, y, state[0], final[0], lengths, self._reverse,
                                      keep, drop[0])
        final = final or self.new_state((x if isinstance(x, Array) else x[0]).shape[1])
        return final, run_forward_both(layers, x, self._sides(y), state, final, lengths, keep, drop)

    def _sides(self, y):
        """The outputs of both directions, or their gradients, each by itself."""
        if isinstance(y, Array):
            return y[:, :, :self.output_size], y[:, :, self.output_size:]
        return (None, None) if y is None else y

    def backward(self, tape: Any, dy: OneOrPair | None,
                 dstate: Sequence[StatePair] | None, dx: OneOrPair | None,
                 grads: Sequence[Mapping[str, Array | None]],
                 dinitial: Sequence[StatePair] | None = None) -> Sequence[StatePair]:
        """Backpropagate through one forward.

        Parameters
        ----------
        tape : object
            Of a forward with `keep`. It serves once.
        dy : ndarray (T, N, D*P), pair of (T, N, P), or None
            Gradient of y; None, also in a pair, for zeros. Not read past a row's length.
        dstate : D pairs (dh_n (N, P), dc_n (N, H)), or None
            Gradient of the final states, None for zeros.
        dx : ndarray (T, N, I), pair of them, or None
            Output: the gradient of x, of each direction where it is a pair; None if not wanted.
        grads : D mappings of str to ndarray
            By role, added to; C-contiguous, None for weights that the layer lacks.
        dinitial : D pairs (dh0, dc0), optional
            Output: where the gradients of the initial states go, by default `new_state`.

        Returns
        -------
        dinitial : D pairs (dh0 (N, P), dc0 (N, H) or None)
        """
        dstate = dstate or _ZEROS
        if len(self._layers) == 1:
            into: Sequence[Any] = dinitial or self.new_state(tape.N)
            dh0, dc0 = into[0]
            run_backward(tape, dy, *dstate[0], dx, dh0, dc0, grads[0], False)
            return into
        into = dinitial or self.new_state(tape[0].N)
        run_backward_both(tape, self._sides(dy), dstate, dx, into, grads)
        return into

    def __repr__(self) -> str:
        sizes = f"{self.input_size}, {self.hidden_size}, {self.output_size}"
        return f"<Recurrence {self.spec}, {sizes}, {self.dtype}>"


def _packed(spec, roles, training):
    return PackedLayer(spec.cell, spec.activations, *map(roles.get, ROLES), spec.reset_after,
                       training)


def new_stream(layers: Sequence[Recurrence], rows: int) -> StreamCore:
    """Return a stream of `rows` rows through layers of direction "forward", from zero states.

    It reads the packed weights of the layers, as any number of streams may; only states are its
    own. Its ``step(x, out)`` reads x (rows, I) and writes out (rows, P), both C-contiguous and of
    the layers' dtype, else ValueError; ``get_state()`` and ``set_state(h, c)`` copy h (L, rows, P)
    and c (L, rows, H) or None. Different streams may step at the same time.
    """
    return StreamCore([layer._layers[0] for layer in layers], rows)
