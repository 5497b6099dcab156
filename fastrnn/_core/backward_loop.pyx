# SPDX-License-Identifier: Apache-2.0
"""Backpropagation through time, once for all cells.

The loop runs the steps in the opposite order; a step is one kernel call: the product of the
next step's gradients with R, and the cell's own backward fused to it, which puts the gradients of
the pre-activations into the place of the gates. The gradients of the weights, biases and
inputs are then single large products over all steps.
"""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

from cython.parallel cimport parallel, threadid

from fastrnn._core.contention cimport team_left
from fastrnn._core.gradients cimport add_row, products_share, sums_share
from fastrnn._core.kernels cimport fastrnn_denormals_flush, fastrnn_denormals_restore
from fastrnn._core.plan cimport (
    ALONE, BY_ROWS, Share, begin_shares, c_at, end_share, h_at, share_of_rows, share_of_units,
)
from fastrnn._core.rows cimport (
    Order, active_rows, first_packed, offset_in, row_length, step_rows,
)
from fastrnn._core.runtime cimport (
    fastrnn_barrier_wait, fastrnn_door_close, fastrnn_door_enter, fastrnn_door_open,
    fastrnn_door_wait, fastrnn_part_leave, fastrnn_part_take, fastrnn_parts_wait,
    fastrnn_queue_init, fastrnn_queue_next, fastrnn_team_size,
)
from fastrnn._core.unfused cimport add_back_products, back_cell, mask_state


cdef inline char *gates_at(const Backward *b, Py_ssize_t s) noexcept nogil:
    return b.buffers.gates + first_packed(&b.work.order, s) * b.buffers.gates_stride


cdef inline char *dh_at(const Backward *b, Py_ssize_t s) noexcept nogil:
    return b.dh + first_packed(&b.work.order, s) * b.buffers.h_stride


cdef void add_recurrent(const Backward *b, const Share *share, Py_ssize_t s, char *to,
                        Py_ssize_t row_end) noexcept nogil:
    """to += d(pre-activations of step s) R"""
    cdef fastrnn_product product = b.recurrent
    cdef Py_ssize_t panels = b.recurrent_panels
    if b.unfused.count:
        add_back_products(&b.unfused, gates_at(b, s), to, share.row_begin, row_end)
        return
    product.a.base = gates_at(b, s) + b.recurrent_offset
    product.c.base = to
    product.descend = s & 1
    b.kernels.product(&product, share.row_begin, row_end, panels * share.thread // share.team,
                      panels * (share.thread + 1) // share.team)


cdef void unfused_cell(const Backward *b, Py_ssize_t s, const fastrnn_backward_step *step,
                       Py_ssize_t row_begin, Py_ssize_t row_end) noexcept nogil:
    """The cell of step s; what the products of the next one give it is in step.share."""
    cdef fastrnn_product product = b.projection
    if b.projected:
        product.a.base = dh_at(b, s)
        b.kernels.product(&product, row_begin, row_end, 0, b.work.panels)
    back_cell(&b.unfused, step, row_begin, row_end)


cdef void mask_states(const Backward *b, Py_ssize_t row_begin, Py_ssize_t row_end) noexcept nogil:
    """The states as the products saw them, for the gradients of R."""
    cdef const Order *o = &b.work.order
    cdef Py_ssize_t s, rows, size = b.buffers.h_stride
    cdef char *to
    cdef int i
    for i in range(b.unfused.plain):
        to = b.gradients.masked_h + i * o.total * size
        for s in range(o.steps):
            rows = min(row_end, active_rows(o, s))
            if rows > row_begin:
                mask_state(&b.unfused, i, h_at(&b.buffers, o, s - 1),
                           to + first_packed(o, s) * size, row_begin, rows)


cdef void backward_step(Backward *b, fastrnn_backward_step *step, const Share *share,
                        Py_ssize_t s) noexcept nogil:
    """Step s of a share, after those that follow it."""
    cdef Order *o = &b.work.order
    cdef Buffers *buffers = &b.buffers
    cdef Py_ssize_t rows = min(share.row_end, active_rows(o, s))
    cdef Py_ssize_t live = active_rows(o, s + 1) if s + 1 < o.steps else 0
    if rows <= share.row_begin:
        return
    if b.projected:
        if live > 0:
            add_recurrent(b, share, s + 1, dh_at(b, s), min(share.row_end, live))
        fastrnn_barrier_wait(&b.work.barrier, share.team)
        step.a = dh_at(b, s)
        step.live = rows
    else:
        if b.unfused.count and live > 0:
            add_recurrent(b, share, s + 1, b.carried, min(share.row_end, live))
        elif live > 0:
            step.a = gates_at(b, s + 1) + b.recurrent_offset
        step.live = live
        step.dy = step_rows(&b.dy, o, s, share.row_begin, rows, share.table)
    step.gates = gates_at(b, s)
    step.descend = s & 1
    step.h_prev = h_at(buffers, o, s - 1)
    if not b.projected:
        step.h = h_at(buffers, o, s)
    if buffers.c != NULL:
        step.c_prev = c_at(buffers, o, s - 1)
        step.c = c_at(buffers, o, s)
    if b.unfused.count:
        unfused_cell(b, s, step, share.row_begin, rows)
    else:
        b.training.backward[b.cell](step, share.row_begin, rows, share.panel_begin,
                                    share.panel_end)
    fastrnn_barrier_wait(&b.work.barrier, share.team)


cdef void after_steps(Backward *b, const Share *share) noexcept nogil:
    """What follows the first step of a share."""
    if b.work.order.steps > 0:
        add_recurrent(b, share, 0, b.carried, min(share.row_end, active_rows(&b.work.order, 0)))
    if b.unfused.masked:
        mask_states(b, share.row_begin, share.row_end)


cdef Py_ssize_t backward_block(Backward *b, const Share *share, Py_ssize_t done,
                               Py_ssize_t most) noexcept nogil:
    """Up to `most` steps of a share of rows, the last `done` steps are done; returns how many are
    done then."""
    cdef fastrnn_backward_step step = b.step
    cdef Py_ssize_t steps = b.work.order.steps, end = min(done + most, steps)
    while done < end:
        done += 1
        backward_step(b, &step, share, steps - done)
    if done == steps:
        after_steps(b, share)
    return done


cdef void backward_rows(Backward *b, int thread) noexcept nogil:
    """One thread's work where rows are shared: a block of the part that is furthest behind."""
    cdef Share share
    cdef Py_ssize_t steps = b.work.order.steps
    cdef ptrdiff_t done
    cdef int part = fastrnn_part_take(b.work.parts, b.work.team, thread, steps, &done)
    while part >= 0:
        share = share_of_rows(&b.work, part, b.work.team)
        done = backward_block(b, &share, done, b.block)
        fastrnn_part_leave(&b.work.parts[part], done)
        part = fastrnn_part_take(b.work.parts, b.work.team, thread, steps, &done)
    fastrnn_parts_wait(b.work.parts, b.work.team, steps, &b.work.barrier)


cdef void backward_units(Backward *b, int thread, int team) noexcept nogil:
    """One thread's work where units are shared: thread 0 is alone until the others are there."""
    cdef fastrnn_backward_step step = b.step
    cdef Share share = share_of_units(&b.work, 0, 1)
    cdef Py_ssize_t steps = b.work.order.steps, done = 0
    if thread > 0:
        thread = fastrnn_door_enter(&b.work.door)
        if thread == 0:
            return
        share = share_of_units(&b.work, thread, team)
        done = b.work.door.at[0]
    else:
        fastrnn_door_wait(&b.work.door, team)
    while done < steps:
        if share.team == 1 and fastrnn_door_open(&b.work.door, team, done, 0):
            share = share_of_units(&b.work, 0, team)
        done += 1
        backward_step(b, &step, &share, steps - done)
    after_steps(b, &share)
    if thread == 0:
        fastrnn_door_close(&b.work.door)


cdef void products_queue(Backward *b, int shares, char *scratch) noexcept nogil:
    """Sums and products after the loop, a share after the other."""
    cdef int share = fastrnn_queue_next(&b.products)
    while share < shares:
        sums_share(&b.gradients, share, shares)
        if not b.products_by_blas:
            products_share(&b.gradients, share, shares, scratch)
        share = fastrnn_queue_next(&b.products)


cdef void backward_alone(Backward *b) noexcept nogil:
    cdef Share share = share_of_rows(&b.work, 0, 1)
    cdef uint64_t denormals = fastrnn_denormals_flush()
    backward_block(b, &share, 0, b.work.order.steps)
    products_queue(b, 1, b.work.scratch)
    fastrnn_denormals_restore(denormals)


cdef void backward_share(Backward *b, int thread, int team) noexcept nogil:
    """What one thread of a team does."""
    cdef uint64_t denormals = fastrnn_denormals_flush()
    if b.work.split == BY_ROWS:
        backward_rows(b, thread)
    else:
        backward_units(b, thread, team)
    products_queue(b, b.work.team, b.work.scratch + thread * b.work.scratch_bytes)
    fastrnn_denormals_restore(denormals)
    end_share(&b.work, thread)


cdef void backward_all(Backward *b) noexcept nogil:
    fastrnn_queue_init(&b.products)
    if b.work.split == ALONE:
        backward_alone(b)
        return
    begin_shares(&b.work)
    with parallel(num_threads=b.work.team):
        backward_share(b, threadid(), fastrnn_team_size())
    team_left(&b.work.watch)


cdef void start_projected(Backward *b) noexcept nogil:
    """dh of every step begins as dy, plus dh_n at a row's last step. `carried` holds dh_n; only
    rows without any step keep theirs there."""
    cdef const Order *o = &b.work.order
    cdef Py_ssize_t s, row, size = b.buffers.h_stride
    for s in range(o.steps):
        for row in range(active_rows(o, s)):
            if b.dy.base == NULL:
                memset(dh_at(b, s) + row * size, 0, size)
            else:
                memcpy(dh_at(b, s) + row * size, b.dy.base + offset_in(&b.dy, o, s, row), size)
            if s == row_length(o, row) - 1:
                add_row(b.carried + row * size, dh_at(b, s) + row * size, size, b.itemsize)
                memset(b.carried + row * size, 0, size)


cdef void describe_recurrent(Backward *b, PackedLayer layer) noexcept:
    memset(&b.recurrent, 0, sizeof(b.recurrent))
    b.recurrent.shape = layer.r_back.matrix.shape
    b.recurrent.pack = layer.r_back.matrix.data
    b.recurrent.accumulate = True
    b.recurrent.a.stride = b.buffers.gates_stride
    b.recurrent.a.step = 1
    b.recurrent.c.stride = b.buffers.h_stride
    b.recurrent.c.step = 1
    b.recurrent_panels = layer.r_back.matrix.panels
    b.recurrent_offset = layer.description.recurrent_slot * layer.hidden_size * b.itemsize


cdef void describe_step(Backward *b, PackedLayer layer) noexcept:
    cdef Buffers *buffers = &b.buffers
    memset(&b.step, 0, sizeof(b.step))
    b.step.hidden = layer.hidden_size
    b.step.activations = layer.view.activations
    b.step.gates_stride = buffers.gates_stride
    b.step.dc = b.dc
    b.step.dc_stride = buffers.c_stride
    b.step.c_prev_stride = buffers.c_stride
    b.step.c_stride = buffers.c_stride
    b.step.h_prev_stride = buffers.h_stride
    b.step.h_stride = buffers.h_stride


cdef void describe_product(Backward *b, PackedLayer layer) noexcept:
    """What is fused to the step: the product of the next step's gradients with R, or of dh with
    the projection."""
    if b.projected:
        b.step.depth = layer.output_size
        b.step.pack = layer.projection_back.matrix.data
        b.step.a_stride = b.buffers.h_stride
    else:
        b.step.depth = layer.gates * layer.hidden_size
        b.step.pack = layer.r_back.matrix.data
        b.step.a_stride = b.buffers.gates_stride
        b.step.share = b.carried
        b.step.share_stride = b.buffers.h_stride


cdef void describe_projection(Backward *b, PackedLayer layer) noexcept:
    """Of an unfused cell: what else is a part of its step."""
    memset(&b.projection, 0, sizeof(b.projection))
    b.projection.shape = layer.projection_back.matrix.shape
    b.projection.pack = layer.projection_back.matrix.data
    b.projection.a.stride = b.buffers.h_stride
    b.projection.a.step = 1
    b.projection.c.base = b.dm
    b.projection.c.stride = b.buffers.c_stride
    b.projection.c.step = 1
    b.step.share = b.dm
    b.step.share_stride = b.buffers.c_stride


cdef void describe_backward(Backward *b, PackedLayer layer) noexcept:
    """Fills in what does not change from step to step; the buffers have their places."""
    b.cell = layer.cell
    describe_recurrent(b, layer)
    describe_step(b, layer)
    describe_product(b, layer)
    if b.projected and b.unfused.count:
        describe_projection(b, layer)
