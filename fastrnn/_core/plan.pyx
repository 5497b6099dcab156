# SPDX-License-Identifier: Apache-2.0
"""How a call is divided into chunks and shares, and where its memory lies: see plan.pxd.

Each `place_...` lays out what it names in arenas. It is called twice, first with arenas
that only count, then with memory of what they counted.
"""

from fastrnn._core.arena cimport take
from fastrnn._core.contention cimport WORTH_A_TEAM, fastrnn_now, keep_off
from fastrnn._core.rows cimport row_cut
from fastrnn._core.runtime cimport fastrnn_door_init, fastrnn_parts_init

# Pre-activations of one chunk of steps stay in the second-level cache; a chunk has enough rows
# for the input product to use W well.
cdef Py_ssize_t CHUNK_BYTES = 128 * 1024
cdef Py_ssize_t CHUNK_ROWS = 48

# Operations of a step from which on it is worth a barrier.
cdef double WORTH_A_BARRIER = 3e4
cdef Py_ssize_t ROWS_A_THREAD = 4


cdef double operations(PackedLayer layer, const Order *o) noexcept:
    """Of the products of a forward; those of its backward are twice as many."""
    return (2.0 * o.total * layer.gates * layer.hidden_size
            * (layer.input_size + layer.output_size))


cdef Split choose_split(PackedLayer layer, const Order *o, double work, int team,
                        bint unfused) noexcept:
    """How a team of up to `team` threads shares a call of so many operations."""
    cdef double step_work = 2.0 * layer.gates * layer.hidden_size * layer.output_size * o.N
    if team == 1 or work < WORTH_A_TEAM:
        return ALONE
    if o.N >= ROWS_A_THREAD * team:
        return BY_ROWS
    if not unfused and layer.r.panels >= team and step_work >= WORTH_A_BARRIER:
        return BY_UNITS
    return BY_ROWS if o.N >= team else ALONE


cdef Py_ssize_t chunk_steps(PackedLayer layer, const Order *o) noexcept:
    """Steps whose W x + b is computed at a time."""
    cdef Py_ssize_t rows = max(o.N, 1)
    cdef Py_ssize_t row_bytes = layer.gates * layer.hidden_size * layer.kernels.itemsize
    return min(max(1, CHUNK_BYTES // (rows * row_bytes), CHUNK_ROWS // rows), max(o.steps, 1))


cdef Share share_of_rows(const Work *w, int part, int parts) noexcept nogil:
    """All units of a part of the rows."""
    cdef Share share
    share.row_begin = row_cut(&w.order, part, parts)
    share.row_end = row_cut(&w.order, part + 1, parts)
    share.panel_begin, share.panel_end = 0, w.panels
    share.thread, share.team = 0, 1
    share.table = <ptrdiff_t *> (w.scratch + part * w.scratch_bytes)
    return share


cdef Share share_of_units(const Work *w, int thread, int team) noexcept nogil:
    """A part of the units of all rows."""
    cdef Share share
    share.row_begin, share.row_end = 0, w.order.N
    share.panel_begin = w.panels * thread // team
    share.panel_end = w.panels * (thread + 1) // team
    share.thread, share.team = thread, team
    share.table = <ptrdiff_t *> (w.scratch + thread * w.scratch_bytes)
    return share


cdef void begin_shares(Work *w) noexcept nogil:
    """Before a team comes: nothing is done yet."""
    if w.split == BY_ROWS:
        fastrnn_parts_init(w.parts, w.team)
    else:
        fastrnn_door_init(&w.door)


cdef void end_share(Work *w, int thread) noexcept nogil:
    """One thread of a team has nothing left to do."""
    if thread == 0:
        w.watch.done = fastrnn_now()
    else:
        keep_off(w.watch.core)


cdef Py_ssize_t unaliased(Py_ssize_t size) noexcept:
    """A stride for rows of `size` bytes. At a multiple of a kibibyte the same columns of a few
    rows would compete for the same few places of the first-level cache."""
    return size + 64 if size % 1024 == 0 else size


cdef void describe_buffers(Buffers *b, PackedLayer layer, const Order *o, bint keep,
                           bint unfused) noexcept:
    """What there is and how large its rows are; for training (`keep`), what backward will want."""
    cdef Py_ssize_t itemsize = layer.kernels.itemsize, H = layer.hidden_size
    cdef int slots = layer.description.slots
    if keep or unfused:
        slots = layer.description.kept_slots
    b.N = o.N
    b.has_c = layer.description.has_c
    b.has_m = layer.projection is not None
    b.keep = keep
    b.keep_gates = keep and layer.description.keeps_gates
    b.keep_h = keep and (layer.description.keeps_h or b.has_m)
    b.gates_size = slots * H * itemsize
    b.gates_stride = unaliased(b.gates_size)
    b.h_stride = layer.output_size * itemsize
    b.c_stride = H * itemsize
    b.h0 = b.c = b.m = NULL


cdef void place_gates(Buffers *b, arena *a, Py_ssize_t rows) noexcept:
    b.gates = <char *> take(a, rows, b.gates_stride, 1)


cdef void place_h(Buffers *b, arena *a, Py_ssize_t rows) noexcept:
    b.h = <char *> take(a, rows, b.h_stride, 1)


cdef void place_buffers(Buffers *b, const Order *o, Py_ssize_t chunk_steps, arena *kept,
                        arena *passing) noexcept:
    """The buffers of a forward: in `kept` what backward will want, else in `passing`."""
    cdef arena *states = kept if b.keep else passing
    if b.keep_gates:
        place_gates(b, kept, o.total)
    else:
        place_gates(b, passing, chunk_steps * b.N)
    if b.keep_h:
        place_h(b, kept, b.N + o.total)
    else:
        place_h(b, passing, 2 * b.N)
    if b.keep and not b.keep_h:
        b.h0 = <char *> take(kept, b.N, b.h_stride, 1)
    if b.has_c:
        b.c = <char *> take(states, b.N + o.total if b.keep else b.N, b.c_stride, 1)
    if b.has_m:
        b.m = <char *> take(states, o.total if b.keep else b.N, b.c_stride, 1)


cdef void place_remade(Buffers *b, const Order *o, arena *passing) noexcept:
    """Room for what backward needs whole and forward did not keep: gates or h."""
    if not b.keep_gates:
        place_gates(b, passing, o.total)
    if not b.keep_h:
        place_h(b, passing, b.N + o.total)


cdef void place_work(Work *w, arena *passing) noexcept:
    if w.split == BY_ROWS:
        w.parts = <fastrnn_part *> take(passing, w.team, 1, sizeof(fastrnn_part))
    w.scratch = <char *> take(passing, 1 if w.split == ALONE else w.team, w.scratch_bytes, 1)
