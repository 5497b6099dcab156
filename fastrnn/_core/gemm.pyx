# SPDX-License-Identifier: Apache-2.0
"""Which of the two back ends does the large products, and what BLAS needs around it.

`native` is the packed product kernel, `blas` is SciPy's; FASTRNN_GEMM forces one. Otherwise the
choice is the one that measuring gave for the instruction set (docs/performance.md): native for
every vector instruction set, BLAS for plain C, where a product is large enough to be worth SciPy's
import. It is no measurement of the running process, for the two round differently: results would
hang on a stopwatch.
"""

from fastrnn._core.runtime import SettingError, gemm_mode

from libc.limits cimport INT_MAX
from libc.string cimport memcpy, memset

cimport numpy as cnp

from fastrnn._core.kernels cimport FASTRNN_ISA_SCALAR, fastrnn_gate_group
from fastrnn._core.rows cimport active_rows, offset_in

cnp.import_array()

# Operations from which on a product of the plain C kernels is worth SciPy's import.
cdef double WORTH_BLAS = 1e9

cdef gemm_function _gemm[2]


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


cdef bint _prefers_blas(PackedLayer layer, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) except -1:
    mode = gemm_mode()
    if mode == "native" or max(m, n, k) > INT_MAX:
        return False
    if mode == "blas":
        if not _load_blas():
            raise SettingError("FASTRNN_GEMM=blas needs SciPy, which cannot be imported")
        return True
    return (layer.kernels.isa == FASTRNN_ISA_SCALAR and 2.0 * m * n * k >= WORTH_BLAS
            and _load_blas())


cdef bint uses_blas(PackedLayer layer, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) except -1:
    """Whether BLAS does a product of these sizes; if so, the layer has its W for it."""
    if not _prefers_blas(layer, m, n, k):
        return False
    layer.need_plain_w()
    return True


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
                for j in range(width if v.feature != 1 else 0):
                    memcpy(to + j * itemsize, source + j * v.feature * itemsize, itemsize)
                if v.feature == 1:
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
    cdef const fastrnn_gate_group *group
    cdef int i
    stage_rows(x, o, begin, end, I, itemsize, staging)
    for row in range(rows):
        if layer.input_bias == NULL:
            memset(result + row * row_bytes, 0, row_bytes)
        else:
            memcpy(result + row * row_bytes, layer.input_bias, row_bytes)
    for i in range(layer.description.input_groups):
        group = &layer.description.input[i]
        _gemm[layer.dtype](
            False, True, rows, group.count * H, I, staging, I,
            layer.plain_w_data + group.gate * H * I * itemsize, I,
            1.0, result + group.slot * H * itemsize, layer.gates * H)
