# SPDX-License-Identifier: Apache-2.0
"""Dropout's draws and its products: as much work as a small layer's own, were NumPy to do it."""

from libc.stdint cimport uint8_t, uint16_t, uint64_t
from libc.string cimport memcpy

cimport numpy as cnp
from cython cimport floating

cnp.import_array()

# Generators side by side, so that a vector of them takes a step.
STREAMS = 8

cdef enum:
    LANES = 8
    ROUNDS = 32
    DRAWS = LANES * ROUNDS * 4    # 16 bits each


cdef void fill(uint64_t *state, uint64_t *bits) noexcept nogil:
    """The next bits of xorshift128+ (Vigna, 2017), ROUNDS of each of LANES generators."""
    cdef uint64_t a[LANES]
    cdef uint64_t b[LANES]
    cdef uint64_t x, y
    cdef int k, lane
    memcpy(a, state, sizeof(a))
    memcpy(b, state + LANES, sizeof(b))
    for k in range(ROUNDS):
        for lane in range(LANES):
            x, y = a[lane], b[lane]
            bits[k * LANES + lane] = x + y
            x ^= x << 23
            a[lane] = y
            b[lane] = x ^ y ^ (x >> 18) ^ (y >> 5)
    memcpy(state, a, sizeof(a))
    memcpy(state + LANES, b, sizeof(b))


def draw(cnp.ndarray state, unsigned int threshold, cnp.ndarray kept):
    """Draw a mask.

    Parameters
    ----------
    state : ndarray (2, STREAMS) of uint64
        Of the generators, not all zeros; changed.
    threshold : int
        In [0, 65535]: a draw of 16 bits below it is a 0.
    kept : ndarray of uint8, C-contiguous
        Output: 1 or 0.
    """
    cdef uint64_t *states = <uint64_t *> cnp.PyArray_DATA(state)
    cdef uint8_t *to = <uint8_t *> cnp.PyArray_DATA(kept)
    cdef Py_ssize_t left = cnp.PyArray_SIZE(kept), n, j
    cdef uint16_t least = <uint16_t> threshold
    cdef uint64_t bits[LANES * ROUNDS]
    cdef uint16_t draws[DRAWS]
    with nogil:
        while left > 0:
            fill(states, bits)
            memcpy(draws, bits, sizeof(draws))
            n = min(left, DRAWS)
            for j in range(n):
                to[j] = draws[j] >= least
            to += n
            left -= n


cdef void scale_kept(const floating *x, const uint8_t *kept, floating scale, floating *y,
                     Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        y[j] = x[j] * (scale * kept[j])


def scaled(cnp.ndarray x, cnp.ndarray kept, double scale, cnp.ndarray y):
    """y = x * kept * scale, all C-contiguous and of one shape; x and y float32 or float64."""
    cdef Py_ssize_t n = cnp.PyArray_SIZE(x)
    cdef const uint8_t *mask = <const uint8_t *> cnp.PyArray_DATA(kept)
    if cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32:
        with nogil:
            scale_kept[float](<const float *> cnp.PyArray_DATA(x), mask, <float> scale,
                              <float *> cnp.PyArray_DATA(y), n)
    else:
        with nogil:
            scale_kept[double](<const double *> cnp.PyArray_DATA(x), mask, scale,
                               <double *> cnp.PyArray_DATA(y), n)
