# SPDX-License-Identifier: Apache-2.0
"""Sorting rows by length and finding them again: see rows.pxd."""

import numpy as np

from libc.string cimport memcpy, memset

cnp.import_array()


cdef class SortedRows:
    pass


cdef SortedRows sort_rows(Py_ssize_t T, Py_ssize_t N, lengths, bint reverse):
    cdef SortedRows rows = SortedRows()
    cdef Order *o = &rows.order
    cdef cnp.ndarray batch, length, active, first
    o.N = N
    o.steps = T
    o.total = T * N
    o.reverse = reverse
    o.ragged = False
    if lengths is None:
        return rows
    batch = np.argsort(-lengths, kind="stable").astype(np.intp, copy=False)
    length = np.ascontiguousarray(lengths[batch], dtype=np.intp)
    o.steps = length[0]
    # Row r is active at step s while s < length[r]; lengths descend.
    active = np.searchsorted(-length, -np.arange(o.steps), side="left").astype(np.intp, copy=False)
    first = np.zeros(o.steps + 1, dtype=np.intp)
    np.cumsum(active, out=first[1:])
    rows.arrays = (batch, length, active, first)
    o.ragged = True
    o.total = first[o.steps]
    o.batch = <const Py_ssize_t *> cnp.PyArray_DATA(batch)
    o.length = <const Py_ssize_t *> cnp.PyArray_DATA(length)
    o.active = <const Py_ssize_t *> cnp.PyArray_DATA(active)
    o.first = <const Py_ssize_t *> cnp.PyArray_DATA(first)
    return rows


cdef View view_of(cnp.ndarray array) except *:
    cdef View v
    v.base = <char *> cnp.PyArray_DATA(array)
    v.time = cnp.PyArray_STRIDE(array, 0)
    v.batch = cnp.PyArray_STRIDE(array, 1)
    v.feature = cnp.PyArray_STRIDE(array, 2) // cnp.PyArray_ITEMSIZE(array)
    return v


cdef fastrnn_rows step_rows(const View *v, const Order *o, Py_ssize_t s, Py_ssize_t begin,
                            Py_ssize_t end, ptrdiff_t *table) noexcept nogil:
    """The rows [begin, end) of step s; `table` has room for `end` offsets."""
    cdef fastrnn_rows rows
    cdef Py_ssize_t row
    rows.base = v.base
    rows.step = v.feature
    rows.stride = v.batch
    rows.offset = NULL
    if v.base == NULL:
        return rows
    if o.ragged:
        for row in range(begin, end):
            table[row] = offset_in(v, o, s, row)
        rows.offset = table
    else:
        rows.base = v.base + offset_in(v, o, s, 0)
    return rows


cdef Py_ssize_t row_cut(const Order *o, int part, int parts) noexcept nogil:
    """First sorted row of a part, so that each part has about as many steps to do."""
    cdef Py_ssize_t row = 0, steps = 0, wanted
    if not o.ragged:
        return o.N * part // parts
    wanted = o.total * part // parts
    while row < o.N and steps < wanted:
        steps += o.length[row]
        row += 1
    return o.N if part == parts else row


cdef void scatter_rows(const Order *o, const char *sorted_rows, Py_ssize_t size,
                       cnp.ndarray to) noexcept:
    cdef Py_ssize_t row
    cdef char *base = <char *> cnp.PyArray_DATA(to)
    cdef Py_ssize_t stride = cnp.PyArray_STRIDE(to, 0)
    for row in range(o.N):
        memcpy(base + batch_row(o, row) * stride, sorted_rows + row * size, size)


cdef void gather_rows(const Order *o, object source, Py_ssize_t size, char *sorted_rows) noexcept:
    """Rows of `source` (None: zeros) in sorted order."""
    cdef Py_ssize_t row, stride
    cdef char *base
    if source is None:
        memset(sorted_rows, 0, o.N * size)
        return
    base = <char *> cnp.PyArray_DATA(<cnp.ndarray> source)
    stride = cnp.PyArray_STRIDE(<cnp.ndarray> source, 0)
    for row in range(o.N):
        memcpy(sorted_rows + row * size, base + batch_row(o, row) * stride, size)


cdef void zero_padding(const View *y, const Order *o, Py_ssize_t T, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t row, t
    for row in range(o.N):
        for t in range(row_length(o, row), T):
            memset(y.base + t * y.time + batch_row(o, row) * y.batch, 0, size)
