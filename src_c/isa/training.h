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

#define BACKWARD(name, cell) [cell] = backward_##name,
#define CELL_BACKWARD(name, cell) [cell] = cell_backward_##name,

const fastrnn_training_kernels TABLE(training) = {
    .outer_scratch = OUTER_SCRATCH,
    .backward = {FASTRNN_EACH_FUSED(BACKWARD)},
    .cell_backward = {FASTRNN_EACH_CELL(CELL_BACKWARD)},
    .reset_backward = reset_backward,
    .outer = outer,
    .column_sums = column_sums,
};

#if defined(TARGET_REGION) && defined(__clang__)
#pragma clang attribute pop
#endif

#endif
