/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "internal.h"

static ptrdiff_t min(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

static ptrdiff_t block_count(const fastrnn_kernels *kernels, const fastrnn_shape *shape) {
    return (shape->units + kernels->lanes - 1) / kernels->lanes;
}

static ptrdiff_t blocks_per_panel(const fastrnn_shape *shape) {
    return shape->gates > 1 ? 1 : FASTRNN_PANEL_BLOCKS;
}

ptrdiff_t fastrnn_panel_count(const fastrnn_kernels *kernels, const fastrnn_shape *shape) {
    ptrdiff_t blocks = blocks_per_panel(shape);
    return (block_count(kernels, shape) + blocks - 1) / blocks;
}

size_t fastrnn_pack_bytes(const fastrnn_kernels *kernels, const fastrnn_shape *shape) {
    return (size_t)shape->depth * (size_t)shape->gates * (size_t)block_count(kernels, shape) *
           (size_t)(kernels->lanes * kernels->itemsize);
}

/* Copying the k_count x lanes elements of one vector's column block: whole vectors of the common
 * widths without a call; transposed, 16 rows at a time, which keeps both the source's and the
 * pack's cache lines at hand. */
#define COPY_ROWS(count)                    \
    for (ptrdiff_t k = 0; k < k_count; k++) \
    memcpy(to + k * to_stride, from + k * k_stride, (size_t)(count) * sizeof *to)

#define COPY_BLOCK(real)                                                                        \
    static void copy_rows_##real(const real *from, ptrdiff_t k_stride, ptrdiff_t k_count,       \
                                 ptrdiff_t used, real *to, ptrdiff_t to_stride) {               \
        if (used == 16)                                                                         \
            COPY_ROWS(16);                                                                      \
        else if (used == 8)                                                                     \
            COPY_ROWS(8);                                                                       \
        else if (used == 4)                                                                     \
            COPY_ROWS(4);                                                                       \
        else                                                                                    \
            COPY_ROWS(used);                                                                    \
    }                                                                                           \
    static void transpose_##real(const real *from, ptrdiff_t k_stride, ptrdiff_t unit_stride,   \
                                 ptrdiff_t k_count, ptrdiff_t used, real *to,                   \
                                 ptrdiff_t to_stride) {                                         \
        for (ptrdiff_t k0 = 0; k0 < k_count; k0 += 16) {                                        \
            ptrdiff_t k1 = min(k0 + 16, k_count);                                               \
            for (ptrdiff_t lane = 0; lane < used; lane++)                                       \
                for (ptrdiff_t k = k0; k < k1; k++)                                             \
                    to[k * to_stride + lane] = from[k * k_stride + lane * unit_stride];         \
        }                                                                                       \
    }                                                                                           \
    static void copy_block_##real(const real *from, ptrdiff_t k_stride, ptrdiff_t unit_stride,  \
                                  ptrdiff_t k_count, ptrdiff_t used, ptrdiff_t lanes, real *to, \
                                  ptrdiff_t to_stride) {                                        \
        if (unit_stride == 1)                                                                   \
            copy_rows_##real(from, k_stride, k_count, used, to, to_stride);                     \
        else                                                                                    \
            transpose_##real(from, k_stride, unit_stride, k_count, used, to, to_stride);        \
        for (ptrdiff_t k = 0; k < k_count && used < lanes; k++)                                 \
            for (ptrdiff_t lane = used; lane < lanes; lane++) to[k * to_stride + lane] = 0;     \
    }

COPY_BLOCK(float)
COPY_BLOCK(double)

void fastrnn_pack(const fastrnn_kernels *kernels, const fastrnn_shape *shape,
                  const fastrnn_source *source, ptrdiff_t k_begin, ptrdiff_t k_count, void *pack) {
    ptrdiff_t lanes = kernels->lanes;
    ptrdiff_t blocks = block_count(kernels, shape);
    ptrdiff_t per_panel = blocks_per_panel(shape);
    for (ptrdiff_t first = 0; first < blocks; first += per_panel) {
        ptrdiff_t vectors = shape->gates * min(per_panel, blocks - first);
        ptrdiff_t panel = first * shape->gates * lanes * shape->depth;
        for (ptrdiff_t v = 0; v < vectors; v++) {
            ptrdiff_t block = shape->gates > 1 ? first : first + v;
            ptrdiff_t gate = shape->gates > 1 ? source->gate_order[v] : 0;
            ptrdiff_t from = gate * source->gate_stride + block * lanes * source->unit_stride;
            ptrdiff_t to = panel + (k_begin * vectors + v) * lanes;
            ptrdiff_t used = min(lanes, shape->units - block * lanes);
            if (kernels->dtype == FASTRNN_F32)
                copy_block_float((const float *)source->base + from, source->k_stride,
                                 source->unit_stride, k_count, used, lanes, (float *)pack + to,
                                 vectors * lanes);
            else
                copy_block_double((const double *)source->base + from, source->k_stride,
                                  source->unit_stride, k_count, used, lanes, (double *)pack + to,
                                  vectors * lanes);
        }
    }
}

void fastrnn_unpack(const fastrnn_kernels *kernels, const fastrnn_shape *shape, const void *pack,
                    const int gate_order[FASTRNN_MAX_GATES], void *weight) {
    ptrdiff_t lanes = kernels->lanes, depth = shape->depth;
    ptrdiff_t blocks = block_count(kernels, shape);
    ptrdiff_t per_panel = blocks_per_panel(shape);
    for (ptrdiff_t first = 0; first < blocks; first += per_panel) {
        ptrdiff_t vectors = shape->gates * min(per_panel, blocks - first);
        ptrdiff_t panel = first * shape->gates * lanes * depth;
        for (ptrdiff_t v = 0; v < vectors; v++) {
            ptrdiff_t block = shape->gates > 1 ? first : first + v;
            ptrdiff_t gate = shape->gates > 1 ? gate_order[v] : 0;
            ptrdiff_t from = panel + v * lanes;
            ptrdiff_t to = (gate * shape->units + block * lanes) * depth;
            ptrdiff_t used = min(lanes, shape->units - block * lanes);
            if (kernels->dtype == FASTRNN_F32)
                transpose_float((const float *)pack + from, 1, vectors * lanes, used, depth,
                                (float *)weight + to, depth);
            else
                transpose_double((const double *)pack + from, 1, vectors * lanes, used, depth,
                                 (double *)weight + to, depth);
        }
    }
}
