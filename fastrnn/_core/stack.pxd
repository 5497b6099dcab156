# SPDX-License-Identifier: Apache-2.0
"""Mirror of what is used of src_c/fastrnn.h, stack.h and stream.h: see there."""

from libc.stddef cimport ptrdiff_t

from fastrnn._core.kernels cimport (
    fastrnn_activations, fastrnn_description, fastrnn_kernels, fastrnn_shape,
)

cdef extern from "fastrnn.h" nogil:
    ctypedef int fastrnn_status
    ctypedef struct fastrnn_stream:
        pass
    fastrnn_status fastrnn_stream_step(fastrnn_stream *, const void *, void *)
    fastrnn_status fastrnn_stream_get_state(const fastrnn_stream *, void *, void *)
    fastrnn_status fastrnn_stream_set_state(fastrnn_stream *, const void *, const void *)
    const char *fastrnn_status_text(fastrnn_status)

cdef extern from "stack.h" nogil:
    ctypedef struct fastrnn_matrix:
        fastrnn_shape shape
        ptrdiff_t panels
        const void *data

    ctypedef struct fastrnn_layer_view:
        const fastrnn_kernels *kernels
        const fastrnn_description *cell
        int kind
        int fused
        ptrdiff_t inputs
        ptrdiff_t hidden
        ptrdiff_t outputs
        fastrnn_matrix w
        fastrnn_matrix r[2]
        fastrnn_matrix projection
        const void *bias
        const void *recurrent_bias
        const void *peepholes
        fastrnn_activations activations
        float clip
        int input_forget

cdef extern from "stream.h" nogil:
    fastrnn_status fastrnn_layers_stream_bytes(const fastrnn_layer_view *, ptrdiff_t, ptrdiff_t,
                                               size_t *)
    fastrnn_status fastrnn_layers_stream_init(void *, size_t, const fastrnn_layer_view *,
                                              ptrdiff_t, ptrdiff_t, fastrnn_stream **)
