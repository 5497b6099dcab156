# SPDX-License-Identifier: Apache-2.0
"""The products after BPTT's loop: gradients of inputs, weights and biases over all steps.

By then the gates are the gradients of the pre-activations, one packed row for each
active (step, row) pair, so that each gradient is one large product of whole matrices.
"""

from libc.stddef cimport ptrdiff_t
from libc.string cimport memcpy, memset

cimport numpy as cnp

from fastrnn._core.apart cimport Apart
from fastrnn._core.gemm cimport (
    Segment, blas_gemm, gemm_function, input_segments, recurrent_segments,
)
from fastrnn._core.kernels cimport fastrnn_outer, fastrnn_product, fastrnn_rows
from fastrnn._core.pack cimport PackedLayer
from fastrnn._core.recurrent cimport Buffers, state_row
from fastrnn._core.schedule cimport Order, View, active_rows, first_packed, offset_in

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


cdef void products_by_blas(Gradients *g, PackedLayer layer, char *staging) noexcept nogil:
    """dx and the weights' gradients through BLAS; rows it cannot address are staged."""
    cdef gemm_function multiply = blas_gemm(layer.dtype)
    cdef Py_ssize_t H = layer.hidden_size, I = layer.input_size, total = g.order.total
    cdef Py_ssize_t size = g.itemsize, ld = g.buffers.gates_stride // g.itemsize
    cdef Segment segments[2]
    cdef WeightGradient *w
    cdef const char *right
    cdef int i, count
    for i in range(g.weight_count):
        w = &g.weights[i]
        right = w.right.base
        if w.right.offset != NULL or w.right.step != 1 or w.right.stride != w.columns * size:
            copy_rows(&w.right, total, w.columns, size, staging)
            right = staging
        multiply(True, False, w.height, w.columns, total, w.left, w.left_stride // size, right,
                 w.columns, 1.0, w.into, w.columns)
    if g.dx.base == NULL:
        return
    count = input_segments(layer.cell, segments)
    for i in range(count):
        multiply(False, False, total, I, segments[i].gates * H,
                 g.buffers.gates + segments[i].stored * H * size, ld,
                 layer.w_ih_data + segments[i].torch * H * I * size, I, 0.0 if i == 0 else 1.0,
                 staging, I)
    put_input_gradient(g, I, staging)


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
    rows.step = x.step
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


cdef void list_recurrent_weights(Gradients *g, PackedLayer layer, dict grads,
                                 fastrnn_rows h_prev) noexcept:
    """Of the groups of gates whose products stand apart."""
    cdef const Apart *a = g.apart
    cdef Py_ssize_t i
    cdef fastrnn_rows rows
    for i in range(a.count):
        rows = h_prev
        if a.before and i == a.count - 1:
            rows.base = g.buffers.gates + a.reset_slot
            rows.stride = g.buffers.gates_stride
            rows.offset = NULL
        elif a.masks != NULL:
            rows.base = g.masked_h + i * g.order.total * g.buffers.h_stride
            rows.offset = NULL
        add_weight(g, g.buffers.gates + a.groups[i].slot, g.buffers.gates_stride, rows,
                   layer.output_size, a.groups[i].gates * layer.hidden_size, grads["w_hh"],
                   a.groups[i].gate * layer.hidden_size)


cdef void list_weights(Gradients *g, PackedLayer layer, const View *x, dict grads,
                       ptrdiff_t *tables) noexcept:
    cdef Py_ssize_t H = layer.hidden_size, stride = g.buffers.gates_stride
    cdef Segment segments[2]
    cdef fastrnn_rows rows = packed_x(x, &g.order, tables)
    cdef int i, count = input_segments(layer.cell, segments)
    for i in range(count):
        add_weight(g, g.buffers.gates + segments[i].stored * H * g.itemsize, stride, rows,
                   layer.input_size, segments[i].gates * H, grads["w_ih"], segments[i].torch * H)
    rows = packed_h_prev(&g.buffers, &g.order, tables + g.order.total)
    if g.apart.count:
        list_recurrent_weights(g, layer, grads, rows)
    else:
        recurrent_segments(layer.cell, segments)
        add_weight(g, g.buffers.gates + segments[0].stored * H * g.itemsize, stride, rows,
                   layer.output_size, layer.gates * H, grads["w_hh"], 0)
    if g.dh != NULL:
        rows.base = g.buffers.m
        rows.stride = g.buffers.c_stride
        rows.offset = NULL
        add_weight(g, g.dh, g.buffers.h_stride, rows, H, layer.output_size, grads["w_hr"], 0)


cdef void describe_gradients(Gradients *g, PackedLayer layer, const View *x, dict grads,
                             bint accumulate_dx, ptrdiff_t *tables) noexcept:
    """Fills in the products; all else is there already."""
    memset(&g.input, 0, sizeof(g.input))
    g.input.shape = layer.w_back.shape
    g.input.pack = layer.w_back.data()
    g.input.accumulate = accumulate_dx
    g.input.a.stride = g.buffers.gates_stride
    g.input.a.step = 1
    g.input.c.base = g.dx.base
    g.input.c.step = 1
    g.input_panels = layer.w_back.panels
    list_weights(g, layer, x, grads, tables)


cdef void add_sums(cnp.ndarray sums, const Segment *segments, int count, Py_ssize_t H,
                   cnp.ndarray into):
    cdef int i
    for i in range(count):
        into[segments[i].torch * H:(segments[i].torch + segments[i].gates) * H] += (
            sums[segments[i].stored * H:(segments[i].stored + segments[i].gates) * H])


cdef void add_bias_gradients(PackedLayer layer, cnp.ndarray sums, dict grads):
    cdef Segment segments[2]
    cdef int count = input_segments(layer.cell, segments)
    add_sums(sums, segments, count, layer.hidden_size, grads["b_ih"])
    if grads["b_hh"] is None:
        return
    if layer.reset_after:   # else both biases are added to the same sum
        count = recurrent_segments(layer.cell, segments)
    add_sums(sums, segments, count, layer.hidden_size, grads["b_hh"])
