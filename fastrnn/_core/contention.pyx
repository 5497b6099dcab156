# SPDX-License-Identifier: Apache-2.0
"""Whether other programs hold the cores that a team would use.

A thread that is not on a core holds up its team. The cause is looked at, not the time of a call: a
call that had to wait long for one of its threads asks the system how many threads want to run. More
than there are cores: calls use fewer threads, as many as found a core, until the system says twice
in a row that there is room again. As many as there are cores, or fewer: the thread only began late,
from its sleep, and nothing follows. Where the system cannot tell, three such calls in a row count
as contention, and calls that are shared find out from time to time whether it is over.

Results have the same bits for any number of threads, so that nothing else changes.
"""

from fastrnn._core.runtime cimport mark_team_used, threads

cdef extern from "cores.h" nogil:
    int fastrnn_running(int *cores) noexcept
    int fastrnn_core() noexcept
    void fastrnn_keep_off(int core) noexcept
    bint fastrnn_is_rested(double now, double asleep, double rested) noexcept
    void fastrnn_note_team(double now) noexcept

WORTH_A_TEAM = 2e6

# A call was held up when its first thread waited so many seconds, and such a share of the call, for
# the others: more than they differ in speed.
cdef double LONG_WAIT = 2e-4
cdef double LARGE_SHARE = 0.25
# Calls held up in a row, for no reason that the system knows, that count as contention.
cdef int IN_A_ROW = 3
# Seconds until a call is shared although nothing says that there is room: twice as many each time
# that it was held up.
cdef double FIRST_PAUSE = 0.05
cdef double LONGEST_PAUSE = 1.6
# Looks that must find room before calls are shared again; twice as many each time that it did not
# last, for programs that come and go.
cdef int FEWEST_LOOKS = 2
cdef int MOST_LOOKS = 64
# Calls not held up after which contention is forgotten.
cdef int CALLS_TO_FORGET = 200

# The threads of a team sleep some milliseconds after their last call. Waking them takes 30 to 100
# microseconds, which a call after a rest that is smaller than this many operations does not earn.
cdef double ASLEEP = 2e-3
cdef double RESTED = 1e-3
cdef double WORTH_WAKING = 5e6


cdef class Contention:
    """What calls have told about the machine. Time and what the system says are arguments."""

    def __init__(self):
        self.limit = 0
        self.in_a_row = self.found = self.calm = 0
        self.looks = FEWEST_LOOKS
        self.found_room = False
        self.until, self.pause = 0, FIRST_PAUSE

    cdef int allowed(self, int team, double now, int running, int cores) noexcept:
        """How many threads of `team` a call that begins now may use; `running` are those of all
        programs, the caller's own one included, or 0 if that is not known."""
        if self.limit == 0 or team <= self.limit:
            return team
        self.found = self.found + 1 if 0 < running + team - self.limit <= cores else 0
        if self.found < self.looks and now < self.until:
            return self.limit
        self.found_room = self.found >= self.looks
        self.limit = self.found = self.calm = 0
        return team

    cdef void note(self, int team, double now, bint held_up, int running, int cores) noexcept:
        """A call on `team` threads has ended; they still count among the running ones."""
        if not held_up or 0 < running <= cores:
            self.in_a_row = 0
            self.calm = min(self.calm + 1, CALLS_TO_FORGET)
            if self.calm == CALLS_TO_FORGET:
                self.looks, self.pause, self.found_room = FEWEST_LOOKS, FIRST_PAUSE, False
            return
        self.in_a_row += 1
        if not running and self.in_a_row < IN_A_ROW:
            return
        self.limit = max(1, team - running + cores) if running else 1
        self.until = now + self.pause
        self.pause = min(2 * self.pause, LONGEST_PAUSE)
        if self.found_room:
            self.looks = min(2 * self.looks, MOST_LOOKS)
        self.in_a_row = self.found = self.calm = 0
        self.found_room = False

    def begins(self, int team, double now, int running=0, int cores=0):
        """`allowed`, for tests."""
        return self.allowed(team, now, running, cores)

    def ended(self, int team, double now, bint held_up, int running=0, int cores=0):
        """`note`, for tests."""
        self.note(team, now, held_up, running, cores)


cdef Contention machine = Contention()
cdef double _waited = 0


def forget():
    """Begin anew, as when the number of threads changes."""
    global machine
    machine = Contention()


cdef int team_for(double work) noexcept:
    """How many threads a call of so many operations that begins now may use."""
    cdef int team = threads(), cores = 0, running = 0
    cdef double now
    if team == 1 or work < WORTH_A_TEAM:
        return 1
    now = fastrnn_now()
    if fastrnn_is_rested(now, ASLEEP, RESTED) and work < WORTH_WAKING:
        return 1
    if machine.limit:
        running = fastrnn_running(&cores)
    return machine.allowed(team, now, running, cores)


cdef void begin_team(Watch *watch) noexcept:
    """A call begins whose work is shared."""
    mark_team_used()
    watch.core = fastrnn_core()
    watch.began = watch.done = watch.left = fastrnn_now()
    watch.waited = 0


cdef void keep_off(int core) noexcept nogil:
    """For the other threads of a team: stay off the first one's core."""
    fastrnn_keep_off(core)


cdef void team_left(Watch *watch) noexcept nogil:
    """All threads have done their work. What follows, such as BLAS and the wait for Python's lock,
    is none of theirs."""
    watch.left = fastrnn_now()
    watch.waited += watch.left - watch.done


cdef void end_team(const Watch *watch, int team, double lost) noexcept:
    """It has ended; `lost` are the seconds that threads waited long for others within it."""
    global _waited
    cdef double waited = watch.waited + lost / max(1, team - 1)
    cdef int cores = 0, running = 0
    cdef bint held_up = waited > LONG_WAIT and waited > LARGE_SHARE * (watch.left - watch.began)
    _waited = waited
    fastrnn_note_team(watch.left)
    if held_up:
        running = fastrnn_running(&cores)
    machine.note(team, watch.left, held_up, running, cores)


def seconds_waited():
    """How long threads of the last shared call waited for each other, for tests."""
    return _waited
