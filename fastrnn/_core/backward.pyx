# SPDX-License-Identifier: Apache-2.0
"""Whole sequences backward, one layer in one direction or both: what Python calls."""

from libc.stddef cimport ptrdiff_t
from libc.string cimport memcpy, memset

import numpy as np

cimport numpy as cnp

from fastrnn._core.arena cimport arena, take
from fastrnn._core.backward_loop cimport (
    Backward, backward_all, describe_backward, start_projected,
)
from fastrnn._core.contention cimport begin_team, end_team, team_for
from fastrnn._core.forward cimport Tape
from fastrnn._core.gemm cimport uses_blas
from fastrnn._core.gradients cimport (
    INPUT_ROWS, Gradients, add_bias_gradients, describe_gradients, place_gradients,
    products_by_blas,
)
from fastrnn._core.pack cimport PackedLayer
from fastrnn._core.plan cimport (
    ALONE, Buffers, choose_split, operations, padded, place_remade, place_work,
)
from fastrnn._core.rows cimport Order, View, gather_rows, scatter_rows, view_of, zero_padding
from fastrnn._core.runtime cimport (
    Memory, fastrnn_barrier_init, fastrnn_seconds_lost, training_of,
)
from fastrnn._core.unfused cimport describe_unfused_backward

cnp.import_array()

# A part of the rows is done in about so many blocks of steps, each by the thread that is there.
cdef Py_ssize_t BLOCKS = 8


cdef Memory take_over(Backward *b, Tape tape):
    """What the tape's forward left; returns the memory of an unfused cell's groups."""
    cdef Memory groups = None
    cdef PackedLayer layer = tape.layer
    cdef Gradients *g = &b.gradients
    memset(b, 0, sizeof(b[0]))
    b.work.order = tape.rows.order
    b.buffers = tape.buffers
    b.kernels, b.training = layer.kernels, training_of(layer.kernels)
    b.itemsize = layer.kernels.itemsize
    b.projected = b.buffers.has_m
    if tape.unfused:
        groups = describe_unfused_backward(&b.unfused, layer, b.buffers.N,
                                           b.buffers.gates_stride, tape.masks != NULL)
        b.unfused.masks = tape.masks
    g.kernels, g.training = b.kernels, b.training
    g.order, g.itemsize = b.work.order, b.itemsize
    g.unfused = &b.unfused
    return groups


cdef void divide(Backward *b, PackedLayer layer) except *:
    """Among the threads, and between the kernels and BLAS."""
    cdef Order *o = &b.work.order
    cdef double work = 2 * operations(layer, o)
    cdef Py_ssize_t table = max(o.N, INPUT_ROWS) * <Py_ssize_t> sizeof(ptrdiff_t)
    b.work.team = team_for(work)
    b.work.split = choose_split(layer, o, work, b.work.team, b.unfused.count > 0)
    b.work.panels = (layer.projection_back if b.projected else layer.r_back).matrix.panels
    b.work.scratch_bytes = padded(max(b.training.outer_scratch, table))
    b.block = max(1, o.steps // BLOCKS)
    b.products_by_blas = uses_blas(layer, layer.gates * layer.hidden_size,
                                   max(layer.input_size, layer.output_size), o.total)


cdef void place(Backward *b, PackedLayer layer, arena *passing) noexcept:
    """Lays out the memory of a call."""
    cdef Py_ssize_t N = b.buffers.N, h_stride = b.buffers.h_stride, c_stride = b.buffers.c_stride
    place_work(&b.work, passing)
    place_remade(&b.buffers, &b.work.order, passing)
    b.carried = <char *> take(passing, N, h_stride, 1)
    if b.buffers.has_c:
        b.dc = <char *> take(passing, N, c_stride, 1)
    if b.projected:
        b.dh = <char *> take(passing, b.work.order.total, h_stride, 1)
    if b.projected and b.unfused.count:
        b.dm = <char *> take(passing, N, c_stride, 1)
    if b.unfused.masked:
        b.unfused.seen = <char *> take(passing, N, h_stride, 1)
    if b.unfused.plain < b.unfused.count:
        b.unfused.ds = <char *> take(passing, N, h_stride, 1)
    b.gradients.buffers = b.buffers
    b.gradients.dh = b.dh
    place_gradients(&b.gradients, layer, b.products_by_blas, passing)


cdef Memory provide(Backward *b, PackedLayer layer):
    cdef Memory memory = Memory()
    cdef arena passing
    passing.base, passing.used, passing.overflow = NULL, 0, 0
    place(b, layer, &passing)
    memory.provide(&passing)
    place(b, layer, &passing)
    return memory


cdef void begin(Backward *b, dh_n, dc_n) noexcept:
    """The gradients of the final states; what of the tape's buffers the loop will make again."""
    cdef Buffers *buffers = &b.buffers
    gather_rows(&b.work.order, dh_n, buffers.h_stride, b.carried)
    if buffers.has_c:
        gather_rows(&b.work.order, dc_n, buffers.c_stride, b.dc)
    if not buffers.keep_h:
        memcpy(buffers.h, buffers.h0, buffers.N * buffers.h_stride)
    buffers.keep_gates = buffers.keep_h = True
    b.gradients.buffers = buffers[0]


cdef void run(Backward *b, PackedLayer layer, Py_ssize_t T, bint accumulate_dx) noexcept:
    cdef Gradients *g = &b.gradients
    fastrnn_barrier_init(&b.work.barrier)
    if b.work.split != ALONE:
        begin_team(&b.work.watch)
    with nogil:
        if b.projected:
            start_projected(b)
        if g.dx.base != NULL and b.work.order.ragged and not accumulate_dx:
            zero_padding(&g.dx, &b.work.order, T, layer.input_size * b.itemsize)
        backward_all(b)
        if b.products_by_blas:
            products_by_blas(g, layer)
    if b.work.split != ALONE:
        end_team(&b.work.watch, b.work.team, fastrnn_seconds_lost(&b.work.barrier))


cdef int refuse_spent(Tape tape) except -1:
    if tape.spent:
        raise RuntimeError("backward was already called for this tape, which serves once")
    return 0


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
        Output: gradients of the initial states. dc0 is None where the cell has no c.
    grads : dict of ndarray
        w_ih, w_hh, b_ih, b_hh, w_hr: C-contiguous, added to; None for those the layer lacks.

    Raises
    ------
    RuntimeError
        If the tape has served.
    """
    cdef PackedLayer layer = tape.layer
    cdef Backward b
    cdef Memory _groups, _memory   # held while the call runs
    cdef View x = view_of(tape.x)
    cdef cnp.ndarray sums = None
    refuse_spent(tape)
    layer.need_backward()
    _groups = take_over(&b, tape)
    if dy is not None:
        dy = dy if cnp.PyArray_STRIDE(<cnp.ndarray> dy, 2) == b.itemsize else dy.copy()
        b.dy = view_of(dy)
    if dx is not None:
        b.gradients.dx = view_of(dx)
    divide(&b, layer)
    _memory = provide(&b, layer)
    if grads["b_ih"] is not None:
        sums = np.zeros(b.buffers.gates_size // b.itemsize, dtype=tape.x.dtype)
        b.gradients.sums = <char *> cnp.PyArray_DATA(sums)
    tape.spent = True
    begin(&b, dh_n, dc_n)
    describe_backward(&b, layer)
    describe_gradients(&b.gradients, layer, &x, grads, accumulate_dx)
    run(&b, layer, cnp.PyArray_DIM(<cnp.ndarray> tape.x, 0), accumulate_dx)
    scatter_rows(&b.work.order, b.carried, b.buffers.h_stride, dh0)
    if b.buffers.has_c:
        scatter_rows(&b.work.order, b.dc, b.buffers.c_stride, dc0)
    if sums is not None:
        add_bias_gradients(layer, sums, grads)


def backward_both(tapes, dys, dfinal, dx, dinitial, grads):
    """BPTT of the two directions of a layer: `backward` of each.

    Parameters
    ----------
    tapes, dys, dfinal, dinitial, grads : pairs
        Of each direction: the Tape, dy, (dh_n, dc_n), (dh0, dc0), the gradients of the weights.
    dx : ndarray (T, N, I), a pair of them, or None
        Output: the sum of both directions, or of each its own; None if not wanted.

    Raises
    ------
    RuntimeError
        If one of the tapes has served; nothing is changed then.
    """
    cdef bint separate = isinstance(dx, (list, tuple))
    for tape in tapes:
        refuse_spent(tape)
    for k in range(2):
        backward(tapes[k], dys[k], *dfinal[k], dx[k] if separate else dx, *dinitial[k], grads[k],
                 k == 1 and not separate)
