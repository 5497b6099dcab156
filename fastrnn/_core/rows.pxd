# SPDX-License-Identifier: Apache-2.0
"""In which order the rows and steps of a call are worked off.

Rows are sorted by length, longest first, so that those still active at a step are the first
ones. A step s is counted from where reading begins: of a row read in reverse, step 0 is its
last valid element. `packed` counts the active (step, row) pairs, step by step.
"""

from libc.stddef cimport ptrdiff_t

cimport numpy as cnp

from fastrnn._core.kernels cimport fastrnn_rows

ctypedef struct Order:
    Py_ssize_t N
    Py_ssize_t steps          # longest length
    Py_ssize_t total          # sum of the lengths
    bint ragged
    bint reverse
    const Py_ssize_t *batch   # ragged: sorted row -> row of the batch
    const Py_ssize_t *length  # ragged: of each sorted row
    const Py_ssize_t *active  # ragged: rows active at each step
    const Py_ssize_t *first   # ragged: packed index of row 0 of each step, then total

# A (time, batch, feature) array: strides in bytes, that of features in elements. base NULL: none.
ctypedef struct View:
    char *base
    Py_ssize_t time
    Py_ssize_t batch
    Py_ssize_t feature

cdef class SortedRows:
    """An Order with the arrays it points into."""
    cdef Order order
    cdef object arrays

cdef SortedRows sort_rows(Py_ssize_t T, Py_ssize_t N, lengths, bint reverse)
cdef View view_of(cnp.ndarray array) except *


cdef inline Py_ssize_t active_rows(const Order *o, Py_ssize_t s) noexcept nogil:
    return o.active[s] if o.ragged else o.N


cdef inline Py_ssize_t first_packed(const Order *o, Py_ssize_t s) noexcept nogil:
    return o.first[s] if o.ragged else s * o.N


cdef inline Py_ssize_t row_length(const Order *o, Py_ssize_t row) noexcept nogil:
    return o.length[row] if o.ragged else o.steps


cdef inline Py_ssize_t batch_row(const Order *o, Py_ssize_t row) noexcept nogil:
    return o.batch[row] if o.ragged else row


cdef inline ptrdiff_t offset_in(const View *v, const Order *o, Py_ssize_t s,
                                Py_ssize_t row) noexcept nogil:
    """Byte offset of a row's element of step s."""
    cdef Py_ssize_t t = row_length(o, row) - 1 - s if o.reverse else s
    return t * v.time + batch_row(o, row) * v.batch


cdef fastrnn_rows step_rows(const View *v, const Order *o, Py_ssize_t s, Py_ssize_t begin,
                            Py_ssize_t end, ptrdiff_t *table) noexcept nogil
cdef Py_ssize_t row_cut(const Order *o, int part, int parts) noexcept nogil
cdef void gather_rows(const Order *o, object source, Py_ssize_t size, char *sorted_rows) noexcept
cdef void scatter_rows(const Order *o, const char *sorted_rows, Py_ssize_t size,
                       cnp.ndarray to) noexcept
cdef void zero_padding(const View *y, const Order *o, Py_ssize_t T, Py_ssize_t size) noexcept nogil
