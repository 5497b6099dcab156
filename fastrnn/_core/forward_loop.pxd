# SPDX-License-Identifier: Apache-2.0
from fastrnn._core.kernels cimport (
    fastrnn_forward_step, fastrnn_kernels, fastrnn_product, fastrnn_unfused,
)
from fastrnn._core.pack cimport PackedLayer
from fastrnn._core.plan cimport Buffers, Work
from fastrnn._core.rows cimport View

# A forward call, complete but for what each step fills in.
ctypedef struct Forward:
    const fastrnn_kernels *kernels
    Work work
    Buffers buffers
    View x
    View y
    fastrnn_product input
    fastrnn_forward_step step
    fastrnn_product projection
    fastrnn_unfused *unfused  # NULL: the cell is fused to its product
    int cell
    bint projected
    bint by_blas              # W x + b
    bint input_in_step        # W x + b is part of the step
    bint in_place             # y is x
    Py_ssize_t projection_panels
    Py_ssize_t chunk_steps    # whose W x + b is computed at a time
    char *staging             # by_blas: chunk_steps x N x I
    char *result              # by_blas: chunk_steps x N x G*H

cdef void describe_forward(Forward *f, PackedLayer layer, bint unfused) noexcept
cdef void forward_steps(Forward *f, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void forward_steps_by_blas(Forward *f, PackedLayer layer) noexcept nogil
cdef void forward_side_by_side(Forward *a, Forward *b) noexcept nogil
