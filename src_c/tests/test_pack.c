/* SPDX-License-Identifier: Apache-2.0 */
/* Where fastrnn_pack puts each element: all at once, in parts, from either orientation. */
#include "matrix.h"

/* Index in the pack of (k, gate in place g, unit), by the layout internal.h describes. */
static ptrdiff_t place(const fastrnn_shape *s, ptrdiff_t V, ptrdiff_t k, ptrdiff_t g,
                       ptrdiff_t unit) {
    ptrdiff_t block = unit / V, lane = unit % V, blocks = (s->units + V - 1) / V;
    if (s->gates > 1) return ((block * s->depth + k) * s->gates + g) * V + lane;
    ptrdiff_t panel = block / FASTRNN_PANEL_BLOCKS, first = panel * FASTRNN_PANEL_BLOCKS;
    ptrdiff_t vectors = blocks - first;
    if (vectors > FASTRNN_PANEL_BLOCKS) vectors = FASTRNN_PANEL_BLOCKS;
    return (first * s->depth + k * vectors + block - first) * V + lane;
}

static void try_shape(const fastrnn_kernels *kernels, const fastrnn_shape *s) {
    const ptrdiff_t units = s->units, depth = s->depth, V = kernels->lanes;
    const int order[] = {s->gates - 1, 0, 1, 2}; /* a rotation */
    ptrdiff_t padded = (units + V - 1) / V * V;
    void *by_unit = random_array(kernels->dtype, s->gates * units * depth, 1);
    void *by_k = new_array(kernels->dtype, s->gates * units * depth); /* depth x gates*units */
    for (ptrdiff_t j = 0; j < s->gates * units; j++)
        for (ptrdiff_t k = 0; k < depth; k++)
            set(kernels->dtype, by_k, k * s->gates * units + j,
                get(kernels->dtype, by_unit, j * depth + k));

    fastrnn_source rows = {by_unit, 1, depth, units * depth, {0}};
    fastrnn_source columns = {by_k, s->gates * units, 1, units, {0}};
    memcpy(rows.gate_order, order, sizeof order);
    memcpy(columns.gate_order, order, sizeof order);
    size_t bytes = fastrnn_pack_bytes(kernels, s);
    CHECK(bytes == (size_t)(depth * s->gates * padded) * size_of(kernels->dtype), "%s",
          kernels_name(kernels));
    void *pack = new_bytes(bytes), *parts = new_bytes(bytes);
    fastrnn_pack(kernels, s, &rows, 0, depth, pack);
    ptrdiff_t cut = depth / 3;
    fastrnn_source rest = columns;
    rest.base = (const char *)by_k + (size_t)(cut * s->gates * units) * size_of(kernels->dtype);
    fastrnn_pack(kernels, s, &columns, 0, cut, parts);
    fastrnn_pack(kernels, s, &rest, cut, depth - cut, parts);
    CHECK(memcmp(pack, parts, bytes) == 0, "%s: parts by column, %td x %d x %td",
          kernels_name(kernels), depth, s->gates, units);

    for (ptrdiff_t k = 0; k < depth; k++)
        for (int g = 0; g < s->gates; g++)
            for (ptrdiff_t unit = 0; unit < padded; unit++) {
                double got = get(kernels->dtype, pack, place(s, V, k, g, unit));
                double wanted = 0;
                if (unit < units)
                    wanted = get(kernels->dtype, by_unit, (order[g] * units + unit) * depth + k);
                CHECK(got == wanted, "%s: k %td gate %d unit %td", kernels_name(kernels), k, g,
                      unit);
            }
    free_all();
}

int main(void) {
    FOR_EACH_DTYPE(dtype)
    FOR_EACH_KERNELS(kernels, dtype)
    for (int gates = 1; gates <= 4; gates++)
        for (ptrdiff_t i = 0; i < SIZE_COUNT; i++) {
            fastrnn_shape shape = {sizes[i], gates, sizes[(i + 5) % SIZE_COUNT]};
            try_shape(kernels, &shape);
        }
    return report("packs have every element in its place");
}
