/* SPDX-License-Identifier: Apache-2.0 */
#include "array_kernels.h"
#include "dispatch.h"

DEFINE_DISPATCH(fastrnn_array_kernels, arrays)

const fastrnn_array_kernels *fastrnn_arrays_of(const fastrnn_kernels *kernels) {
    return arrays_tables[kernels->isa][kernels->dtype];
}
