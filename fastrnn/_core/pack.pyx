# SPDX-License-Identifier: Apache-2.0
"""Weights of one (layer, direction), packed for the kernels."""

import threading
from collections import namedtuple

import numpy as np

from libc.string cimport memset

from fastrnn._core.kernels cimport (
    FASTRNN_CELLS, FASTRNN_ELU, FASTRNN_EXPONENTIAL, FASTRNN_F32, FASTRNN_F64,
    FASTRNN_HARD_SIGMOID, FASTRNN_LINEAR, FASTRNN_MAX_GATES, FASTRNN_RELU, FASTRNN_RELU6,
    FASTRNN_SELU, FASTRNN_SIGMOID, FASTRNN_SOFTPLUS, FASTRNN_SOFTSIGN, FASTRNN_TANH,
    fastrnn_describe, fastrnn_input_order, fastrnn_pack, fastrnn_pack_bytes, fastrnn_panel_count,
    fastrnn_source, fastrnn_unpack,
)
from fastrnn._core.runtime cimport kernels_of

cnp.import_array()

ACTIVATIONS = {
    "tanh": FASTRNN_TANH, "relu": FASTRNN_RELU, "sigmoid": FASTRNN_SIGMOID,
    "hard_sigmoid": FASTRNN_HARD_SIGMOID, "linear": FASTRNN_LINEAR, "elu": FASTRNN_ELU,
    "softplus": FASTRNN_SOFTPLUS, "softsign": FASTRNN_SOFTSIGN, "selu": FASTRNN_SELU,
    "exponential": FASTRNN_EXPONENTIAL, "relu6": FASTRNN_RELU6,
}
TORCH_ORDER = tuple(range(FASTRNN_MAX_GATES))

CellDescription = namedtuple("CellDescription", "name gates has_c can_project has_gate_activation")


cdef int cell_number(str name, bint reset_after) except -1:
    """The cell of this name. Where two have it, one resets the state before the product, the other
    what the product gives."""
    cdef const fastrnn_description *d
    cdef int cell, found = -1
    for cell in range(FASTRNN_CELLS):
        d = fastrnn_describe(cell)
        if d.name.decode() == name and (found < 0 or (d.reset_slot < 0) == reset_after):
            found = cell
    if found < 0:
        raise ValueError(f"there is no cell named {name!r}")
    return found


def describe(str name):
    """Return the CellDescription of "rnn", "lstm" or "gru": G, and what the cell has."""
    cdef const fastrnn_description *d = fastrnn_describe(cell_number(name, True))
    return CellDescription(name, d.gates, bool(d.has_c), bool(d.can_project),
                           bool(d.has_gate_activation))


cdef class Pack:

    cdef const void *data(self) noexcept nogil:
        return self.memory.base


cdef class GatePack:
    pass


cdef tuple input_order(const fastrnn_description *description):
    cdef int order[FASTRNN_MAX_GATES]
    fastrnn_input_order(description, order)
    return tuple([order[slot] for slot in range(description.gates)])


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
    for g in range(FASTRNN_MAX_GATES):
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


cdef cnp.ndarray _unpack(const fastrnn_kernels *kernels, Pack pack, tuple order):
    """The matrix of `_pack_gates`, in torch layout."""
    cdef Py_ssize_t rows = pack.shape.gates * pack.shape.units
    cdef cnp.ndarray w = np.empty(
        (rows, pack.shape.depth), np.float64 if kernels.dtype == FASTRNN_F64 else np.float32)
    cdef int orders[FASTRNN_MAX_GATES]
    cdef void *to = cnp.PyArray_DATA(w)
    cdef int g
    for g in range(FASTRNN_MAX_GATES):
        orders[g] = order[g] if g < len(order) else 0
    with nogil:
        fastrnn_unpack(kernels, &pack.shape, pack.memory.base, orders, to)
    return w


cdef tuple _activation_pair(activations):
    """Numbers of the activation and the recurrent activation."""
    if activations is None or isinstance(activations, str):
        activations = activations, None
    activation, recurrent = activations
    return ACTIVATIONS[activation or "tanh"], ACTIVATIONS[recurrent or "sigmoid"]


cdef bint _has_fused_kernel(PackedLayer layer) noexcept:
    """The fused cells read one state, as it is. Those with gates know their activations."""
    if layer.description.reset_slot >= 0:
        return False
    if not layer.description.has_gate_activation:
        return layer.activation in (FASTRNN_TANH, FASTRNN_RELU, FASTRNN_SIGMOID)
    return layer.activation == FASTRNN_TANH and layer.recurrent_activation == FASTRNN_SIGMOID


cdef list _gate_groups(const fastrnn_description *description, bint each):
    """The groups of gates that read the same state, as GatePacks without a pack, or each gate as
    a group."""
    cdef GatePack gates
    cdef int i, k
    groups = []
    for i in range(description.recurrent_groups):
        for k in range(description.recurrent[i].count if each else 1):
            gates = GatePack()
            gates.group = description.recurrent[i]
            if each:
                gates.group.gate += k
                gates.group.slot += k
                gates.group.count = 1
            groups.append(gates)
    return groups


cdef void set_activations(fastrnn_activations *to, PackedLayer layer) noexcept:
    """The activations of a step: f of the gates, or of a cell that has no other; g and h of what
    becomes state."""
    memset(to, 0, sizeof(to[0]))
    to.f.kind = layer.activation
    if layer.description.has_gate_activation:
        to.f.kind = layer.recurrent_activation
    to.g.kind = to.h.kind = layer.activation


cdef class PackedLayer:
    """Packs of one (layer, direction), a snapshot of its weights: what happens to the arrays later
    does not reach it. Immutable, so any number of threads may share it.

    Parameters
    ----------
    cell : "rnn", "lstm" or "gru"
    activations : str, pair of str, or None
        The activation (RNN: of h; LSTM: of g and c; GRU: of n) and the recurrent activation of the
        gates, names of ACTIVATIONS; one name is the first of them. None is "tanh", "sigmoid".
    w_ih, w_hh, b_ih, b_hh, w_hr : ndarray or None
        C-contiguous, one dtype, torch layouts; both biases, b_hh alone, and the projection may be
        None.
    reset_after : bool
        GRU: whether r meets R_n h' + b_hn, or else, before the product, h'.
    training : bool
        Whether a backward is to be expected: its packs are made with the others then, which is
        cheaper than at the first backward.
    """

    def __init__(self, str cell, activations, w_ih, w_hh, b_ih, b_hh, w_hr, bint reset_after=True,
                 bint training=False):
        self.cell = cell_number(cell, reset_after)
        self.description = fastrnn_describe(self.cell)
        self.activation, self.recurrent_activation = _activation_pair(activations)
        self.fused = _has_fused_kernel(self)
        self.dtype = FASTRNN_F64 if w_ih.dtype == np.float64 else FASTRNN_F32
        self.kernels = kernels_of(self.dtype)
        self.gates = self.description.gates
        self.input_size = w_ih.shape[1]
        self.hidden_size = w_ih.shape[0] // self.gates
        self.output_size = w_hh.shape[1]
        self.lock = threading.Lock()
        self.packs_of_gates = {}
        self._pack_forward(w_ih, w_hh, w_hr)
        self._fold_biases(b_ih, b_hh)
        if not self.fused:
            self._pack_by_gates(w_hh, False, False)
        if training:
            self._pack_backward(w_ih, w_hh, w_hr)
            if not self.fused:
                self._pack_by_gates(w_hh, False, True)

    def _pack_forward(self, w_ih, w_hh, w_hr):
        order = input_order(self.description)
        self.w = _pack_gates(self.kernels, w_ih, self.gates, order)
        self.r = _pack_gates(self.kernels, w_hh, self.gates, TORCH_ORDER)
        if w_hr is not None:
            self.projection = _pack_gates(self.kernels, w_hr, 1, TORCH_ORDER)

    def _fold_biases(self, b_ih, b_hh):
        """Both biases are added to W x, but for the recurrent one of a gate that has it apart."""
        cdef int apart = self.description.apart_bias
        cdef Py_ssize_t H = self.hidden_size
        if b_ih is None:
            return
        folded = np.array(b_ih if b_hh is None else b_ih + b_hh).reshape(self.gates, H)
        recurrent = None
        if apart >= 0 and b_hh is not None:
            folded[apart] = b_ih[apart * H:(apart + 1) * H]
            recurrent = np.array(b_hh[apart * H:(apart + 1) * H])
            self.recurrent_bias = <const char *> cnp.PyArray_DATA(<cnp.ndarray> recurrent)
        folded = np.ascontiguousarray(folded[list(input_order(self.description))])
        self.input_bias = <const char *> cnp.PyArray_DATA(<cnp.ndarray> folded)
        self.biases = folded, recurrent

    def _pack_backward(self, w_ih, w_hh, w_hr):
        order = input_order(self.description)
        self.w_back = _pack_rows(self.kernels, w_ih, self.gates, order)
        self.r_back = _pack_rows(self.kernels, w_hh, self.gates, TORCH_ORDER)
        if w_hr is not None:
            self.projection_back = _pack_rows(self.kernels, w_hr, 1, TORCH_ORDER)
        self.has_backward = True

    cdef void need_backward(self) except *:
        """Packs for BPTT."""
        if self.has_backward:
            return
        with self.lock:
            if self.has_backward:
                return
            self._pack_backward(
                _unpack(self.kernels, self.w, input_order(self.description)),
                _unpack(self.kernels, self.r, TORCH_ORDER),
                None if self.projection is None else _unpack(
                    self.kernels, self.projection, TORCH_ORDER),
            )

    cdef void need_plain_w(self) except *:
        """W as BLAS reads it, made when first asked for."""
        if self.plain_w_data != NULL:
            return
        with self.lock:
            if self.plain_w_data == NULL:
                self.plain_w = _unpack(self.kernels, self.w, input_order(self.description))
                self.plain_w_data = <const char *> cnp.PyArray_DATA(<cnp.ndarray> self.plain_w)

    cdef list gate_packs(self, bint each, bint back):
        """GatePacks of each gate, or else of those that read the same state."""
        packs = self.packs_of_gates.get((each, back))
        if packs is None:
            with self.lock:
                packs = self._pack_by_gates(_unpack(self.kernels, self.r, TORCH_ORDER), each, back)
        return packs

    def _pack_by_gates(self, w_hh, bint each, bint back):
        cdef Py_ssize_t H = self.hidden_size
        cdef GatePack gates
        cdef int first, count
        groups = _gate_groups(self.description, each)
        for gates in groups:
            first, count = gates.group.gate, gates.group.count
            rows = w_hh[first * H:(first + count) * H]
            if back:
                gates.pack = _pack_rows(self.kernels, rows, count, TORCH_ORDER)
            elif count == self.gates:
                gates.pack = self.r
            else:
                gates.pack = _pack_gates(self.kernels, rows, count, TORCH_ORDER)
        return self.packs_of_gates.setdefault((each, back), groups)
