# SPDX-License-Identifier: Apache-2.0
"""How a call is divided, and where its memory lies: for forward and for backward."""

from libc.stddef cimport ptrdiff_t

from fastrnn._core.arena cimport arena
from fastrnn._core.contention cimport Watch
from fastrnn._core.pack cimport PackedLayer
from fastrnn._core.rows cimport Order
from fastrnn._core.runtime cimport fastrnn_barrier, fastrnn_door, fastrnn_part

# How the threads of a call share its work.
cdef enum Split:
    ALONE
    BY_ROWS     # each has some rows of the batch: nothing to wait for
    BY_UNITS    # each has some hidden units of all rows: a barrier a step

# Buffers of a call, rows sorted. Kept, for training: one row a packed (step, row)
# pair, h and c with the N initial states in front. Not kept: gates of one chunk of steps, N rows a
# step; h of two steps in turn; c and m of one. Training keeps no more than it cannot have again:
# backward makes h from the gates and c, or has no need of gates where h tells all.
ctypedef struct Buffers:
    bint keep                     # c, m
    bint keep_gates, keep_h
    bint has_c, has_m
    Py_ssize_t N
    Py_ssize_t gates_size         # bytes a row uses of gates_stride
    Py_ssize_t gates_stride, h_stride, c_stride   # bytes a row; m has c's
    char *gates
    char *h       # N x P a step
    char *h0      # N x P, where h is not kept for training
    char *c       # N x H a step
    char *m       # projected: o act(c), N x H a step

# The work of a call, all of it, and how far its threads are.
ctypedef struct Work:
    Order order
    Split split
    int team                      # threads to ask for: read once, others may change the setting
    Py_ssize_t panels             # of hidden units
    char *scratch                 # scratch_bytes for each share
    Py_ssize_t scratch_bytes
    fastrnn_part *parts           # of BY_ROWS, one for each thread: how far they are
    fastrnn_door door             # of BY_UNITS
    fastrnn_barrier barrier
    Watch watch

# What one thread does of a step: rows, and panels of hidden units. Only threads that share units
# are a team, whose barriers they wait at.
ctypedef struct Share:
    Py_ssize_t row_begin, row_end, panel_begin, panel_end
    int thread, team
    ptrdiff_t *table              # its scratch: offsets of rows


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


cdef inline Py_ssize_t padded(Py_ssize_t size) noexcept nogil:
    """Rounded up to whole cache lines."""
    return (size + 63) // 64 * 64


cdef double operations(PackedLayer layer, const Order *o) noexcept
cdef Split choose_split(PackedLayer layer, const Order *o, double work, int team,
                        bint unfused) noexcept
cdef Py_ssize_t chunk_steps(PackedLayer layer, const Order *o) noexcept
cdef Share share_of_rows(const Work *w, int part, int parts) noexcept nogil
cdef Share share_of_units(const Work *w, int thread, int team) noexcept nogil
cdef void begin_shares(Work *w) noexcept nogil
cdef void end_share(Work *w, int thread) noexcept nogil
cdef void describe_buffers(Buffers *b, PackedLayer layer, const Order *o, bint keep,
                           bint unfused) noexcept
cdef void place_buffers(Buffers *b, const Order *o, Py_ssize_t chunk_steps, arena *kept,
                        arena *passing) noexcept
cdef void place_remade(Buffers *b, const Order *o, arena *passing) noexcept
cdef void place_work(Work *w, arena *passing) noexcept
