# SPDX-License-Identifier: Apache-2.0
"""Which of the two back ends does the large products, and what BLAS needs around it.

`native` is the packed product kernel, `blas` is SciPy's. FASTRNN_GEMM forces one. Otherwise
products too small to matter are native without a look at SciPy; before the first large one
both are timed once, and BLAS is taken only where it is clearly faster: a choice that hung on
noise would change the last bits of results from run to run.
"""

import os
from time import perf_counter

from libc.limits cimport INT_MAX
from libc.string cimport memcpy, memset

cimport numpy as cnp

from fastrnn._core.kernels cimport FASTRNN_GRU, FASTRNN_LSTM, fastrnn_kernels, fastrnn_outer
from fastrnn._core.runtime cimport Memory, kernels_of, threads
from fastrnn._core.schedule cimport active_rows, offset_in

cnp.import_array()

# Operations from which on a product may be worth SciPy's import, and how much faster BLAS
# has to be.
cdef double WORTH_A_LOOK = 1e9
cdef double CLEARLY_FASTER = 1.2
cdef Py_ssize_t TRIAL_SIZE = 384

cdef gemm_function _gemm[2]
cdef int _blas_is_faster[2]      # 0: not measured, 1: yes, -1: no


cdef int input_segments(int cell, Segment *segments) noexcept nogil:
    """Gates of the input side: a GRU stores r z n as n r z."""
    if cell == FASTRNN_GRU:
        segments[0].torch, segments[0].stored, segments[0].gates = 2, 0, 1
        segments[1].torch, segments[1].stored, segments[1].gates = 0, 1, 2
        return 2
    segments[0].torch = 0
    segments[0].stored = 0
    segments[0].gates = 4 if cell == FASTRNN_LSTM else 1
    return 1


cdef int recurrent_segments(int cell, Segment *segments) noexcept nogil:
    """Gates of the recurrent side: a GRU stores r z q behind n."""
    segments[0].torch = 0
    segments[0].stored = 1 if cell == FASTRNN_GRU else 0
    segments[0].gates = 3 if cell == FASTRNN_GRU else 4 if cell == FASTRNN_LSTM else 1
    return 1


cdef gemm_function blas_gemm(int dtype) noexcept nogil:
    return _gemm[dtype]


cdef bint _load_blas() except -1:
    """Imports SciPy's BLAS; false where there is no SciPy."""
    if _gemm[0] != NULL:
        return True
    try:
        from fastrnn._core import blas
    except ImportError:
        return False
    f32, f64 = blas.addresses()
    _gemm[1] = <gemm_function> <size_t> f64
    _gemm[0] = <gemm_function> <size_t> f32
    return True


cdef bint uses_blas(PackedLayer layer, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) except -1:
    """Whether BLAS does a product of these sizes."""
    mode = os.environ.get("FASTRNN_GEMM") or "auto"
    if mode == "native" or max(m, n, k) > INT_MAX:
        return False
    if mode == "blas":
        if not _load_blas():
            raise RuntimeError("FASTRNN_GEMM=blas needs SciPy, which cannot be imported")
        return True
    if mode != "auto":
        raise RuntimeError(f"FASTRNN_GEMM={mode!r} is unknown: use auto, blas or native")
    return 2.0 * m * n * k >= WORTH_A_LOOK and _measured(layer.dtype)


cdef bint _measured(int dtype) except -1:
    if _blas_is_faster[dtype] == 0:
        if not _load_blas():
            _blas_is_faster[dtype] = -1
        else:
            _blas_is_faster[dtype] = 1 if _time_both(dtype) else -1
    return _blas_is_faster[dtype] == 1


cdef bint _time_both(int dtype) except -1:
    """The best of three products each, after one to warm up; native as one thread's share."""
    cdef const fastrnn_kernels *kernels = kernels_of(dtype)
    cdef Py_ssize_t n = TRIAL_SIZE, stride = n * kernels.itemsize
    cdef Py_ssize_t matrix = n * stride
    cdef Memory memory = Memory()
    cdef fastrnn_outer trial
    cdef Py_ssize_t share = n // threads()
    cdef char *a
    memory.allocate(3 * matrix + kernels.outer_scratch)
    memset(memory.base, 0, 3 * matrix)
    memset(&trial, 0, sizeof(trial))
    a = memory.base
    trial.a.base, trial.b.base, trial.c = a, a + matrix, a + 2 * matrix
    trial.a.stride = trial.b.stride = trial.c_stride = stride
    trial.a.step = trial.b.step = 1
    trial.rows = trial.columns = n
    native = blas = float("inf")
    for _ in range(4):
        start = perf_counter()
        kernels.outer(&trial, 0, share, a + 3 * matrix)
        middle = perf_counter()
        _gemm[dtype](True, False, n, n, n, a, n, a + matrix, n, 1.0, a + 2 * matrix, n)
        native, blas = min(native, middle - start), min(blas, perf_counter() - middle)
    return blas * CLEARLY_FASTER < native


cdef void stage_rows(const View *v, const Order *o, Py_ssize_t begin, Py_ssize_t end,
                     Py_ssize_t width, Py_ssize_t itemsize, char *to) noexcept nogil:
    """Copies `width` elements of each of the N rows of steps [begin, end); inactive rows are
    zero."""
    cdef Py_ssize_t s, row, j, size = width * itemsize
    cdef const char *source
    for s in range(begin, end):
        for row in range(o.N):
            if row >= active_rows(o, s):
                memset(to, 0, size)
            else:
                source = v.base + offset_in(v, o, s, row)
                for j in range(width if v.step != 1 else 0):
                    memcpy(to + j * itemsize, source + j * v.step * itemsize, itemsize)
                if v.step == 1:
                    memcpy(to, source, size)
            to += size


cdef void input_product_by_blas(PackedLayer layer, const View *x, const Order *o,
                                Py_ssize_t begin, Py_ssize_t end, char *staging,
                                char *result) noexcept nogil:
    """result (steps, N, G*H) = W x + b of the steps [begin, end). The sizes BLAS sees do not
    depend on the lengths nor on what is kept, for it rounds differently at different sizes."""
    cdef Py_ssize_t itemsize = layer.kernels.itemsize
    cdef Py_ssize_t H = layer.hidden_size, I = layer.input_size, row, rows = (end - begin) * o.N
    cdef Py_ssize_t row_bytes = layer.gates * H * itemsize
    cdef Segment segments[2]
    cdef int i, count = input_segments(layer.cell, segments)
    stage_rows(x, o, begin, end, I, itemsize, staging)
    for row in range(rows):
        if layer.bias_data == NULL:
            memset(result + row * row_bytes, 0, row_bytes)
        else:
            memcpy(result + row * row_bytes, layer.bias_data, row_bytes)
    for i in range(count):
        _gemm[layer.dtype](
            False, True, rows, segments[i].gates * H, I, staging, I,
            layer.w_ih_data + segments[i].torch * H * I * itemsize, I,
            1.0, result + segments[i].stored * H * itemsize, layer.gates * H)
