# SPDX-License-Identifier: Apache-2.0
from fastrnn._core.kernels cimport fastrnn_activations, fastrnn_kernels, fastrnn_shape
from fastrnn._core.runtime cimport Memory

cdef class Pack:
    cdef fastrnn_shape shape
    cdef Py_ssize_t panels
    cdef Memory memory
    cdef const void *data(self) noexcept nogil

cdef class PackedLayer:
    cdef const fastrnn_kernels *kernels
    cdef readonly int cell, activation, recurrent_activation, dtype
    cdef readonly bint reset_after
    cdef readonly bint fused                 # the kernels have the cell with its product
    cdef readonly Py_ssize_t input_size, hidden_size, output_size
    cdef readonly int gates
    cdef readonly object w_ih, w_hh, b_ih, b_hh, w_hr
    cdef Pack w, r, projection               # forward
    cdef Pack w_back, r_back, projection_back
    cdef object bias, bias_new               # arrays: of the input product; GRU: b_hn
    cdef const char *bias_data               # and their data, NULL for none
    cdef const char *bias_new_data
    cdef const char *w_ih_data
    cdef object lock
    cdef bint has_backward
    cdef dict packs_of_gates
    cdef void need_backward(self) except *
    cdef list gate_packs(self, bint each, bint back)

cdef void set_activations(fastrnn_activations *to, PackedLayer layer) noexcept
