# SPDX-License-Identifier: Apache-2.0
"""Whole models: layers, directions and dropout around the time loops, equations (6).

The classes have the constructors, calls and parameter names of `fastrnn.RNN`, `fastrnn.LSTM` and
`fastrnn.GRU`, which are torch.nn's, so that a test can put one beside the other. The same seed
draws the same parameters and, in the same dtype, the same dropout.
"""

import numpy as np

from .._common import checks
from .._common.quiet import quiet
from . import bptt, sequence
from .layer import GATES, Layer
from .stream import Stream

# key of a weight in a Layer -> name of the parameter in torch.nn, before _l{layer}[_reverse]
PARAMETER_NAMES = {
    "w_ih": "weight_ih",
    "w_hh": "weight_hh",
    "b_ih": "bias_ih",
    "b_hh": "bias_hh",
    "w_hr": "weight_hr",
}


class _Model:
    """A stack of layers; the public classes below add the cell and their signature.

    Attributes
    ----------
    grads : dict of str to ndarray
        Gradients of the parameters, added to by each `backward`.
    dropout_masks : list of ndarray or None
        Factors of (6b) for the output of each layer but the last, (T, N, D*P), used in training:
        0 for a dropped element, 1/(1-p) for a kept one. None draws fresh ones at each call.
    """

    cell = ""

    def __init__(self, input_size, hidden_size, num_layers, bias, batch_first, dropout,
                 bidirectional, dtype, seed, nonlinearity=None, proj_size=0):
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = dropout
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self.nonlinearity = nonlinearity
        self.dtype = np.dtype(dtype)
        self.training = False
        self.dropout_masks = None
        self._directions = ("", "_reverse") if bidirectional else ("",)
        self._rng = np.random.default_rng(seed)
        self._tape = None
        bound = 1 / np.sqrt(hidden_size)
        self._parameters = {
            name: self._rng.uniform(-bound, bound, shape).astype(self.dtype)
            for name, shape in self._parameter_shapes().items()
        }
        self.zero_grad()

    # -- parameters ------------------------------------------------------------------------------

    def _parameter_shapes(self):
        H, P = self.hidden_size, self.proj_size or self.hidden_size
        GH = GATES[self.cell] * H
        shapes = {}
        for k in range(self.num_layers):
            I = self.input_size if k == 0 else P * len(self._directions)
            for suffix in self._directions:
                shapes[f"weight_ih_l{k}{suffix}"] = (GH, I)
                shapes[f"weight_hh_l{k}{suffix}"] = (GH, P)
                if self.bias:
                    shapes[f"bias_ih_l{k}{suffix}"] = (GH,)
                    shapes[f"bias_hh_l{k}{suffix}"] = (GH,)
                if self.proj_size:
                    shapes[f"weight_hr_l{k}{suffix}"] = (P, H)
        return shapes

    def state_dict(self):
        """Return copies of the parameters under torch.nn's names."""
        return {name: value.copy() for name, value in self._parameters.items()}

    def parameters(self):
        """Iterate over the values of `state_dict`."""
        return iter(self.state_dict().values())

    @quiet
    def load_state_dict(self, mapping):
        """Copy the parameters from a mapping of torch.nn's names to arrays.

        Raises
        ------
        RuntimeError
            If the names are not those of `state_dict` or a shape is wrong; nothing is changed.
        """
        shapes = self._parameter_shapes()
        if mapping.keys() != shapes.keys():
            missing = sorted(shapes.keys() - mapping.keys())
            unexpected = sorted(mapping.keys() - shapes.keys())
            raise RuntimeError(f"mapping: missing {missing}, unexpected {unexpected}")
        loaded = {name: np.array(mapping[name], self.dtype) for name in shapes}
        for name, shape in shapes.items():
            if loaded[name].shape != shape:
                raise RuntimeError(f"{name}: got shape {loaded[name].shape}, wanted {shape}")
        self._parameters = loaded

    def zero_grad(self):
        """Set all gradients to zero."""
        self.grads = {name: np.zeros_like(value) for name, value in self._parameters.items()}

    def train(self, mode=True):
        """Keep what backward needs in each call, and drop out; return self."""
        self.training = mode
        return self

    def eval(self):
        """Leave training; return self."""
        return self.train(False)

    def layer(self, k, suffix=""):
        """Return layer k as a `Layer`; suffix is "_reverse" for the other direction."""
        weights = {
            key: self._parameters.get(f"{name}_l{k}{suffix}")
            for key, name in PARAMETER_NAMES.items()
        }
        return Layer(self.cell, self.nonlinearity, **weights)

    # -- shapes: inside everything is (T, N, ...), states are a pair h, c ------------------------

    def _time_major(self, x, batched):
        x = np.asarray(x, self.dtype)
        if not batched:
            return x[:, np.newaxis]
        return x.swapaxes(0, 1) if self.batch_first else x

    def _as_given(self, y, batched):
        if not batched:
            return y[:, 0]
        return y.swapaxes(0, 1) if self.batch_first else y

    def _split_state(self, state, batched):
        """Return per (layer, direction) the arrays h, c of a state, None where there is none."""
        nothing = [None] * (self.num_layers * len(self._directions))
        if state is None:
            return nothing, nothing
        parts = state if self.cell == "lstm" else (state,)
        parts = [nothing if part is None else np.asarray(part, self.dtype) for part in parts]
        if not batched:
            parts = [part if part is nothing else part[:, np.newaxis] for part in parts]
        return (*parts, nothing)[:2]

    def _join_state(self, h, c, batched):
        h, c = (np.stack(part) if part[0] is not None else None for part in (h, c))
        if not batched:
            h, c = h[:, 0], None if c is None else c[:, 0]
        return (h, c) if self.cell == "lstm" else h

    # -- forward and backward --------------------------------------------------------------------

    def _masks(self, T, N):
        """Dropout factors (6b) behind each layer but the last; None where nothing is dropped."""
        count = self.num_layers - 1
        if self.training and self.dropout_masks is not None:
            return self.dropout_masks
        if not self.training or self.dropout == 0:
            return [None] * count
        shape = (T, N, len(self._directions) * (self.proj_size or self.hidden_size))
        scale = 1 / (1 - self.dropout) if self.dropout < 1 else 0
        kept = [self._rng.random(shape, self.dtype) >= self.dropout for _ in range(count)]
        return [np.multiply(mask, scale, dtype=self.dtype) for mask in kept]

    @quiet
    def __call__(self, x=checks.NOT_GIVEN, state=None, lengths=None, *, input=None, hx=None):
        """Run the model; return y, state.

        Parameters
        ----------
        x : array (T, N, I), with batch_first (N, T, I), unbatched (T, I)
        state : array (L*D, N, P), for the LSTM a pair h (L*D, N, P), c (L*D, N, H); optional
            Initial state, zeros by default. Unbatched without N. The same for the state returned.
        lengths : sequence of N int, optional
            Valid steps of each row; y is zero past them.
        input, hx
            torch's names of x and state.
        """
        x, state, _ = checks.torch_names(x, state, input, hx)
        batched = np.ndim(x) == 3
        y = self._time_major(x, batched)
        h0, c0 = self._split_state(state, batched)
        masks = self._masks(*y.shape[:2])
        h_n, c_n, tapes = [], [], []
        for k in range(self.num_layers):
            outputs = []
            for suffix in self._directions:
                j = len(h_n)
                y_j, h_j, c_j, tape = sequence.forward(
                    self.layer(k, suffix), y, h0[j], c0[j], lengths, reverse=bool(suffix)
                )
                outputs.append(y_j)
                h_n.append(h_j)
                c_n.append(c_j)
                tapes.append(tape)
            y = np.concatenate(outputs, axis=2)  # (6a)
            if k < self.num_layers - 1 and masks[k] is not None:
                y = y * masks[k]  # (6b)
        if self.training:
            self._tape = tapes, masks, batched
        return self._as_given(y, batched), self._join_state(h_n, c_n, batched)

    @quiet
    def backward(self, dy, dstate=None):
        """Backpropagate through the last call in training; add into `grads`; return dx, dstate.

        Parameters
        ----------
        dy : array like the y of the call, or None for zeros
        dstate : like the state of the call, optional
            Of the LSTM's pair one may be None, too.

        Raises
        ------
        RuntimeError
            If there was no call in training since the last backward.
        """
        if self._tape is None:
            raise RuntimeError("backward needs a call in training, got none since the last one")
        tapes, masks, batched = self._tape
        dy = None if dy is None else self._time_major(dy, batched)
        dh_n, dc_n = self._split_state(dstate, batched)
        D = len(self._directions)
        dh0, dc0 = [None] * len(tapes), [None] * len(tapes)
        for k in reversed(range(self.num_layers)):
            if k < self.num_layers - 1 and masks[k] is not None:
                dy = dy * masks[k]  # (6b)
            shares = [None] * D if dy is None else np.split(dy, D, axis=2)  # (6a)
            dx = 0
            for d, suffix in enumerate(self._directions):
                j = k * D + d
                dx_j, dh0[j], dc0[j], grads = bptt.backward(tapes[j], shares[d], dh_n[j], dc_n[j])
                dx = dx + dx_j  # both directions read the same x
                for key, grad in grads.items():
                    self.grads[f"{PARAMETER_NAMES[key]}_l{k}{suffix}"] += grad
            dy = dx  # (6a)
        self._tape = None
        return self._as_given(dy, batched), self._join_state(dh0, dc0, batched)

    def stream(self, batch_size=1):
        """Return a `Stream`, which takes one step a call."""
        return Stream(self, batch_size)


class RNN(_Model):
    """Elman RNN, equations (2)."""

    cell = "rnn"

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1,
                 nonlinearity: str = "tanh", bias: bool = True, batch_first: bool = False,
                 dropout: float = 0.0, bidirectional: bool = False, dtype: str = "float64",
                 seed: int | None = None) -> None:
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout,
                         bidirectional, dtype, seed, nonlinearity=nonlinearity)


class LSTM(_Model):
    """Long short-term memory, equations (3)."""

    cell = "lstm"

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
                 proj_size: int = 0, dtype: str = "float64", seed: int | None = None) -> None:
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout,
                         bidirectional, dtype, seed, proj_size=proj_size)


class GRU(_Model):
    """Gated recurrent unit, equations (4)."""

    cell = "gru"

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
                 dtype: str = "float64", seed: int | None = None) -> None:
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout,
                         bidirectional, dtype, seed)
