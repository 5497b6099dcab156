# SPDX-License-Identifier: Apache-2.0
"""Whether other programs need the cores that a team would use.

A thread that is not on a core holds up all of its team: on a busy machine a shared call of a tenth
of a millisecond was seen to take a hundred. Such a call is noticed by its time beside the best of
its kind; calls then work alone for a while, and one that is shared finds out whether the cores are
free again. Results have the same bits for any number of threads, so that nothing else changes.
"""

from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from fastrnn._core.runtime cimport threads

# A shared call is held up when it takes so many times its best, and so many seconds more: it then
# waited for a slice of the scheduler's time, not for a cache.
cdef double TIMES = 6
cdef double SECONDS = 5e-4
# Seconds to work alone: twice as many each time that it was for nothing.
cdef double FIRST_PAUSE = 0.05
cdef double LONGEST_PAUSE = 1.6


cdef double now() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_MONOTONIC, &t)
    return t.tv_sec + 1e-9 * t.tv_nsec


cdef int size_class(Py_ssize_t size) noexcept:
    cdef int k = 0
    while size > 1 and k < 15:
        size >>= 1
        k += 1
    return k


cdef class Crowd:
    """What shared calls have told about the machine. The clock's time is an argument."""

    def __init__(self):
        self.until = 0
        self.pause = FIRST_PAUSE

    cdef bint crowded(self, double now) noexcept:
        return now < self.until

    cdef void note(self, double now, bint backward, Py_ssize_t hidden, Py_ssize_t rows,
                   double work, double seconds) noexcept:
        cdef double *best = &self.best[backward][size_class(hidden)][size_class(rows)]
        if best[0] == 0 or seconds < best[0] * work:
            best[0] = seconds / work
        if seconds > TIMES * best[0] * work + SECONDS:
            self.until = now + self.pause
            self.pause = min(2 * self.pause, LONGEST_PAUSE)
        else:
            self.pause = FIRST_PAUSE

    def told(self, double now, double work, double seconds):
        """Note a shared forward that ended at `now`; return whether to work alone after it."""
        self.note(now, False, 64, 32, work, seconds)
        return self.crowded(now)

    def alone(self, double now):
        """Return whether to work alone at a time."""
        return self.crowded(now)


cdef Crowd machine = Crowd()


def forget():
    """Begin anew, as when the number of threads changes."""
    global machine
    machine = Crowd()


cdef int team_now() noexcept:
    """How many threads a call that begins now may use."""
    cdef int team = threads()
    return 1 if team > 1 and machine.crowded(now()) else team


cdef void note_team(bint backward, Py_ssize_t hidden, Py_ssize_t rows, double work,
                    double began) noexcept:
    """Note that a shared call, begun at a time, has ended."""
    cdef double ended = now()
    machine.note(ended, backward, hidden, rows, work, ended - began)
