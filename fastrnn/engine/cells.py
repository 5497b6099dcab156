# SPDX-License-Identifier: Apache-2.0
"""RNN, LSTM and GRU on NumPy arrays, with torch.nn's names, layouts and semantics.

Sizes: T steps, N rows (batch), I = input_size, H = hidden_size, P = proj_size or H, D = 2
directions where bidirectional, else 1; S = num_layers * D states, layer by layer, in each layer
the forward direction first.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from .._common import checks
from .network import Engine

if TYPE_CHECKING:    # slow to load
    from numpy.typing import DTypeLike


class RNN(Engine):
    """Elman network: h' = act(W x + b_ih + R h + b_hh).

    As `LSTM`, but the state is the one array h (S, N, H), there is no `proj_size`, and
    `nonlinearity` is the act of the equation: "tanh", "relu" or "sigmoid".
    """

    cell = "rnn"

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1,
                 nonlinearity: str = "tanh", bias: bool = True, batch_first: bool = False,
                 dropout: float = 0.0, bidirectional: bool = False,
                 dtype: DTypeLike = "float32",
                 seed: int | np.random.Generator | None = None) -> None:
        checks.choice("nonlinearity", nonlinearity, ("tanh", "relu", "sigmoid"))
        super().__init__(
            input_size=input_size, hidden_size=hidden_size, num_layers=num_layers,
            nonlinearity=nonlinearity, bias=bias, batch_first=batch_first, dropout=dropout,
            bidirectional=bidirectional, dtype=dtype, seed=seed,
        )


class GRU(Engine):
    """Gated recurrent unit, the reset gate acting after the product (Cho et al. 2014, as cuDNN).

    ::

        r = sigmoid(W_r x + b_ir + R_r h + b_hr)
        z = sigmoid(W_z x + b_iz + R_z h + b_hz)
        n = tanh(W_n x + b_in + r * (R_n h + b_hn))
        h' = (1 - z) * n + z * h

    As `LSTM`, but the state is the one array h (S, N, H), there is no `proj_size`, and the rows
    of the weights are the gates r, z, n.
    """

    cell = "gru"

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
                 dtype: DTypeLike = "float32",
                 seed: int | np.random.Generator | None = None) -> None:
        super().__init__(
            input_size=input_size, hidden_size=hidden_size, num_layers=num_layers, bias=bias,
            batch_first=batch_first, dropout=dropout, bidirectional=bidirectional, dtype=dtype,
            seed=seed,
        )


class LSTM(Engine):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; with projection, Sak et al. 2014).

    ::

        i, f, o = sigmoid(W_ x + b_i_ + R_ h + b_h_)    each with its own rows of W, R and b
        g = tanh(W_g x + b_ig + R_g h + b_hg)
        c' = f * c + i * g
        h' = o * tanh(c'), with proj_size: h' = W_hr (o * tanh(c'))

    Calling the model, ``y, (h_n, c_n) = m(x, state=None, lengths=None)``, runs a sequence
    (torch's names ``input=`` and ``hx=`` stand for the first two):

    - x (T, N, I); (N, T, I) where `batch_first`; (T, I) unbatched. Any strides; not modified. Its
      dtype must be the model's. Rows may be none (N = 0), steps must be at least one.
    - state (h0, c0): (S, N, P) and (S, N, H), S = num_layers * D, never batch-first; 2-D where x
      is. None stands for zeros.
    - lengths: N integers in 0..T, in any order: the valid steps of each row. Past its length a
      row's outputs are 0; its final state is that of its last valid step (its initial state where
      the length is 0); the reverse direction starts at its last valid step.
    - y: the last layer's outputs, as x but D * P wide. (h_n, c_n): the final states.

    In training mode (`train`; evaluation is the default) a call keeps what `backward` needs until
    the next one. It keeps x itself, not a copy: leave x unchanged until then. Any number of
    threads may call one model in evaluation mode; training, and changing weights, are for one
    thread at a time.

    Parameters are named and laid out as in torch.nn: ``weight_ih_l{k}`` (4H, I or D*P),
    ``weight_hh_l{k}`` (4H, P), ``bias_ih_l{k}`` and ``bias_hh_l{k}`` (4H,), ``weight_hr_l{k}``
    (P, H) with a projection; ``_reverse`` is appended for the second direction; the rows are the
    gates i, f, g, o. They are attributes too: reading one gives a read-only array, assigning to
    it (``m.weight_ih_l0 = array``) copies the values in.

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.
    num_layers : int
        Layers, each reading the outputs of the one before.
    bias : bool
        Whether there are the two bias vectors.
    batch_first : bool
        Whether x and y are (N, T, ...).
    dropout : float
        In training, the probability with which an output of any layer but the last is zeroed,
        anew for each element and step; the others are scaled by 1 / (1 - dropout).
    bidirectional : bool
        Whether a second set of weights reads each sequence from its end; D = 2.
    proj_size : int
        Width P of the projected h; 0 for none.
    dtype : str or numpy.dtype
        float32 or float64.
    seed : int, numpy.random.Generator or None
        For the initial values, U(-1/sqrt(H), 1/sqrt(H)), then for dropout.

    Raises
    ------
    TypeError, ValueError
        For an argument of the wrong kind, or out of its range or too large.
    """

    cell = "lstm"
    has_cell_state = True

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
                 proj_size: int = 0, dtype: DTypeLike = "float32",
                 seed: int | np.random.Generator | None = None) -> None:
        super().__init__(
            input_size=input_size, hidden_size=hidden_size, num_layers=num_layers, bias=bias,
            batch_first=batch_first, dropout=dropout, bidirectional=bidirectional,
            proj_size=proj_size, dtype=dtype, seed=seed,
        )


CELLS: dict[str, type[RNN] | type[LSTM] | type[GRU]] = {
    model.cell: model for model in (RNN, LSTM, GRU)}


def load(path: str | PathLike[str]) -> RNN | LSTM | GRU:
    """Return the model that `save` wrote to `path`, in evaluation mode.

    Raises
    ------
    OSError
        If the file cannot be opened.
    fastrnn.io.FileFormatError
        If it is not a whole, intact file of an engine model.
    """
    from .. import io  # slow to load, for files alone

    arrays, header = io.read(path, kind="engine")
    with io.malformed(path):
        classes = {cell.upper(): model for cell, model in CELLS.items()}
        made_by = classes[checks.choice("class", header["class"], tuple(classes))]
        arguments = header["arguments"]
        # Before a model is made: a wrong header must not ask for memory.
        io.check_shapes(path, arrays, made_by._stored_shapes(**arguments))
        model = made_by(**arguments)
        model.load_state_dict(arrays)
    return model
