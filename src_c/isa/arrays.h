/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of whole arrays: see inference.h. */
#ifndef NOT_BUILT

#include "lanes.h"

#include "math.h"

#include "activations.h"
#include "slopes.h"

#include "array_activations.h"
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

const fastrnn_array_kernels TABLE(arrays) = {
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

#endif
