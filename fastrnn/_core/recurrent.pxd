# SPDX-License-Identifier: Apache-2.0
from libc.stddef cimport ptrdiff_t

cimport numpy as cnp

from fastrnn._core.pack cimport PackedLayer
from fastrnn._core.runtime cimport Memory
from fastrnn._core.schedule cimport Order, Schedule, View

# How the threads of a call share its work.
cdef enum Split:
    ALONE
    BY_ROWS     # each has some rows of the batch: nothing to wait for
    BY_UNITS    # each has some hidden units of all rows: a barrier a step

# Buffers of a call, in the order of the schedule. Kept, for training: one row a packed (step, row)
# pair, h and c with the N initial states in front. Not kept: gates of one chunk of steps, N rows a
# step; h of two steps in turn; c and m of one. Training keeps no more than it cannot have again:
# backward makes an LSTM's h from its gates and c, and an RNN's gates are its h.
ctypedef struct Buffers:
    bint keep                     # c, m
    bint keep_gates, keep_h
    Py_ssize_t N
    Py_ssize_t gates_size         # bytes a row uses of gates_stride
    Py_ssize_t gates_stride, h_stride, c_stride   # bytes a row; m has c's
    char *gates
    char *h       # N x P a step
    char *h0      # N x P, where h is not kept for training
    char *c       # LSTM: N x H a step
    char *m       # projected LSTM: o tanh(c), N x H a step


cdef inline Py_ssize_t state_row(const Buffers *b, const Order *o, Py_ssize_t s) noexcept nogil:
    """First row of the kept state after step s; -1 is the initial state."""
    if s < 0:
        return 0
    return b.N + (o.first[s] if o.ragged else s * o.N)


cdef inline char *h_at(const Buffers *b, const Order *o, Py_ssize_t s) noexcept nogil:
    return b.h + (state_row(b, o, s) if b.keep_h else ((s + 1) & 1) * b.N) * b.h_stride


cdef inline char *c_at(const Buffers *b, const Order *o, Py_ssize_t s) noexcept nogil:
    return b.c + (state_row(b, o, s) if b.keep else 0) * b.c_stride


cdef inline char *m_at(const Buffers *b, const Order *o, Py_ssize_t s) noexcept nogil:
    return b.m + (state_row(b, o, s) - b.N if b.keep else 0) * b.c_stride


# What one thread does of a step: rows, and panels of hidden units. Only threads that share units
# are a team, whose barriers they wait at.
ctypedef struct Share:
    Py_ssize_t row_begin, row_end, panel_begin, panel_end
    int thread, team
    ptrdiff_t *table              # offsets


cdef class Tape:
    cdef PackedLayer layer
    cdef Schedule schedule
    cdef Buffers buffers
    cdef Memory memory
    cdef Memory masks             # of recurrent dropout, (G, N, P) in the order of the schedule
    cdef bint apart
    cdef object x

cdef Split choose_split(PackedLayer layer, const Order *o, double work, int team,
                        bint apart) noexcept
cdef Py_ssize_t padded(Py_ssize_t size) noexcept
cdef const char *masks_of(Memory masks) noexcept
cdef void gather_rows(const Order *o, object source, Py_ssize_t size, char *sorted_rows) noexcept
cdef void scatter_rows(const Order *o, const char *sorted_rows, Py_ssize_t size,
                       cnp.ndarray to) noexcept
cdef void zero_padding(const View *y, const Order *o, Py_ssize_t T, Py_ssize_t size) noexcept nogil
