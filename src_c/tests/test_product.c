/* SPDX-License-Identifier: Apache-2.0 */
/* The product with a packed matrix against a plain loop: any rows, bias, accumulation, splits. */
#include "matrix.h"

typedef struct {
    const fastrnn_kernels *kernels;
    fastrnn_product call;
    const void *weight;
    ptrdiff_t rows, columns;
} example;

static double plain(const example *e, ptrdiff_t r, ptrdiff_t j, double before) {
    fastrnn_dtype dtype = e->kernels->dtype;
    double sum = 0;
    for (ptrdiff_t k = 0; k < e->call.shape.depth; k++)
        sum += at(dtype, &e->call.a, r, k) * get(dtype, e->weight, j * e->call.shape.depth + k);
    if (e->call.accumulate) return sum + before;
    return e->call.bias ? sum + get(dtype, e->call.bias, j) : sum;
}

/* c before the call is `seed` everywhere it exists. */
static void *result(const example *e, int kind, int in_parts) {
    fastrnn_dtype dtype = e->kernels->dtype;
    fastrnn_product call = e->call;
    ptrdiff_t panels = fastrnn_panel_count(e->kernels, &call.shape);
    call.c = new_rows(dtype, kind, e->rows, e->columns, 1, 0);
    for (ptrdiff_t r = 0; call.accumulate && r < e->rows; r++)
        for (ptrdiff_t j = 0; j < e->columns; j++) set(dtype, fastrnn_row(&call.c, r), j, 0.25);
    if (in_parts) {
        ptrdiff_t row = e->rows / 3, panel = panels / 2;
        e->kernels->product(&call, row, e->rows, 0, panel);
        e->kernels->product(&call, 0, row, 0, panel);
        e->kernels->product(&call, 0, e->rows, panel, panels);
    } else {
        e->kernels->product(&call, 0, e->rows, 0, panels);
    }
    void *dense = new_array(dtype, e->rows * e->columns);
    for (ptrdiff_t r = 0; r < e->rows; r++)
        for (ptrdiff_t j = 0; j < e->columns; j++)
            set(dtype, dense, r * e->columns + j, at(dtype, &call.c, r, j));
    return dense;
}

static void compare(const example *e) {
    fastrnn_dtype dtype = e->kernels->dtype;
    void *got = result(e, ROWS_STRIDED, 0);
    ptrdiff_t n = e->rows * e->columns;
    for (ptrdiff_t i = 0; i < n; i++) {
        double wanted = plain(e, i / e->columns, i % e->columns, 0.25);
        double error = fabs(get(dtype, got, i) - wanted) / (1 + fabs(wanted));
        CHECK(error <= tolerance_of(dtype), "%s: %td rows, %td deep, %td x %d, element %td: %g",
              kernels_name(e->kernels), e->rows, e->call.shape.depth, e->call.shape.units,
              e->call.shape.gates, i, error);
    }
    CHECK(same_bytes(dtype, got, result(e, ROWS_REVERSED, 1), n), "split, rows upwards");
    CHECK(same_bytes(dtype, got, result(e, ROWS_SCATTERED, 1), n), "split, rows scattered");
}

static void try_shape(const fastrnn_kernels *kernels, fastrnn_shape shape, ptrdiff_t rows) {
    example e = {.kernels = kernels, .rows = rows, .columns = shape.gates * shape.units};
    e.weight = random_array(kernels->dtype, e.columns * shape.depth, 1);
    e.call.shape = shape;
    e.call.pack = new_pack(kernels, &shape, e.weight);
    for (int kind = 0; kind < ROWS_KINDS; kind++) {
        e.call.a = new_rows(kernels->dtype, kind, rows, shape.depth, 1 + kind, 1);
        e.call.bias = kind ? random_array(kernels->dtype, e.columns, 1) : NULL;
        e.call.accumulate = kind == ROWS_SCATTERED;
        compare(&e);
    }
    free_all();
}

int main(void) {
    FOR_EACH_DTYPE(dtype)
    FOR_EACH_KERNELS(kernels, dtype)
    for (int gates = 1; gates <= 4; gates++)
        for (ptrdiff_t i = 0; i < SIZE_COUNT; i++) {
            fastrnn_shape shape = {sizes[i], gates, sizes[(i + 6) % SIZE_COUNT]};
            try_shape(kernels, shape, 1 + i % 12);
            fastrnn_shape deep = {sizes[i], gates, 513}; /* two cuts, more rows than a group */
            if (sizes[i] == 3 || sizes[i] == 17) try_shape(kernels, deep, 53);
        }
    return report("the product is a plain product");
}
