# SPDX-License-Identifier: Apache-2.0
from fastrnn._core.kernels cimport fastrnn_kernels

cdef extern from "team.h" nogil:
    ctypedef struct fastrnn_barrier:
        pass
    int fastrnn_team_size() noexcept
    int fastrnn_has_openmp() noexcept
    void fastrnn_barrier_init(fastrnn_barrier *) noexcept
    void fastrnn_barrier_wait(fastrnn_barrier *, int) noexcept

cdef const fastrnn_kernels *kernels_of(int dtype) except NULL
cdef int threads() noexcept
cdef void mark_team_used() noexcept

cdef class Memory:
    cdef char *base
    cdef size_t size
    cdef void allocate(self, size_t size) except *
