# SPDX-License-Identifier: Apache-2.0
"""Steps whose cell is not fused to its recurrent product: see unfused.pyx."""

from fastrnn._core.kernels cimport (
    fastrnn_backward_step, fastrnn_forward_step, fastrnn_kernels, fastrnn_product,
    fastrnn_reset_step, fastrnn_training_kernels, fastrnn_unfused,
)
from fastrnn._core.pack cimport PackedLayer
from fastrnn._core.runtime cimport Memory

# Backward: neighbouring gates whose recurrent product reads the same state.
ctypedef struct GateGroup:
    fastrnn_product product   # the gradient of the state
    Py_ssize_t panels
    Py_ssize_t gate, gates    # the first one and how many, in torch's order
    Py_ssize_t slot           # bytes from a row of gates to their slots
    bint reset                # reads the reset state, not the state

ctypedef struct Unfused:
    int count                 # of groups; 0: the cell is fused to its product
    int plain                 # of groups that read the state; one more, the last, may be reset
    int cell                  # of the kernels' cell_backward
    Py_ssize_t P, itemsize
    Py_ssize_t reset_slot     # bytes from a row of gates to the reset state
    const fastrnn_kernels *kernels
    const fastrnn_training_kernels *training
    GateGroup *groups
    fastrnn_reset_step reset
    bint masked
    const char *masks         # masked: groups x N x P, rows sorted
    Py_ssize_t masks_stride   # bytes from group to group
    char *seen                # masked: N x P, the state, or its gradient, of one group
    char *ds                  # N x P, with a reset state

cdef Memory describe_unfused_forward(const fastrnn_forward_step *step, PackedLayer layer,
                                     Py_ssize_t N, bint masked)
cdef Memory describe_unfused_backward(Unfused *u, PackedLayer layer, Py_ssize_t N,
                                      Py_ssize_t gates_stride, bint masked)
cdef void add_back_products(const Unfused *u, char *gates, char *to, Py_ssize_t row_begin,
                            Py_ssize_t row_end) noexcept nogil
cdef void back_cell(const Unfused *u, const fastrnn_backward_step *step, Py_ssize_t row_begin,
                    Py_ssize_t row_end) noexcept nogil
cdef void mask_state(const Unfused *u, int group, const char *h, char *to, Py_ssize_t row_begin,
                     Py_ssize_t row_end) noexcept nogil
