# SPDX-License-Identifier: Apache-2.0
"""Mirror of src_c/cell.h, internal.h, unfused.h, training_kernels.h and array_kernels.h, which say
what each field means."""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, uint64_t

cdef extern from "cell.h" nogil:
    enum:
        FASTRNN_MAX_GATES
        FASTRNN_MAX_GROUPS
        FASTRNN_FUSED_CELLS
        FASTRNN_CELLS

    ctypedef struct fastrnn_gate_group:
        int gate
        int slot
        int count
        int fresh
        int reset

    ctypedef struct fastrnn_description:
        const char *name
        int gates
        int has_c
        int can_project
        int has_h_activation
        int has_gate_activation
        int slots
        int kept_slots
        int keeps_gates
        int keeps_h
        int recurrent_slot
        int reset_slot
        int recurrent_bias_gate
        int input_groups
        int recurrent_groups
        fastrnn_gate_group input[FASTRNN_MAX_GROUPS]
        fastrnn_gate_group recurrent[FASTRNN_MAX_GROUPS]

    const fastrnn_description *fastrnn_describe(int cell) noexcept
    void fastrnn_input_order(const fastrnn_description *, int *order) noexcept

cdef extern from "internal.h" nogil:
    ctypedef enum fastrnn_cell:
        pass

    ctypedef enum fastrnn_activation_kind:
        FASTRNN_DEFAULT
        FASTRNN_TANH
        FASTRNN_RELU
        FASTRNN_SIGMOID
        FASTRNN_HARD_SIGMOID
        FASTRNN_LINEAR
        FASTRNN_ELU
        FASTRNN_SOFTPLUS
        FASTRNN_SOFTSIGN
        FASTRNN_SELU
        FASTRNN_EXPONENTIAL
        FASTRNN_RELU6
        FASTRNN_AFFINE
        FASTRNN_THRESHOLDED_RELU
        FASTRNN_SCALED_TANH
        FASTRNN_HARD_SIGMOID_AB
        FASTRNN_LEAKY_RELU
        FASTRNN_ELU_ALPHA

    ctypedef enum fastrnn_dtype:
        FASTRNN_F32
        FASTRNN_F64

    ctypedef enum fastrnn_isa:
        FASTRNN_ISA_AUTO
        FASTRNN_ISA_SCALAR
        FASTRNN_ISA_NEON
        FASTRNN_ISA_AVX2
        FASTRNN_ISA_AVX512

    ctypedef struct fastrnn_rows:
        char *base
        ptrdiff_t stride
        const ptrdiff_t *offset
        ptrdiff_t step

    ctypedef struct fastrnn_shape:
        ptrdiff_t units
        int gates
        ptrdiff_t depth

    ctypedef struct fastrnn_product:
        fastrnn_shape shape
        const void *pack
        fastrnn_rows a
        fastrnn_rows c
        const void *bias
        int accumulate
        int descend

    ctypedef struct fastrnn_input:
        ptrdiff_t depth
        const void *pack
        const void *bias
        const char *x
        ptrdiff_t x_stride

    ctypedef struct fastrnn_activation:
        int32_t kind
        float alpha
        float beta

    ctypedef struct fastrnn_activations:
        fastrnn_activation f
        fastrnn_activation g
        fastrnn_activation h

    ctypedef struct fastrnn_forward_step:
        ptrdiff_t hidden
        ptrdiff_t depth
        fastrnn_activations activations
        int keep
        int descend
        fastrnn_input w
        const void *pack
        const void *bias
        const char *h_prev
        ptrdiff_t h_prev_stride
        char *gates
        ptrdiff_t gates_stride
        const char *c_prev
        ptrdiff_t c_prev_stride
        char *c
        ptrdiff_t c_stride
        char *h
        ptrdiff_t h_stride
        fastrnn_rows y
        float clip
        const void *peepholes
        int input_forget

    ctypedef struct fastrnn_reset_step:
        ptrdiff_t hidden
        fastrnn_activation f
        float clip
        char *gates
        ptrdiff_t gates_stride
        const char *h
        ptrdiff_t h_stride
        char *d
        ptrdiff_t d_stride

    ctypedef void (*forward_function)(const fastrnn_forward_step *, ptrdiff_t, ptrdiff_t,
                                      ptrdiff_t, ptrdiff_t) noexcept nogil

    ctypedef void (*cell_forward_function)(const fastrnn_forward_step *, ptrdiff_t,
                                           ptrdiff_t) noexcept nogil
    ctypedef void (*reset_function)(const fastrnn_reset_step *, ptrdiff_t,
                                    ptrdiff_t) noexcept nogil

    ctypedef struct fastrnn_kernels:
        fastrnn_isa isa
        fastrnn_dtype dtype
        ptrdiff_t itemsize
        ptrdiff_t lanes
        void (*product)(const fastrnn_product *, ptrdiff_t, ptrdiff_t,
                        ptrdiff_t, ptrdiff_t) noexcept nogil
        forward_function forward[FASTRNN_FUSED_CELLS]
        cell_forward_function cell_forward[FASTRNN_CELLS]
        reset_function reset_forward

    ctypedef struct fastrnn_source:
        const void *base
        ptrdiff_t k_stride
        ptrdiff_t unit_stride
        ptrdiff_t gate_stride
        int gate_order[FASTRNN_MAX_GATES]

    const fastrnn_kernels *fastrnn_kernels_get(fastrnn_isa, fastrnn_dtype) noexcept
    const char *fastrnn_isa_name(fastrnn_isa) noexcept
    int fastrnn_cpu_has(fastrnn_isa) noexcept
    ptrdiff_t fastrnn_panel_count(const fastrnn_kernels *, const fastrnn_shape *) noexcept
    size_t fastrnn_pack_bytes(const fastrnn_kernels *, const fastrnn_shape *) noexcept
    void fastrnn_pack(const fastrnn_kernels *, const fastrnn_shape *, const fastrnn_source *,
                      ptrdiff_t, ptrdiff_t, void *) noexcept
    void fastrnn_unpack(const fastrnn_kernels *, const fastrnn_shape *, const void *,
                        const int *gate_order, void *) noexcept
    uint64_t fastrnn_denormals_flush() noexcept
    void fastrnn_denormals_restore(uint64_t) noexcept

cdef extern from "unfused.h" nogil:
    ctypedef struct fastrnn_unfused:
        const char *masks
        ptrdiff_t masks_stride
        char *seen

    void fastrnn_unfused_init(fastrnn_unfused *, const fastrnn_kernels *, int,
                              const fastrnn_forward_step *, ptrdiff_t) noexcept
    void fastrnn_unfused_add(fastrnn_unfused *, int, int, const void *, const void *) noexcept
    void fastrnn_unfused_forward(const fastrnn_unfused *, const fastrnn_forward_step *, ptrdiff_t,
                                 ptrdiff_t) noexcept

cdef extern from "training_kernels.h" nogil:
    ctypedef struct fastrnn_backward_step:
        ptrdiff_t hidden
        ptrdiff_t depth
        fastrnn_activations activations
        int descend
        const void *pack
        const char *a
        ptrdiff_t a_stride
        ptrdiff_t live
        char *share
        ptrdiff_t share_stride
        fastrnn_rows dy
        char *gates
        ptrdiff_t gates_stride
        char *dc
        ptrdiff_t dc_stride
        const char *c_prev
        ptrdiff_t c_prev_stride
        const char *c
        ptrdiff_t c_stride
        const char *h_prev
        ptrdiff_t h_prev_stride
        char *h
        ptrdiff_t h_stride

    ctypedef struct fastrnn_outer:
        fastrnn_rows a
        fastrnn_rows b
        ptrdiff_t rows
        ptrdiff_t columns
        char *c
        ptrdiff_t c_stride

    ctypedef void (*backward_function)(const fastrnn_backward_step *, ptrdiff_t, ptrdiff_t,
                                       ptrdiff_t, ptrdiff_t) noexcept nogil
    ctypedef void (*cell_backward_function)(const fastrnn_backward_step *, ptrdiff_t,
                                            ptrdiff_t) noexcept nogil

    ctypedef struct fastrnn_training_kernels:
        ptrdiff_t outer_scratch
        backward_function backward[FASTRNN_FUSED_CELLS]
        cell_backward_function cell_backward[FASTRNN_CELLS]
        reset_function reset_backward
        void (*outer)(const fastrnn_outer *, ptrdiff_t, ptrdiff_t, void *) noexcept nogil
        void (*column_sums)(const fastrnn_rows *, ptrdiff_t, ptrdiff_t, ptrdiff_t,
                            void *) noexcept nogil

    const fastrnn_training_kernels *fastrnn_training_of(const fastrnn_kernels *) noexcept

cdef extern from "array_kernels.h" nogil:
    int FASTRNN_RECTIFIER, FASTRNN_GELU
    int FASTRNN_GELU_TANH, FASTRNN_SILU, FASTRNN_MISH, FASTRNN_BY_SLOPE
    int FASTRNN_BINARY, FASTRNN_CATEGORICAL, FASTRNN_SPARSE

    ctypedef struct fastrnn_array_activation:
        int how
        double k[3]
        ptrdiff_t rows
        ptrdiff_t columns
        const void *a
        const void *bias
        void *y
        void *slope

    ctypedef struct fastrnn_array_slope:
        int how
        double k[3]
        ptrdiff_t n
        const void *kept
        const void *dy
        void *dx

    ctypedef struct fastrnn_softmax:
        int log
        ptrdiff_t rows
        ptrdiff_t columns
        const void *a
        const void *bias
        void *y
        void *dx

    ctypedef struct fastrnn_crossentropy:
        int how
        int from_logits
        double k[4]
        ptrdiff_t rows
        ptrdiff_t columns
        const void *target
        const ptrdiff_t *labels
        const void *output
        void *values
        void *gradient
        const void *scale
        ptrdiff_t scale_step

    ctypedef struct fastrnn_array_kernels:
        void (*activation_forward)(const fastrnn_array_activation *) noexcept nogil
        void (*activation_backward)(const fastrnn_array_slope *) noexcept nogil
        void (*softmax_forward)(const fastrnn_softmax *) noexcept nogil
        void (*softmax_backward)(const fastrnn_softmax *) noexcept nogil
        void (*crossentropy)(const fastrnn_crossentropy *) noexcept nogil

    const fastrnn_array_kernels *fastrnn_arrays_of(const fastrnn_kernels *) noexcept
