# SPDX-License-Identifier: Apache-2.0
"""The forward time loop, once for all cells, for inference and for training.

Every step is two kernel calls: W x + b for a chunk of steps at a time, then the recurrent
product with the cell fused to it. Threads share rows or hidden units; either way each number
is computed by the same sum, so that the result does not depend on how many there are.
"""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

from cython.parallel cimport parallel, threadid

from fastrnn._core.contention cimport team_left
from fastrnn._core.gemm cimport input_product_by_blas
from fastrnn._core.kernels cimport fastrnn_denormals_flush, fastrnn_denormals_restore
from fastrnn._core.plan cimport (
    ALONE, BY_ROWS, Share, begin_shares, c_at, end_share, h_at, m_at, share_of_rows,
    share_of_units,
)
from fastrnn._core.rows cimport Order, active_rows, first_packed, offset_in, step_rows
from fastrnn._core.runtime cimport (
    fastrnn_barrier_wait, fastrnn_door_close, fastrnn_door_enter, fastrnn_door_open,
    fastrnn_door_wait, fastrnn_part, fastrnn_part_leave, fastrnn_part_take, fastrnn_parts_init,
    fastrnn_team_size, step_unfused,
)


cdef inline char *gates_at(const Forward *f, Py_ssize_t chunk_begin, Py_ssize_t s) noexcept nogil:
    """Row 0 of a step's pre-activations, whose chunk begins at `chunk_begin`."""
    cdef const Buffers *b = &f.buffers
    cdef Py_ssize_t row = (s - chunk_begin) * b.N
    if b.keep_gates:
        row = first_packed(&f.work.order, s)
    return b.gates + row * b.gates_stride


cdef void input_product(Forward *f, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t row_begin,
                        Py_ssize_t row_end, Py_ssize_t panel_begin, Py_ssize_t panel_end,
                        ptrdiff_t *table) noexcept nogil:
    """W x + b of the steps [begin, end) for a share of rows and panels."""
    cdef fastrnn_product product = f.input
    cdef ptrdiff_t *to = table + f.chunk_steps * f.work.order.N
    cdef Py_ssize_t n = 0, s, row
    cdef ptrdiff_t gates
    for s in range(begin, end):
        gates = gates_at(f, begin, s) - f.buffers.gates
        for row in range(row_begin, min(row_end, active_rows(&f.work.order, s))):
            table[n] = offset_in(&f.x, &f.work.order, s, row)
            to[n] = gates + row * f.buffers.gates_stride
            n += 1
    product.a.offset = table
    product.c.offset = to
    f.kernels.product(&product, 0, n, panel_begin, panel_end)


cdef void project(Forward *f, const Share *share, Py_ssize_t s, Py_ssize_t rows) noexcept nogil:
    """h = W_hr m of one step, then y = h."""
    cdef fastrnn_product product = f.projection
    cdef Py_ssize_t panels = f.projection_panels, row, count = rows - share.row_begin
    cdef View *y = &f.y
    cdef char *h = h_at(&f.buffers, &f.work.order, s)
    fastrnn_barrier_wait(&f.work.barrier, share.team)
    product.a.base = m_at(&f.buffers, &f.work.order, s)
    product.c.base = h
    product.descend = s & 1
    f.kernels.product(&product, share.row_begin, rows, panels * share.thread // share.team,
                      panels * (share.thread + 1) // share.team)
    fastrnn_barrier_wait(&f.work.barrier, share.team)
    for row in range(share.row_begin + count * share.thread // share.team,
                     share.row_begin + count * (share.thread + 1) // share.team):
        memcpy(y.base + offset_in(y, &f.work.order, s, row), h + row * f.buffers.h_stride,
               f.buffers.h_stride)


cdef void forward_step(Forward *f, fastrnn_forward_step *step, const Share *share,
                       Py_ssize_t chunk_begin, Py_ssize_t s, Py_ssize_t rows) noexcept nogil:
    """Step s of a share, whose rows end at `rows`."""
    cdef Order *o = &f.work.order
    cdef Buffers *b = &f.buffers
    step.h_prev = h_at(b, o, s - 1)
    step.gates = gates_at(f, chunk_begin, s)
    step.descend = s & 1
    if f.input_in_step:
        step.w.x = f.x.base + offset_in(&f.x, o, s, 0)
    if b.c != NULL:
        step.c_prev = c_at(b, o, s - 1)
        step.c = c_at(b, o, s)
    if f.projected:
        step.h = m_at(b, o, s)
    else:
        step.h = h_at(b, o, s)
        if not (f.input_in_step and f.in_place):   # else y is written too soon: x is still read
            step.y = step_rows(&f.y, o, s, share.row_begin, rows, share.table)
    if f.unfused != NULL:
        step_unfused(f.unfused, step, share.row_begin, rows)
    else:
        f.kernels.forward[f.cell](step, share.row_begin, rows, share.panel_begin, share.panel_end)
    if f.input_in_step and f.in_place and not f.projected:
        memcpy(f.y.base + offset_in(&f.y, o, s, 0), step.h, b.h_stride)
    if f.projected:
        project(f, share, s, rows)
    fastrnn_barrier_wait(&f.work.barrier, share.team)


cdef void forward_input(Forward *f, const Share *share, Py_ssize_t chunk_begin,
                        Py_ssize_t chunk_end) noexcept nogil:
    """W x + b of a chunk of steps, where it is not done otherwise."""
    if f.by_blas or f.input_in_step:
        return
    input_product(f, chunk_begin, chunk_end, share.row_begin, share.row_end, share.panel_begin,
                  share.panel_end, share.table)
    # y may be x: all must have read before one writes.
    fastrnn_barrier_wait(&f.work.barrier, share.team)


cdef Py_ssize_t forward_chunk(Forward *f, const Share *share, Py_ssize_t chunk_begin,
                              Py_ssize_t end) noexcept nogil:
    """A chunk of the steps of a share of rows; returns the step it goes on with, which is `end`
    when none of its rows is left."""
    cdef fastrnn_forward_step step = f.step
    cdef Py_ssize_t chunk_end = min(chunk_begin + f.chunk_steps, end), s, rows
    forward_input(f, share, chunk_begin, chunk_end)
    for s in range(chunk_begin, chunk_end):
        rows = min(share.row_end, active_rows(&f.work.order, s))
        if rows <= share.row_begin:
            return end
        forward_step(f, &step, share, chunk_begin, s, rows)
    return chunk_end


cdef void forward_alone(Forward *f, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """All rows and units of the steps [begin, end)."""
    cdef Share share = share_of_rows(&f.work, 0, 1)
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
        share = share_of_rows(&f.work, part // count, parts_a_call)
        done = forward_chunk(f, &share, begin + done, end) - begin
        fastrnn_part_leave(&parts[part], done)
        part = fastrnn_part_take(parts, number, thread, end - begin, &done)


cdef void let_join(Forward *f, Share *share, int team, Py_ssize_t chunk_begin,
                   Py_ssize_t s) noexcept nogil:
    """Thread 0 goes on with the whole team, if it is there, from step s of a chunk; from the step
    before the chunk's first if W x + b is not there yet."""
    if share.team == 1 and fastrnn_door_open(&f.work.door, team, chunk_begin, s):
        share[0] = share_of_units(&f.work, 0, team)


cdef void forward_units(Forward *f, Py_ssize_t chunk_begin, Py_ssize_t end, int thread,
                        int team) noexcept nogil:
    """One thread's work where units are shared: thread 0 is alone until the others are there."""
    cdef fastrnn_forward_step step = f.step
    cdef Share share = share_of_units(&f.work, 0, 1)
    cdef Py_ssize_t chunk_end, s = chunk_begin - 1
    if thread > 0:
        thread = fastrnn_door_enter(&f.work.door)
        if thread == 0:
            return
        share = share_of_units(&f.work, thread, team)
        chunk_begin, s = f.work.door.at[0], f.work.door.at[1]
    else:
        fastrnn_door_wait(&f.work.door, team)
    while chunk_begin < end:
        chunk_end = min(chunk_begin + f.chunk_steps, end)
        if s < chunk_begin:
            let_join(f, &share, team, chunk_begin, s)
            forward_input(f, &share, chunk_begin, chunk_end)
            s = chunk_begin
        while s < chunk_end:
            let_join(f, &share, team, chunk_begin, s)
            forward_step(f, &step, &share, chunk_begin, s, active_rows(&f.work.order, s))
            s += 1
        chunk_begin = chunk_end
        s = chunk_begin - 1
    if thread == 0:
        fastrnn_door_close(&f.work.door)


cdef void forward_share(Forward *f, Py_ssize_t begin, Py_ssize_t end, int thread,
                        int team) noexcept nogil:
    """What one thread of a team does of the steps [begin, end)."""
    cdef uint64_t denormals = fastrnn_denormals_flush()
    if f.work.split == BY_ROWS:
        forward_parts(&f, 1, f.work.parts, f.work.team, begin, end, thread)
    else:
        forward_units(f, begin, end, thread, team)
    fastrnn_denormals_restore(denormals)
    end_share(&f.work, thread)


cdef void forward_steps(Forward *f, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    if f.work.split == ALONE:
        forward_alone(f, begin, end)
        return
    begin_shares(&f.work)
    with parallel(num_threads=f.work.team):
        forward_share(f, begin, end, threadid(), fastrnn_team_size())
    team_left(&f.work.watch)


cdef void forward_steps_by_blas(Forward *f, PackedLayer layer) noexcept nogil:
    """BLAS has threads of its own, so it runs between our parallel regions, a chunk at a time."""
    cdef Py_ssize_t begin = 0, end, s, row
    cdef Py_ssize_t row_bytes = layer.gates * layer.hidden_size * f.kernels.itemsize
    cdef Order *o = &f.work.order
    while begin < o.steps:
        end = min(begin + f.chunk_steps, o.steps)
        input_product_by_blas(layer, &f.x, o, begin, end, f.staging, f.result)
        for s in range(begin, end):
            for row in range(active_rows(o, s)):
                memcpy(gates_at(f, begin, s) + row * f.buffers.gates_stride,
                       f.result + ((s - begin) * o.N + row) * row_bytes, row_bytes)
        forward_steps(f, begin, end)
        begin = end


cdef void pair_share(Forward **pair, fastrnn_part *parts, int thread) noexcept nogil:
    """What one thread does of two directions, each whole."""
    cdef uint64_t denormals = fastrnn_denormals_flush()
    forward_parts(pair, 2, parts, 1, 0, pair[0].work.order.steps, thread)
    fastrnn_denormals_restore(denormals)
    end_share(&pair[0].work, thread)


cdef void forward_side_by_side(Forward *a, Forward *b) noexcept nogil:
    """All steps of two directions, by a thread each."""
    cdef Forward *pair[2]
    cdef fastrnn_part parts[2]
    pair[0], pair[1] = a, b
    fastrnn_parts_init(parts, 2)
    with parallel(num_threads=2):
        pair_share(pair, parts, threadid())
    team_left(&a.work.watch)


cdef void describe_input(Forward *f, PackedLayer layer) noexcept:
    memset(&f.input, 0, sizeof(f.input))
    f.input.shape = layer.view.w.shape
    f.input.pack = layer.view.w.data
    f.input.bias = layer.input_bias
    f.input.a.base = f.x.base
    f.input.a.step = f.x.feature
    f.input.c.base = f.buffers.gates
    f.input.c.step = 1


cdef void describe_step(Forward *f, PackedLayer layer, bint unfused) noexcept:
    cdef Buffers *b = &f.buffers
    memset(&f.step, 0, sizeof(f.step))
    f.step.hidden = layer.hidden_size
    f.step.depth = layer.output_size
    f.step.activations = layer.view.activations
    f.step.keep = b.keep_gates
    f.step.pack = layer.view.r[0].data
    if not unfused:
        f.step.bias = layer.recurrent_bias
    f.step.h_prev_stride = b.h_stride
    f.step.gates_stride = b.gates_stride
    f.step.c_prev_stride = b.c_stride
    f.step.c_stride = b.c_stride
    f.step.h_stride = b.c_stride if f.projected else b.h_stride
    if f.input_in_step:
        f.step.w.depth = layer.input_size
        f.step.w.pack = layer.view.w.data
        f.step.w.bias = layer.input_bias


cdef void describe_projection(Forward *f, PackedLayer layer) noexcept:
    memset(&f.projection, 0, sizeof(f.projection))
    f.projection.shape = layer.view.projection.shape
    f.projection.pack = layer.view.projection.data
    f.projection.a.stride = f.buffers.c_stride
    f.projection.a.step = 1
    f.projection.c.stride = f.buffers.h_stride
    f.projection.c.step = 1
    f.projection_panels = layer.view.projection.panels


cdef void describe_forward(Forward *f, PackedLayer layer, bint unfused) noexcept:
    """Fills in what does not change from step to step, but f.unfused; the buffers have their
    places."""
    f.kernels = layer.kernels
    f.cell = layer.cell
    f.projected = f.buffers.has_m
    describe_input(f, layer)
    describe_step(f, layer, unfused)
    if f.projected:
        describe_projection(f, layer)
