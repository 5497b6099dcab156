# SPDX-License-Identifier: Apache-2.0
"""Steps whose recurrent products stand apart from the cell.

The fused cells know their activations and read one state for all gates. Any other activation, a
GRU that resets before the product, and recurrent dropout take this way through the same loops: a
product for each group of gates that reads the same state, added to W x + b where the gates lie,
then the cell alone. The sums are those of the fused cells.

Recurrent dropout multiplies the state by one mask for each gate, the same at every step, before
the product (Gal and Ghahramani 2016, with a mask a gate as Keras has it); all other uses of the
state, such as a GRU's z h', see it as it is.

All that this writes belongs to rows of the batch, so that threads share them without waiting.
"""

from libc.string cimport memset

from fastrnn._core.kernels cimport FASTRNN_GRU, FASTRNN_GRU_BEFORE
from fastrnn._core.pack cimport Pack
from fastrnn._core.runtime cimport training_of

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


cdef void mask_state(const Apart *a, int group, const char *h, char *to, Py_ssize_t row_begin,
                     Py_ssize_t row_end) noexcept nogil:
    """to = h times the mask of a group, rows [row_begin, row_end) of dense (N, P)."""
    cdef Py_ssize_t begin = row_begin * a.P * a.itemsize, n = (row_end - row_begin) * a.P
    cdef const char *mask = a.masks + group * a.masks_stride + begin
    if a.itemsize == 4:
        set_products(<const float *> (h + begin), <const float *> mask, <float *> (to + begin), n)
    else:
        set_products(<const double *> (h + begin), <const double *> mask,
                     <double *> (to + begin), n)


cdef void add_state(const Apart *a, int group, const char *d, char *to, Py_ssize_t row_begin,
                    Py_ssize_t row_end) noexcept nogil:
    """to += d, times the mask of a group where there are masks."""
    cdef Py_ssize_t begin = row_begin * a.P * a.itemsize, n = (row_end - row_begin) * a.P
    cdef const char *mask = a.masks + group * a.masks_stride + begin
    d += begin
    to += begin
    if a.itemsize == 4 and a.masks == NULL:
        add_values(<const float *> d, <float *> to, n)
    elif a.itemsize == 4:
        add_products(<const float *> d, <const float *> mask, <float *> to, n)
    elif a.masks == NULL:
        add_values(<const double *> d, <double *> to, n)
    else:
        add_products(<const double *> d, <const double *> mask, <double *> to, n)


cdef const char *state_of(const Apart *a, int group, const char *h, Py_ssize_t row_begin,
                          Py_ssize_t row_end) noexcept nogil:
    """The state as the product of a group reads it."""
    if a.masks == NULL:
        return h
    mask_state(a, group, h, a.seen, row_begin, row_end)
    return a.seen


cdef void apart_products(const Apart *a, char *h, char *gates, Py_ssize_t row_begin,
                         Py_ssize_t row_end) noexcept nogil:
    """Adds the recurrent products of a step's state to W x + b, rows [row_begin, row_end)."""
    cdef fastrnn_product product
    cdef fastrnn_reset_step reset = a.reset
    cdef const char *state
    cdef int i
    for i in range(a.count):
        state = state_of(a, i, h, row_begin, row_end)
        product = a.groups[i].product
        product.c.base = gates + a.groups[i].slot
        if a.before and i == a.count - 1:
            reset.gates = gates
            reset.h = state
            a.kernels.reset_forward(&reset, row_begin, row_end)
            product.a.base = gates + a.reset_slot
        else:
            product.a.base = <char *> state
        a.kernels.product(&product, row_begin, row_end, 0, a.groups[i].panels)


cdef void apart_back_products(const Apart *a, char *gates, char *to, Py_ssize_t row_begin,
                              Py_ssize_t row_end) noexcept nogil:
    """to (N, P) += what a step's d(pre-activations) give the state before it by its products, but
    by that of a reset state."""
    cdef fastrnn_product product
    cdef int i
    for i in range(a.count - a.before):
        product = a.groups[i].product
        product.a.base = gates + a.groups[i].slot
        product.c.base = to if a.masks == NULL else a.seen
        a.kernels.product(&product, row_begin, row_end, 0, a.groups[i].panels)
        if a.masks != NULL:
            add_state(a, i, a.seen, to, row_begin, row_end)


cdef void apart_back_cell(const Apart *a, const fastrnn_backward_step *step,
                          Py_ssize_t row_begin, Py_ssize_t row_end) noexcept nogil:
    """A step's d(pre-activations); what passes by its products, or by r h', goes to step.share."""
    cdef int n = a.count - 1
    cdef fastrnn_product product = a.groups[n].product
    cdef fastrnn_reset_step reset = a.reset
    a.training.cell_backward[a.cell](step, row_begin, row_end)
    if not a.before:
        return
    product.a.base = step.gates + a.groups[n].slot
    product.c.base = a.ds
    a.kernels.product(&product, row_begin, row_end, 0, a.groups[n].panels)
    reset.gates = step.gates
    reset.h = state_of(a, n, step.h_prev, row_begin, row_end)
    reset.d = a.ds
    a.training.reset_backward(&reset, row_begin, row_end)
    add_state(a, n, a.ds, step.share, row_begin, row_end)


cdef void describe_forward(GateGroup *g, PackedLayer layer, Py_ssize_t gates_stride,
                           Py_ssize_t state_stride) noexcept:
    g.product.accumulate = True
    g.product.a.stride = state_stride
    g.product.c.stride = gates_stride
    if layer.cell != FASTRNN_GRU or g.gate + g.gates < 3:
        return
    if layer.reset_after:   # q has a slot of its own
        g.product.accumulate = False
        g.product.bias = layer.bias_new_data
    else:
        g.product.a.stride = gates_stride


cdef void describe_back(GateGroup *g, Py_ssize_t gates_stride, Py_ssize_t state_stride,
                        bint accumulate) noexcept:
    g.product.accumulate = accumulate
    g.product.a.stride = gates_stride
    g.product.c.stride = state_stride


cdef void describe_apart(Apart *a, PackedLayer layer, Py_ssize_t N, Py_ssize_t gates_stride,
                         const char *masks, bint back) except *:
    """Fills in all but the places of `seen` and `ds`."""
    cdef Py_ssize_t slot_bytes = layer.hidden_size * layer.kernels.itemsize
    cdef Py_ssize_t state_stride = layer.output_size * layer.kernels.itemsize
    cdef GateGroup *g
    cdef Pack pack
    memset(a, 0, sizeof(a[0]))
    g = a.groups
    a.kernels = layer.kernels
    if back:
        a.training = training_of(layer.kernels)
    a.before = layer.cell == FASTRNN_GRU and not layer.reset_after
    a.cell = FASTRNN_GRU_BEFORE if a.before else layer.cell
    a.P, a.itemsize = layer.output_size, layer.kernels.itemsize
    a.masks, a.masks_stride = masks, N * state_stride
    a.reset_slot = 3 * slot_bytes
    a.reset.hidden = layer.hidden_size
    a.reset.f.kind = layer.recurrent_activation
    a.reset.gates_stride = gates_stride
    a.reset.h_stride = a.reset.d_stride = state_stride
    for gate, gates, pack in layer.gate_packs(masks != NULL, back):
        g = &a.groups[a.count]
        a.count += 1
        g.gate, g.gates, g.panels = gate, gates, pack.panels
        g.slot = (gate + 1 if layer.cell == FASTRNN_GRU else gate) * slot_bytes
        g.product.shape = pack.shape
        g.product.pack = pack.data()
        g.product.a.step = g.product.c.step = 1
        if back:
            describe_back(g, gates_stride, state_stride, masks == NULL)
        else:
            describe_forward(g, layer, gates_stride, state_stride)
    if a.before:
        g.slot = 0
        if back:
            g.product.accumulate = False
