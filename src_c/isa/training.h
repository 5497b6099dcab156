/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of backpropagation through time: see inference.h. */
#ifndef NOT_BUILT

#include "lanes.h"

#include "math.h"

#include "block.h"
#include "panels.h"
#include "outer.h"

#include "activations.h"
#include "cell_activations.h"
#include "slopes.h"
#include "cells_backward.h"
#include "fused_backward.h"
#include "unfused_backward.h"

const fastrnn_training_kernels TABLE(training) = {
    .outer_scratch = OUTER_SCRATCH,
    .backward = {[FASTRNN_RNN] = backward_rnn,
                 [FASTRNN_LSTM] = backward_lstm,
                 [FASTRNN_GRU] = backward_gru},
    .cell_backward = {[FASTRNN_RNN] = cell_backward_rnn,
                      [FASTRNN_LSTM] = cell_backward_lstm,
                      [FASTRNN_GRU] = cell_backward_gru,
                      [FASTRNN_GRU_BEFORE] = cell_backward_gru_before},
    .reset_backward = reset_backward,
    .outer = outer,
    .column_sums = column_sums,
};

#if defined(TARGET_REGION) && defined(__clang__)
#pragma clang attribute pop
#endif

#endif
