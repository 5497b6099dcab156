# SPDX-License-Identifier: Apache-2.0
from fastrnn._core.pack cimport PackedLayer
from fastrnn._core.rows cimport Order, View

# Row-major C (m x n) = op(A) op(B) + beta C; leading dimensions in elements.
ctypedef void (*gemm_function)(bint transpose_a, bint transpose_b, Py_ssize_t m, Py_ssize_t n,
                               Py_ssize_t k, const void *a, Py_ssize_t lda, const void *b,
                               Py_ssize_t ldb, double beta, void *c,
                               Py_ssize_t ldc) noexcept nogil

cdef bint uses_blas(PackedLayer layer, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) except -1
cdef gemm_function blas_gemm(int dtype) noexcept nogil
cdef void input_product_by_blas(PackedLayer layer, const View *x, const Order *o,
                                Py_ssize_t begin, Py_ssize_t end, char *staging,
                                char *result) noexcept nogil
