/* SPDX-License-Identifier: Apache-2.0 */
/* Matrices whose rows lie in any order with gaps between them, and packing them. */
#ifndef MATRIX_H
#define MATRIX_H

#include "check.h"

static const ptrdiff_t sizes[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 50, 64, 65};
#define SIZE_COUNT (ptrdiff_t)(sizeof sizes / sizeof sizes[0])

enum { ROWS_STRIDED, ROWS_REVERSED, ROWS_SCATTERED, ROWS_KINDS };

/* A view of rows x columns elements, `step` apart, over an array of just the size needed; `fill` 0
 * leaves NaN. REVERSED has a negative stride, SCATTERED an offset for each row. */
static inline fastrnn_rows new_rows(fastrnn_dtype dtype, int kind, ptrdiff_t rows,
                                    ptrdiff_t columns, ptrdiff_t step, int fill) {
    const ptrdiff_t gap = 3, itemsize = (ptrdiff_t)size_of(dtype);
    const ptrdiff_t length = (columns - 1) * step + 1, pitch = length + gap;
    const ptrdiff_t n = (rows - 1) * pitch + length;
    fastrnn_rows m = {fill ? random_array(dtype, n, 1) : new_array(dtype, n), pitch * itemsize,
                      NULL, step};
    if (kind == ROWS_REVERSED) {
        m.base += (rows - 1) * m.stride;
        m.stride = -m.stride;
    }
    if (kind == ROWS_SCATTERED) {
        ptrdiff_t *offset = new_bytes((size_t)rows * sizeof *offset);
        for (ptrdiff_t r = 0; r < rows; r++) /* odd rows from the end, even ones from the start */
            offset[r] = (r % 2 ? rows - 1 - r / 2 : r / 2) * m.stride;
        m.offset = offset;
        m.stride = PTRDIFF_MAX; /* must not be looked at */
    }
    return m;
}

static inline double at(fastrnn_dtype dtype, const fastrnn_rows *m, ptrdiff_t r, ptrdiff_t j) {
    return get(dtype, fastrnn_row(m, r), j * m->step);
}

/* weight (gates*units x depth), as torch has it, packed in torch's order. */
static inline void *new_pack(const fastrnn_kernels *kernels, const fastrnn_shape *shape,
                             const void *weight) {
    void *pack = new_bytes(fastrnn_pack_bytes(kernels, shape));
    fastrnn_source source = {weight, 1, shape->depth, shape->units * shape->depth, {0, 1, 2, 3}};
    fastrnn_pack(kernels, shape, &source, 0, shape->depth, pack);
    return pack;
}

static inline double tolerance_of(fastrnn_dtype dtype) {
    return dtype == FASTRNN_F32 ? 2e-5 : 1e-13;
}

#endif
