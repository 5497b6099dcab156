# SPDX-License-Identifier: Apache-2.0
"""Mirror of src_c/arena.h: memory given out piece by piece, measured and placed by the same
code."""

from libc.stddef cimport ptrdiff_t

cdef extern from "arena.h" nogil:
    ctypedef struct arena:
        char *base      # NULL: only count
        size_t used
        int overflow
    void *take(arena *, ptrdiff_t rows, ptrdiff_t columns, size_t itemsize) noexcept
