# SPDX-License-Identifier: Apache-2.0
"""Weights of one (layer, direction), packed for the kernels."""

import threading

import numpy as np

cimport numpy as cnp

from fastrnn._core.kernels cimport (
    FASTRNN_F32, FASTRNN_F64, FASTRNN_GRU, FASTRNN_LSTM, FASTRNN_RELU, FASTRNN_RNN,
    FASTRNN_SIGMOID, FASTRNN_TANH, fastrnn_pack, fastrnn_pack_bytes, fastrnn_panel_count,
    fastrnn_source,
)
from fastrnn._core.runtime cimport kernels_of

cnp.import_array()

CELLS = {"rnn": FASTRNN_RNN, "lstm": FASTRNN_LSTM, "gru": FASTRNN_GRU}
ACTIVATIONS = {None: FASTRNN_TANH, "tanh": FASTRNN_TANH, "relu": FASTRNN_RELU,
               "sigmoid": FASTRNN_SIGMOID}

# The gates buffer of a GRU holds n r z (then q): the input side is its first three slots, the
# recurrent side r z q its last three, each one contiguous matrix for the products of BPTT.
GRU_INPUT_ORDER = (2, 0, 1)
TORCH_ORDER = (0, 1, 2, 3)


cdef class Pack:
    """One matrix in panels; `panels` counts them."""

    cdef const void *data(self) noexcept nogil:
        return self.memory.base


cdef tuple input_order(int cell):
    return GRU_INPUT_ORDER if cell == FASTRNN_GRU else TORCH_ORDER


cdef Pack _new_pack(const fastrnn_kernels *kernels, Py_ssize_t units, int gates, Py_ssize_t depth):
    cdef Pack pack = Pack()
    pack.shape.units = units
    pack.shape.gates = gates
    pack.shape.depth = depth
    pack.panels = fastrnn_panel_count(kernels, &pack.shape)
    pack.memory = Memory()
    pack.memory.allocate(fastrnn_pack_bytes(kernels, &pack.shape))
    return pack


cdef Pack _pack_gates(const fastrnn_kernels *kernels, cnp.ndarray w, int gates, tuple order):
    """w (G*H, K) in torch layout -> K deep, G gates of H columns."""
    cdef Py_ssize_t depth = w.shape[1], units = w.shape[0] // gates
    cdef Pack pack = _new_pack(kernels, units, gates, depth)
    cdef fastrnn_source source
    cdef int g
    source.base = cnp.PyArray_DATA(w)
    source.k_stride = 1
    source.unit_stride = depth
    source.gate_stride = units * depth
    for g in range(4):
        source.gate_order[g] = order[g] if g < len(order) else 0
    with nogil:
        fastrnn_pack(kernels, &pack.shape, &source, 0, depth, pack.memory.base)
    return pack


cdef Pack _pack_rows(const fastrnn_kernels *kernels, cnp.ndarray w, int gates, tuple order):
    """w (G*H, columns) -> G*H deep, in the gate order of the buffer that multiplies it."""
    cdef Py_ssize_t units = w.shape[0] // gates, columns = w.shape[1]
    cdef Py_ssize_t itemsize = w.dtype.itemsize
    cdef Pack pack = _new_pack(kernels, columns, 1, w.shape[0])
    cdef fastrnn_source source
    cdef char *base = <char *> cnp.PyArray_DATA(w)
    cdef int g, from_gate
    source.k_stride = columns
    source.unit_stride = 1
    source.gate_stride = 0
    for g in range(gates):
        from_gate = order[g]
        source.base = base + from_gate * units * columns * itemsize
        with nogil:
            fastrnn_pack(kernels, &pack.shape, &source, g * units, units, pack.memory.base)
    return pack


cdef class PackedLayer:
    """Packs of one (layer, direction). Immutable, so any number of threads may share it.

    Parameters
    ----------
    cell : "rnn", "lstm" or "gru"
    nonlinearity : "tanh", "relu", "sigmoid" or None
        Of the RNN cell; None for the others.
    w_ih, w_hh, b_ih, b_hh, w_hr : ndarray or None
        C-contiguous, one dtype, torch layouts; biases and projection may be None. The layer
        keeps references to them: they must not change while it is in use.
    """

    def __init__(self, str cell, nonlinearity, w_ih, w_hh, b_ih, b_hh, w_hr):
        self.cell = CELLS[cell]
        self.activation = ACTIVATIONS[nonlinearity]
        self.dtype = FASTRNN_F64 if w_ih.dtype == np.float64 else FASTRNN_F32
        self.kernels = kernels_of(self.dtype)
        self.gates = 4 if self.cell == FASTRNN_LSTM else 3 if self.cell == FASTRNN_GRU else 1
        self.input_size = w_ih.shape[1]
        self.hidden_size = w_ih.shape[0] // self.gates
        self.output_size = w_hh.shape[1]
        self.w_ih, self.w_hh, self.b_ih, self.b_hh, self.w_hr = w_ih, w_hh, b_ih, b_hh, w_hr
        self.lock = threading.Lock()
        self._pack_forward()

    def _pack_forward(self):
        cdef Py_ssize_t H = self.hidden_size
        self.w = _pack_gates(self.kernels, self.w_ih, self.gates, input_order(self.cell))
        self.r = _pack_gates(self.kernels, self.w_hh, self.gates, TORCH_ORDER)
        if self.w_hr is not None:
            self.projection = _pack_gates(self.kernels, self.w_hr, 1, TORCH_ORDER)
        self.w_ih_data = <const char *> cnp.PyArray_DATA(<cnp.ndarray> self.w_ih)
        if self.b_ih is None:
            return
        if self.cell == FASTRNN_GRU:
            both = self.b_ih[:2 * H] + self.b_hh[:2 * H]
            self.bias = np.concatenate([self.b_ih[2 * H:], both])
            self.bias_new = np.array(self.b_hh[2 * H:])
            self.bias_new_data = <const char *> cnp.PyArray_DATA(<cnp.ndarray> self.bias_new)
        else:
            self.bias = self.b_ih + self.b_hh
        self.bias_data = <const char *> cnp.PyArray_DATA(<cnp.ndarray> self.bias)

    cdef void need_backward(self) except *:
        """Packs for BPTT, made when first asked for."""
        if self.has_backward:
            return
        with self.lock:
            if self.has_backward:
                return
            self.w_back = _pack_rows(self.kernels, self.w_ih, self.gates, input_order(self.cell))
            self.r_back = _pack_rows(self.kernels, self.w_hh, self.gates, TORCH_ORDER)
            if self.w_hr is not None:
                self.projection_back = _pack_rows(self.kernels, self.w_hr, 1, TORCH_ORDER)
            self.has_backward = True
