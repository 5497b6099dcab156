/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a kernel table. A kernels_<isa>_<dtype>.c file defines KERNELS (the table's
 * name), ISA and, for double, REAL_IS_DOUBLE, and includes real.h, its vec_<isa>.h, which
 * enables the instruction set from there on, and this, which closes that region.
 */
#include "math.h"

#include "panel.h"
#include "product.h"

#include "activations.h"

#include "cells.h"

#include "apart.h"

#include "elementwise.h"

#include "softmax.h"

#include "crossentropy.h"

/* Any length: the last, part vector is handled like the others. */
#define ARRAY_FUNCTION(name)                                        \
    static void name##_array(const void *x, void *y, ptrdiff_t n) { \
        for (ptrdiff_t j = 0; j < n; j += VW) {                     \
            ptrdiff_t lanes = min_of(VW, n - j);                    \
            vec a = load_lanes((const real *)x + j, lanes);         \
            store_lanes((real *)y + j, v_##name(a), lanes);         \
        }                                                           \
    }
ARRAY_FUNCTION(tanh)
ARRAY_FUNCTION(sigmoid)

const fastrnn_kernels KERNELS = {
    .isa = ISA,
#ifdef REAL_IS_DOUBLE
    .dtype = FASTRNN_F64,
#else
    .dtype = FASTRNN_F32,
#endif
    .itemsize = sizeof(real),
    .lanes = VW,
    .outer_scratch = OUTER_SCRATCH,
    .product = product,
    .forward =
        {[FASTRNN_RNN] = forward_rnn, [FASTRNN_LSTM] = forward_lstm, [FASTRNN_GRU] = forward_gru},
    .backward = {[FASTRNN_RNN] = backward_rnn,
                 [FASTRNN_LSTM] = backward_lstm,
                 [FASTRNN_GRU] = backward_gru},
    .cell_forward = {[FASTRNN_RNN] = cell_forward_rnn,
                     [FASTRNN_LSTM] = cell_forward_lstm,
                     [FASTRNN_GRU] = cell_forward_gru,
                     [FASTRNN_GRU_BEFORE] = cell_forward_gru_before},
    .cell_backward = {[FASTRNN_RNN] = cell_backward_rnn,
                      [FASTRNN_LSTM] = cell_backward_lstm,
                      [FASTRNN_GRU] = cell_backward_gru,
                      [FASTRNN_GRU_BEFORE] = cell_backward_gru_before},
    .reset_forward = reset_forward,
    .reset_backward = reset_backward,
    .outer = outer,
    .column_sums = column_sums,
    .tanh_array = tanh_array,
    .sigmoid_array = sigmoid_array,
    .activation_forward = activation_forward,
    .activation_backward = activation_backward,
    .softmax_forward = softmax_forward,
    .softmax_backward = softmax_backward,
    .crossentropy = crossentropy,
};

#if defined(TARGET_REGION) && defined(__clang__)
#pragma clang attribute pop
#endif
