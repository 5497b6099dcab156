# SPDX-License-Identifier: Apache-2.0
"""Weights of one (layer, direction), packed for the kernels."""

import threading

import numpy as np

from libc.string cimport memset, strcmp

from fastrnn._core.kernels cimport (
    FASTRNN_CELLS, FASTRNN_ELU, FASTRNN_EXPONENTIAL, FASTRNN_F32, FASTRNN_F64,
    FASTRNN_HARD_SIGMOID, FASTRNN_LINEAR, FASTRNN_MAX_GATES, FASTRNN_RELU, FASTRNN_RELU6,
    FASTRNN_SELU, FASTRNN_SIGMOID, FASTRNN_SOFTPLUS, FASTRNN_SOFTSIGN, FASTRNN_TANH,
    fastrnn_describe, fastrnn_input_order, fastrnn_pack, fastrnn_pack_bytes, fastrnn_panel_count,
    fastrnn_source, fastrnn_unpack,
)
from fastrnn._core.stack cimport fastrnn_spec, fastrnn_weights
from fastrnn._core.runtime cimport kernels_of, new_stack, view_layer

cnp.import_array()

ACTIVATIONS = {
    "tanh": FASTRNN_TANH, "relu": FASTRNN_RELU, "sigmoid": FASTRNN_SIGMOID,
    "hard_sigmoid": FASTRNN_HARD_SIGMOID, "linear": FASTRNN_LINEAR, "elu": FASTRNN_ELU,
    "softplus": FASTRNN_SOFTPLUS, "softsign": FASTRNN_SOFTSIGN, "selu": FASTRNN_SELU,
    "exponential": FASTRNN_EXPONENTIAL, "relu6": FASTRNN_RELU6,
}
TORCH_ORDER = tuple(range(FASTRNN_MAX_GATES))


cdef class CellDescription:
    """What Python reads of a cell.

    Attributes
    ----------
    gates : int
        G.
    has_c : bool
        Whether there is a second state, c.
    can_project : bool
        Whether there are forms with a projection.
    """
    cdef readonly int gates
    cdef readonly bint has_c, can_project


cdef int cell_number(str name, bint reset_after) except -1:
    """The cell of this name. Where two have it, one resets the state before the product, the other
    what the product gives."""
    cdef const fastrnn_description *d
    cdef bytes wanted = name.encode()
    cdef int cell, found = -1
    for cell in range(FASTRNN_CELLS):
        d = fastrnn_describe(cell)
        if strcmp(d.name, wanted) == 0 and (found < 0 or (d.reset_slot < 0) == reset_after):
            found = cell
    if found < 0:
        raise ValueError(f"there is no cell named {name!r}")
    return found


def describe(str name):
    """Return the CellDescription of "rnn", "lstm" or "gru"."""
    cdef const fastrnn_description *d = fastrnn_describe(cell_number(name, True))
    cdef CellDescription described = CellDescription()
    described.gates, described.has_c = d.gates, d.has_c
    described.can_project = d.can_project
    return described


cdef class Pack:
    pass


cdef class GatePack:
    pass


cdef tuple input_order(const fastrnn_description *description):
    cdef int order[FASTRNN_MAX_GATES]
    fastrnn_input_order(description, order)
    return tuple([order[slot] for slot in range(description.gates)])


cdef Pack _new_pack(const fastrnn_kernels *kernels, Py_ssize_t units, int gates, Py_ssize_t depth):
    cdef Pack pack = Pack()
    pack.matrix.shape.units = units
    pack.matrix.shape.gates = gates
    pack.matrix.shape.depth = depth
    pack.matrix.panels = fastrnn_panel_count(kernels, &pack.matrix.shape)
    pack.memory = Memory()
    pack.memory.allocate(fastrnn_pack_bytes(kernels, &pack.matrix.shape))
    pack.matrix.data = pack.memory.base
    return pack


cdef Pack _pack_gates(const fastrnn_kernels *kernels, cnp.ndarray w, int gates):
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
        source.gate_order[g] = g
    with nogil:
        fastrnn_pack(kernels, &pack.matrix.shape, &source, 0, depth, pack.memory.base)
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
            fastrnn_pack(kernels, &pack.matrix.shape, &source, g * units, units, pack.memory.base)
    return pack


cdef void _unpack(const fastrnn_kernels *kernels, const fastrnn_matrix *matrix, tuple order,
                  cnp.ndarray to) except *:
    """Into `to` (G*H, K), in torch layout, the matrix whose gates have this order."""
    cdef int orders[FASTRNN_MAX_GATES]
    cdef void *data = cnp.PyArray_DATA(to)
    cdef int g
    for g in range(FASTRNN_MAX_GATES):
        orders[g] = order[g] if g < len(order) else 0
    with nogil:
        fastrnn_unpack(kernels, &matrix.shape, matrix.data, orders, data)


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


cdef tuple _activation_pair(activations):
    """Numbers of the activation and the recurrent activation."""
    if activations is None or isinstance(activations, str):
        activations = activations, None
    activation, recurrent = activations
    return ACTIVATIONS[activation or "tanh"], ACTIVATIONS[recurrent or "sigmoid"]


cdef void _describe(fastrnn_spec *spec, str name, activations, bint reset_after) except *:
    """All of a spec but dtype, instruction set and sizes."""
    cdef int cell = cell_number(name, reset_after)
    cdef const fastrnn_description *d = fastrnn_describe(cell)
    activation, recurrent = _activation_pair(activations)
    memset(spec, 0, sizeof(spec[0]))
    spec.size = sizeof(spec[0])
    spec.num_layers = 1
    spec.cell = cell_number(name, True)
    spec.reset_before = d.reset_slot >= 0
    spec.f.kind = activation
    if d.has_gate_activation:
        spec.f.kind = recurrent
        spec.g.kind = activation
    if d.has_h_activation:
        spec.h.kind = activation


cdef cnp.ndarray _aligned(array):
    return array if array is None or cnp.PyArray_ISALIGNED(<cnp.ndarray> array) else array.copy()


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
        cdef fastrnn_spec spec
        self.dtype = FASTRNN_F64 if w_ih.dtype == np.float64 else FASTRNN_F32
        self.kernels = kernels_of(self.dtype)
        _describe(&spec, cell, activations, reset_after)
        spec.dtype = self.dtype
        spec.isa = self.kernels.isa
        spec.input_size = w_ih.shape[1]
        spec.hidden_size = w_ih.shape[0] // fastrnn_describe(spec.cell).gates
        spec.proj_size = 0 if w_hr is None else w_hh.shape[1]
        self.pack_forward(&spec, _aligned(w_ih), _aligned(w_hh), _aligned(b_ih), _aligned(b_hh),
                          _aligned(w_hr))
        self.description = self.view.cell
        self.cell, self.fused, self.gates = self.view.kind, self.view.fused, self.view.cell.gates
        self.input_size, self.hidden_size = self.view.inputs, self.view.hidden
        self.output_size = self.view.outputs
        self.projected = w_hr is not None
        if b_ih is not None:
            self.input_bias = <const char *> self.view.bias
        if b_hh is not None:
            self.recurrent_bias = <const char *> self.view.recurrent_bias
        self.lock = threading.Lock()
        self.packs_of_gates = {}
        if training:
            self._pack_backward(w_ih, w_hh, w_hr)

    cdef void pack_forward(self, const fastrnn_spec *spec, cnp.ndarray w_ih, cnp.ndarray w_hh,
                           cnp.ndarray b_ih, cnp.ndarray b_hh, cnp.ndarray w_hr) except *:
        cdef fastrnn_weights weights
        memset(&weights, 0, sizeof(weights))
        weights.size = sizeof(weights)
        weights.w_ih = cnp.PyArray_DATA(w_ih)
        weights.w_hh = cnp.PyArray_DATA(w_hh)
        if b_ih is not None:
            weights.b_ih = cnp.PyArray_DATA(b_ih)
        if b_hh is not None:
            weights.b_hh = cnp.PyArray_DATA(b_hh)
        if w_hr is not None:
            weights.w_hr = cnp.PyArray_DATA(w_hr)
        self.memory = new_stack(spec, &weights)
        view_layer(self.memory, &self.view)

    def _pack_backward(self, w_ih, w_hh, w_hr):
        order = input_order(self.description)
        self.w_back = _pack_rows(self.kernels, w_ih, self.gates, order)
        self.r_back = _pack_rows(self.kernels, w_hh, self.gates, TORCH_ORDER)
        if w_hr is not None:
            self.projection_back = _pack_rows(self.kernels, w_hr, 1, TORCH_ORDER)
        if not self.fused:
            self._pack_by_gates(w_hh, False, True)
        self.has_backward = True

    def _new_weight(self, rows, columns):
        return np.empty((rows, columns), "f8" if self.dtype == FASTRNN_F64 else "f4")

    def _unpacked_w(self):
        cdef cnp.ndarray w = self._new_weight(self.gates * self.hidden_size, self.input_size)
        _unpack(self.kernels, &self.view.w, input_order(self.description), w)
        return w

    def _unpacked_r(self):
        cdef Py_ssize_t H = self.hidden_size, first
        cdef cnp.ndarray w = self._new_weight(self.gates * H, self.output_size)
        cdef int i
        if self.fused:
            _unpack(self.kernels, &self.view.r[0], TORCH_ORDER, w)
        for i in range(0 if self.fused else self.description.recurrent_groups):
            first = self.description.recurrent[i].gate
            _unpack(self.kernels, &self.view.r[i], TORCH_ORDER, w[first * H:])
        return w

    def _unpacked_projection(self):
        cdef cnp.ndarray w
        if not self.projected:
            return None
        w = self._new_weight(self.output_size, self.hidden_size)
        _unpack(self.kernels, &self.view.projection, TORCH_ORDER, w)
        return w

    cdef void need_backward(self) except *:
        """Packs for BPTT."""
        if self.has_backward:
            return
        with self.lock:
            if not self.has_backward:
                self._pack_backward(self._unpacked_w(), self._unpacked_r(),
                                    self._unpacked_projection())

    cdef void need_plain_w(self) except *:
        """W as BLAS reads it, made when first asked for."""
        if self.plain_w_data != NULL:
            return
        with self.lock:
            if self.plain_w_data == NULL:
                self.plain_w = self._unpacked_w()
                self.plain_w_data = <const char *> cnp.PyArray_DATA(<cnp.ndarray> self.plain_w)

    cdef list gate_packs(self, bint each, bint back):
        """GatePacks of each gate, or else, of an unfused cell, of those that read the same
        state."""
        packs = self.packs_of_gates.get((each, back))
        if packs is None:
            with self.lock:
                if each or back:
                    packs = self._pack_by_gates(self._unpacked_r(), each, back)
                else:
                    packs = self._packed_by_gates()
        return packs

    def _packed_by_gates(self):
        """Those of the forward, which the layer has."""
        cdef GatePack gates
        cdef int i = 0
        groups = _gate_groups(self.description, False)
        for gates in groups:
            gates.matrix = self.view.r[i]
            i += 1
        return self.packs_of_gates.setdefault((False, False), groups)

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
            else:
                gates.pack = _pack_gates(self.kernels, rows, count)
            gates.matrix = gates.pack.matrix
        return self.packs_of_gates.setdefault((each, back), groups)
