# SPDX-License-Identifier: Apache-2.0
"""One step a call: the C library's stream, behind NumPy arrays."""

import numpy as np

from libc.string cimport memset

cimport numpy as cnp

from fastrnn._core.kernels cimport FASTRNN_F64
from fastrnn._core.pack cimport GatePack, Pack, PackedLayer, set_activations
from fastrnn._core.runtime cimport Memory
from fastrnn._core.stack cimport (
    fastrnn_layer_view, fastrnn_layers_stream_bytes, fastrnn_layers_stream_init, fastrnn_matrix,
    fastrnn_status, fastrnn_status_text, fastrnn_stream, fastrnn_stream_get_state,
    fastrnn_stream_set_state, fastrnn_stream_step,
)

cnp.import_array()

# Steps of fewer operations than this keep the interpreter's lock: giving it up costs more.
cdef double WORTH_UNLOCKING = 1e5


cdef int check(fastrnn_status status) except -1:
    if status != 0:
        raise RuntimeError(fastrnn_status_text(status).decode())
    return 0


cdef const void *data_or_null(array) except? NULL:
    return NULL if array is None else cnp.PyArray_DATA(<cnp.ndarray> array)


cdef void view_matrix(fastrnn_matrix *to, Pack pack) noexcept:
    to.shape = pack.shape
    to.panels = pack.panels
    to.data = pack.data()


cdef void view_layer(fastrnn_layer_view *view, PackedLayer layer) except *:
    """Fills in where the packs of the layer lie."""
    cdef GatePack gates
    cdef int i = 0
    memset(view, 0, sizeof(view[0]))
    view.kernels = layer.kernels
    view.cell = layer.description
    view.kind = layer.cell
    view.fused = layer.fused
    view.inputs = layer.input_size
    view.hidden = layer.hidden_size
    view.outputs = layer.output_size
    view.bias = layer.input_bias
    view.recurrent_bias = layer.recurrent_bias
    set_activations(&view.activations, layer)
    view_matrix(&view.w, layer.w)
    if layer.projection is not None:
        view_matrix(&view.projection, layer.projection)
    if layer.fused:
        view_matrix(&view.r[0], layer.r)
    else:
        for gates in layer.gate_packs(False, False):
            view_matrix(&view.r[i], gates.pack)
            i += 1


cdef class StreamCore:
    """The live state of a stack of forward layers, whose packs it shares with all others.

    Parameters
    ----------
    layers : list of PackedLayer
    batch_size : int
    """

    cdef list layers
    cdef Memory memory
    cdef fastrnn_stream *stream
    cdef int type_number
    cdef Py_ssize_t rows, inputs, outputs
    cdef bint unlock
    cdef tuple h_shape, c_shape
    cdef object dtype

    def __init__(self, list layers, Py_ssize_t batch_size):
        cdef PackedLayer layer = layers[0]
        self.layers = layers
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
        self._start()

    cdef int _start(self) except -1:
        cdef Memory table = Memory()
        cdef Py_ssize_t count = len(self.layers), k
        cdef fastrnn_layer_view *views
        cdef size_t size = 0
        table.allocate(count * sizeof(fastrnn_layer_view))
        views = <fastrnn_layer_view *> table.base
        for k in range(count):
            view_layer(&views[k], self.layers[k])
        check(fastrnn_layers_stream_bytes(views, count, self.rows, &size))
        self.memory = Memory()
        self.memory.allocate(size)
        check(fastrnn_layers_stream_init(self.memory.base, size, views, count, self.rows,
                                         &self.stream))
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
