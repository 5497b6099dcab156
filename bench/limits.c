/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a core can do at most: multiply-adds without memory, and loads without arithmetic.
 *
 * limits.py builds it for an instruction set: VECTOR_BYTES is the width of its vectors, CHAINS how
 * many independent sums its registers hold beside the two operands of a multiply-add.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define UNROLL _Pragma("GCC unroll 32")
#define STREAMS 16 /* vectors of a turn of the reading loop, a sum for each */

typedef float vec __attribute__((vector_size(VECTOR_BYTES)));
typedef uint32_t words __attribute__((vector_size(VECTOR_BYTES)));

/* turns * CHAINS multiply-adds of vectors; the chains settle at addend / (1 - factor). */
float multiply_adds(int64_t turns, float factor, float addend) {
    const vec zero = {0}, a = zero + factor, b = zero + addend;
    vec sums[CHAINS], all = zero;
    UNROLL
    for (int c = 0; c < CHAINS; c++) sums[c] = zero + (float)c;
    for (int64_t t = 0; t < turns; t++) {
        UNROLL
        for (int c = 0; c < CHAINS; c++) sums[c] = sums[c] * a + b;
    }
    UNROLL
    for (int c = 0; c < CHAINS; c++) all += sums[c];
    return all[0];
}

/* Reads `bytes`, a multiple of STREAMS vectors, `times` over. */
uint32_t loads(const char *from, int64_t bytes, int64_t times) {
    words sums[STREAMS], all = {0};
    UNROLL
    for (int s = 0; s < STREAMS; s++) sums[s] = all;
    while (times-- > 0) {
        __asm__ volatile("" : : : "memory"); /* or one pass would do for all of them */
        const words *turn = (const words *)(const void *)from;
        for (int64_t i = 0; i < bytes; i += STREAMS * VECTOR_BYTES, turn += STREAMS) {
            UNROLL
            for (int s = 0; s < STREAMS; s++) sums[s] |= turn[s];
        }
    }
    UNROLL
    for (int s = 0; s < STREAMS; s++) all |= sums[s];
    return all[0];
}

/* Memory in pages of its own kind, not the one page of zeros that untouched memory maps to. */
char *memory_new(int64_t bytes) {
    char *memory = aligned_alloc(64, (size_t)bytes);
    if (memory) memset(memory, 1, (size_t)bytes);
    return memory;
}

void memory_free(char *memory) { free(memory); }
