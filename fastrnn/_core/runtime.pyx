# SPDX-License-Identifier: Apache-2.0
"""What a process decides once: instruction set, number of threads; and aligned memory."""

import os

from fastrnn._core.kernels cimport (
    FASTRNN_F32, FASTRNN_F64, FASTRNN_ISA_AUTO, FASTRNN_ISA_AVX2, FASTRNN_ISA_AVX512,
    FASTRNN_ISA_NEON, FASTRNN_ISA_SCALAR, fastrnn_array_kernels, fastrnn_arrays_of, fastrnn_cpu_has,
    fastrnn_dtype, fastrnn_forward_step, fastrnn_isa, fastrnn_isa_name, fastrnn_kernels,
    fastrnn_kernels_get, fastrnn_training_kernels, fastrnn_training_of, fastrnn_unfused,
    fastrnn_unfused_add, fastrnn_unfused_forward, fastrnn_unfused_init,
)
from fastrnn._core.stack cimport (
    fastrnn_layer_view_of, fastrnn_layers_stream_bytes, fastrnn_layers_stream_init, fastrnn_stack,
    fastrnn_stack_bytes, fastrnn_stack_init, fastrnn_status, fastrnn_status_text,
    fastrnn_stream_get_state, fastrnn_stream_set_state, fastrnn_stream_step,
)
from libc.stdlib cimport free

cdef extern from "stdlib.h" nogil:
    void *aligned_alloc(size_t alignment, size_t size)

MOST_THREADS = 4 * (os.cpu_count() or 1)

cdef const fastrnn_kernels *_kernels[2]
cdef int _threads = 0
cdef object _gemm_mode = None
cdef bint _team_used = False
cdef bint _forked = False


class SettingError(RuntimeError):
    """An environment variable asks for what this machine or this build does not have."""


cdef list _available_isas():
    cdef fastrnn_isa isa
    names = []
    for isa in (FASTRNN_ISA_SCALAR, FASTRNN_ISA_NEON, FASTRNN_ISA_AVX2, FASTRNN_ISA_AVX512):
        if fastrnn_cpu_has(isa):
            names.append(fastrnn_isa_name(isa).decode())
    return names


cdef const fastrnn_kernels *kernels_of(int dtype) except NULL:
    """The kernel table of a dtype; the environment's FASTRNN_ISA is read at the first call."""
    if _kernels[dtype] == NULL:
        _kernels[dtype] = fastrnn_kernels_get(FASTRNN_ISA_AUTO, <fastrnn_dtype> dtype)
        if _kernels[dtype] == NULL:
            raise SettingError(
                f"FASTRNN_ISA={os.environ.get('FASTRNN_ISA')!r} cannot be used: this machine has "
                f"{', '.join(_available_isas())}")
    return _kernels[dtype]


# Only this module is linked with the kernels: all others have them from here.
cdef const fastrnn_training_kernels *training_of(const fastrnn_kernels *kernels) noexcept nogil:
    return fastrnn_training_of(kernels)


cdef const fastrnn_array_kernels *arrays_of(const fastrnn_kernels *kernels) noexcept nogil:
    return fastrnn_arrays_of(kernels)


cdef void init_unfused(fastrnn_unfused *u, const fastrnn_kernels *kernels, int kind,
                       const fastrnn_forward_step *step, ptrdiff_t state_size) noexcept:
    fastrnn_unfused_init(u, kernels, kind, step, state_size)


cdef void add_unfused(fastrnn_unfused *u, int gate, int count, const void *pack,
                      const void *bias) noexcept:
    fastrnn_unfused_add(u, gate, count, pack, bias)


cdef void step_unfused(const fastrnn_unfused *u, const fastrnn_forward_step *step,
                       ptrdiff_t row_begin, ptrdiff_t row_end) noexcept nogil:
    fastrnn_unfused_forward(u, step, row_begin, row_end)


cdef int threads() noexcept:
    """How many threads a call may use. The OpenMP runtime of a forked child whose parent had a
    team waits for threads that no longer exist, so such a child works alone."""
    return 1 if _forked else _threads


cdef void mark_team_used() noexcept:
    global _team_used
    _team_used = True


def _after_fork_in_child():
    global _forked
    _forked = _forked or _team_used


def _default_threads():
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def get_num_threads():
    return threads()


def set_num_threads(int n):
    """Asks for n threads a call. More than MOST_THREADS are never started: an OpenMP runtime that
    cannot start a thread ends the process."""
    global _threads
    _threads = min(n, MOST_THREADS) if fastrnn_has_openmp() else 1


def gemm_mode():
    """What FASTRNN_GEMM says: auto, blas or native. Read at the first call, for looking into the
    environment costs as much as a short sequence."""
    global _gemm_mode
    if _gemm_mode is None:
        mode = os.environ.get("FASTRNN_GEMM") or "auto"
        # A literal is kept, which lives on while threads without a lock read and store it.
        for known in ("auto", "blas", "native"):
            if mode == known:
                _gemm_mode = known
                return known
        raise SettingError(f"FASTRNN_GEMM={mode!r} is unknown: use auto, blas or native")
    return _gemm_mode


def config():
    """What was built and what was chosen, as a dictionary."""
    cdef const fastrnn_kernels *table = kernels_of(FASTRNN_F32)
    return {
        "isa": fastrnn_isa_name(table.isa).decode(),
        "isas": _available_isas(),
        "width_f32": table.lanes,
        "width_f64": kernels_of(FASTRNN_F64).lanes,
        "gemm": gemm_mode(),
        "threads": threads(),
        "openmp": bool(fastrnn_has_openmp()),
    }


cdef class Memory:
    """A block of memory aligned for any vector, freed with its owner."""

    cdef void allocate(self, size_t size) except *:
        self.size = (size + 63) // 64 * 64
        self.base = <char *> aligned_alloc(64, self.size if self.size else 64)
        if self.base == NULL:
            raise MemoryError(f"could not allocate {size} bytes")

    cdef void provide(self, arena *counted) except *:
        """What an arena without memory has counted; the arena begins anew, with it."""
        if counted.overflow:
            raise MemoryError("the sizes of a call are too large to address")
        self.allocate(counted.used)
        counted.base = self.base
        counted.used = 0

    def __dealloc__(self):
        free(self.base)


# What follows is the C library's: see stack.pxd.

cdef int check(fastrnn_status status) except -1:
    if status != 0:
        raise RuntimeError(fastrnn_status_text(status).decode())
    return 0


cdef Memory new_stack(const fastrnn_spec *spec, const fastrnn_weights *weights):
    """Memory with a stack that holds the weights, packed."""
    cdef Memory memory = Memory()
    cdef fastrnn_stack *stack
    cdef fastrnn_status status
    cdef size_t size = 0
    check(fastrnn_stack_bytes(spec, &size))
    memory.allocate(size)
    with nogil:
        status = fastrnn_stack_init(memory.base, size, spec, weights, &stack)
    check(status)
    return memory


cdef void view_layer(Memory stack, fastrnn_layer_view *view) noexcept:
    """The only layer of a stack."""
    fastrnn_layer_view_of(<const fastrnn_stack *> stack.base, 0, view)


cdef fastrnn_stream *new_stream(const fastrnn_layer_view *views, Py_ssize_t count,
                                Py_ssize_t rows, Memory memory) except NULL:
    """A stream of so many layers and rows, in `memory`, which is allocated for it."""
    cdef fastrnn_stream *stream = NULL
    cdef size_t size = 0
    check(fastrnn_layers_stream_bytes(views, count, rows, &size))
    memory.allocate(size)
    check(fastrnn_layers_stream_init(memory.base, size, views, count, rows, &stream))
    return stream


cdef void step_stream(fastrnn_stream *stream, const void *x, void *y) noexcept nogil:
    fastrnn_stream_step(stream, x, y)


cdef void get_stream_state(const fastrnn_stream *stream, void *h, void *c) noexcept nogil:
    fastrnn_stream_get_state(stream, h, c)


cdef void set_stream_state(fastrnn_stream *stream, const void *h, const void *c) noexcept nogil:
    fastrnn_stream_set_state(stream, h, c)


set_num_threads(_default_threads())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
