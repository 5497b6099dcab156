# SPDX-License-Identifier: Apache-2.0
from fastrnn._core.pack cimport PackedLayer
from fastrnn._core.plan cimport Buffers
from fastrnn._core.rows cimport SortedRows
from fastrnn._core.runtime cimport Memory

cdef class Tape:
    """What a training forward keeps for its backward, one backward: the gates it keeps are
    overwritten by their gradients. Any number of tapes may wait for theirs."""
    cdef PackedLayer layer
    cdef SortedRows rows
    cdef Buffers buffers
    cdef Memory memory
    cdef const char *masks        # of recurrent dropout, (G, N, P) with sorted rows; NULL: none
    cdef bint unfused
    cdef bint spent
    cdef object x
