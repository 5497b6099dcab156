# SPDX-License-Identifier: Apache-2.0
"""Weights of one (layer, direction), packed for the kernels."""

import threading

import numpy as np

from libc.string cimport memset

cimport numpy as cnp

from fastrnn._core.kernels cimport (
    FASTRNN_ELU, FASTRNN_EXPONENTIAL, FASTRNN_F32, FASTRNN_F64, FASTRNN_GRU, FASTRNN_HARD_SIGMOID,
    FASTRNN_LINEAR, FASTRNN_LSTM, FASTRNN_RELU, FASTRNN_RELU6, FASTRNN_RNN, FASTRNN_SELU,
    FASTRNN_SIGMOID, FASTRNN_SOFTPLUS, FASTRNN_SOFTSIGN, FASTRNN_TANH, fastrnn_pack,
    fastrnn_pack_bytes, fastrnn_panel_count, fastrnn_source,
)
from fastrnn._core.runtime cimport kernels_of

cnp.import_array()

CELLS = {"rnn": FASTRNN_RNN, "lstm": FASTRNN_LSTM, "gru": FASTRNN_GRU}
ACTIVATIONS = {
    "tanh": FASTRNN_TANH, "relu": FASTRNN_RELU, "sigmoid": FASTRNN_SIGMOID,
    "hard_sigmoid": FASTRNN_HARD_SIGMOID, "linear": FASTRNN_LINEAR, "elu": FASTRNN_ELU,
    "softplus": FASTRNN_SOFTPLUS, "softsign": FASTRNN_SOFTSIGN, "selu": FASTRNN_SELU,
    "exponential": FASTRNN_EXPONENTIAL, "relu6": FASTRNN_RELU6,
}

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


cdef tuple _activation_pair(activations):
    """Numbers of the activation and the recurrent activation."""
    if activations is None or isinstance(activations, str):
        activations = activations, None
    activation, recurrent = activations
    return ACTIVATIONS[activation or "tanh"], ACTIVATIONS[recurrent or "sigmoid"]


cdef bint _has_fused_kernel(PackedLayer layer) noexcept:
    if layer.cell == FASTRNN_RNN:
        return layer.activation in (FASTRNN_TANH, FASTRNN_RELU, FASTRNN_SIGMOID)
    if layer.cell == FASTRNN_GRU and not layer.reset_after:
        return False
    return layer.activation == FASTRNN_TANH and layer.recurrent_activation == FASTRNN_SIGMOID


cdef void set_activations(fastrnn_activations *to, PackedLayer layer) noexcept:
    """The activations of a step: f of the gates, and of the RNN; g and h of what becomes state."""
    memset(to, 0, sizeof(to[0]))
    to.f.kind = layer.activation if layer.cell == FASTRNN_RNN else layer.recurrent_activation
    to.g.kind = to.h.kind = layer.activation


cdef class PackedLayer:
    """Packs of one (layer, direction). Immutable, so any number of threads may share it.

    Parameters
    ----------
    cell : "rnn", "lstm" or "gru"
    activations : str, pair of str, or None
        The activation (RNN: of h; LSTM: of g and c; GRU: of n) and the recurrent activation of the
        gates, names of ACTIVATIONS; one name is the first of them. None is "tanh", "sigmoid".
    w_ih, w_hh, b_ih, b_hh, w_hr : ndarray or None
        C-contiguous, one dtype, torch layouts; both biases, b_hh alone, and the projection may be
        None. The layer keeps references to them: they must not change while it is in use.
    reset_after : bool
        GRU: whether r meets R_n h' + b_hn, or else, before the product, h'.
    """

    def __init__(self, str cell, activations, w_ih, w_hh, b_ih, b_hh, w_hr, bint reset_after=True):
        self.cell = CELLS[cell]
        self.activation, self.recurrent_activation = _activation_pair(activations)
        self.reset_after = reset_after
        self.fused = _has_fused_kernel(self)
        self.dtype = FASTRNN_F64 if w_ih.dtype == np.float64 else FASTRNN_F32
        self.kernels = kernels_of(self.dtype)
        self.gates = 4 if self.cell == FASTRNN_LSTM else 3 if self.cell == FASTRNN_GRU else 1
        self.input_size = w_ih.shape[1]
        self.hidden_size = w_ih.shape[0] // self.gates
        self.output_size = w_hh.shape[1]
        self.w_ih, self.w_hh, self.b_ih, self.b_hh, self.w_hr = w_ih, w_hh, b_ih, b_hh, w_hr
        self.lock = threading.Lock()
        self.packs_of_gates = {}
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
        bias = self.b_ih if self.b_hh is None else self.b_ih + self.b_hh
        if self.cell == FASTRNN_GRU:
            new = self.b_ih if self.reset_after else bias
            self.bias = np.concatenate([new[2 * H:], bias[:2 * H]])
            if self.reset_after and self.b_hh is not None:
                self.bias_new = np.array(self.b_hh[2 * H:])
                self.bias_new_data = <const char *> cnp.PyArray_DATA(<cnp.ndarray> self.bias_new)
        else:
            self.bias = np.array(bias)
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

    cdef list gate_packs(self, bint each, bint back):
        """Packs of R by groups of gates, made when first asked for: (gate, gates, Pack) of each
        gate, or else of those that read the same state."""
        cdef Py_ssize_t H = self.hidden_size
        packs = self.packs_of_gates.get((each, back))
        if packs is not None:
            return packs
        if each:
            groups = [(gate, 1) for gate in range(self.gates)]
        elif self.cell == FASTRNN_GRU:
            groups = [(0, 2), (2, 1)]
        else:
            groups = [(0, self.gates)]
        pack = _pack_rows if back else _pack_gates
        with self.lock:
            packs = [
                (gate, gates, pack(self.kernels, self.w_hh[gate * H:(gate + gates) * H], gates,
                                   TORCH_ORDER))
                for gate, gates in groups
            ]
            return self.packs_of_gates.setdefault((each, back), packs)
