# SPDX-License-Identifier: Apache-2.0
"""Mirror of src_c/fastrnn.h, stack.h and stream.h, which say what each field means. Their functions
are called by way of runtime.pyx, which alone is linked with the kernels."""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t

from fastrnn._core.kernels cimport (
    FASTRNN_MAX_GROUPS, fastrnn_activation, fastrnn_activations, fastrnn_description,
    fastrnn_kernels, fastrnn_shape,
)

cdef extern from "fastrnn.h" nogil:
    ctypedef int fastrnn_status
    ctypedef struct fastrnn_stack:
        pass
    ctypedef struct fastrnn_stream:
        pass
    ctypedef struct fastrnn_spec:
        size_t size
        int32_t cell
        int32_t dtype
        int32_t isa
        int32_t bidirectional
        ptrdiff_t input_size
        ptrdiff_t hidden_size
        ptrdiff_t proj_size
        ptrdiff_t num_layers
        int32_t weight_type
        fastrnn_activation f
        fastrnn_activation g
        fastrnn_activation h
        float clip
        int32_t peepholes
        int32_t input_forget
        int32_t reset_before
    ctypedef struct fastrnn_weights:
        size_t size
        const void *w_ih
        const void *w_hh
        const void *b_ih
        const void *b_hh
        const void *w_hr
        const void *peepholes
    fastrnn_status fastrnn_stack_bytes(const fastrnn_spec *, size_t *) noexcept
    fastrnn_status fastrnn_stack_init(void *, size_t, const fastrnn_spec *,
                                      const fastrnn_weights *, fastrnn_stack **) noexcept
    fastrnn_status fastrnn_stream_step(fastrnn_stream *, const void *, void *) noexcept
    fastrnn_status fastrnn_stream_get_state(const fastrnn_stream *, void *, void *) noexcept
    fastrnn_status fastrnn_stream_set_state(fastrnn_stream *, const void *, const void *) noexcept
    const char *fastrnn_status_text(fastrnn_status) noexcept

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
        fastrnn_matrix r[FASTRNN_MAX_GROUPS]
        fastrnn_matrix projection
        const void *bias
        const void *recurrent_bias
        const void *peepholes
        fastrnn_activations activations
        float clip
        int input_forget
    void fastrnn_layer_view_of(const fastrnn_stack *, ptrdiff_t, fastrnn_layer_view *) noexcept

cdef extern from "stream.h" nogil:
    fastrnn_status fastrnn_layers_stream_bytes(const fastrnn_layer_view *, ptrdiff_t, ptrdiff_t,
                                               size_t *) noexcept
    fastrnn_status fastrnn_layers_stream_init(void *, size_t, const fastrnn_layer_view *,
                                              ptrdiff_t, ptrdiff_t, fastrnn_stream **) noexcept
