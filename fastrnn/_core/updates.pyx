# SPDX-License-Identifier: Apache-2.0
"""The changes that optimisers make to a model's arrays, each in one pass over memory: NumPy's dozen
passes over each array cost a small model as much as its forward.

A rule knows one block of one variable: p, its gradient g, the arrays that the rule keeps for it,
and the numbers k of this step. The classes in fastrnn.optimizers say which formula it is and where
it comes from. A block fits the first cache, so that a rule may go over it more than once.
"""

from cython cimport floating
from libc.math cimport INFINITY, fabs, fabsf, sqrt, sqrtf
from libc.stdint cimport uint64_t

cimport numpy as cnp

from fastrnn._core.kernels cimport fastrnn_denormals_flush, fastrnn_denormals_restore

cnp.import_array()

cdef enum:
    BLOCK = 1024
    SLOTS = 3        # arrays that a rule may keep for a variable
    NUMBERS = 9
    LANES = 16       # sums that go on side by side, in an order that nothing changes

cdef enum:
    SGD
    RMSPROP
    ADAGRAD
    ADADELTA
    ADAM
    ADAMAX
    NADAM

RULES = {"sgd": SGD, "rmsprop": RMSPROP, "adagrad": ADAGRAD, "adadelta": ADADELTA,
         "adam": ADAM, "adamax": ADAMAX, "nadam": NADAM}


cdef inline floating root(floating x) noexcept nogil:
    return sqrtf(x) if floating is float else sqrt(x)


cdef inline floating size(floating x) noexcept nogil:
    return fabsf(x) if floating is float else fabs(x)


cdef void sgd(floating *p, const floating *g, floating *u, Py_ssize_t n,
              const double *k) noexcept nogil:
    cdef floating rate = <floating> k[0], momentum = <floating> k[1]
    cdef Py_ssize_t j
    if u == NULL:
        for j in range(n):
            p[j] -= g[j] * rate
        return
    for j in range(n):
        u[j] = u[j] * momentum - g[j] * rate
    if k[2]:
        for j in range(n):
            p[j] += u[j] * momentum - g[j] * rate
    else:
        for j in range(n):
            p[j] += u[j]


cdef void rmsprop(floating *p, const floating *g, floating *v, floating *u, floating *a,
                  Py_ssize_t n, const double *k) noexcept nogil:
    cdef floating rate = <floating> k[0], rho = <floating> k[1], rest = <floating> k[2]
    cdef floating eps = <floating> k[3], momentum = <floating> k[4]
    cdef floating step[BLOCK]
    cdef Py_ssize_t j
    for j in range(n):
        v[j] = v[j] * rho + g[j] * g[j] * rest
    if a == NULL:
        for j in range(n):
            step[j] = g[j] * rate / root(v[j] + eps)
    else:
        for j in range(n):
            a[j] = a[j] * rho + g[j] * rest
            step[j] = g[j] * rate / root(v[j] + eps - a[j] * a[j])
    if u == NULL:
        for j in range(n):
            p[j] -= step[j]
    else:
        for j in range(n):
            u[j] = u[j] * momentum + step[j]
            p[j] -= u[j]


cdef void adagrad(floating *p, const floating *g, floating *v, Py_ssize_t n,
                  const double *k) noexcept nogil:
    cdef floating rate = <floating> k[0], eps = <floating> k[1]
    cdef Py_ssize_t j
    for j in range(n):
        v[j] += g[j] * g[j]
        p[j] -= g[j] * rate / root(v[j] + eps)


cdef void adadelta(floating *p, const floating *g, floating *v, floating *d, Py_ssize_t n,
                   const double *k) noexcept nogil:
    cdef floating rate = <floating> k[0], rho = <floating> k[1], rest = <floating> k[2]
    cdef floating eps = <floating> k[3], step
    cdef Py_ssize_t j
    for j in range(n):
        v[j] = v[j] * rho + g[j] * g[j] * rest
        step = root(d[j] + eps) * g[j] / root(v[j] + eps)
        d[j] = d[j] * rho + step * step * rest
        p[j] -= step * rate


cdef void adam(floating *p, const floating *g, floating *m, floating *v, floating *largest,
               Py_ssize_t n, const double *k) noexcept nogil:
    cdef floating rate = <floating> k[0], beta1 = <floating> k[1], rest1 = <floating> k[2]
    cdef floating beta2 = <floating> k[3], rest2 = <floating> k[4], eps = <floating> k[5]
    cdef Py_ssize_t j
    if largest == NULL:
        for j in range(n):
            m[j] = m[j] * beta1 + g[j] * rest1
            v[j] = v[j] * beta2 + g[j] * g[j] * rest2
            p[j] -= m[j] * rate / (root(v[j]) + eps)
        return
    for j in range(n):
        m[j] = m[j] * beta1 + g[j] * rest1
        v[j] = v[j] * beta2 + g[j] * g[j] * rest2
        largest[j] = v[j] if not (v[j] < largest[j]) else largest[j]
        p[j] -= m[j] * rate / (root(largest[j]) + eps)


cdef void adamax(floating *p, const floating *g, floating *m, floating *u, Py_ssize_t n,
                 const double *k) noexcept nogil:
    cdef floating rate = <floating> k[0], beta1 = <floating> k[1], rest1 = <floating> k[2]
    cdef floating beta2 = <floating> k[3], eps = <floating> k[4], correction = <floating> k[5]
    cdef floating now
    cdef Py_ssize_t j
    for j in range(n):
        m[j] = m[j] * beta1 + g[j] * rest1
        now = size(g[j])
        u[j] *= beta2
        u[j] = now if not (now < u[j]) else u[j]
        p[j] -= m[j] * rate / ((u[j] + eps) * correction)


cdef void nadam(floating *p, const floating *g, floating *m, floating *v, Py_ssize_t n,
                const double *k) noexcept nogil:
    cdef floating rate = <floating> k[0], beta1 = <floating> k[1], rest1 = <floating> k[2]
    cdef floating beta2 = <floating> k[3], rest2 = <floating> k[4], eps = <floating> k[5]
    cdef floating of_m = <floating> k[6], of_g = <floating> k[7], of_v = <floating> k[8]
    cdef Py_ssize_t j
    for j in range(n):
        m[j] = m[j] * beta1 + g[j] * rest1
        v[j] = v[j] * beta2 + g[j] * g[j] * rest2
        p[j] -= (m[j] * of_m + g[j] * of_g) * rate / (root(v[j] * of_v) + eps)


cdef inline void change_block(int rule, floating *p, const floating *g, floating **s,
                              Py_ssize_t n, const double *k) noexcept nogil:
    if rule == SGD:
        sgd(p, g, s[0], n, k)
    elif rule == RMSPROP:
        rmsprop(p, g, s[0], s[1], s[2], n, k)
    elif rule == ADAGRAD:
        adagrad(p, g, s[0], n, k)
    elif rule == ADADELTA:
        adadelta(p, g, s[0], s[1], n, k)
    elif rule == ADAM:
        adam(p, g, s[0], s[1], s[2], n, k)
    elif rule == ADAMAX:
        adamax(p, g, s[0], s[1], n, k)
    elif rule == NADAM:
        nadam(p, g, s[0], s[1], n, k)


cdef void change_variable(int rule, floating *p, const floating *g, void **slots, Py_ssize_t n,
                          const double *k, double scale, double limit,
                          double decay) noexcept nogil:
    cdef floating clipped[BLOCK]
    cdef floating *s[SLOTS]
    cdef floating factor = <floating> scale, top = <floating> limit, shrink = <floating> decay
    cdef Py_ssize_t start = -BLOCK, count, j
    cdef int i
    while start + BLOCK < n:
        start += BLOCK
        count = min(n - start, <Py_ssize_t> BLOCK)
        for i in range(SLOTS):
            s[i] = NULL if slots[i] == NULL else <floating *> slots[i] + start
        if decay != 1:
            for j in range(start, start + count):
                p[j] *= shrink
        if scale == 1 and limit == INFINITY:
            change_block(rule, p + start, g + start, s, count, k)
            continue
        for j in range(count):
            clipped[j] = g[start + j] * factor
            clipped[j] = top if clipped[j] > top else clipped[j]
            clipped[j] = -top if clipped[j] < -top else clipped[j]
        change_block(rule, p + start, <const floating *> clipped, s, count, k)


def change(int rule, list arrays, list gradients, list slots, tuple numbers, list scales,
           double limit, double decay, list decayed):
    """Change every variable in place by its gradient.

    Parameters
    ----------
    rule : int
        One of `RULES`.
    arrays, gradients : list of ndarray
        The variables and their gradients, for which `misfit` found nothing.
    slots : list of tuple
        For each variable the arrays that the rule keeps, None where it keeps none.
    numbers : tuple of float
        What the rule multiplies by in this step.
    scales : list of float, or None
        Factor of each gradient.
    limit : float
        Bound of each element of a gradient; infinity for none.
    decay : float
        Factor of the variables before the change.
    decayed : list of bool, or None
        Which variables it is for; None for all.
    """
    cdef double k[NUMBERS]
    cdef void *s[SLOTS]
    cdef cnp.ndarray p
    cdef tuple row
    cdef Py_ssize_t i, j, n
    cdef double scale = 1, shrink
    cdef uint64_t denormals
    for j in range(len(numbers)):
        k[j] = numbers[j]
    denormals = fastrnn_denormals_flush()
    for i in range(len(arrays)):
        p = <cnp.ndarray> arrays[i]
        row = <tuple> slots[i]
        for j in range(SLOTS):
            s[j] = NULL
            if j < len(row) and row[j] is not None:
                s[j] = cnp.PyArray_DATA(<cnp.ndarray> row[j])
        if scales is not None:
            scale = scales[i]
        shrink = decay if decayed is None or decayed[i] else 1
        n = cnp.PyArray_SIZE(p)
        if cnp.PyArray_TYPE(p) == cnp.NPY_FLOAT32:
            change_variable(
                rule, <float *> cnp.PyArray_DATA(p),
                <const float *> cnp.PyArray_DATA(<cnp.ndarray> gradients[i]), s, n, k, scale,
                limit, shrink)
        else:
            change_variable(
                rule, <double *> cnp.PyArray_DATA(p),
                <const double *> cnp.PyArray_DATA(<cnp.ndarray> gradients[i]), s, n, k, scale,
                limit, shrink)
    fastrnn_denormals_restore(denormals)


cdef bint alike(object array, cnp.ndarray p) noexcept:
    return (cnp.PyArray_Check(array)
            and cnp.PyArray_TYPE(<cnp.ndarray> array) == cnp.PyArray_TYPE(p)
            and cnp.PyArray_SAMESHAPE(<cnp.ndarray> array, p)
            and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray> array))


def misfit(list arrays, list gradients, list slots):
    """Return the place of the first variable that `change` could not change, or -1.

    It can change C-contiguous, writable arrays, all float32 or all float64, whose gradients and
    slots are like them in shape and dtype.
    """
    cdef Py_ssize_t i
    cdef int dtype = cnp.NPY_NOTYPE, own
    cdef cnp.ndarray p
    for i in range(len(arrays)):
        if not cnp.PyArray_Check(arrays[i]):
            return i
        p = <cnp.ndarray> arrays[i]
        own = cnp.PyArray_TYPE(p)
        if i == 0 and (own == cnp.NPY_FLOAT32 or own == cnp.NPY_FLOAT64):
            dtype = own
        if own != dtype or not cnp.PyArray_ISCARRAY(p) or not alike(gradients[i], p):
            return i
        for slot in <tuple> slots[i]:
            if slot is not None and not alike(slot, p):
                return i
    return -1


def identical(list a, list b):
    """Return whether two lists hold the same objects."""
    cdef Py_ssize_t i
    if len(a) != len(b):
        return False
    for i in range(len(a)):
        if a[i] is not b[i]:
            return False
    return True


cdef double sum_of_squares(const floating *x, Py_ssize_t n) noexcept nogil:
    cdef double sums[LANES]
    cdef double total = 0
    cdef Py_ssize_t i = 0, j
    for j in range(LANES):
        sums[j] = 0
    while i + LANES <= n:
        for j in range(LANES):
            sums[j] += <double> x[i + j] * <double> x[i + j]
        i += LANES
    while i < n:
        total += <double> x[i] * <double> x[i]
        i += 1
    for j in range(LANES):
        total += sums[j]
    return total


def squared_norms(list gradients):
    """Return the sum of squares of each array, as floats; the arrays are as for `change`."""
    cdef cnp.ndarray g
    cdef list sums = []
    for array in gradients:
        g = <cnp.ndarray> array
        if cnp.PyArray_TYPE(g) == cnp.NPY_FLOAT32:
            sums.append(sum_of_squares(<const float *> cnp.PyArray_DATA(g), cnp.PyArray_SIZE(g)))
        else:
            sums.append(sum_of_squares(<const double *> cnp.PyArray_DATA(g), cnp.PyArray_SIZE(g)))
    return sums
