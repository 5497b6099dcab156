# SPDX-License-Identifier: Apache-2.0
cimport numpy as cnp

from fastrnn._core.kernels cimport fastrnn_description, fastrnn_gate_group, fastrnn_kernels
from fastrnn._core.stack cimport fastrnn_layer_view, fastrnn_matrix, fastrnn_spec
from fastrnn._core.runtime cimport Memory

cdef class Pack:
    """One matrix in panels, with its memory."""
    cdef fastrnn_matrix matrix
    cdef Memory memory

cdef class GatePack:
    """The rows of R of neighbouring gates, for a product of their own."""
    cdef fastrnn_gate_group group
    cdef fastrnn_matrix matrix
    cdef Pack pack                           # that has the matrix; None: the layer has

cdef class PackedLayer:
    cdef Memory memory
    cdef fastrnn_layer_view view             # forward
    cdef const fastrnn_kernels *kernels
    cdef const fastrnn_description *description
    cdef readonly int cell, dtype
    cdef readonly bint fused                 # the kernels have the cell with its product
    cdef readonly Py_ssize_t input_size, hidden_size, output_size
    cdef readonly int gates
    cdef bint projected
    cdef const char *input_bias              # G*H in the order of W's slots; NULL: none
    cdef const char *recurrent_bias          # H, of recurrent_bias_gate; NULL: none
    cdef Pack w_back, r_back, projection_back
    cdef object lock
    cdef bint has_backward
    cdef dict packs_of_gates
    cdef object plain_w                      # W in torch's layout, for BLAS
    cdef const char *plain_w_data
    cdef void pack_forward(self, const fastrnn_spec *spec, cnp.ndarray w_ih, cnp.ndarray w_hh,
                           cnp.ndarray b_ih, cnp.ndarray b_hh, cnp.ndarray w_hr) except *
    cdef void need_backward(self) except *
    cdef void need_plain_w(self) except *
    cdef list gate_packs(self, bint each, bint back)
