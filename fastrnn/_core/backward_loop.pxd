# SPDX-License-Identifier: Apache-2.0
from fastrnn._core.gradients cimport Gradients
from fastrnn._core.kernels cimport (
    fastrnn_backward_step, fastrnn_kernels, fastrnn_product, fastrnn_training_kernels,
)
from fastrnn._core.pack cimport PackedLayer
from fastrnn._core.plan cimport Buffers, Work
from fastrnn._core.rows cimport View
from fastrnn._core.runtime cimport fastrnn_queue
from fastrnn._core.unfused cimport Unfused

# A backward call, complete but for what each step fills in.
ctypedef struct Backward:
    const fastrnn_kernels *kernels
    const fastrnn_training_kernels *training
    Work work
    Buffers buffers
    View dy
    fastrnn_backward_step step
    fastrnn_product recurrent     # d(pre-activations) R
    Unfused unfused
    fastrnn_product projection    # unfused and projected: dm = dh W_hr
    Gradients gradients
    int cell
    bint projected
    bint products_by_blas
    Py_ssize_t recurrent_offset   # bytes from a row of gates to its recurrent side
    Py_ssize_t recurrent_panels
    Py_ssize_t itemsize
    char *carried                 # of dh, what does not pass by the products; then dh0: N x P
    char *dc
    char *dh                      # projected: dh of every step, N x P
    char *dm                      # unfused and projected: of one step, N x H
    Py_ssize_t block              # steps that a thread does of a part before it looks again
    fastrnn_queue products        # shares of the products after the loop

cdef void describe_backward(Backward *b, PackedLayer layer) noexcept
cdef void start_projected(Backward *b) noexcept nogil
cdef void backward_all(Backward *b) noexcept nogil
