# SPDX-License-Identifier: Apache-2.0
"""The forward time loop, once for all cells, for inference and for training.

Every step is two kernel calls: W x + b for a chunk of steps at a time, then the recurrent
product with the cell fused to it. Threads share rows or hidden units; either way each number
is computed by the same sum, so that the result does not depend on how many there are.
"""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

cimport numpy as cnp
from cython.parallel cimport parallel, threadid

from fastrnn._core.apart cimport Apart, apart_products, describe_apart
from fastrnn._core.contention cimport (
    WORTH_A_TEAM, Watch, begin_team, end_team, fastrnn_now, keep_off, team_for, team_left,
)
from fastrnn._core.gemm cimport input_product_by_blas, uses_blas
from fastrnn._core.kernels cimport (
    FASTRNN_GRU, FASTRNN_LSTM, FASTRNN_RNN, fastrnn_denormals_flush, fastrnn_denormals_restore,
    fastrnn_forward_step, fastrnn_kernels, fastrnn_product,
)
from fastrnn._core.pack cimport PackedLayer
from fastrnn._core.runtime cimport (
    Memory, fastrnn_barrier, fastrnn_barrier_init, fastrnn_barrier_wait, fastrnn_door,
    fastrnn_door_close, fastrnn_door_enter, fastrnn_door_init, fastrnn_door_open, fastrnn_door_wait,
    fastrnn_part,
    fastrnn_part_leave, fastrnn_part_take, fastrnn_parts_init, fastrnn_seconds_lost,
    fastrnn_team_size,
)
from fastrnn._core.schedule cimport (
    Order, Schedule, View, active_rows, batch_row, first_packed, new_schedule, offset_in, row_cut,
    row_length, step_rows, view_of,
)

cnp.import_array()

# Pre-activations of one chunk of steps stay in the second-level cache; a chunk has enough rows
# for the input product to use W well.
cdef Py_ssize_t CHUNK_BYTES = 128 * 1024
cdef Py_ssize_t CHUNK_ROWS = 48

# One row whose W and R stay in the first-level cache together gains nothing from a product over
# many steps.
cdef size_t FUSED_BYTES = 32 * 1024

# Operations of a step from which on it is worth a barrier.
cdef double WORTH_A_BARRIER = 3e4
cdef Py_ssize_t ROWS_A_THREAD = 4


ctypedef struct Forward:
    const fastrnn_kernels *kernels
    Order order
    Buffers buffers
    View x
    View y
    fastrnn_product input
    fastrnn_forward_step step
    fastrnn_product projection
    Apart apart
    int cell
    bint projected
    bint input_done           # W x + b is there already: BLAS computed it
    bint fused                # W x + b is part of the step
    bint in_place             # y is x
    Py_ssize_t panels, projection_panels
    Py_ssize_t chunk          # steps
    Split split
    int team                  # threads to ask for: read once, others may change the setting
    char *tables              # offsets, table_bytes for each share
    Py_ssize_t table_bytes
    fastrnn_part *parts       # of BY_ROWS, one for each thread: how far they are
    fastrnn_door door         # of BY_UNITS
    fastrnn_barrier barrier
    Watch watch


cdef Split choose_split(PackedLayer layer, const Order *o, double work, int team,
                        bint apart) noexcept:
    """How a team of up to `team` threads shares a call of so many operations."""
    cdef double step_work = 2.0 * layer.gates * layer.hidden_size * layer.output_size * o.N
    if team == 1 or work < WORTH_A_TEAM:
        return ALONE
    if o.N >= ROWS_A_THREAD * team:
        return BY_ROWS
    if not apart and layer.r.panels >= team and step_work >= WORTH_A_BARRIER:
        return BY_UNITS
    return BY_ROWS if o.N >= team else ALONE


cdef double forward_work(PackedLayer layer, const Order *o) noexcept:
    return (2.0 * o.total * layer.gates * layer.hidden_size
            * (layer.input_size + layer.output_size))


cdef inline char *gates_at(const Forward *f, Py_ssize_t origin, Py_ssize_t s) noexcept nogil:
    """Row 0 of a step's pre-activations; `origin` is the first step of its chunk."""
    cdef const Buffers *b = &f.buffers
    cdef Py_ssize_t row = first_packed(&f.order, s) if b.keep_gates else (s - origin) * b.N
    return b.gates + row * b.gates_stride


cdef void input_product(Forward *f, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t row_begin,
                        Py_ssize_t row_end, Py_ssize_t panel_begin, Py_ssize_t panel_end,
                        ptrdiff_t *table) noexcept nogil:
    """W x + b of the steps [begin, end) for a share of rows and panels."""
    cdef fastrnn_product product = f.input
    cdef ptrdiff_t *to = table + f.chunk * f.order.N
    cdef Py_ssize_t n = 0, s, row
    cdef ptrdiff_t gates
    for s in range(begin, end):
        gates = gates_at(f, begin, s) - f.buffers.gates
        for row in range(row_begin, min(row_end, active_rows(&f.order, s))):
            table[n] = offset_in(&f.x, &f.order, s, row)
            to[n] = gates + row * f.buffers.gates_stride
            n += 1
    product.a.offset = table
    product.c.offset = to
    f.kernels.product(&product, 0, n, panel_begin, panel_end)


cdef Share share_of_rows(const Forward *f, int part, int parts) noexcept nogil:
    """All units of a part of the rows."""
    cdef Share share
    share.row_begin = row_cut(&f.order, part, parts)
    share.row_end = row_cut(&f.order, part + 1, parts)
    share.panel_begin, share.panel_end = 0, f.panels
    share.thread, share.team = 0, 1
    share.table = <ptrdiff_t *> (f.tables + part * f.table_bytes)
    return share


cdef Share share_of_units(const Forward *f, int thread, int team) noexcept nogil:
    """A part of the units of all rows."""
    cdef Share share
    share.row_begin, share.row_end = 0, f.order.N
    share.panel_begin = f.panels * thread // team
    share.panel_end = f.panels * (thread + 1) // team
    share.thread, share.team = thread, team
    share.table = <ptrdiff_t *> (f.tables + thread * f.table_bytes)
    return share


cdef void project(Forward *f, const Share *share, Py_ssize_t s, Py_ssize_t rows) noexcept nogil:
    """h = W_hr m of one step, then y = h."""
    cdef fastrnn_product product = f.projection
    cdef Py_ssize_t panels = f.projection_panels, row, count = rows - share.row_begin
    cdef View *y = &f.y
    cdef char *h = h_at(&f.buffers, &f.order, s)
    fastrnn_barrier_wait(&f.barrier, share.team)
    product.a.base = m_at(&f.buffers, &f.order, s)
    product.c.base = h
    product.descend = s & 1
    f.kernels.product(&product, share.row_begin, rows, panels * share.thread // share.team,
                      panels * (share.thread + 1) // share.team)
    fastrnn_barrier_wait(&f.barrier, share.team)
    for row in range(share.row_begin + count * share.thread // share.team,
                     share.row_begin + count * (share.thread + 1) // share.team):
        memcpy(y.base + offset_in(y, &f.order, s, row), h + row * f.buffers.h_stride,
               f.buffers.h_stride)


cdef void forward_step(Forward *f, fastrnn_forward_step *step, const Share *share,
                       Py_ssize_t chunk, Py_ssize_t s, Py_ssize_t rows) noexcept nogil:
    """Step s of a share, whose rows end at `rows`; its chunk of pre-activations begins at `chunk`.
    """
    cdef Order *o = &f.order
    cdef Buffers *b = &f.buffers
    step.h_prev = h_at(b, o, s - 1)
    step.gates = gates_at(f, chunk, s)
    step.descend = s & 1
    if f.fused:
        step.w.x = f.x.base + offset_in(&f.x, o, s, 0)
    if b.c != NULL:
        step.c_prev = c_at(b, o, s - 1)
        step.c = c_at(b, o, s)
    if f.projected:
        step.h = m_at(b, o, s)
    else:
        step.h = h_at(b, o, s)
        if not (f.fused and f.in_place):   # else y is written too soon: x is still read
            step.y = step_rows(&f.y, o, s, share.row_begin, rows, share.table)
    if f.apart.count:
        apart_products(&f.apart, h_at(b, o, s - 1), step.gates, share.row_begin, rows)
        f.kernels.cell_forward[f.apart.cell](step, share.row_begin, rows)
    else:
        f.kernels.forward[f.cell](step, share.row_begin, rows, share.panel_begin, share.panel_end)
    if f.fused and f.in_place and not f.projected:
        memcpy(f.y.base + offset_in(&f.y, o, s, 0), step.h, b.h_stride)
    if f.projected:
        project(f, share, s, rows)
    fastrnn_barrier_wait(&f.barrier, share.team)


cdef void forward_input(Forward *f, const Share *share, Py_ssize_t chunk,
                        Py_ssize_t chunk_end) noexcept nogil:
    """W x + b of a chunk of steps, where it is not done otherwise."""
    if f.input_done or f.fused:
        return
    input_product(f, chunk, chunk_end, share.row_begin, share.row_end, share.panel_begin,
                  share.panel_end, share.table)
    # y may be x: all must have read before one writes.
    fastrnn_barrier_wait(&f.barrier, share.team)


cdef Py_ssize_t forward_chunk(Forward *f, const Share *share, Py_ssize_t chunk,
                              Py_ssize_t end) noexcept nogil:
    """A chunk of the steps of a share of rows; returns the step it goes on with, which is `end`
    when none of its rows is left."""
    cdef fastrnn_forward_step step = f.step
    cdef Py_ssize_t chunk_end = min(chunk + f.chunk, end), s, rows
    forward_input(f, share, chunk, chunk_end)
    for s in range(chunk, chunk_end):
        rows = min(share.row_end, active_rows(&f.order, s))
        if rows <= share.row_begin:
            return end
        forward_step(f, &step, share, chunk, s, rows)
    return chunk_end


cdef void forward_alone(Forward *f, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """All rows and units of the steps [begin, end)."""
    cdef Share share = share_of_rows(f, 0, 1)
    cdef uint64_t denormals = fastrnn_denormals_flush()
    while begin < end:
        begin = forward_chunk(f, &share, begin, end)
    fastrnn_denormals_restore(denormals)


cdef void forward_parts(Forward **calls, int count, fastrnn_part *parts, int parts_a_call,
                        Py_ssize_t begin, Py_ssize_t end, int thread) noexcept nogil:
    """One thread's work where calls have parts, of their rows, that no other part waits for: chunk
    after chunk of the part that is furthest behind."""
    cdef Forward *f
    cdef Share share
    cdef ptrdiff_t done
    cdef int number = count * parts_a_call
    cdef int part = fastrnn_part_take(parts, number, thread, end - begin, &done)
    while part >= 0:
        f = calls[part % count]
        share = share_of_rows(f, part // count, parts_a_call)
        done = forward_chunk(f, &share, begin + done, end) - begin
        fastrnn_part_leave(&parts[part], done)
        part = fastrnn_part_take(parts, number, thread, end - begin, &done)


cdef void let_join(Forward *f, Share *share, int team, Py_ssize_t chunk,
                   Py_ssize_t s) noexcept nogil:
    """Thread 0 goes on with the whole team, if it is there, from step s of a chunk; from the step
    before the chunk's first if W x + b is not there yet."""
    if share.team == 1 and fastrnn_door_open(&f.door, team, chunk, s):
        share[0] = share_of_units(f, 0, team)


cdef void forward_units(Forward *f, Py_ssize_t chunk, Py_ssize_t end, int thread,
                        int team) noexcept nogil:
    """One thread's work where units are shared: thread 0 is alone until the others are there."""
    cdef fastrnn_forward_step step = f.step
    cdef Share share = share_of_units(f, 0, 1)
    cdef Py_ssize_t chunk_end, s = chunk - 1
    if thread > 0:
        thread = fastrnn_door_enter(&f.door)
        if thread == 0:
            return
        share = share_of_units(f, thread, team)
        chunk, s = f.door.at[0], f.door.at[1]
    else:
        fastrnn_door_wait(&f.door, team)
    while chunk < end:
        chunk_end = min(chunk + f.chunk, end)
        if s < chunk:
            let_join(f, &share, team, chunk, s)
            forward_input(f, &share, chunk, chunk_end)
            s = chunk
        while s < chunk_end:
            let_join(f, &share, team, chunk, s)
            forward_step(f, &step, &share, chunk, s, active_rows(&f.order, s))
            s += 1
        chunk = chunk_end
        s = chunk - 1
    if thread == 0:
        fastrnn_door_close(&f.door)


cdef void forward_share(Forward *f, Py_ssize_t begin, Py_ssize_t end, int thread,
                        int team) noexcept nogil:
    """What one thread of a team does of the steps [begin, end)."""
    cdef uint64_t denormals = fastrnn_denormals_flush()
    if f.split == BY_ROWS:
        forward_parts(&f, 1, f.parts, f.team, begin, end, thread)
    else:
        forward_units(f, begin, end, thread, team)
    fastrnn_denormals_restore(denormals)
    if thread == 0:
        f.watch.done = fastrnn_now()
    else:
        keep_off(f.watch.core)


cdef void forward_steps(Forward *f, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    if f.split == ALONE:
        forward_alone(f, begin, end)
        return
    if f.split == BY_ROWS:
        fastrnn_parts_init(f.parts, f.team)
    else:
        fastrnn_door_init(&f.door)
    with parallel(num_threads=f.team):
        forward_share(f, begin, end, threadid(), fastrnn_team_size())
    team_left(&f.watch)


cdef void zero_padding(const View *y, const Order *o, Py_ssize_t T, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t row, t
    for row in range(o.N):
        for t in range(row_length(o, row), T):
            memset(y.base + t * y.time + batch_row(o, row) * y.batch, 0, size)


cdef void scatter_rows(const Order *o, const char *sorted_rows, Py_ssize_t size,
                       cnp.ndarray to) noexcept:
    cdef Py_ssize_t row
    cdef char *base = <char *> cnp.PyArray_DATA(to)
    cdef Py_ssize_t stride = cnp.PyArray_STRIDE(to, 0)
    for row in range(o.N):
        memcpy(base + batch_row(o, row) * stride, sorted_rows + row * size, size)


cdef void gather_rows(const Order *o, object source, Py_ssize_t size, char *sorted_rows) noexcept:
    """Rows of `source` (None: zeros) in the order of the schedule."""
    cdef Py_ssize_t row, stride
    cdef char *base
    if source is None:
        memset(sorted_rows, 0, o.N * size)
        return
    base = <char *> cnp.PyArray_DATA(<cnp.ndarray> source)
    stride = cnp.PyArray_STRIDE(<cnp.ndarray> source, 0)
    for row in range(o.N):
        memcpy(sorted_rows + row * size, base + batch_row(o, row) * stride, size)


cdef void final_states(const Forward *f, cnp.ndarray h_n, object c_n) noexcept:
    cdef const Order *o = &f.order
    cdef const Buffers *b = &f.buffers
    cdef Py_ssize_t row, last
    cdef char *h = <char *> cnp.PyArray_DATA(h_n)
    cdef char *c = NULL
    if b.c != NULL:
        c = <char *> cnp.PyArray_DATA(<cnp.ndarray> c_n)
    for row in range(o.N):
        last = row_length(o, row) - 1
        memcpy(h + batch_row(o, row) * cnp.PyArray_STRIDE(h_n, 0),
               h_at(b, o, last) + row * b.h_stride, b.h_stride)
        if c != NULL:
            memcpy(c + batch_row(o, row) * cnp.PyArray_STRIDE(<cnp.ndarray> c_n, 0),
                   c_at(b, o, last) + row * b.c_stride, b.c_stride)


cdef Py_ssize_t padded(Py_ssize_t size) noexcept:
    """Rounded up to whole cache lines."""
    return (size + 63) // 64 * 64


cdef Py_ssize_t unaliased(Py_ssize_t size) noexcept:
    """A stride for rows of `size` bytes. At a multiple of a kibibyte the same columns of a few
    rows would compete for the same few places of the first-level cache."""
    return size + 64 if size % 1024 == 0 else size


cdef char *take(char **at, Py_ssize_t size) noexcept:
    """The next `size` bytes, NULL for none."""
    cdef char *taken = at[0]
    at[0] += size
    return taken if size else NULL


cdef void place_buffers(PackedLayer layer, const Order *o, bint keep, bint apart, Py_ssize_t chunk,
                        Buffers *b, Memory kept, Memory passing) except *:
    """Lays out the buffers of a call: in `kept` what backward will want, else in `passing`."""
    cdef Py_ssize_t itemsize = layer.kernels.itemsize, H = layer.hidden_size
    cdef bint fourth_slot = layer.cell == FASTRNN_GRU and (keep or apart)
    cdef Py_ssize_t gate_slots = layer.gates + fourth_slot
    cdef Py_ssize_t gates, h, h0 = 0, c = 0, m = 0, size = 0
    cdef char *in_kept
    cdef char *in_passing
    cdef char **to
    b.keep = keep
    b.keep_gates = keep and layer.cell != FASTRNN_RNN
    b.keep_h = keep and (layer.cell != FASTRNN_LSTM or layer.projection is not None)
    b.N = o.N
    b.gates_size = gate_slots * H * itemsize
    b.gates_stride = unaliased(b.gates_size)
    b.h_stride = layer.output_size * itemsize
    b.c_stride = H * itemsize
    gates = padded((o.total if b.keep_gates else chunk * o.N) * b.gates_stride)
    h = padded((o.N + o.total if b.keep_h else 2 * o.N) * b.h_stride)
    if keep and not b.keep_h:
        h0 = padded(o.N * b.h_stride)
    if layer.cell == FASTRNN_LSTM:
        c = padded((o.N + o.total if keep else o.N) * b.c_stride)
    if layer.projection is not None:
        m = padded((o.total if keep else o.N) * b.c_stride)
    if keep:
        size = (gates if b.keep_gates else 0) + (h if b.keep_h else 0) + h0 + c + m
        kept.allocate(size)
    passing.allocate(gates + h + h0 + c + m - size)
    in_kept, in_passing = kept.base, passing.base
    to = &in_kept if keep else &in_passing
    b.gates = take(&in_kept if b.keep_gates else &in_passing, gates)
    b.h = take(&in_kept if b.keep_h else &in_passing, h)
    b.h0 = take(to, h0)
    b.c = take(to, c)
    b.m = take(to, m)


cdef void describe(Forward *f, PackedLayer layer) noexcept:
    """Fills in what does not change from step to step."""
    cdef Buffers *b = &f.buffers
    f.kernels = layer.kernels
    f.cell = layer.cell
    f.projected = layer.projection is not None
    f.panels = layer.r.panels
    memset(&f.input, 0, sizeof(f.input))
    f.input.shape = layer.w.shape
    f.input.pack = layer.w.data()
    f.input.bias = layer.bias_data
    f.input.a.base = f.x.base
    f.input.a.step = f.x.step
    f.input.c.base = b.gates
    f.input.c.step = 1
    memset(&f.step, 0, sizeof(f.step))
    f.step.hidden = layer.hidden_size
    f.step.depth = layer.output_size
    f.step.activation = layer.activation
    f.step.recurrent_activation = layer.recurrent_activation
    f.step.keep = b.keep_gates
    f.step.pack = layer.r.data()
    if f.apart.count == 0:
        f.step.bias = layer.bias_new_data
    f.step.h_prev_stride = b.h_stride
    f.step.gates_stride = b.gates_stride
    f.step.c_prev_stride = b.c_stride
    f.step.c_stride = b.c_stride
    f.step.h_stride = b.c_stride if f.projected else b.h_stride
    memset(&f.projection, 0, sizeof(f.projection))
    if f.projected:
        f.projection.shape = layer.projection.shape
        f.projection.pack = layer.projection.data()
        f.projection.a.stride = b.c_stride
        f.projection.a.step = 1
        f.projection.c.stride = b.h_stride
        f.projection.c.step = 1
        f.projection_panels = layer.projection.panels


cdef void fuse_input(Forward *f, PackedLayer layer) noexcept:
    """Makes W x + b a part of the step, where that is faster and the kernel can read x."""
    cdef size_t packs = layer.w.memory.size + layer.r.memory.size
    f.fused = (f.order.N == 1 and f.split == ALONE and not f.buffers.keep and not f.input_done
               and not f.apart.count and f.x.step == 1 and packs <= FUSED_BYTES)
    if f.fused:
        f.step.w.depth = layer.input_size
        f.step.w.pack = layer.w.data()
        f.step.w.bias = layer.bias_data


cdef void forward_by_blas(Forward *f, PackedLayer layer, char *staging,
                          char *result) noexcept nogil:
    """BLAS has threads of its own, so it runs between our parallel regions, a chunk at a time."""
    cdef Py_ssize_t begin = 0, end, s, row, row_bytes = layer.w.shape.gates * layer.w.shape.units
    row_bytes *= f.kernels.itemsize
    while begin < f.order.steps:
        end = min(begin + f.chunk, f.order.steps)
        input_product_by_blas(layer, &f.x, &f.order, begin, end, staging, result)
        for s in range(begin, end):
            for row in range(active_rows(&f.order, s)):
                memcpy(gates_at(f, begin, s) + row * f.buffers.gates_stride,
                       result + ((s - begin) * f.order.N + row) * row_bytes, row_bytes)
        forward_steps(f, begin, end)
        begin = end


cdef class Call:
    """One (layer, direction) over whole sequences, between `prepare` and `finish`."""
    cdef Forward f
    cdef PackedLayer layer
    cdef Schedule schedule
    cdef Memory kept, passing, scratch, masks
    cdef object x
    cdef char *staging    # for BLAS, else NULL
    cdef char *result


cdef class Tape:
    """What a training forward keeps for its backward."""

    @property
    def N(self):
        return self.buffers.N


cdef const char *masks_of(Memory masks) noexcept:
    return NULL if masks is None else masks.base


cdef Memory sorted_masks(const Order *o, cnp.ndarray dropout, Py_ssize_t h_stride):
    """The masks (G, N, P) with their rows in the order of the schedule."""
    cdef Memory masks = Memory()
    cdef Py_ssize_t gate
    masks.allocate(len(dropout) * o.N * h_stride)
    for gate in range(len(dropout)):
        gather_rows(o, dropout[gate], h_stride, masks.base + gate * o.N * h_stride)
    return masks


cdef Call prepare(PackedLayer layer, cnp.ndarray x, cnp.ndarray y, tuple initial, lengths,
                  bint reverse, bint keep, dropout, int directions, Call first):
    """Everything of a call but its steps and final states; it is one of so many directions, which
    have the team of the first."""
    cdef bint apart = dropout is not None or not layer.fused
    cdef Call call = Call()
    cdef Forward *f = &call.f
    cdef Py_ssize_t T = cnp.PyArray_DIM(x, 0), N = cnp.PyArray_DIM(x, 1)
    cdef Py_ssize_t row_bytes = layer.gates * layer.hidden_size * layer.kernels.itemsize
    cdef Py_ssize_t tables, parts = 0, seen = 0, staging = 0, result = 0
    cdef double work
    cdef char *at
    h0, c0 = initial
    call.layer, call.x = layer, x
    call.schedule = new_schedule(T, N, lengths, reverse)
    call.kept, call.passing, call.scratch = Memory(), Memory(), Memory()
    f.order = call.schedule.order
    f.x = view_of(x)
    f.y = view_of(y)
    f.in_place = f.x.base == f.y.base
    f.chunk = max(1, CHUNK_BYTES // (max(N, 1) * row_bytes), CHUNK_ROWS // max(N, 1))
    f.chunk = min(f.chunk, max(f.order.steps, 1))
    work = forward_work(layer, &f.order)
    f.team = team_for(directions * work) if first is None else first.f.team
    f.split = choose_split(layer, &f.order, work, f.team, apart)
    place_buffers(layer, &f.order, keep, apart, f.chunk, &f.buffers, call.kept, call.passing)
    f.apart.count = 0
    if apart:
        if dropout is not None:
            call.masks = sorted_masks(&f.order, dropout, f.buffers.h_stride)
            seen = padded(N * f.buffers.h_stride)
        describe_apart(&f.apart, layer, N, f.buffers.gates_stride, masks_of(call.masks), False)
    describe(f, layer)
    f.input_done = uses_blas(layer, T * N, layer.gates * layer.hidden_size, layer.input_size)
    fuse_input(f, layer)
    if f.input_done:
        staging = padded(f.chunk * N * layer.input_size * layer.kernels.itemsize)
        result = f.chunk * N * row_bytes
    f.table_bytes = padded(2 * f.chunk * N * sizeof(ptrdiff_t))
    tables = f.table_bytes * (1 if f.split == ALONE else f.team)
    if f.split == BY_ROWS:
        parts = f.team * sizeof(fastrnn_part)
    call.scratch.allocate(parts + tables + seen + staging + result)
    at = call.scratch.base
    f.parts = <fastrnn_part *> take(&at, parts)
    f.tables = take(&at, tables)
    f.apart.seen = take(&at, seen)
    call.staging = take(&at, staging)
    call.result = take(&at, result)
    fastrnn_barrier_init(&f.barrier)
    gather_rows(&f.order, h0, f.buffers.h_stride, f.buffers.h)
    if f.buffers.h0 != NULL:
        memcpy(f.buffers.h0, f.buffers.h, N * f.buffers.h_stride)
    if f.buffers.c != NULL:
        gather_rows(&f.order, c0, f.buffers.c_stride, f.buffers.c)
    if f.order.ragged:
        zero_padding(&f.y, &f.order, T, f.buffers.h_stride)
    return call


cdef void run(Call call) noexcept:
    cdef Forward *f = &call.f
    if f.split != ALONE:
        begin_team(&f.watch)
    with nogil:
        if f.input_done:
            forward_by_blas(f, call.layer, call.staging, call.result)
        else:
            forward_steps(f, 0, f.order.steps)
    if f.split != ALONE:
        end_team(&f.watch, f.team, fastrnn_seconds_lost(&f.barrier))


cdef object finish(Call call, tuple final):
    cdef Tape tape
    h_n, c_n = final
    final_states(&call.f, h_n, c_n)
    if not call.f.buffers.keep:
        return None
    tape = Tape()
    tape.layer = call.layer
    tape.schedule = call.schedule
    tape.buffers = call.f.buffers
    tape.memory = call.kept
    tape.masks = call.masks
    tape.apart = call.f.apart.count > 0
    tape.x = call.x
    return tape


def forward(PackedLayer layer, cnp.ndarray x, cnp.ndarray y, tuple initial, tuple final, lengths,
            bint reverse, bint keep, dropout=None):
    """Run one (layer, direction) over whole sequences.

    Parameters
    ----------
    layer : PackedLayer
    x : ndarray (T, N, I)
        Any strides that are multiples of the item size. Read only.
    y : ndarray (T, N, P)
        Output; last axis contiguous. Zeros past a row's length. It may be x where `keep` and
        `reverse` are false.
    initial : (h0, c0), ndarrays (N, P), (N, H) or None
        Initial states, None for zeros; last axis contiguous. c0 is None unless LSTM.
    final : (h_n, c_n), ndarrays (N, P), (N, H)
        Output: the states after each row's last valid step. c_n is None unless LSTM.
    lengths : ndarray (N,) of int64, or None
        Valid steps of each row, 0 to T.
    reverse : bool
        Read each row from its last valid step to its first.
    keep : bool
        Keep what backward needs.
    dropout : ndarray (G, N, P) or None
        Recurrent dropout: what multiplies the state before each gate's product, at every step,
        gates as in w_hh; of x's dtype, last axis contiguous.

    Returns
    -------
    Tape or None
        The Tape if `keep`; it refers to x, which must not change before backward.
    """
    cdef Call call = prepare(layer, x, y, initial, lengths, reverse, keep, dropout, 1,
                             None)
    run(call)
    return finish(call, final)


cdef bint one_thread_each(Call a, Call b) noexcept:
    """Whether two directions are better run side by side than one after the other by a team. That
    spares a few rows the barriers; a batch has rows for all."""
    cdef Forward *f = &a.f
    if f.team < 2 or f.split == BY_ROWS or f.input_done:
        return False
    if f.split == BY_UNITS and f.team > 3:
        return False
    return forward_work(a.layer, &f.order) + forward_work(b.layer, &f.order) >= WORTH_A_TEAM


cdef void pair_share(Forward **pair, fastrnn_part *parts, int thread) noexcept nogil:
    """What one thread does of two directions, each whole."""
    cdef uint64_t denormals = fastrnn_denormals_flush()
    forward_parts(pair, 2, parts, 1, 0, pair[0].order.steps, thread)
    fastrnn_denormals_restore(denormals)
    if thread == 0:
        pair[0].watch.done = fastrnn_now()
    else:
        keep_off(pair[0].watch.core)


cdef void run_side_by_side(Call a, Call b) noexcept:
    cdef Forward *pair[2]
    cdef fastrnn_part parts[2]
    pair[0], pair[1] = &a.f, &b.f
    pair[0].split = pair[1].split = ALONE
    fastrnn_parts_init(parts, 2)
    begin_team(&a.f.watch)
    with nogil:
        with parallel(num_threads=2):
            pair_share(pair, parts, threadid())
        team_left(&a.f.watch)
    end_team(&a.f.watch, 2, 0)


def forward_both(layers, cnp.ndarray x, outputs, initial, final, lengths, bint keep,
                 dropout=(None, None)):
    """Run the two directions of a layer over whole sequences: `forward` of each.

    Parameters
    ----------
    layers, outputs, initial, final, dropout : pairs
        Of each direction: the PackedLayer, y, (h0, c0), (h_n, c_n), the masks. No y may be x.

    Returns
    -------
    list of Tape or None
    """
    cdef Call a = prepare(layers[0], x, outputs[0], initial[0], lengths, False, keep, dropout[0],
                          2, None)
    cdef Call b = prepare(layers[1], x, outputs[1], initial[1], lengths, True, keep, dropout[1],
                          2, a)
    if one_thread_each(a, b):
        run_side_by_side(a, b)
    else:
        run(a)
        run(b)
    return [finish(a, final[0]), finish(b, final[1])]
