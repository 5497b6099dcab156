# SPDX-License-Identifier: Apache-2.0
"""One step a call: the C library's stream, behind NumPy arrays."""

import numpy as np

cimport numpy as cnp

from fastrnn._core.kernels cimport FASTRNN_F64
from fastrnn._core.stack cimport fastrnn_layer_view, fastrnn_stream
from fastrnn._core.pack cimport PackedLayer
from fastrnn._core.runtime cimport (
    Memory, get_stream_state, new_stream, set_stream_state, step_stream,
)

cnp.import_array()

# Steps of fewer operations than this keep the interpreter's lock: giving it up costs more.
cdef double WORTH_UNLOCKING = 1e5


cdef const void *data_or_null(array) except? NULL:
    return NULL if array is None else cnp.PyArray_DATA(<cnp.ndarray> array)


cdef class StreamCore:
    """Forward layers, one on the other, and their live state. The packs are the layers' own, which
    any number of streams share.

    Parameters
    ----------
    layers : list of PackedLayer
    batch_size : int
    """

    cdef list layers              # whose packs the stream reads
    cdef Memory memory
    cdef fastrnn_stream *stream
    cdef int type_number
    cdef Py_ssize_t rows, inputs, outputs
    cdef bint unlock
    cdef tuple h_shape, c_shape
    cdef object dtype

    def __init__(self, list layers, Py_ssize_t batch_size):
        cdef PackedLayer layer = layers[0]
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
        self.layers = layers
        self._start()

    cdef int _start(self) except -1:
        cdef Memory table = Memory()
        cdef fastrnn_layer_view *views
        cdef PackedLayer layer
        cdef Py_ssize_t k
        table.allocate(len(self.layers) * sizeof(fastrnn_layer_view))
        views = <fastrnn_layer_view *> table.base
        for k in range(len(self.layers)):
            layer = self.layers[k]
            views[k] = layer.view
        self.memory = Memory()
        self.stream = new_stream(views, len(self.layers), self.rows, self.memory)
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
                step_stream(self.stream, source, target)
        else:
            step_stream(self.stream, source, target)

    def get_state(self):
        """Copies of h (L, N, P) and c (L, N, H), which is None unless LSTM."""
        h = np.empty(self.h_shape, self.dtype)
        c = None if self.c_shape is None else np.empty(self.c_shape, self.dtype)
        get_stream_state(self.stream, <void *> data_or_null(h), <void *> data_or_null(c))
        return h, c

    def set_state(self, h, c):
        """Copies C-contiguous arrays shaped as `get_state` gives them into the state."""
        set_stream_state(self.stream, data_or_null(h), data_or_null(c))
