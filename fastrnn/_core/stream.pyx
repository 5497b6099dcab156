# SPDX-License-Identifier: Apache-2.0
"""One step a call: the C library's stream, behind NumPy arrays."""

import numpy as np

from libc.stddef cimport ptrdiff_t

cimport numpy as cnp

from fastrnn._core.kernels cimport (
    FASTRNN_F64, fastrnn_activation, fastrnn_cell, fastrnn_dtype, fastrnn_isa,
)
from fastrnn._core.pack cimport PackedLayer
from fastrnn._core.runtime cimport Memory

cnp.import_array()

cdef extern from "fastrnn.h" nogil:
    ctypedef int fastrnn_status
    ctypedef struct fastrnn_stack:
        pass
    ctypedef struct fastrnn_stream:
        pass
    ctypedef struct fastrnn_spec:
        fastrnn_cell cell
        fastrnn_activation activation
        fastrnn_dtype dtype
        fastrnn_isa isa
        ptrdiff_t input_size
        ptrdiff_t hidden_size
        ptrdiff_t proj_size
        ptrdiff_t num_layers
        int bidirectional
    ctypedef struct fastrnn_weights:
        const void *w_ih
        const void *w_hh
        const void *b_ih
        const void *b_hh
        const void *w_hr
    fastrnn_status fastrnn_stack_bytes(const fastrnn_spec *, size_t *)
    fastrnn_status fastrnn_stack_init(void *, size_t, const fastrnn_spec *,
                                      const fastrnn_weights *, fastrnn_stack **)
    fastrnn_status fastrnn_stream_bytes(const fastrnn_stack *, ptrdiff_t, size_t *)
    fastrnn_status fastrnn_stream_init(void *, size_t, const fastrnn_stack *, ptrdiff_t,
                                       fastrnn_stream **)
    fastrnn_status fastrnn_stream_step(fastrnn_stream *, const void *, void *)
    fastrnn_status fastrnn_stream_get_state(const fastrnn_stream *, void *, void *)
    fastrnn_status fastrnn_stream_set_state(fastrnn_stream *, const void *, const void *)
    const char *fastrnn_status_text(fastrnn_status)

# Steps of fewer operations than this keep the interpreter's lock: giving it up costs more.
cdef double WORTH_UNLOCKING = 1e5


cdef int check(fastrnn_status status) except -1:
    if status != 0:
        raise RuntimeError(fastrnn_status_text(status).decode())
    return 0


cdef const void *data_or_null(array) except? NULL:
    return NULL if array is None else cnp.PyArray_DATA(<cnp.ndarray> array)


cdef class Stack:
    """The packed weights that any number of streams read.

    Parameters
    ----------
    layers : list of PackedLayer
    """

    cdef Memory memory
    cdef fastrnn_stack *stack
    cdef readonly Py_ssize_t input_size, hidden_size, output_size, num_layers
    cdef readonly object dtype
    cdef bint has_c
    cdef double row_work          # operations of a step of one row

    def __init__(self, list layers):
        cdef PackedLayer layer = layers[0]
        if not all([packed.fused for packed in layers]):
            raise ValueError("a stream has the default activations and reset only")
        self.input_size = layer.input_size
        self.hidden_size = layer.hidden_size
        self.output_size = layer.output_size
        self.num_layers = len(layers)
        self.dtype = np.dtype("float64" if layer.dtype == FASTRNN_F64 else "float32")
        self.has_c = layer.description.has_c
        self.row_work = 2.0 * len(layers) * layer.gates * (
            layer.hidden_size * (layer.input_size + layer.output_size))
        self._pack(layers)

    cdef int _pack(self, list layers) except -1:
        cdef PackedLayer layer = layers[0]
        cdef fastrnn_spec spec
        cdef fastrnn_weights *weights
        cdef size_t size = 0
        cdef Memory table = Memory()
        cdef Py_ssize_t k
        spec.cell = <fastrnn_cell> layer.cell
        spec.activation = <fastrnn_activation> layer.activation
        spec.dtype = <fastrnn_dtype> layer.dtype
        spec.isa = layer.kernels.isa
        spec.input_size = layer.input_size
        spec.hidden_size = layer.hidden_size
        spec.proj_size = 0 if layer.projection is None else layer.output_size
        spec.num_layers = len(layers)
        spec.bidirectional = 0
        arrays = []
        table.allocate(len(layers) * sizeof(fastrnn_weights))
        weights = <fastrnn_weights *> table.base
        for k in range(len(layers)):
            layer = layers[k]
            arrays.append(layer.torch_weights())
            w_ih, w_hh, b_ih, b_hh, w_hr = arrays[k]
            weights[k].w_ih = data_or_null(w_ih)
            weights[k].w_hh = data_or_null(w_hh)
            weights[k].b_ih = data_or_null(b_ih)
            weights[k].b_hh = data_or_null(b_hh)
            weights[k].w_hr = data_or_null(w_hr)
        check(fastrnn_stack_bytes(&spec, &size))
        self.memory = Memory()
        self.memory.allocate(size)
        check(fastrnn_stack_init(self.memory.base, size, &spec, weights, &self.stack))
        return 0


cdef class StreamCore:
    """The live state of some rows, and a step of them through a stack.

    Parameters
    ----------
    stack : Stack
    batch_size : int
    """

    cdef Stack stack
    cdef Memory memory
    cdef fastrnn_stream *stream
    cdef int type_number
    cdef Py_ssize_t rows, inputs, outputs
    cdef bint unlock

    def __init__(self, Stack stack not None, Py_ssize_t batch_size):
        cdef size_t size = 0
        self.stack = stack
        self.rows = batch_size
        self.inputs = stack.input_size
        self.outputs = stack.output_size
        self.type_number = stack.dtype.num
        self.unlock = WORTH_UNLOCKING < batch_size * stack.row_work
        check(fastrnn_stream_bytes(stack.stack, batch_size, &size))
        self.memory = Memory()
        self.memory.allocate(size)
        check(fastrnn_stream_init(self.memory.base, size, stack.stack, batch_size, &self.stream))

    cdef inline bint _fits(self, cnp.ndarray array, Py_ssize_t columns) noexcept:
        return (cnp.PyArray_NDIM(array) == 2 and cnp.PyArray_TYPE(array) == self.type_number
                and cnp.PyArray_DIM(array, 0) == self.rows
                and cnp.PyArray_DIM(array, 1) == columns and cnp.PyArray_ISCARRAY_RO(array))

    def step(self, cnp.ndarray x not None, cnp.ndarray out not None):
        """x (N, I) -> out (N, P), both C-contiguous; raises ValueError if one is not that."""
        cdef const void *source = cnp.PyArray_DATA(x)
        cdef void *target = cnp.PyArray_DATA(out)
        if not self._fits(x, self.inputs):
            raise ValueError("x does not fit")
        if not (self._fits(out, self.outputs) and cnp.PyArray_ISWRITEABLE(out)):
            raise ValueError("out does not fit")
        if self.unlock:
            with nogil:
                fastrnn_stream_step(self.stream, source, target)
        else:
            fastrnn_stream_step(self.stream, source, target)

    def get_state(self):
        """Copies of h (L, N, P) and c (L, N, H), which is None unless LSTM."""
        cdef Stack stack = self.stack
        h = np.empty((stack.num_layers, self.rows, stack.output_size), stack.dtype)
        c = None
        if stack.has_c:
            c = np.empty((stack.num_layers, self.rows, stack.hidden_size), stack.dtype)
        check(fastrnn_stream_get_state(self.stream, <void *> data_or_null(h),
                                       <void *> data_or_null(c)))
        return h, c

    def set_state(self, h, c):
        """Copies C-contiguous arrays shaped as `get_state` gives them into the state."""
        check(fastrnn_stream_set_state(self.stream, data_or_null(h), data_or_null(c)))
