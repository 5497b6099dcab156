/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's memory, given out piece by piece. The same function measures a layout and makes it:
 * an arena without memory only counts.
 */
#ifndef FASTRNN_ARENA_H
#define FASTRNN_ARENA_H

#include "fastrnn.h"

#define MAX_BYTES ((size_t)PTRDIFF_MAX / FASTRNN_ALIGNMENT * FASTRNN_ALIGNMENT)

typedef struct {
    char *base; /* NULL: only count */
    size_t used;
    int overflow;
} arena;

static inline size_t multiply(arena *a, size_t x, size_t y) {
    if (y && x > MAX_BYTES / y) {
        a->overflow = 1;
        return 0;
    }
    return x * y;
}

/* An array of rows x columns elements, aligned. */
static inline void *take(arena *a, ptrdiff_t rows, ptrdiff_t columns, size_t itemsize) {
    char *at = a->base ? a->base + a->used : NULL;
    size_t bytes = multiply(a, multiply(a, (size_t)rows, (size_t)columns), itemsize);
    if (bytes > MAX_BYTES - a->used)
        a->overflow = 1;
    else
        a->used += (bytes + FASTRNN_ALIGNMENT - 1) / FASTRNN_ALIGNMENT * FASTRNN_ALIGNMENT;
    return at;
}

static inline int aligned(const void *p, size_t to) { return (uintptr_t)p % to == 0; }

static inline fastrnn_status check_memory(const void *memory, size_t bytes, size_t wanted) {
    if (!memory) return FASTRNN_ERROR_NULL;
    if (!aligned(memory, FASTRNN_ALIGNMENT)) return FASTRNN_ERROR_ALIGNMENT;
    return bytes < wanted ? FASTRNN_ERROR_MEMORY : FASTRNN_OK;
}

#endif
