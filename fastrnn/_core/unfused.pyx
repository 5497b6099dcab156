# SPDX-License-Identifier: Apache-2.0
"""Steps whose cell is not fused to its recurrent product.

Forward they are those of src_c/unfused.h, which says which cells take this way; here is what
describes them, and the steps backward: the cell alone, then a product for each group of gates that
reads the same state.

All that this writes belongs to rows of the batch, so that threads share them without waiting.
"""

from libc.string cimport memset

from fastrnn._core.pack cimport GatePack
from fastrnn._core.runtime cimport add_unfused, init_unfused, training_of

ctypedef fused real:
    float
    double


cdef void set_products(const real *a, const real *b, real *to, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        to[j] = a[j] * b[j]


cdef void add_products(const real *a, const real *b, real *to, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        to[j] += a[j] * b[j]


cdef void add_values(const real *a, real *to, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        to[j] += a[j]


cdef void mask_state(const Unfused *u, int group, const char *h, char *to, Py_ssize_t row_begin,
                     Py_ssize_t row_end) noexcept nogil:
    """to = h times the mask of a group, rows [row_begin, row_end) of dense (N, P)."""
    cdef Py_ssize_t begin = row_begin * u.P * u.itemsize, n = (row_end - row_begin) * u.P
    cdef const char *mask = u.masks + group * u.masks_stride + begin
    if u.itemsize == 4:
        set_products(<const float *> (h + begin), <const float *> mask, <float *> (to + begin), n)
    else:
        set_products(<const double *> (h + begin), <const double *> mask,
                     <double *> (to + begin), n)


cdef void add_state(const Unfused *u, int group, const char *d, char *to, Py_ssize_t row_begin,
                    Py_ssize_t row_end) noexcept nogil:
    """to += d, times the mask of a group where there are masks."""
    cdef Py_ssize_t begin = row_begin * u.P * u.itemsize, n = (row_end - row_begin) * u.P
    cdef const char *mask = u.masks + group * u.masks_stride + begin
    d += begin
    to += begin
    if u.itemsize == 4 and not u.masked:
        add_values(<const float *> d, <float *> to, n)
    elif u.itemsize == 4:
        add_products(<const float *> d, <const float *> mask, <float *> to, n)
    elif not u.masked:
        add_values(<const double *> d, <double *> to, n)
    else:
        add_products(<const double *> d, <const double *> mask, <double *> to, n)


cdef const char *state_of(const Unfused *u, int group, const char *h, Py_ssize_t row_begin,
                          Py_ssize_t row_end) noexcept nogil:
    """The state as the product of a group reads it."""
    if not u.masked:
        return h
    mask_state(u, group, h, u.seen, row_begin, row_end)
    return u.seen


cdef void add_back_products(const Unfused *u, char *gates, char *to, Py_ssize_t row_begin,
                            Py_ssize_t row_end) noexcept nogil:
    """to (N, P) += what a step's d(pre-activations) give the state before it by its products, but
    by that of a reset state."""
    cdef fastrnn_product product
    cdef int i
    for i in range(u.plain):
        product = u.groups[i].product
        product.a.base = gates + u.groups[i].slot
        product.c.base = u.seen if u.masked else to
        u.kernels.product(&product, row_begin, row_end, 0, u.groups[i].panels)
        if u.masked:
            add_state(u, i, u.seen, to, row_begin, row_end)


cdef void back_cell(const Unfused *u, const fastrnn_backward_step *step, Py_ssize_t row_begin,
                    Py_ssize_t row_end) noexcept nogil:
    """A step's d(pre-activations); what passes by its products, or by the reset state, goes to
    step.share."""
    cdef int last = u.count - 1
    cdef fastrnn_product product = u.groups[last].product
    cdef fastrnn_reset_step reset = u.reset
    u.training.cell_backward[u.cell](step, row_begin, row_end)
    if not u.groups[last].reset:
        return
    product.a.base = step.gates + u.groups[last].slot
    product.c.base = u.ds
    u.kernels.product(&product, row_begin, row_end, 0, u.groups[last].panels)
    reset.gates = step.gates
    reset.h = state_of(u, last, step.h_prev, row_begin, row_end)
    reset.d = u.ds
    u.training.reset_backward(&reset, row_begin, row_end)
    add_state(u, last, u.ds, step.share, row_begin, row_end)


cdef Memory describe_unfused_forward(const fastrnn_forward_step *step, PackedLayer layer,
                                     Py_ssize_t N, bint masked):
    """Memory with the fastrnn_unfused of a step that is complete but for its places; with masks,
    their place and that of what the products see are missing."""
    cdef Memory memory = Memory()
    cdef fastrnn_unfused *u
    cdef GatePack gates
    memory.allocate(sizeof(fastrnn_unfused))
    u = <fastrnn_unfused *> memory.base
    init_unfused(u, layer.kernels, layer.cell, step, layer.output_size)
    u.masks_stride = N * layer.output_size * layer.kernels.itemsize
    for gates in layer.gate_packs(masked, False):
        add_unfused(u, gates.group.gate, gates.group.count, gates.matrix.data,
                    layer.recurrent_bias)
    return memory


cdef Memory describe_unfused_backward(Unfused *u, PackedLayer layer, Py_ssize_t N,
                                      Py_ssize_t gates_stride, bint masked):
    """Fills in all but where `masks`, `seen` and `ds` lie; returns the memory of the groups, which
    most calls, being fused, are better without."""
    cdef list packs = layer.gate_packs(masked, True)
    cdef Memory memory = Memory()
    cdef Py_ssize_t slot_bytes = layer.hidden_size * layer.kernels.itemsize
    cdef Py_ssize_t state_stride = layer.output_size * layer.kernels.itemsize
    cdef GateGroup *g
    cdef GatePack gates
    memory.allocate(len(packs) * sizeof(GateGroup))
    memset(memory.base, 0, memory.size)
    memset(u, 0, sizeof(u[0]))
    u.groups = <GateGroup *> memory.base
    u.kernels, u.training = layer.kernels, training_of(layer.kernels)
    u.cell = layer.cell
    u.P, u.itemsize = layer.output_size, layer.kernels.itemsize
    u.masked, u.masks_stride = masked, N * state_stride
    u.reset_slot = layer.description.reset_slot * slot_bytes
    u.reset.hidden = layer.hidden_size
    u.reset.f = layer.view.activations.f
    u.reset.gates_stride = gates_stride
    u.reset.h_stride = u.reset.d_stride = state_stride
    for gates in packs:
        g = &u.groups[u.count]
        u.count += 1
        g.gate, g.gates, g.panels = gates.group.gate, gates.group.count, gates.matrix.panels
        g.slot = gates.group.slot * slot_bytes
        g.reset = gates.group.reset
        u.plain += not g.reset
        g.product.shape = gates.matrix.shape
        g.product.pack = gates.matrix.data
        g.product.accumulate = not (masked or g.reset)
        g.product.a.step = g.product.c.step = 1
        g.product.a.stride = gates_stride
        g.product.c.stride = state_stride
    return memory
