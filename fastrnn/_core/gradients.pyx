# SPDX-License-Identifier: Apache-2.0
"""The products after BPTT's loop: gradients of inputs, weights and biases over all steps.

By then the gates are the gradients of the pre-activations, one packed row for each
active (step, row) pair, so that each gradient is one large product of whole matrices.
"""

from libc.stddef cimport ptrdiff_t
from libc.string cimport memcpy, memset

cimport numpy as cnp

from fastrnn._core.arena cimport take
from fastrnn._core.gemm cimport blas_gemm, gemm_function
from fastrnn._core.kernels cimport (
    fastrnn_description, fastrnn_gate_group, fastrnn_outer, fastrnn_product, fastrnn_rows,
)
from fastrnn._core.pack cimport PackedLayer
from fastrnn._core.plan cimport Buffers, state_row
from fastrnn._core.rows cimport Order, View, active_rows, first_packed, offset_in
from fastrnn._core.unfused cimport Unfused

cnp.import_array()


cdef void input_gradient(Gradients *g, Py_ssize_t begin, Py_ssize_t end,
                         ptrdiff_t *table) noexcept nogil:
    """dx of the packed rows [begin, end): d(pre-activations) W."""
    cdef Order *o = &g.order
    cdef fastrnn_product product = g.input
    cdef Py_ssize_t q = begin, s = 0, n
    while begin < end and first_packed(o, s) + active_rows(o, s) <= begin:
        s += 1
    while q < end:
        product.a.base = g.buffers.gates + q * g.buffers.gates_stride
        n = 0
        while q < end and n < INPUT_ROWS:
            if q - first_packed(o, s) >= active_rows(o, s):
                s += 1
            table[n] = offset_in(&g.dx, o, s, q - first_packed(o, s))
            n += 1
            q += 1
        product.c.offset = table
        g.kernels.product(&product, 0, n, 0, g.input_panels)


cdef void products_share(Gradients *g, int thread, int team, char *scratch) noexcept nogil:
    """One thread's share of the products after the loop: rows of dx and of each gradient."""
    cdef Py_ssize_t total = g.order.total
    cdef fastrnn_outer product
    cdef WeightGradient *w
    cdef int i
    if g.dx.base != NULL:
        input_gradient(g, total * thread // team, total * (thread + 1) // team,
                       <ptrdiff_t *> scratch)
    for i in range(g.weight_count):
        w = &g.weights[i]
        product.a.base = w.left
        product.a.stride = w.left_stride
        product.a.offset = NULL
        product.a.step = 1
        product.b = w.right
        product.rows = total
        product.columns = w.columns
        product.c = w.into
        product.c_stride = w.columns * g.itemsize
        g.training.outer(&product, w.height * thread // team, w.height * (thread + 1) // team,
                         scratch)


cdef void sums_share(Gradients *g, int thread, int team) noexcept nogil:
    """One thread's share of the column sums of d(pre-activations)."""
    cdef fastrnn_rows gates
    cdef Py_ssize_t columns = g.buffers.gates_size // g.itemsize
    if g.sums == NULL:
        return
    gates.base = g.buffers.gates
    gates.stride = g.buffers.gates_stride
    gates.offset = NULL
    gates.step = 1
    g.training.column_sums(&gates, g.order.total, columns * thread // team,
                           columns * (thread + 1) // team, g.sums)


cdef void products_by_blas(Gradients *g, PackedLayer layer) noexcept nogil:
    """dx and the weights' gradients through BLAS; rows it cannot address are staged."""
    cdef gemm_function multiply = blas_gemm(layer.dtype)
    cdef Py_ssize_t H = layer.hidden_size, I = layer.input_size, total = g.order.total
    cdef Py_ssize_t size = g.itemsize, ld = g.buffers.gates_stride // g.itemsize
    cdef const fastrnn_gate_group *group
    cdef WeightGradient *w
    cdef const char *right
    cdef int i
    for i in range(g.weight_count):
        w = &g.weights[i]
        right = w.right.base
        if w.right.offset != NULL or w.right.step != 1 or w.right.stride != w.columns * size:
            copy_rows(&w.right, total, w.columns, size, g.staging)
            right = g.staging
        multiply(True, False, w.height, w.columns, total, w.left, w.left_stride // size, right,
                 w.columns, 1.0, w.into, w.columns)
    if g.dx.base == NULL:
        return
    for i in range(layer.description.input_groups):
        group = &layer.description.input[i]
        multiply(False, False, total, I, group.count * H,
                 g.buffers.gates + group.slot * H * size, ld,
                 layer.plain_w_data + group.gate * H * I * size, I, 0.0 if i == 0 else 1.0,
                 g.staging, I)
    put_input_gradient(g, I, g.staging)


cdef void copy_rows(const fastrnn_rows *rows, Py_ssize_t count, Py_ssize_t width,
                    Py_ssize_t itemsize, char *to) noexcept nogil:
    cdef Py_ssize_t q, j
    cdef const char *source
    for q in range(count):
        source = rows.base + (rows.offset[q] if rows.offset != NULL else q * rows.stride)
        for j in range(width):
            memcpy(to + j * itemsize, source + j * rows.step * itemsize, itemsize)
        to += width * itemsize


cdef void put_input_gradient(const Gradients *g, Py_ssize_t width,
                             const char *packed) noexcept nogil:
    """Writes or adds the packed rows of dx to where they belong."""
    cdef const Order *o = &g.order
    cdef Py_ssize_t s, row
    cdef char *to
    for s in range(o.steps):
        for row in range(active_rows(o, s)):
            to = g.dx.base + offset_in(&g.dx, o, s, row)
            if not g.input.accumulate:
                memcpy(to, packed, width * g.itemsize)
            else:
                add_row(packed, to, width * g.itemsize, g.itemsize)
            packed += width * g.itemsize


cdef void add_row(const char *row, char *to, Py_ssize_t bytes_, Py_ssize_t itemsize) noexcept nogil:
    cdef Py_ssize_t j
    if itemsize == 4:
        for j in range(bytes_ // 4):
            (<float *> to)[j] += (<const float *> row)[j]
    else:
        for j in range(bytes_ // 8):
            (<double *> to)[j] += (<const double *> row)[j]


cdef void add_weight(Gradients *g, char *left, Py_ssize_t left_stride, fastrnn_rows right,
                     Py_ssize_t columns, Py_ssize_t height, cnp.ndarray into,
                     Py_ssize_t into_row) noexcept:
    cdef WeightGradient *w = &g.weights[g.weight_count]
    w.left = left
    w.left_stride = left_stride
    w.right = right
    w.columns = columns
    w.height = height
    w.into = <char *> cnp.PyArray_DATA(into) + into_row * columns * g.itemsize
    g.weight_count += 1


cdef fastrnn_rows packed_x(const View *x, const Order *o, ptrdiff_t *table) noexcept nogil:
    """x as a matrix of packed rows; `table` is filled where no single stride leads through it."""
    cdef fastrnn_rows rows
    cdef Py_ssize_t s, row
    rows.base = x.base
    rows.step = x.feature
    rows.offset = NULL
    rows.stride = x.batch
    if not o.ragged and not o.reverse and (x.time == o.N * x.batch or o.steps == 1):
        return rows
    rows.offset = table
    for s in range(o.steps):
        for row in range(active_rows(o, s)):
            table[0] = offset_in(x, o, s, row)
            table += 1
    return rows


cdef fastrnn_rows packed_h_prev(const Buffers *buffers, const Order *o,
                                ptrdiff_t *table) noexcept nogil:
    """The state before each packed row's step, as a matrix."""
    cdef fastrnn_rows rows
    cdef Py_ssize_t s, row
    rows.base = buffers.h
    rows.stride = buffers.h_stride
    rows.step = 1
    rows.offset = NULL
    if o.ragged:
        rows.offset = table
        for s in range(o.steps):
            for row in range(active_rows(o, s)):
                table[0] = (state_row(buffers, o, s - 1) + row) * buffers.h_stride
                table += 1
    return rows


cdef void list_input_weights(Gradients *g, PackedLayer layer, cnp.ndarray into,
                             fastrnn_rows x) noexcept:
    cdef Py_ssize_t H = layer.hidden_size
    cdef const fastrnn_gate_group *group
    cdef int i
    for i in range(layer.description.input_groups):
        group = &layer.description.input[i]
        add_weight(g, g.buffers.gates + group.slot * H * g.itemsize, g.buffers.gates_stride, x,
                   layer.input_size, group.count * H, into, group.gate * H)


cdef void list_recurrent_weights(Gradients *g, PackedLayer layer, cnp.ndarray into,
                                 fastrnn_rows h_prev) noexcept:
    """Of a fused cell one matrix; else one of each group of gates."""
    cdef const Unfused *u = g.unfused
    cdef Py_ssize_t i, H = layer.hidden_size, stride = g.buffers.gates_stride
    cdef fastrnn_rows rows
    if u.count == 0:
        add_weight(g, g.buffers.gates + layer.description.recurrent_slot * H * g.itemsize, stride,
                   h_prev, layer.output_size, layer.gates * H, into, 0)
    for i in range(u.count):
        rows = h_prev
        if u.groups[i].reset:
            rows.base = g.buffers.gates + u.reset_slot
            rows.stride = stride
            rows.offset = NULL
        elif u.masked:
            rows.base = g.masked_h + i * g.order.total * g.buffers.h_stride
            rows.offset = NULL
        add_weight(g, g.buffers.gates + u.groups[i].slot, stride, rows, layer.output_size,
                   u.groups[i].gates * H, into, u.groups[i].gate * H)


cdef void list_weights(Gradients *g, PackedLayer layer, const View *x, dict grads) noexcept:
    cdef fastrnn_rows rows
    list_input_weights(g, layer, grads["w_ih"], packed_x(x, &g.order, g.tables))
    rows = packed_h_prev(&g.buffers, &g.order, g.tables + g.order.total)
    list_recurrent_weights(g, layer, grads["w_hh"], rows)
    if g.dh != NULL:
        rows.base = g.buffers.m
        rows.stride = g.buffers.c_stride
        rows.offset = NULL
        add_weight(g, g.dh, g.buffers.h_stride, rows, layer.hidden_size, layer.output_size,
                   grads["w_hr"], 0)


cdef void place_gradients(Gradients *g, PackedLayer layer, bint by_blas, arena *passing) noexcept:
    cdef Py_ssize_t total = g.order.total
    if g.unfused.masked:
        g.masked_h = <char *> take(passing, g.unfused.count * total, g.buffers.h_stride, 1)
    g.tables = <ptrdiff_t *> take(passing, 2, total, sizeof(ptrdiff_t))
    if by_blas:
        g.staging = <char *> take(passing, total, max(layer.input_size, layer.hidden_size),
                                  g.itemsize)


cdef void describe_gradients(Gradients *g, PackedLayer layer, const View *x, dict grads,
                             bint accumulate_dx) noexcept:
    """Fills in the products; all else is there already."""
    memset(&g.input, 0, sizeof(g.input))
    g.input.shape = layer.w_back.matrix.shape
    g.input.pack = layer.w_back.matrix.data
    g.input.accumulate = accumulate_dx
    g.input.a.stride = g.buffers.gates_stride
    g.input.a.step = 1
    g.input.c.base = g.dx.base
    g.input.c.step = 1
    g.input_panels = layer.w_back.matrix.panels
    list_weights(g, layer, x, grads)


cdef void add_sums(cnp.ndarray sums, Py_ssize_t slot, Py_ssize_t gate, Py_ssize_t count,
                   Py_ssize_t H, cnp.ndarray into):
    into[gate * H:(gate + count) * H] += sums[slot * H:(slot + count) * H]


cdef void add_input_sums(PackedLayer layer, cnp.ndarray sums, cnp.ndarray into):
    cdef const fastrnn_gate_group *group
    cdef int i
    for i in range(layer.description.input_groups):
        group = &layer.description.input[i]
        add_sums(sums, group.slot, group.gate, group.count, layer.hidden_size, into)


cdef void add_bias_gradients(PackedLayer layer, cnp.ndarray sums, dict grads):
    cdef const fastrnn_description *d = layer.description
    add_input_sums(layer, sums, grads["b_ih"])
    if grads["b_hh"] is None:
        return
    if d.recurrent_bias_gate < 0:    # both biases are added to the same sum
        add_input_sums(layer, sums, grads["b_hh"])
    else:
        add_sums(sums, d.recurrent_slot, 0, d.gates, layer.hidden_size, grads["b_hh"])
