# SPDX-License-Identifier: Apache-2.0
"""Steps whose recurrent products stand apart from the cell: see apart.pyx."""

from fastrnn._core.kernels cimport (
    fastrnn_backward_step, fastrnn_kernels, fastrnn_product, fastrnn_reset_step,
    fastrnn_training_kernels,
)
from fastrnn._core.pack cimport PackedLayer

# Neighbouring gates whose recurrent product reads the same state.
ctypedef struct GateGroup:
    fastrnn_product product   # forward: slots of the gates from the state; backward: its gradient
    Py_ssize_t panels
    Py_ssize_t gate, gates    # the first one and how many, in torch's order
    Py_ssize_t slot           # bytes from a row of gates to their slots

ctypedef struct Apart:
    int count                 # of groups; 0: the cell is fused to its product
    bint before               # the last group is the n of a GRU that resets before the product
    int cell                  # of the kernels' cell_forward and cell_backward
    Py_ssize_t P, itemsize
    Py_ssize_t reset_slot     # bytes from a row of gates to r h'
    const fastrnn_kernels *kernels
    const fastrnn_training_kernels *training    # backward
    GateGroup groups[4]
    fastrnn_reset_step reset
    const char *masks         # groups x N x P, rows in the order of the schedule; NULL: none
    Py_ssize_t masks_stride   # bytes from group to group
    char *seen                # N x P, with masks: the state, or its gradient, of one group
    char *ds                  # N x P, backward with `before`

cdef void describe_apart(Apart *a, PackedLayer layer, Py_ssize_t N, Py_ssize_t gates_stride,
                         const char *masks, bint back) except *
cdef void apart_products(const Apart *a, char *h, char *gates, Py_ssize_t row_begin,
                         Py_ssize_t row_end) noexcept nogil
cdef void apart_back_products(const Apart *a, char *gates, char *to, Py_ssize_t row_begin,
                              Py_ssize_t row_end) noexcept nogil
cdef void apart_back_cell(const Apart *a, const fastrnn_backward_step *step,
                          Py_ssize_t row_begin, Py_ssize_t row_end) noexcept nogil
cdef void mask_state(const Apart *a, int group, const char *h, char *to, Py_ssize_t row_begin,
                     Py_ssize_t row_end) noexcept nogil
