# SPDX-License-Identifier: Apache-2.0
"""The weights of one layer in one direction, and the affine maps (1a) and (1b) all cells share."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .activations import ACTIVATIONS, ByValue
from .onnx import Clipped

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
WEIGHTS = ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr", "peepholes")


@dataclass(frozen=True)
class Layer:
    """Weights of one layer in one direction, in torch.nn's layout.

    Parameters
    ----------
    cell : {"rnn", "lstm", "gru"}
    activations : str, tuple, or None
        The activation, the recurrent activation, and that of the LSTM's c on its way to h: names
        in activations.py. One name is the first of them; the defaults are "tanh", "sigmoid" and
        the first. (ONNX's f, g, h are the second, the first and the third; RNN's f the first.)
        In a tuple there may be, instead of a name, an object whose ``forward(a)`` gives the value
        and what its ``backward(kept, dy)`` needs for da.
    w_ih, w_hh : ndarray (GH, I), (GH, P)
        Gates one below the other: LSTM i, f, g, o; GRU r, z, n.
    b_ih, b_hh : ndarray (GH,) or None
        Both, b_ih alone, or none.
    w_hr : ndarray (P, H) or None
        Projection of the LSTM.
    reset_after : bool
        GRU: whether r meets the product of h', (4c), or h' itself, (4g).
    clip : float or None
        Bound of the arguments of act and rec, (1e).
    peepholes : ndarray (3H,) or None
        LSTM: weights of c for i, f, o, one below the other.
    input_forget : bool
        LSTM: whether f is 1 - i; the rows of f are not used then.
    """

    cell: str
    activations: str | tuple | None
    w_ih: np.ndarray
    w_hh: np.ndarray
    b_ih: np.ndarray | None = None
    b_hh: np.ndarray | None = None
    w_hr: np.ndarray | None = None
    reset_after: bool = True
    clip: float | None = None
    peepholes: np.ndarray | None = None
    input_forget: bool = False

    @property
    def activation(self) -> Any:
        """The activation of the RNN's h, the LSTM's g, the GRU's n."""
        return self._clipped(self._given(0) or self._named("tanh"))

    @property
    def recurrent_activation(self) -> Any:
        """The gates' activation."""
        return self._clipped(self._given(1) or self._named("sigmoid"))

    @property
    def cell_activation(self) -> Any:
        """The activation of the LSTM's c on its way to h."""
        return self._given(2) or self._given(0) or self._named("tanh")

    def _given(self, place):
        given = self.activations
        given = (given,) if given is None or isinstance(given, str) else given
        found = (*given, None, None)[place]
        return self._named(found) if isinstance(found, str) else found

    def _named(self, name):
        return ByValue(*ACTIVATIONS[name])

    def _clipped(self, activation):
        return activation if self.clip is None else Clipped(activation, self.clip)  # (1e)

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """Width of each part of the state: (P,) or, for the LSTM, (P, H)."""
        gate_rows, P = self.w_hh.shape
        return (P, gate_rows // 4) if self.cell == "lstm" else (P,)

    def zero_grads(self) -> dict[str, Any]:
        """Gradients to add into, one for each weight the layer has."""
        weights = {key: getattr(self, key) for key in WEIGHTS}
        return {key: np.zeros_like(w) for key, w in weights.items() if w is not None}

    def _gate_rows(self, gate):
        H = len(self.w_hh) // GATES[self.cell]
        return slice(gate * H, (gate + 1) * H)

    def input_affine(self, x: np.ndarray) -> np.ndarray:
        """Return u (N, GH) of the input x (N, I)."""
        u = x @ self.w_ih.T  # (1a)
        return u if self.b_ih is None else u + self.b_ih

    def input_affine_backward(self, x: np.ndarray, du: np.ndarray,
                              grads: dict[str, Any]) -> np.ndarray:
        """Add the gradients of the input side into `grads`; return dx."""
        grads["w_ih"] += du.T @ x  # (1a), summed over the batch by the product
        if self.b_ih is not None:
            grads["b_ih"] += du.sum(axis=0)  # (1a)
        return du @ self.w_ih  # (1a)

    def recurrent_affine(self, gate: int, masks: np.ndarray | None, h: np.ndarray) -> np.ndarray:
        """Return v (N, H) of one gate, of the state h (N, P)."""
        if masks is not None:
            h = masks[gate] * h  # (1c)
        rows = self._gate_rows(gate)
        v = h @ self.w_hh[rows].T  # (1b)
        return v if self.b_hh is None else v + self.b_hh[rows]

    def recurrent_affine_backward(self, gate: int, masks: np.ndarray | None, h: np.ndarray,
                                  dv: np.ndarray, grads: dict[str, Any]) -> np.ndarray:
        """Add the gradients of one gate's recurrent side into `grads`; return its share of dh'."""
        rows = self._gate_rows(gate)
        seen = h if masks is None else masks[gate] * h  # (1c)
        grads["w_hh"][rows] += dv.T @ seen  # (1b)
        if self.b_hh is not None:
            grads["b_hh"][rows] += dv.sum(axis=0)  # (1b)
        dh = dv @ self.w_hh[rows]  # (1b)
        return dh if masks is None else masks[gate] * dh  # (1c)

    def affine(self, masks: np.ndarray | None, x: np.ndarray,
               h: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return u, v, both (N, GH), of the input x (N, I) and the state h (N, P)."""
        gates = range(GATES[self.cell])
        v = [self.recurrent_affine(gate, masks, h) for gate in gates]
        return self.input_affine(x), np.concatenate(v, axis=1)

    def affine_backward(self, masks: np.ndarray | None, x: np.ndarray, h: np.ndarray,
                        du: np.ndarray, dv: np.ndarray,
                        grads: dict[str, Any]) -> tuple[np.ndarray, Any]:
        """Add the gradients of the weights into `grads`; return dx and the share of u, v in dh'."""
        gates = range(GATES[self.cell])
        dh = sum(
            self.recurrent_affine_backward(gate, masks, h, dv[:, self._gate_rows(gate)], grads)
            for gate in gates
        )
        return self.input_affine_backward(x, du, grads), dh

    def _peephole_rows(self, gate):
        H = len(self.peepholes) // 3
        place = "ifo".index(gate)
        return slice(place * H, (place + 1) * H)

    def peephole(self, gate: Any, a: Any, c: Any) -> Any:
        """Return a + p * c of one gate of the LSTM, a where there are no peepholes."""
        return a if self.peepholes is None else a + self.peepholes[self._peephole_rows(gate)] * c

    def peephole_backward(self, gate: Any, c: Any, da: Any, dc: Any, grads: Any) -> Any:
        """Add the gradient of one gate's peephole into `grads`; return dc with its share."""
        if self.peepholes is None:
            return dc
        rows = self._peephole_rows(gate)
        grads["peepholes"][rows] += (da * c).sum(axis=0)
        return dc + da * self.peepholes[rows]
