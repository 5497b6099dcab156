/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernels of a step: see real.h for how a table is made. The vec_<isa>.h enables the
 * instruction set from there on, this closes that region.
 */
#ifndef NOT_BUILT

#include "lanes.h"

#include "math.h"

#include "block.h"
#include "panels.h"
#include "product.h"

#include "activations.h"
#include "cell_activations.h"
#include "cells.h"
#include "fused.h"
#include "unfused.h"

#define FORWARD(name, cell) [cell] = forward_##name,
#define CELL_FORWARD(name, cell) [cell] = cell_forward_##name,

const fastrnn_kernels TABLE(kernels) = {
    .isa = ISA,
    .dtype = REAL_DTYPE,
    .itemsize = sizeof(real),
    .lanes = VW,
    .product = product,
    .forward = {FASTRNN_EACH_FUSED(FORWARD)},
    .cell_forward = {FASTRNN_EACH_CELL(CELL_FORWARD)},
    .reset_forward = reset_forward,
};

#if defined(TARGET_REGION) && defined(__clang__)
#pragma clang attribute pop
#endif

#endif
