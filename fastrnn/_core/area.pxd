# SPDX-License-Identifier: Apache-2.0
"""Mirror of src_c/area.h: memory given out piece by piece, measured and placed by the same code."""

from libc.stddef cimport ptrdiff_t

cdef extern from "area.h" nogil:
    ctypedef struct area:
        char *base      # NULL: only count
        size_t used
        int overflow
    void *take(area *, ptrdiff_t rows, ptrdiff_t columns, size_t itemsize) noexcept
