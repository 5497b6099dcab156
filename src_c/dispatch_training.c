/* SPDX-License-Identifier: Apache-2.0 */
#include "dispatch.h"
#include "training_kernels.h"

DEFINE_DISPATCH(fastrnn_training_kernels, training)

const fastrnn_training_kernels *fastrnn_training_of(const fastrnn_kernels *kernels) {
    return training_tables[kernels->isa][kernels->dtype];
}
