# SPDX-License-Identifier: Apache-2.0
cimport numpy as cnp

from fastrnn._core.kernels cimport (
    fastrnn_activations, fastrnn_description, fastrnn_gate_group, fastrnn_kernels, fastrnn_shape,
)
from fastrnn._core.runtime cimport Memory

cdef class Pack:
    """One matrix in panels; `panels` counts them."""
    cdef fastrnn_shape shape
    cdef Py_ssize_t panels
    cdef Memory memory
    cdef const void *data(self) noexcept nogil

cdef class GatePack:
    """The rows of R of neighbouring gates, for a product of their own."""
    cdef fastrnn_gate_group group
    cdef Pack pack

cdef class PackedLayer:
    cdef const fastrnn_kernels *kernels
    cdef const fastrnn_description *description
    cdef readonly int cell, activation, recurrent_activation, dtype
    cdef readonly bint fused                 # the kernels have the cell with its product
    cdef readonly Py_ssize_t input_size, hidden_size, output_size
    cdef readonly int gates
    cdef Pack w, r, projection               # forward
    cdef Pack w_back, r_back, projection_back
    cdef object biases                       # arrays that hold the next two
    cdef const char *input_bias              # G*H in the order of W's slots; NULL: none
    cdef const char *recurrent_bias          # H, of the gate that has one apart; NULL: none
    cdef object lock
    cdef bint has_backward
    cdef dict packs_of_gates
    cdef object plain_w                      # W in torch's layout, for BLAS
    cdef const char *plain_w_data
    cdef void need_backward(self) except *
    cdef void need_plain_w(self) except *
    cdef list gate_packs(self, bint each, bint back)

cdef void set_activations(fastrnn_activations *to, PackedLayer layer) noexcept
