# SPDX-License-Identifier: Apache-2.0
"""The oracle: RNN, LSTM and GRU in plain NumPy, forward and backward, to read and to check against.

Every formula of the engine stands here a second time, slowly and in the open. The dtype of the
arguments is the dtype of the work; the classes take float64 unless told otherwise. Arguments are
trusted: the checks of types and shapes are the engine's.

Notation
--------
    T, N      time steps, rows of the batch
    I, H, P   sizes of the input, of the hidden layer, of the state h (P = H without projection)
    W, R      input weights (GH, I), recurrent weights (GH, P) of G gates, one below the other
    x, h, c   input, state, LSTM cell; h' and c' are those of the step before
    *         product of elements; a product of matrix and vector is written without a sign
    dv        gradient dL/dv of the loss L by v; "+=" where v is used in more than one place

The equations speak of one row, the code of the whole batch: W x becomes ``x @ W.T``.

Forward
-------
All cells (layer.py)
    (1a)  u = W x + b_ih
    (1b)  v = R h' + b_hh
    (1c)  h' in (1b) is mask * h' with recurrent dropout: a mask for each gate, the same at every
          step (Gal and Ghahramani 2016; a mask for each gate as in Keras)
    (1d)  act and out are tanh and rec is sigmoid, unless others of activations.py or onnx.py are
          named
    (1e)  with clip, act and rec are of min(max(a, -clip), clip) instead of a; out is not, as in
          ONNX Runtime
RNN (rnn.py; Elman 1990)
    (2a)  a = u + v
    (2b)  h = act(a)
LSTM (lstm.py; Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000; the terms
of p are the peepholes of Gers and Schmidhuber 2000, 0 without them)
    (3a)  i = rec(u_i + v_i + p_i * c')   input gate
    (3b)  f = rec(u_f + v_f + p_f * c')   forget gate, or f = 1 - i where the two are coupled
    (3c)  g = act(u_g + v_g)              candidate
    (3d)  c = f * c' + i * g
    (3e)  o = rec(u_o + v_o + p_o * c)    output gate, which sees the new c
    (3f)  m = o * out(c)
    (3g)  h = W_hr m                    without projection: h = m (Sak et al. 2014)
GRU (gru.py; Cho et al. 2014, with the reset gate after the product, as cuDNN and torch have it)
    (4a)  r = rec(u_r + v_r)            reset gate
    (4b)  z = rec(u_z + v_z)            update gate
    (4c)  n = act(u_n + r * v_n)        candidate; r meets b_hn too, so the biases stay apart
    (4d)  h = (1 - z) * n + z * h'
GRU with the reset gate before the product, as Cho et al. have it
    (4e), (4f)  as (4a), (4b)
    (4g)  s = r * h',  n = act(u_n + v_n) with (1b) of s instead of h'
    (4h)  as (4d)
Time and layers (sequence.py, model.py)
    (5a)  h_0, c_0 = the initial state
    (5b)  h_t, c_t = cell(x_t, h_{t-1}, c_{t-1})
    (5c)  y_t = h_t,  and the state after the last step is h_n, c_n
    (6a)  x of layer k+1 = y of layer k, both directions side by side
    (6b)  times the dropout factor, in training

Backward
--------
Each forward equation is undone by the backward line of the same number, in the opposite order.
Activations are differentiated by their value (activations.py), so only values need be kept; for
one that cannot be, v * act' stands for its own backward.

    (1b)  dR += dv h'^T,  db_hh += dv,  dh' += R^T dv
    (1c)  h' in the first term is mask * h', and the last term is mask * R^T dv
    (1a)  dW += du x^T,   db_ih += du,  dx  = W^T du
    (1e)  da = 0 where |a| >= clip
RNN
    (2b)  da = dh * act'
    (2a)  du = dv = da
LSTM
    (3g)  dW_hr += dh m^T,  dm = W_hr^T dh
    (3f)  do = dm * out(c),  dc += dm * o * out'
    (3e)  du_o = dv_o = do * rec',  dp_o += du_o * c,  dc += du_o * p_o
    (3d)  df = dc * c',  di = dc * g,  dg = dc * i,  dc' = dc * f
    (3c)  du_g = dv_g = dg * act'
    (3b)  du_f = dv_f = df * rec',  dp_f += du_f * c',  dc' += du_f * p_f;  coupled: di -= df
    (3a)  du_i = dv_i = di * rec',  dp_i += du_i * c',  dc' += du_i * p_i
GRU
    (4d)  dn = dh * (1 - z),  dz = dh * (h' - n),  dh' = dh * z
    (4c)  du_n = dn * act',  dr = du_n * v_n,  dv_n = du_n * r
    (4b)  du_z = dv_z = dz * rec'
    (4a)  du_r = dv_r = dr * rec'
GRU with the reset gate before the product
    (4h)  as (4d)
    (4g)  du_n = dv_n = dn * act',  ds by (1b),  dr = ds * h',  dh' += ds * r
    (4f), (4e)  as (4b), (4a)
Time and layers (bptt.py, model.py)
    (5c)  dh_t += dy_t,  and dh, dc start as dh_n, dc_n
    (5b)  dx_t, dh_{t-1}, dc_{t-1} = the cell's backward, from the last step to the first
    (5a)  what is left in dh, dc is dh0, dc0
    (6b), (6a)  dy of layer k = dx of layer k+1, times the same dropout factor

(5c) and (5b) are backpropagation through time (Werbos 1990): h_t has two readers, the output and
the next step, so its gradient is the sum of two.
"""

from .bptt import backward
from .layer import Layer
from .model import GRU, LSTM, RNN
from .sequence import forward
from .stream import Stream

__all__ = ["GRU", "LSTM", "RNN", "Layer", "Stream", "backward", "forward"]
