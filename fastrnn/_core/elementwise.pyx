# SPDX-License-Identifier: Apache-2.0
"""Activations, softmax and crossentropies of whole arrays, by the kernels of the time loop.

Arrays are float32 or float64, of any shape and strides; results are C-contiguous. Nothing here
sees NumPy's floating-point error settings.
"""

import numpy as np

cimport numpy as cnp
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint64_t

from fastrnn._core.kernels cimport (
    FASTRNN_BINARY, FASTRNN_BY_SLOPE, FASTRNN_CATEGORICAL, FASTRNN_ELU_ALPHA, FASTRNN_F32,
    FASTRNN_F64, FASTRNN_GELU, FASTRNN_GELU_TANH, FASTRNN_LEAKY_RELU, FASTRNN_MISH,
    FASTRNN_RECTIFIER, FASTRNN_SILU, FASTRNN_SPARSE, fastrnn_array_activation,
    fastrnn_array_kernels, fastrnn_array_slope, fastrnn_crossentropy, fastrnn_denormals_flush,
    fastrnn_denormals_restore, fastrnn_softmax,
)
from fastrnn._core.pack import ACTIVATIONS
from fastrnn._core.runtime cimport arrays_of, kernels_of

cnp.import_array()

# The activations of arrays: those of the cells, and more.
ARRAY_ACTIVATIONS = ACTIVATIONS | {
    "leaky_relu": FASTRNN_LEAKY_RELU, "elu_alpha": FASTRNN_ELU_ALPHA,
    "rectifier": FASTRNN_RECTIFIER, "gelu": FASTRNN_GELU, "gelu_tanh": FASTRNN_GELU_TANH,
    "silu": FASTRNN_SILU, "mish": FASTRNN_MISH,
}
_BY_SLOPE = ("rectifier", "gelu", "gelu_tanh", "silu", "mish")
CROSSENTROPIES = {"binary": FASTRNN_BINARY, "categorical": FASTRNN_CATEGORICAL,
                  "sparse": FASTRNN_SPARSE}


cdef const fastrnn_array_kernels *kernels_for(cnp.ndarray x) except NULL:
    return arrays_of(
        kernels_of(FASTRNN_F64 if cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT64 else FASTRNN_F32))


cdef cnp.ndarray read(object x):
    """`x` as a C-contiguous array that the kernels can read."""
    cdef cnp.ndarray a = x
    if cnp.PyArray_ISCARRAY_RO(a) and cnp.PyArray_TYPE(a) in (cnp.NPY_FLOAT32, cnp.NPY_FLOAT64):
        return a
    return np.ascontiguousarray(x, np.float64 if x.dtype == np.float64 else np.float32)


cdef cnp.ndarray new_like(cnp.ndarray x):
    return cnp.PyArray_EMPTY(cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x), cnp.PyArray_TYPE(x), 0)


cdef cnp.ndarray to_write(cnp.ndarray x, object given, bint own):
    """Where results for x go: over it, where it may be overwritten or is a copy of `given`."""
    return x if cnp.PyArray_ISCARRAY(x) and (own or x is not given) else new_like(x)


cdef tuple alike(object kept, object dy):
    """Both as arrays of one shape and dtype."""
    if kept.shape != dy.shape:
        kept, dy = np.broadcast_arrays(kept, dy)
    if kept.dtype != dy.dtype:
        dtype = np.result_type(kept, dy)
        kept, dy = kept.astype(dtype, copy=False), dy.astype(dtype, copy=False)
    return read(kept), read(dy)


cdef class Elementwise:
    """An activation of each number for itself. Immutable.

    Parameters
    ----------
    name : str
        One of ARRAY_ACTIVATIONS.
    numbers : tuple of up to three float
        Those that the activation has: see src_c/internal.h.
    by_slope : bool
        Whether backward wants the slope, not the value; always so for some.
    """

    cdef readonly str name
    cdef readonly tuple numbers
    cdef readonly bint by_slope
    cdef int how
    cdef double k[3]

    def __init__(self, str name, tuple numbers=(), bint by_slope=False):
        cdef int j
        self.name, self.numbers = name, numbers
        self.how = ARRAY_ACTIVATIONS[name]
        self.by_slope = by_slope or name in _BY_SLOPE
        for j in range(3):
            self.k[j] = numbers[j] if j < len(numbers) else 0

    def __reduce__(self):
        return Elementwise, (self.name, self.numbers, self.by_slope)

    def forward(self, x, bias=None, bint own=False, bint keep=True):
        """Return the activation of x + bias, and what `backward` needs.

        Parameters
        ----------
        x : ndarray
        bias : ndarray of the size of x's last axis, optional
        own : bool
            Whether x may be overwritten.
        keep : bool
            Whether there is to be a backward; else None stands for what it needs.
        """
        cdef cnp.ndarray a = read(x), y = to_write(a, x, own), b, slope = None
        cdef const fastrnn_array_kernels *kernels = kernels_for(a)
        cdef fastrnn_array_activation s
        cdef uint64_t denormals
        if keep and self.by_slope:
            slope = new_like(a)
        s.how = self.how
        s.k = self.k
        s.rows, s.columns, s.bias = 1, cnp.PyArray_SIZE(a), NULL
        if bias is not None:
            b = read(bias)
            s.bias = cnp.PyArray_DATA(b)
            s.columns = cnp.PyArray_SIZE(b)
            s.rows = cnp.PyArray_SIZE(a) // max(s.columns, 1)
        s.a, s.y = cnp.PyArray_DATA(a), cnp.PyArray_DATA(y)
        s.slope = NULL if slope is None else cnp.PyArray_DATA(slope)
        with nogil:
            denormals = fastrnn_denormals_flush()
            kernels.activation_forward(&s)
            fastrnn_denormals_restore(denormals)
        return y, slope if self.by_slope else y if keep else None

    def backward(self, kept, dy):
        """Return dx, a new array, from what `forward` kept and dy; they may broadcast."""
        cdef cnp.ndarray by, d, dx
        cdef fastrnn_array_slope s
        cdef const fastrnn_array_kernels *kernels
        cdef uint64_t denormals
        by, d = alike(kept, dy)
        dx = new_like(d)
        kernels = kernels_for(d)
        s.how = FASTRNN_BY_SLOPE if self.by_slope else self.how
        s.k = self.k
        s.n = cnp.PyArray_SIZE(d)
        s.kept, s.dy, s.dx = cnp.PyArray_DATA(by), cnp.PyArray_DATA(d), cnp.PyArray_DATA(dx)
        with nogil:
            denormals = fastrnn_denormals_flush()
            kernels.activation_backward(&s)
            fastrnn_denormals_restore(denormals)
        return dx


cdef void describe_rows(fastrnn_softmax *s, cnp.ndarray x, bint log) noexcept:
    cdef int ndim = cnp.PyArray_NDIM(x)
    s.log = log
    s.columns = cnp.PyArray_DIM(x, ndim - 1) if ndim else 1
    s.rows = cnp.PyArray_SIZE(x) // max(s.columns, 1)
    s.bias = s.dx = NULL


def softmax_forward(x, bint log=False, bias=None, bint own=False):
    """Return the softmax of x + bias along the last axis, or its logarithm; see `Elementwise`."""
    cdef cnp.ndarray a = read(x), y = to_write(a, x, own), b
    cdef const fastrnn_array_kernels *kernels = kernels_for(a)
    cdef fastrnn_softmax s
    cdef uint64_t denormals
    describe_rows(&s, a, log)
    if bias is not None:
        b = read(bias)
        s.bias = cnp.PyArray_DATA(b)
    s.a, s.y = cnp.PyArray_DATA(a), cnp.PyArray_DATA(y)
    with nogil:
        denormals = fastrnn_denormals_flush()
        kernels.softmax_forward(&s)
        fastrnn_denormals_restore(denormals)
    return y


def softmax_backward(y, dy, bint log=False):
    """Return dx, a new array, from the softmax y and dy; they may broadcast."""
    cdef cnp.ndarray value, d, dx
    cdef const fastrnn_array_kernels *kernels
    cdef fastrnn_softmax s
    cdef uint64_t denormals
    value, d = alike(y, dy)
    dx = new_like(d)
    kernels = kernels_for(d)
    describe_rows(&s, d, log)
    s.a, s.y, s.dx = cnp.PyArray_DATA(d), cnp.PyArray_DATA(value), cnp.PyArray_DATA(dx)
    with nogil:
        denormals = fastrnn_denormals_flush()
        kernels.softmax_backward(&s)
        fastrnn_denormals_restore(denormals)
    return dx


def crossentropy(int how, bint from_logits, tuple numbers, cnp.ndarray targets, cnp.ndarray labels,
                 output, scale=None):
    """Return the crossentropy of each row of `output` (rows, columns), and its gradient.

    Parameters
    ----------
    how : int
        One of CROSSENTROPIES.
    from_logits : bool
    numbers : tuple of four float
        k of fastrnn_crossentropy, in src_c/internal.h, which has the formulas.
    targets : ndarray of the shape and dtype of output, or None
    labels : ndarray (rows,) of intp, or None
        One of the two, both C-contiguous.
    scale : float, or ndarray (rows,), optional
        What the gradient is times; without it there is none.

    Returns
    -------
    values : ndarray (rows,)
    gradient : ndarray (rows, columns) or None
    """
    cdef cnp.ndarray z = read(output), values, gradient = None, factors
    cdef const fastrnn_array_kernels *kernels = kernels_for(z)
    cdef fastrnn_crossentropy s
    cdef uint64_t denormals
    cdef int j
    s.how, s.from_logits = how, from_logits
    for j in range(4):
        s.k[j] = numbers[j]
    s.rows, s.columns = cnp.PyArray_DIM(z, 0), cnp.PyArray_DIM(z, 1)
    values = cnp.PyArray_EMPTY(1, cnp.PyArray_DIMS(z), cnp.PyArray_TYPE(z), 0)
    s.target = NULL if targets is None else cnp.PyArray_DATA(targets)
    s.labels = NULL
    if labels is not None:
        s.labels = <const ptrdiff_t *> cnp.PyArray_DATA(labels)
    s.output, s.values = cnp.PyArray_DATA(z), cnp.PyArray_DATA(values)
    s.gradient, s.scale, s.scale_step = NULL, NULL, 0
    if scale is not None:
        factors = np.ascontiguousarray(scale, values.dtype)
        gradient = new_like(z)
        s.gradient, s.scale = cnp.PyArray_DATA(gradient), cnp.PyArray_DATA(factors)
        s.scale_step = 1 if cnp.PyArray_SIZE(factors) == s.rows and s.rows > 1 else 0
    with nogil:
        denormals = fastrnn_denormals_flush()
        kernels.crossentropy(&s)
        fastrnn_denormals_restore(denormals)
    return values, gradient
