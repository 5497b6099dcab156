# SPDX-License-Identifier: Apache-2.0
"""The weights of one layer in one direction, and the affine maps (1a) and (1b) all cells share."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Layer:
    """Weights of one layer in one direction, in torch.nn's layout.

    Parameters
    ----------
    cell : {"rnn", "lstm", "gru"}
    nonlinearity : {"tanh", "relu", "sigmoid"} or None
        Of the RNN; None for the other cells.
    w_ih, w_hh : ndarray (GH, I), (GH, P)
        Gates one below the other: LSTM i, f, g, o; GRU r, z, n.
    b_ih, b_hh : ndarray (GH,) or None
    w_hr : ndarray (P, H) or None
        Projection of the LSTM.
    """

    cell: str
    nonlinearity: str | None
    w_ih: np.ndarray
    w_hh: np.ndarray
    b_ih: np.ndarray | None = None
    b_hh: np.ndarray | None = None
    w_hr: np.ndarray | None = None

    @property
    def state_sizes(self):
        """Width of each part of the state: (P,) or, for the LSTM, (P, H)."""
        gate_rows, P = self.w_hh.shape
        return (P, gate_rows // 4) if self.cell == "lstm" else (P,)

    def zero_grads(self):
        """Gradients to add into, one for each weight the layer has."""
        weights = {key: getattr(self, key) for key in ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr")}
        return {key: np.zeros_like(w) for key, w in weights.items() if w is not None}

    def affine(self, x, h):
        """Return u, v, both (N, GH), of the input x (N, I) and the state h (N, P)."""
        u = x @ self.w_ih.T  # (1a)
        v = h @ self.w_hh.T  # (1b)
        if self.b_ih is not None:
            u, v = u + self.b_ih, v + self.b_hh
        return u, v

    def affine_backward(self, x, h, du, dv, grads):
        """Add the gradients of the weights into `grads`; return dx and the share of u, v in dh'."""
        grads["w_hh"] += dv.T @ h  # (1b), summed over the batch by the product
        grads["w_ih"] += du.T @ x  # (1a)
        if self.b_ih is not None:
            grads["b_hh"] += dv.sum(axis=0)  # (1b)
            grads["b_ih"] += du.sum(axis=0)  # (1a)
        return du @ self.w_ih, dv @ self.w_hh  # (1a), (1b)
