# SPDX-License-Identifier: Apache-2.0
"""SciPy's BLAS behind row-major wrappers. Importing this module imports SciPy."""

from scipy.linalg.cython_blas cimport dgemm, sgemm


cdef inline char letter(bint transpose) noexcept nogil:
    return c'T' if transpose else c'N'


# BLAS is column-major: what it takes for A, B and C are our transposes, so it is asked for
# C^T = op(B)^T op(A)^T.
cdef void gemm_f32(bint transpose_a, bint transpose_b, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                   const void *a, Py_ssize_t lda, const void *b, Py_ssize_t ldb, double beta,
                   void *c, Py_ssize_t ldc) noexcept nogil:
    cdef char ta = letter(transpose_a), tb = letter(transpose_b)
    cdef int M = m, N = n, K = k, LA = lda, LB = ldb, LC = ldc
    cdef float one = 1, scale = beta
    sgemm(&tb, &ta, &N, &M, &K, &one, <float *> b, &LB, <float *> a, &LA, &scale, <float *> c, &LC)


cdef void gemm_f64(bint transpose_a, bint transpose_b, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                   const void *a, Py_ssize_t lda, const void *b, Py_ssize_t ldb, double beta,
                   void *c, Py_ssize_t ldc) noexcept nogil:
    cdef char ta = letter(transpose_a), tb = letter(transpose_b)
    cdef int M = m, N = n, K = k, LA = lda, LB = ldb, LC = ldc
    cdef double one = 1, scale = beta
    dgemm(&tb, &ta, &N, &M, &K, &one, <double *> b, &LB, <double *> a, &LA, &scale, <double *> c,
          &LC)


def addresses():
    """The wrappers for float32 and float64, as integers: this module is imported late, so that
    nothing can cimport it."""
    return <size_t> &gemm_f32, <size_t> &gemm_f64
