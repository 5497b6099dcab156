# SPDX-License-Identifier: Apache-2.0
"""Whole sequences forward, one layer in one direction or both: what Python calls."""

from libc.stddef cimport ptrdiff_t
from libc.string cimport memcpy

cimport numpy as cnp

from fastrnn._core.arena cimport arena, take
from fastrnn._core.contention cimport WORTH_A_TEAM, begin_team, end_team, team_for
from fastrnn._core.forward_loop cimport (
    Forward, describe_forward, forward_side_by_side, forward_steps, forward_steps_by_blas,
)
from fastrnn._core.gemm cimport uses_blas
from fastrnn._core.kernels cimport fastrnn_pack_bytes, fastrnn_unfused
from fastrnn._core.plan cimport (
    ALONE, BY_ROWS, BY_UNITS, c_at, choose_split, chunk_steps, describe_buffers, h_at, operations,
    padded, place_buffers, place_work,
)
from fastrnn._core.rows cimport (
    Order, batch_row, gather_rows, row_length, sort_rows, view_of, zero_padding,
)
from fastrnn._core.runtime cimport fastrnn_barrier_init, fastrnn_seconds_lost
from fastrnn._core.unfused cimport describe_unfused_forward

cnp.import_array()

# One row whose W and R stay in the first-level cache together gains nothing from a product over
# many steps.
cdef size_t STEP_BYTES = 32 * 1024


cdef class Tape:
    @property
    def N(self):
        return self.buffers.N


cdef class Call:
    """One (layer, direction) over whole sequences, between `prepare` and `finish`."""
    cdef Forward f
    cdef PackedLayer layer
    cdef SortedRows rows
    cdef Memory kept, passing, products
    cdef bint unfused
    cdef bint masked              # recurrent dropout
    cdef char *masks
    cdef char *seen               # see fastrnn_unfused
    cdef object x


cdef bint takes_input_in_step(const Forward *f, PackedLayer layer, bint unfused) noexcept:
    """Whether W x + b is a part of the step: where that is faster and the kernel can read x."""
    cdef size_t packs = (padded(fastrnn_pack_bytes(layer.kernels, &layer.view.w.shape))
                         + padded(fastrnn_pack_bytes(layer.kernels, &layer.view.r[0].shape)))
    return (f.work.order.N == 1 and f.work.split == ALONE and not f.buffers.keep
            and not f.by_blas and not unfused and f.x.feature == 1
            and packs <= STEP_BYTES)


cdef void place(Call call, arena *kept, arena *passing) noexcept:
    """Lays out the memory of a call: in `kept` what backward will want, else in `passing`."""
    cdef Forward *f = &call.f
    cdef Buffers *b = &f.buffers
    cdef PackedLayer layer = call.layer
    cdef Py_ssize_t itemsize = layer.kernels.itemsize, rows = f.chunk_steps * b.N
    place_buffers(b, &f.work.order, f.chunk_steps, kept, passing)
    place_work(&f.work, passing)
    if call.masked:
        call.masks = <char *> take(kept if b.keep else passing, layer.gates * b.N, b.h_stride, 1)
        call.seen = <char *> take(passing, b.N, b.h_stride, 1)
    if f.by_blas:
        f.staging = <char *> take(passing, rows, layer.input_size, itemsize)
        f.result = <char *> take(passing, rows, layer.gates * layer.hidden_size, itemsize)


cdef void provide(Call call) except *:
    cdef arena kept, passing
    kept.base = passing.base = NULL
    kept.used = passing.used = kept.overflow = passing.overflow = 0
    place(call, &kept, &passing)
    if call.f.buffers.keep:
        call.kept = Memory()
        call.kept.provide(&kept)
    call.passing = Memory()
    call.passing.provide(&passing)
    place(call, &kept, &passing)


cdef void divide(Call call, Py_ssize_t directions, Call first) noexcept:
    """Among the threads, one call of so many directions, which have the team of the first."""
    cdef Forward *f = &call.f
    cdef double work = operations(call.layer, &f.work.order)
    f.work.team = team_for(directions * work) if first is None else first.f.work.team
    f.work.split = choose_split(call.layer, &f.work.order, work, f.work.team, call.unfused)
    f.work.panels = call.layer.view.r[0].panels
    f.chunk_steps = chunk_steps(call.layer, &f.work.order)
    f.work.scratch_bytes = padded(2 * f.chunk_steps * f.work.order.N * sizeof(ptrdiff_t))


cdef void begin(Call call, tuple initial, dropout) noexcept:
    """The initial states and the masks, with sorted rows."""
    cdef Forward *f = &call.f
    cdef Order *o = &f.work.order
    cdef Buffers *b = &f.buffers
    cdef Py_ssize_t gate
    h0, c0 = initial
    gather_rows(o, h0, b.h_stride, b.h)
    if b.h0 != NULL:
        memcpy(b.h0, b.h, b.N * b.h_stride)
    if b.has_c:
        gather_rows(o, c0, b.c_stride, b.c)
    for gate in range(call.layer.gates if call.masked else 0):
        gather_rows(o, dropout[gate], b.h_stride, call.masks + gate * b.N * b.h_stride)


cdef void describe(Call call):
    """What does not change from step to step."""
    cdef Forward *f = &call.f
    describe_forward(f, call.layer, call.unfused)
    if call.unfused:
        call.products = describe_unfused_forward(&f.step, call.layer, f.buffers.N, call.masked)
        f.unfused = <fastrnn_unfused *> call.products.base
        f.unfused.masks, f.unfused.seen = call.masks, call.seen


cdef Call prepare(PackedLayer layer, cnp.ndarray x, cnp.ndarray y, tuple initial, lengths,
                  bint reverse, bint keep, dropout, int directions, Call first):
    """Everything of a call but its steps and final states."""
    cdef Call call = Call()
    cdef Forward *f = &call.f
    cdef Py_ssize_t T = cnp.PyArray_DIM(x, 0), N = cnp.PyArray_DIM(x, 1)
    call.layer, call.x = layer, x
    call.masked = dropout is not None
    call.unfused = call.masked or not layer.fused
    call.rows = sort_rows(T, N, lengths, reverse)
    f.work.order = call.rows.order
    f.x, f.y = view_of(x), view_of(y)
    f.in_place = f.x.base == f.y.base
    divide(call, directions, first)
    describe_buffers(&f.buffers, layer, &f.work.order, keep, call.unfused)
    f.by_blas = uses_blas(layer, T * N, layer.gates * layer.hidden_size, layer.input_size)
    f.input_in_step = takes_input_in_step(f, layer, call.unfused)
    provide(call)
    describe(call)
    fastrnn_barrier_init(&f.work.barrier)
    begin(call, initial, dropout)
    if f.work.order.ragged:
        zero_padding(&f.y, &f.work.order, T, f.buffers.h_stride)
    return call


cdef void run(Call call) noexcept:
    cdef Forward *f = &call.f
    if f.work.split != ALONE:
        begin_team(&f.work.watch)
    with nogil:
        if f.by_blas:
            forward_steps_by_blas(f, call.layer)
        else:
            forward_steps(f, 0, f.work.order.steps)
    if f.work.split != ALONE:
        end_team(&f.work.watch, f.work.team, fastrnn_seconds_lost(&f.work.barrier))


cdef void final_states(const Forward *f, cnp.ndarray h_n, object c_n) noexcept:
    cdef const Order *o = &f.work.order
    cdef const Buffers *b = &f.buffers
    cdef Py_ssize_t row, last
    cdef char *h = <char *> cnp.PyArray_DATA(h_n)
    cdef char *c = NULL
    if b.has_c:
        c = <char *> cnp.PyArray_DATA(<cnp.ndarray> c_n)
    for row in range(o.N):
        last = row_length(o, row) - 1
        memcpy(h + batch_row(o, row) * cnp.PyArray_STRIDE(h_n, 0),
               h_at(b, o, last) + row * b.h_stride, b.h_stride)
        if c != NULL:
            memcpy(c + batch_row(o, row) * cnp.PyArray_STRIDE(<cnp.ndarray> c_n, 0),
                   c_at(b, o, last) + row * b.c_stride, b.c_stride)


cdef object finish(Call call, tuple final):
    cdef Tape tape
    h_n, c_n = final
    final_states(&call.f, h_n, c_n)
    if not call.f.buffers.keep:
        return None
    tape = Tape()
    tape.layer = call.layer
    tape.rows = call.rows
    tape.buffers = call.f.buffers
    tape.memory = call.kept
    tape.masks = call.masks
    tape.unfused = call.unfused
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
        Initial states, None for zeros; last axis contiguous. c0 is None where the cell has no c.
    final : (h_n, c_n), ndarrays (N, P), (N, H)
        Output: the states after each row's last valid step. c_n is None where the cell has no c.
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
    cdef Call call = prepare(layer, x, y, initial, lengths, reverse, keep, dropout, 1, None)
    run(call)
    return finish(call, final)


cdef bint one_thread_each(Call a, Call b) noexcept:
    """Whether two directions are better run side by side than one after the other by a team. That
    spares a few rows the barriers; a batch has rows for all."""
    cdef Forward *f = &a.f
    if f.work.team < 2 or f.work.split == BY_ROWS or f.by_blas:
        return False
    if f.work.split == BY_UNITS and f.work.team > 3:
        return False
    return (operations(a.layer, &f.work.order) + operations(b.layer, &f.work.order)
            >= WORTH_A_TEAM)


cdef void run_side_by_side(Call a, Call b) noexcept:
    a.f.work.split = b.f.work.split = ALONE
    begin_team(&a.f.work.watch)
    with nogil:
        forward_side_by_side(&a.f, &b.f)
    end_team(&a.f.work.watch, 2, 0)


def forward_both(layers, x, outputs, initial, final, lengths, bint keep, dropout=(None, None)):
    """Run the two directions of a layer over whole sequences: `forward` of each.

    Parameters
    ----------
    layers, outputs, initial, final, dropout : pairs
        Of each direction: the PackedLayer, y, (h0, c0), (h_n, c_n), the masks. No y may be x.
    x : ndarray (T, N, I), or a pair of them
        What both directions read, or what each of them does.

    Returns
    -------
    list of Tape or None
    """
    x_forward, x_reverse = x if isinstance(x, (list, tuple)) else (x, x)
    cdef Call a = prepare(layers[0], x_forward, outputs[0], initial[0], lengths, False, keep,
                          dropout[0], 2, None)
    cdef Call b = prepare(layers[1], x_reverse, outputs[1], initial[1], lengths, True, keep,
                          dropout[1], 2, a)
    if one_thread_each(a, b):
        run_side_by_side(a, b)
    else:
        run(a)
        run(b)
    return [finish(a, final[0]), finish(b, final[1])]
