# SPDX-License-Identifier: Apache-2.0
from libc.stddef cimport ptrdiff_t

cimport numpy as cnp

from fastrnn._core.arena cimport arena
from fastrnn._core.kernels cimport (
    fastrnn_kernels, fastrnn_product, fastrnn_rows, fastrnn_training_kernels,
)
from fastrnn._core.pack cimport PackedLayer
from fastrnn._core.plan cimport Buffers
from fastrnn._core.rows cimport Order, View
from fastrnn._core.unfused cimport Unfused

# Rows of dx computed together.
cdef enum:
    INPUT_ROWS = 240

# One matrix of gradients: rows of the tape's gates or projections times rows of x, h or m.
ctypedef struct WeightGradient:
    char *left
    Py_ssize_t left_stride
    fastrnn_rows right
    Py_ssize_t columns
    char *into
    Py_ssize_t height

ctypedef struct Gradients:
    const fastrnn_kernels *kernels
    const fastrnn_training_kernels *training
    Order order
    Buffers buffers
    Py_ssize_t itemsize
    View dx
    fastrnn_product input         # d(pre-activations) W
    Py_ssize_t input_panels
    char *dh                      # projected: dh of every step, N x P; else NULL
    const Unfused *unfused
    char *masked_h                # with masks, of each group: the state before each packed row
    char *sums                    # column sums of the gates, for the biases; or NULL
    ptrdiff_t *tables             # offsets of the packed rows in x, then in h
    char *staging                 # for BLAS: packed rows of x, h, m or dx
    WeightGradient weights[8]
    int weight_count

cdef void place_gradients(Gradients *g, PackedLayer layer, bint by_blas, arena *passing) noexcept
cdef void describe_gradients(Gradients *g, PackedLayer layer, const View *x, dict grads,
                             bint accumulate_dx) noexcept
cdef void products_share(Gradients *g, int thread, int team, char *scratch) noexcept nogil
cdef void sums_share(Gradients *g, int thread, int team) noexcept nogil
cdef void products_by_blas(Gradients *g, PackedLayer layer) noexcept nogil
cdef void add_row(const char *row, char *to, Py_ssize_t bytes_, Py_ssize_t itemsize) noexcept nogil
cdef void add_bias_gradients(PackedLayer layer, cnp.ndarray sums, dict grads)
