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

import numpy as np

cimport numpy as cnp
from cython.parallel cimport parallel, threadid

from fastrnn._core.apart cimport (
    Apart, apart_back_cell, apart_back_products, describe_apart, mask_state,
)
from fastrnn._core.contention cimport (
    Watch, begin_team, end_team, fastrnn_now, keep_off, team_for, team_left,
)
from fastrnn._core.gemm cimport uses_blas
from fastrnn._core.gradients cimport (
    INPUT_ROWS, Gradients, add_bias_gradients, add_row, describe_gradients, products_by_blas,
    products_share, sums_share,
)
from fastrnn._core.kernels cimport (
    FASTRNN_GRU, fastrnn_backward_step, fastrnn_denormals_flush,
    fastrnn_denormals_restore, fastrnn_kernels, fastrnn_product, fastrnn_training_kernels,
)
from fastrnn._core.pack cimport PackedLayer, set_activations
from fastrnn._core.recurrent cimport (
    ALONE, BY_ROWS, Buffers, Share, Split, Tape, c_at, choose_split, gather_rows, h_at, masks_of,
    padded, scatter_rows, zero_padding,
)
from fastrnn._core.runtime cimport (
    Memory, fastrnn_barrier, fastrnn_barrier_init, fastrnn_barrier_wait, fastrnn_door,
    fastrnn_door_close, fastrnn_door_enter, fastrnn_door_init, fastrnn_door_open, fastrnn_door_wait,
    fastrnn_part,
    fastrnn_part_leave, fastrnn_part_take, fastrnn_parts_init, fastrnn_parts_wait, fastrnn_queue,
    fastrnn_queue_init, fastrnn_queue_next, fastrnn_seconds_lost, fastrnn_team_size, training_of,
)
from fastrnn._core.schedule cimport (
    Order, View, active_rows, first_packed, offset_in, row_cut, row_length, step_rows,
    view_of,
)

cnp.import_array()

# A part of the rows is done in about so many blocks of steps, each by the thread that is there.
cdef Py_ssize_t BLOCKS = 8

ctypedef struct Backward:
    const fastrnn_kernels *kernels
    const fastrnn_training_kernels *training
    Order order
    Buffers buffers
    View dy
    fastrnn_backward_step step
    fastrnn_product recurrent     # d(pre-activations) R
    Apart apart
    fastrnn_product projection    # apart and projected: dm = dh W_hr
    Gradients gradients
    int cell
    bint projected
    bint products_by_blas
    Py_ssize_t recurrent_offset   # bytes from a row of gates to its recurrent side
    Py_ssize_t step_panels, recurrent_panels
    Py_ssize_t itemsize
    char *share                   # d of the initial h gathers here, N x P
    char *dc
    char *dh                      # projected: dh of every step, N x P
    char *dm                      # apart and projected: of one step, N x H
    Split split
    int team                      # threads to ask for: read once, others may change the setting
    char *scratch                 # scratch_bytes for each thread
    Py_ssize_t scratch_bytes
    fastrnn_part *parts           # of BY_ROWS, one for each thread: how far they are
    Py_ssize_t block              # steps that a thread does of a part before it looks again
    fastrnn_door door             # of BY_UNITS
    fastrnn_queue products        # shares of the products after the loop
    fastrnn_barrier barrier
    Watch watch


cdef inline char *gates_at(const Backward *b, Py_ssize_t s) noexcept nogil:
    return b.buffers.gates + first_packed(&b.order, s) * b.buffers.gates_stride


cdef inline char *dh_at(const Backward *b, Py_ssize_t s) noexcept nogil:
    return b.dh + first_packed(&b.order, s) * b.buffers.h_stride


cdef void add_recurrent(const Backward *b, const Share *share, Py_ssize_t s, char *to,
                        Py_ssize_t row_end) noexcept nogil:
    """to += d(pre-activations of step s) R"""
    cdef fastrnn_product product = b.recurrent
    cdef Py_ssize_t panels = b.recurrent_panels
    if b.apart.count:
        apart_back_products(&b.apart, gates_at(b, s), to, share.row_begin, row_end)
        return
    product.a.base = gates_at(b, s) + b.recurrent_offset
    product.c.base = to
    product.descend = s & 1
    b.kernels.product(&product, share.row_begin, row_end, panels * share.thread // share.team,
                      panels * (share.thread + 1) // share.team)


cdef void cell_apart(const Backward *b, Py_ssize_t s, const fastrnn_backward_step *step,
                     Py_ssize_t row_begin, Py_ssize_t row_end) noexcept nogil:
    """The cell of step s; what the products of the next one give it is in step.share."""
    cdef fastrnn_product product = b.projection
    if b.projected:
        product.a.base = dh_at(b, s)
        b.kernels.product(&product, row_begin, row_end, 0, b.step_panels)
    apart_back_cell(&b.apart, step, row_begin, row_end)


cdef void mask_states(const Backward *b, Py_ssize_t row_begin, Py_ssize_t row_end) noexcept nogil:
    """The states as the products saw them, for the gradients of R."""
    cdef const Order *o = &b.order
    cdef Py_ssize_t s, rows, size = b.buffers.h_stride
    cdef char *to
    cdef int i
    for i in range(b.apart.count - b.apart.before):
        to = b.gradients.masked_h + i * o.total * size
        for s in range(o.steps):
            rows = min(row_end, active_rows(o, s))
            if rows > row_begin:
                mask_state(&b.apart, i, h_at(&b.buffers, o, s - 1),
                           to + first_packed(o, s) * size, row_begin, rows)


cdef Share share_of_rows(const Backward *b, int part, int parts) noexcept nogil:
    """All units of a part of the rows."""
    cdef Share share
    share.row_begin = row_cut(&b.order, part, parts)
    share.row_end = row_cut(&b.order, part + 1, parts)
    share.panel_begin, share.panel_end = 0, b.step_panels
    share.thread, share.team = 0, 1
    share.table = <ptrdiff_t *> (b.scratch + part * b.scratch_bytes)
    return share


cdef Share share_of_units(const Backward *b, int thread, int team) noexcept nogil:
    """A part of the units of all rows."""
    cdef Share share
    share.row_begin, share.row_end = 0, b.order.N
    share.panel_begin = b.step_panels * thread // team
    share.panel_end = b.step_panels * (thread + 1) // team
    share.thread, share.team = thread, team
    share.table = <ptrdiff_t *> (b.scratch + thread * b.scratch_bytes)
    return share


cdef void backward_step(Backward *b, fastrnn_backward_step *step, const Share *share,
                        Py_ssize_t s) noexcept nogil:
    """Step s of a share, after those that follow it."""
    cdef Order *o = &b.order
    cdef Buffers *buffers = &b.buffers
    cdef Py_ssize_t rows = min(share.row_end, active_rows(o, s))
    cdef Py_ssize_t live = active_rows(o, s + 1) if s + 1 < o.steps else 0
    if rows <= share.row_begin:
        return
    if b.projected:
        if live > 0:
            add_recurrent(b, share, s + 1, dh_at(b, s), min(share.row_end, live))
        fastrnn_barrier_wait(&b.barrier, share.team)
        step.a = dh_at(b, s)
        step.live = rows
    else:
        if b.apart.count and live > 0:
            add_recurrent(b, share, s + 1, b.share, min(share.row_end, live))
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
    if b.apart.count:
        cell_apart(b, s, step, share.row_begin, rows)
    else:
        b.training.backward[b.cell](step, share.row_begin, rows, share.panel_begin,
                                   share.panel_end)
    fastrnn_barrier_wait(&b.barrier, share.team)


cdef void after_steps(Backward *b, const Share *share) noexcept nogil:
    """What follows the first step of a share."""
    if b.order.steps > 0:
        add_recurrent(b, share, 0, b.share, min(share.row_end, active_rows(&b.order, 0)))
    if b.apart.masks != NULL:
        mask_states(b, share.row_begin, share.row_end)


cdef Py_ssize_t backward_block(Backward *b, const Share *share, Py_ssize_t done,
                               Py_ssize_t most) noexcept nogil:
    """Up to `most` steps of a share of rows, the last `done` steps are done; returns how many are
    done then."""
    cdef fastrnn_backward_step step = b.step
    cdef Py_ssize_t steps = b.order.steps, end = min(done + most, steps)
    while done < end:
        done += 1
        backward_step(b, &step, share, steps - done)
    if done == steps:
        after_steps(b, share)
    return done


cdef void backward_rows(Backward *b, int thread) noexcept nogil:
    """One thread's work where rows are shared: a block of the part that is furthest behind."""
    cdef Share share
    cdef Py_ssize_t steps = b.order.steps
    cdef ptrdiff_t done
    cdef int part = fastrnn_part_take(b.parts, b.team, thread, steps, &done)
    while part >= 0:
        share = share_of_rows(b, part, b.team)
        done = backward_block(b, &share, done, b.block)
        fastrnn_part_leave(&b.parts[part], done)
        part = fastrnn_part_take(b.parts, b.team, thread, steps, &done)
    fastrnn_parts_wait(b.parts, b.team, steps, &b.barrier)


cdef void backward_units(Backward *b, int thread, int team) noexcept nogil:
    """One thread's work where units are shared: thread 0 is alone until the others are there."""
    cdef fastrnn_backward_step step = b.step
    cdef Share share = share_of_units(b, 0, 1)
    cdef Py_ssize_t steps = b.order.steps, done = 0
    if thread > 0:
        thread = fastrnn_door_enter(&b.door)
        if thread == 0:
            return
        share = share_of_units(b, thread, team)
        done = b.door.at[0]
    else:
        fastrnn_door_wait(&b.door, team)
    while done < steps:
        if share.team == 1 and fastrnn_door_open(&b.door, team, done, 0):
            share = share_of_units(b, 0, team)
        done += 1
        backward_step(b, &step, &share, steps - done)
    after_steps(b, &share)
    if thread == 0:
        fastrnn_door_close(&b.door)


cdef void products_queue(Backward *b, int shares, char *scratch) noexcept nogil:
    """Sums and products after the loop, a share after the other."""
    cdef int share = fastrnn_queue_next(&b.products)
    while share < shares:
        sums_share(&b.gradients, share, shares)
        if not b.products_by_blas:
            products_share(&b.gradients, share, shares, scratch)
        share = fastrnn_queue_next(&b.products)


cdef void backward_alone(Backward *b) noexcept nogil:
    cdef Share share = share_of_rows(b, 0, 1)
    cdef uint64_t denormals = fastrnn_denormals_flush()
    backward_block(b, &share, 0, b.order.steps)
    products_queue(b, 1, b.scratch)
    fastrnn_denormals_restore(denormals)


cdef void backward_share(Backward *b, int thread, int team) noexcept nogil:
    """What one thread of a team does."""
    cdef uint64_t denormals = fastrnn_denormals_flush()
    if b.split == BY_ROWS:
        backward_rows(b, thread)
    else:
        backward_units(b, thread, team)
    products_queue(b, b.team, b.scratch + thread * b.scratch_bytes)
    fastrnn_denormals_restore(denormals)
    if thread == 0:
        b.watch.done = fastrnn_now()
    else:
        keep_off(b.watch.core)


cdef void backward_all(Backward *b) noexcept nogil:
    fastrnn_queue_init(&b.products)
    if b.split == ALONE:
        backward_alone(b)
        return
    if b.split == BY_ROWS:
        fastrnn_parts_init(b.parts, b.team)
    else:
        fastrnn_door_init(&b.door)
    with parallel(num_threads=b.team):
        backward_share(b, threadid(), fastrnn_team_size())
    team_left(&b.watch)


cdef void describe(Backward *b, PackedLayer layer) noexcept:
    """Fills in what does not change from step to step."""
    cdef Buffers *buffers = &b.buffers
    b.kernels = layer.kernels
    b.itemsize = layer.kernels.itemsize
    b.cell = layer.cell
    b.projected = layer.projection is not None
    b.recurrent_offset = layer.hidden_size * b.itemsize if layer.cell == FASTRNN_GRU else 0
    memset(&b.recurrent, 0, sizeof(b.recurrent))
    b.recurrent.shape = layer.r_back.shape
    b.recurrent.pack = layer.r_back.data()
    b.recurrent.accumulate = True
    b.recurrent.a.stride = buffers.gates_stride
    b.recurrent.a.step = 1
    b.recurrent.c.stride = buffers.h_stride
    b.recurrent.c.step = 1
    b.recurrent_panels = layer.r_back.panels
    memset(&b.step, 0, sizeof(b.step))
    b.step.hidden = layer.hidden_size
    set_activations(&b.step.activations, layer)
    b.step.gates_stride = buffers.gates_stride
    b.step.dc = b.dc
    b.step.dc_stride = buffers.c_stride
    b.step.c_prev_stride = buffers.c_stride
    b.step.c_stride = buffers.c_stride
    b.step.h_prev_stride = buffers.h_stride
    b.step.h_stride = buffers.h_stride
    if b.projected:
        b.step.depth = layer.output_size
        b.step.pack = layer.projection_back.data()
        b.step_panels = layer.projection_back.panels
        b.step.a_stride = buffers.h_stride
    else:
        b.step.depth = layer.gates * layer.hidden_size
        b.step.pack = layer.r_back.data()
        b.step_panels = layer.r_back.panels
        b.step.a_stride = buffers.gates_stride
        b.step.share = b.share
        b.step.share_stride = buffers.h_stride
    if b.projected and b.apart.count:
        describe_projection(b, layer)


cdef void describe_projection(Backward *b, PackedLayer layer) noexcept:
    """Of a cell apart: what else is a part of its step."""
    memset(&b.projection, 0, sizeof(b.projection))
    b.projection.shape = layer.projection_back.shape
    b.projection.pack = layer.projection_back.data()
    b.projection.a.stride = b.buffers.h_stride
    b.projection.a.step = 1
    b.projection.c.base = b.dm
    b.projection.c.stride = b.buffers.c_stride
    b.projection.c.step = 1
    b.step.share = b.dm
    b.step.share_stride = b.buffers.c_stride


cdef void start_projected(Backward *b) noexcept nogil:
    """dh of every step begins as dy, plus dh_n at a row's last step. `share` holds dh_n; only
    rows without any step keep theirs there."""
    cdef const Order *o = &b.order
    cdef Py_ssize_t s, row, size = b.buffers.h_stride
    for s in range(o.steps):
        for row in range(active_rows(o, s)):
            if b.dy.base == NULL:
                memset(dh_at(b, s) + row * size, 0, size)
            else:
                memcpy(dh_at(b, s) + row * size, b.dy.base + offset_in(&b.dy, o, s, row), size)
            if s == row_length(o, row) - 1:
                add_row(b.share + row * size, dh_at(b, s) + row * size, size, b.itemsize)
                memset(b.share + row * size, 0, size)


cdef Py_ssize_t remade_bytes(const Buffers *buffers, const Order *o) noexcept:
    """Of what backward needs whole and forward did not keep: gates or h."""
    cdef Py_ssize_t size = 0
    if not buffers.keep_gates:
        size += padded(o.total * buffers.gates_stride)
    if not buffers.keep_h:
        size += padded((o.N + o.total) * buffers.h_stride)
    return size


cdef void place_remade(Buffers *buffers, const Order *o, char *at) noexcept:
    """Gives a copy of the tape's buffers room for the gates or h it lacks; the loop fills it."""
    if not buffers.keep_gates:
        buffers.gates, at = at, at + padded(o.total * buffers.gates_stride)
        buffers.keep_gates = True
    if not buffers.keep_h:
        memcpy(at, buffers.h0, o.N * buffers.h_stride)
        buffers.h = at
        buffers.keep_h = True


def backward(Tape tape, dy, dh_n, dc_n, dx, cnp.ndarray dh0, dc0, dict grads,
             bint accumulate_dx):
    """BPTT of one (layer, direction).

    Parameters
    ----------
    tape : Tape
        Of a forward with `keep`. It serves once: gates that it keeps are overwritten.
    dy : ndarray (T, N, P) or None
        Gradient of y; None for zeros. Past a row's length it is not read.
    dh_n, dc_n : ndarray (N, P), (N, H) or None
        Gradients of the final states.
    dx : ndarray (T, N, I) or None
        Output, written or (`accumulate_dx`) added to; None if not wanted.
    dh0, dc0 : ndarray (N, P), (N, H)
        Output: gradients of the initial states. dc0 is None unless LSTM.
    grads : dict of ndarray
        w_ih, w_hh, b_ih, b_hh, w_hr: C-contiguous, added to; None for those the layer lacks.
    """
    cdef PackedLayer layer = tape.layer
    cdef Backward b
    cdef Gradients *g = &b.gradients
    cdef Memory scratch = Memory()
    cdef View x = view_of(tape.x)
    cdef Py_ssize_t H = layer.hidden_size, I = layer.input_size, P = layer.output_size
    cdef Py_ssize_t T = cnp.PyArray_DIM(<cnp.ndarray> tape.x, 0)
    cdef Py_ssize_t total, size, share, cells, outputs, staging, tables, remade
    cdef Py_ssize_t seen, ds, dm, masked, parts
    cdef cnp.ndarray sums = None
    cdef double work
    cdef int team
    cdef char *at
    layer.need_backward()
    memset(&b, 0, sizeof(b))
    b.training = training_of(layer.kernels)
    b.order = tape.schedule.order
    b.buffers = tape.buffers
    total, size = b.order.total, layer.kernels.itemsize
    if dy is not None:
        dy = dy if cnp.PyArray_STRIDE(<cnp.ndarray> dy, 2) == size else dy.copy()
        b.dy = view_of(dy)
    if dx is not None:
        g.dx = view_of(dx)
    work = 4.0 * total * layer.gates * H * (I + P)
    b.team = team_for(work)
    b.split = choose_split(layer, &b.order, work, b.team, tape.apart)
    b.products_by_blas = uses_blas(layer, layer.gates * H, max(I, P), total)
    team = 1 if b.split == ALONE else b.team

    b.scratch_bytes = padded(max(b.training.outer_scratch,
                                 max(b.order.N, INPUT_ROWS) * <Py_ssize_t> sizeof(ptrdiff_t)))
    share = padded(b.order.N * b.buffers.h_stride)
    cells = padded(b.order.N * b.buffers.c_stride)
    outputs = padded(total * b.buffers.h_stride) if layer.projection is not None else 0
    tables = padded(2 * total * sizeof(ptrdiff_t))
    staging = total * max(I, H) * size if b.products_by_blas else 0
    remade = remade_bytes(&b.buffers, &b.order)
    if tape.apart:
        describe_apart(&b.apart, layer, b.order.N, b.buffers.gates_stride, masks_of(tape.masks),
                       True)
    seen = share if b.apart.masks != NULL else 0
    ds = share if b.apart.before else 0
    dm = cells if layer.projection is not None and tape.apart else 0
    masked = b.apart.count * total * b.buffers.h_stride if b.apart.masks != NULL else 0
    masked = padded(masked)
    parts = team * sizeof(fastrnn_part)
    scratch.allocate(parts + team * b.scratch_bytes + share + cells + outputs + remade + seen + ds
                     + dm + masked + tables + staging)
    at = scratch.base
    b.parts, at = <fastrnn_part *> at, at + parts
    b.scratch, at = at, at + team * b.scratch_bytes
    b.share, at = at, at + share
    b.dc, at = at, at + cells
    b.dh, at = at, at + outputs
    b.apart.seen, at = at, at + seen
    b.apart.ds, at = at, at + ds
    b.dm, at = at, at + dm
    g.masked_h, at = at, at + masked
    g.apart = &b.apart
    place_remade(&b.buffers, &b.order, at)
    at += remade

    if grads["b_ih"] is not None:
        sums = np.zeros(b.buffers.gates_size // size, dtype=tape.x.dtype)
        g.sums = <char *> cnp.PyArray_DATA(sums)
    describe(&b, layer)
    g.kernels, g.training = b.kernels, b.training
    g.order, g.buffers, g.itemsize = b.order, b.buffers, size
    g.dh = b.dh if b.projected else NULL
    describe_gradients(g, layer, &x, grads, accumulate_dx, <ptrdiff_t *> at)
    gather_rows(&b.order, dh_n, b.buffers.h_stride, b.share)
    if b.buffers.c != NULL:
        gather_rows(&b.order, dc_n, b.buffers.c_stride, b.dc)
    fastrnn_barrier_init(&b.barrier)
    b.block = max(1, b.order.steps // BLOCKS)
    if b.split != ALONE:
        begin_team(&b.watch)
    with nogil:
        if b.projected:
            start_projected(&b)
        if g.dx.base != NULL and b.order.ragged and not accumulate_dx:
            zero_padding(&g.dx, &b.order, T, I * size)
        backward_all(&b)
        if b.products_by_blas:
            products_by_blas(g, layer, at + tables)
    if b.split != ALONE:
        end_team(&b.watch, b.team, fastrnn_seconds_lost(&b.barrier))
    scatter_rows(&b.order, b.share, b.buffers.h_stride, dh0)
    if b.buffers.c != NULL:
        scatter_rows(&b.order, b.dc, b.buffers.c_stride, dc0)
    if sums is not None:
        add_bias_gradients(layer, sums, grads)
