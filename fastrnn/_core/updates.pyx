# SPDX-License-Identifier: Apache-2.0
"""Adam's change of one parameter in one pass: NumPy's dozen passes over each array cost a small
model as much as its forward."""

from cython cimport floating
from libc.math cimport sqrt, sqrtf

import numpy as np

cimport numpy as cnp

cnp.import_array()


cdef void adam_change(floating *p, const floating *g, floating *m, floating *v, Py_ssize_t n,
                      floating beta1, floating beta2, floating rest1, floating rest2,
                      floating correction, floating eps, floating rate) noexcept nogil:
    cdef Py_ssize_t j
    cdef floating root
    for j in range(n):
        m[j] = m[j] * beta1 + g[j] * rest1
        v[j] = v[j] * beta2 + g[j] * g[j] * rest2
        root = sqrtf(v[j]) if floating is float else sqrt(v[j])
        p[j] = p[j] - m[j] / (root * correction + eps) * rate


def adam(cnp.ndarray p, cnp.ndarray g, cnp.ndarray m, cnp.ndarray v, double beta1, double beta2,
         double correction, double eps, double rate):
    """Change p, m and v in place::

        m = beta1 m + (1 - beta1) g
        v = beta2 v + (1 - beta2) g^2
        p = p - rate m / (correction sqrt(v) + eps)

    Parameters
    ----------
    p, g, m, v : ndarray
        Alike in shape and dtype, float32 or float64; g is not changed.
    """
    cdef Py_ssize_t n = cnp.PyArray_SIZE(p)
    if not (cnp.PyArray_ISCARRAY(p) and cnp.PyArray_ISCARRAY_RO(g) and cnp.PyArray_ISCARRAY(m)
            and cnp.PyArray_ISCARRAY(v)):
        copies = [np.array(a, a.dtype.newbyteorder("="), order="C") for a in (p, g, m, v)]
        adam(*copies, beta1, beta2, correction, eps, rate)
        p[...], m[...], v[...] = copies[0], copies[2], copies[3]
        return
    if cnp.PyArray_TYPE(p) == cnp.NPY_FLOAT32:
        adam_change(<float *> cnp.PyArray_DATA(p), <const float *> cnp.PyArray_DATA(g),
                    <float *> cnp.PyArray_DATA(m), <float *> cnp.PyArray_DATA(v), n,
                    <float> beta1, <float> beta2, <float> (1 - beta1), <float> (1 - beta2),
                    <float> correction, <float> eps, <float> rate)
    else:
        adam_change(<double *> cnp.PyArray_DATA(p), <const double *> cnp.PyArray_DATA(g),
                    <double *> cnp.PyArray_DATA(m), <double *> cnp.PyArray_DATA(v), n,
                    beta1, beta2, 1 - beta1, 1 - beta2, correction, eps, rate)
