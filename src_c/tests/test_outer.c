/* SPDX-License-Identifier: Apache-2.0 */
/* The weight gradient and the column sums against plain loops. */
#include "matrix.h"

static void *scratch_of(const fastrnn_kernels *kernels) {
    return new_bytes(((size_t)fastrnn_training_of(kernels)->outer_scratch + 63) / 64 * 64);
}

static void try_outer(const fastrnn_kernels *kernels, ptrdiff_t rows, ptrdiff_t M,
                      ptrdiff_t columns, int kind) {
    fastrnn_dtype dtype = kernels->dtype;
    fastrnn_outer call = {.a = new_rows(dtype, kind, rows, M, 1, 1),
                          .b = new_rows(dtype, (kind + 1) % ROWS_KINDS, rows, columns, 1 + kind, 1),
                          .rows = rows,
                          .columns = columns};
    const fastrnn_rows before = new_rows(dtype, ROWS_STRIDED, M, columns, 1, 1);
    fastrnn_rows whole = new_rows(dtype, ROWS_STRIDED, M, columns, 1, 0);
    fastrnn_rows parts = new_rows(dtype, ROWS_STRIDED, M, columns, 1, 0);
    size_t c_bytes = (size_t)((M - 1) * whole.stride) + (size_t)columns * size_of(dtype);
    memcpy(whole.base, before.base, c_bytes);
    memcpy(parts.base, before.base, c_bytes);

    void *scratch = scratch_of(kernels);
    call.c = whole.base;
    call.c_stride = whole.stride;
    fastrnn_training_of(kernels)->outer(&call, 0, M, scratch);
    call.c = parts.base;
    fastrnn_training_of(kernels)->outer(&call, M / 3, M, scratch);
    fastrnn_training_of(kernels)->outer(&call, 0, M / 3, scratch);
    CHECK(memcmp(whole.base, parts.base, c_bytes) == 0, "%s: split, %td x %td of %td rows",
          kernels_name(kernels), M, columns, rows);

    for (ptrdiff_t m = 0; m < M; m++)
        for (ptrdiff_t j = 0; j < columns; j++) {
            double sum = at(dtype, &before, m, j);
            for (ptrdiff_t q = 0; q < rows; q++)
                sum += at(dtype, &call.a, q, m) * at(dtype, &call.b, q, j);
            double error = fabs(at(dtype, &whole, m, j) - sum) / (1 + fabs(sum));
            CHECK(error <= tolerance_of(dtype), "%s: %td x %td of %td rows, element %td %td: %g",
                  kernels_name(kernels), M, columns, rows, m, j, error);
        }
    free_all();
}

static void try_sums(const fastrnn_kernels *kernels, ptrdiff_t rows, ptrdiff_t M, int kind) {
    fastrnn_dtype dtype = kernels->dtype;
    fastrnn_rows a = new_rows(dtype, kind, rows, M, 1, 1);
    void *before = random_array(dtype, M, 1);
    void *whole = copy_array(dtype, before, M), *parts = copy_array(dtype, before, M);
    fastrnn_training_of(kernels)->column_sums(&a, rows, 0, M, whole);
    fastrnn_training_of(kernels)->column_sums(&a, rows, M / 3, M, parts);
    fastrnn_training_of(kernels)->column_sums(&a, rows, 0, M / 3, parts);
    CHECK(same_bytes(dtype, whole, parts, M), "%s: split, %td columns of %td rows",
          kernels_name(kernels), M, rows);
    for (ptrdiff_t m = 0; m < M; m++) {
        double sum = get(dtype, before, m);
        for (ptrdiff_t q = 0; q < rows; q++) sum += at(dtype, &a, q, m);
        double error = fabs(get(dtype, whole, m) - sum) / (1 + fabs(sum));
        CHECK(error <= tolerance_of(dtype), "%s: sum of column %td of %td: %g",
              kernels_name(kernels), m, M, error);
    }
    free_all();
}

int main(void) {
    FOR_EACH_DTYPE(dtype)
    FOR_EACH_KERNELS(kernels, dtype) {
        for (ptrdiff_t i = 0; i < SIZE_COUNT; i++)
            for (int kind = 0; kind < ROWS_KINDS; kind++) {
                ptrdiff_t rows = sizes[(i + 4) % SIZE_COUNT], M = sizes[(i + 9) % SIZE_COUNT];
                try_outer(kernels, rows, M, sizes[i], kind);
                try_sums(kernels, rows, sizes[i], kind);
            }
        try_outer(kernels, 300, 5, 19, ROWS_STRIDED);   /* deeper than a part */
        try_outer(kernels, 5, 50, 530, ROWS_SCATTERED); /* wider than a part */
    }
    return report("weight and bias gradients are plain sums");
}
