# SPDX-License-Identifier: Apache-2.0
from libc.stddef cimport ptrdiff_t

from fastrnn._core.arena cimport arena
from fastrnn._core.kernels cimport (
    fastrnn_array_kernels, fastrnn_forward_step, fastrnn_kernels, fastrnn_training_kernels,
    fastrnn_unfused,
)
from fastrnn._core.stack cimport (
    fastrnn_layer_view, fastrnn_spec, fastrnn_stream, fastrnn_weights,
)

cdef extern from "team.h" nogil:
    ctypedef struct fastrnn_barrier:
        pass
    ctypedef struct fastrnn_door:
        ptrdiff_t at[2]
    ctypedef struct fastrnn_part:
        pass
    ctypedef struct fastrnn_queue:
        pass
    int fastrnn_team_size() noexcept
    int fastrnn_has_openmp() noexcept
    void fastrnn_barrier_init(fastrnn_barrier *) noexcept
    void fastrnn_barrier_wait(fastrnn_barrier *, int threads) noexcept
    double fastrnn_seconds_lost(const fastrnn_barrier *) noexcept
    void fastrnn_door_init(fastrnn_door *) noexcept
    void fastrnn_door_wait(fastrnn_door *, int threads) noexcept
    bint fastrnn_door_open(fastrnn_door *, int threads, ptrdiff_t at0, ptrdiff_t at1) noexcept
    void fastrnn_door_close(fastrnn_door *) noexcept
    int fastrnn_door_enter(fastrnn_door *) noexcept
    void fastrnn_parts_init(fastrnn_part *, int count) noexcept
    int fastrnn_part_take(fastrnn_part *, int count, int own, ptrdiff_t steps,
                          ptrdiff_t *done) noexcept
    void fastrnn_part_leave(fastrnn_part *, ptrdiff_t done) noexcept
    void fastrnn_parts_wait(fastrnn_part *, int count, ptrdiff_t steps, fastrnn_barrier *) noexcept
    void fastrnn_queue_init(fastrnn_queue *) noexcept
    int fastrnn_queue_next(fastrnn_queue *) noexcept

cdef const fastrnn_kernels *kernels_of(int dtype) except NULL
cdef const fastrnn_training_kernels *training_of(const fastrnn_kernels *kernels) noexcept nogil
cdef const fastrnn_array_kernels *arrays_of(const fastrnn_kernels *kernels) noexcept nogil
cdef void init_unfused(fastrnn_unfused *u, const fastrnn_kernels *kernels, int kind,
                       const fastrnn_forward_step *step, ptrdiff_t state_size) noexcept
cdef void add_unfused(fastrnn_unfused *u, int gate, int count, const void *pack,
                      const void *bias) noexcept
cdef void step_unfused(const fastrnn_unfused *u, const fastrnn_forward_step *step,
                       ptrdiff_t row_begin, ptrdiff_t row_end) noexcept nogil
cdef int threads() noexcept
cdef void mark_team_used() noexcept

cdef class Memory:
    cdef char *base
    cdef size_t size
    cdef void allocate(self, size_t size) except *
    cdef void provide(self, arena *counted) except *

cdef Memory new_stack(const fastrnn_spec *spec, const fastrnn_weights *weights)
cdef void view_layer(Memory stack, fastrnn_layer_view *view) noexcept
cdef fastrnn_stream *new_stream(const fastrnn_layer_view *views, Py_ssize_t count,
                                Py_ssize_t rows, Memory memory) except NULL
cdef void step_stream(fastrnn_stream *stream, const void *x, void *y) noexcept nogil
cdef void get_stream_state(const fastrnn_stream *stream, void *h, void *c) noexcept nogil
cdef void set_stream_state(fastrnn_stream *stream, const void *h, const void *c) noexcept nogil
