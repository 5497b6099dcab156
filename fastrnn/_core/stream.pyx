# SPDX-License-Identifier: Apache-2.0
"""One step a call: the C library's stream, behind NumPy arrays."""

import numpy as np

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t
from libc.string cimport memset

cimport numpy as cnp

from fastrnn._core.kernels cimport FASTRNN_F64
from fastrnn._core.pack cimport PackedLayer
from fastrnn._core.runtime cimport Memory

cnp.import_array()

cdef extern from "fastrnn.h" nogil:
    ctypedef int fastrnn_status
    ctypedef struct fastrnn_stack:
        pass
    ctypedef struct fastrnn_stream:
        pass
    ctypedef struct fastrnn_activation:
        int32_t kind
        float alpha
        float beta
    ctypedef struct fastrnn_spec:
        size_t size
        int32_t cell
        int32_t dtype
        int32_t isa
        int32_t bidirectional
        ptrdiff_t input_size
        ptrdiff_t hidden_size
        ptrdiff_t proj_size
        ptrdiff_t num_layers
        int32_t weight_type
        fastrnn_activation f
        fastrnn_activation g
        fastrnn_activation h
        float clip
        int32_t peepholes
        int32_t input_forget
        int32_t reset_before
    ctypedef struct fastrnn_weights:
        size_t size
        const void *w_ih
        const void *w_hh
        const void *b_ih
        const void *b_hh
        const void *w_hr
        const void *peepholes
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


cdef class StreamCore:
    """A stack of forward layers and its live state.

    Parameters
    ----------
    layers : list of PackedLayer
    batch_size : int
    """

    cdef Memory stack_memory, stream_memory
    cdef fastrnn_stream *stream
    cdef int type_number
    cdef Py_ssize_t rows, inputs, outputs
    cdef bint unlock
    cdef tuple h_shape, c_shape
    cdef object dtype

    def __init__(self, list layers, Py_ssize_t batch_size):
        cdef PackedLayer layer = layers[0]
        if not all([packed.fused for packed in layers]):
            raise ValueError("a stream has the default activations and reset only")
        self.rows = batch_size
        self.inputs = layer.input_size
        self.outputs = layer.output_size
        self.dtype = np.dtype("float64" if layer.dtype == FASTRNN_F64 else "float32")
        self.type_number = self.dtype.num
        self.h_shape = (len(layers), batch_size, layer.output_size)
        self.c_shape = (len(layers), batch_size, layer.hidden_size)
        if not layer.description.has_c:
            self.c_shape = None
        self.unlock = WORTH_UNLOCKING < 2.0 * batch_size * len(layers) * layer.gates * (
            layer.hidden_size * (layer.input_size + layer.output_size))
        self._start(self._new_stack(layers))

    cdef fastrnn_stack *_new_stack(self, list layers) except NULL:
        cdef PackedLayer layer = layers[0]
        cdef fastrnn_spec spec
        cdef fastrnn_stack *stack = NULL
        cdef fastrnn_weights *weights
        cdef size_t size = 0
        cdef Memory table = Memory()
        cdef Py_ssize_t k
        memset(&spec, 0, sizeof(spec))
        spec.size = sizeof(spec)
        spec.cell = layer.cell
        if not layer.description.has_gate_activation:
            spec.f.kind = layer.activation
        spec.dtype = layer.dtype
        spec.isa = layer.kernels.isa
        spec.input_size = layer.input_size
        spec.hidden_size = layer.hidden_size
        spec.proj_size = 0 if layer.projection is None else layer.output_size
        spec.num_layers = len(layers)
        arrays = []
        table.allocate(len(layers) * sizeof(fastrnn_weights))
        weights = <fastrnn_weights *> table.base
        memset(weights, 0, len(layers) * sizeof(fastrnn_weights))
        for k in range(len(layers)):
            layer = layers[k]
            arrays.append(layer.torch_weights())
            w_ih, w_hh, b_ih, b_hh, w_hr = arrays[k]
            weights[k].size = sizeof(fastrnn_weights)
            weights[k].w_ih = data_or_null(w_ih)
            weights[k].w_hh = data_or_null(w_hh)
            weights[k].b_ih = data_or_null(b_ih)
            weights[k].b_hh = data_or_null(b_hh)
            weights[k].w_hr = data_or_null(w_hr)
        check(fastrnn_stack_bytes(&spec, &size))
        self.stack_memory = Memory()
        self.stack_memory.allocate(size)
        check(fastrnn_stack_init(self.stack_memory.base, size, &spec, weights, &stack))
        return stack

    cdef int _start(self, fastrnn_stack *stack) except -1:
        cdef size_t size = 0
        check(fastrnn_stream_bytes(stack, self.rows, &size))
        self.stream_memory = Memory()
        self.stream_memory.allocate(size)
        check(fastrnn_stream_init(self.stream_memory.base, size, stack, self.rows, &self.stream))
        return 0

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
        h = np.empty(self.h_shape, self.dtype)
        c = None if self.c_shape is None else np.empty(self.c_shape, self.dtype)
        check(fastrnn_stream_get_state(self.stream, <void *> data_or_null(h),
                                       <void *> data_or_null(c)))
        return h, c

    def set_state(self, h, c):
        """Copies C-contiguous arrays shaped as `get_state` gives them into the state."""
        check(fastrnn_stream_set_state(self.stream, data_or_null(h), data_or_null(c)))
