# SPDX-License-Identifier: Apache-2.0
cdef class Crowd:
    cdef double best[2][16][16]    # seconds an operation
    cdef double until, pause
    cdef bint crowded(self, double now) noexcept
    cdef void note(self, double now, bint backward, Py_ssize_t hidden, Py_ssize_t rows,
                   double work, double seconds) noexcept

cdef double now() noexcept nogil
cdef int team_now() noexcept
cdef void note_team(bint backward, Py_ssize_t hidden, Py_ssize_t rows, double work,
                    double began) noexcept
