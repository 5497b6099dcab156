# SPDX-License-Identifier: Apache-2.0
cdef extern from "team.h" nogil:
    double fastrnn_now() noexcept

# Below this many operations a second thread costs more than it brings.
cdef double WORTH_A_TEAM

cdef class Contention:
    cdef int limit                 # threads a call may use; 0: no limit
    cdef int in_a_row              # calls held up for no known reason
    cdef int found, looks          # looks that found room in a row, and how many are wanted
    cdef int calm                  # calls in a row that were not held up
    cdef bint found_room           # the last contention ended because looks found room
    cdef double until, pause
    cdef int allowed(self, int team, double now, int running, int cores) noexcept
    cdef void note(self, int team, double now, bint held_up, int running, int cores) noexcept

# One call that a team shares.
ctypedef struct Watch:
    int core                       # of the first thread, for fastrnn_keep_off; or -1
    double began
    double done                    # when the first thread had nothing left to do
    double left                    # when all were done
    double waited                  # seconds that the first one had nothing to do

cdef int team_for(double work) noexcept
cdef void begin_team(Watch *watch) noexcept
cdef void keep_off(int core) noexcept nogil
cdef void team_left(Watch *watch) noexcept nogil
cdef void end_team(const Watch *watch, int team, double lost) noexcept
