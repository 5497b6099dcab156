/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every test program uses: checks, random numbers, arrays with guards.
 *
 * A test is one program; main ends in `return report("what was tested")`.
 */
#ifndef CHECK_H
#define CHECK_H

#define _DEFAULT_SOURCE
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../array_kernels.h"
#include "../training_kernels.h"

static int checks_done, checks_failed;

/* CHECK(condition, format, ...): counts, and says where and what if it fails. */
#define CHECK(condition, ...)                                      \
    do {                                                           \
        checks_done++;                                             \
        if (!(condition) && checks_failed++ < 20) {                \
            printf("%s:%d: %s: ", __FILE__, __LINE__, #condition); \
            printf(__VA_ARGS__);                                   \
            printf("\n");                                          \
        }                                                          \
    } while (0)

static inline int report(const char *what) {
    printf("%s: %s (%d checks)\n", checks_failed ? "FAILED" : "ok", what, checks_done);
    return checks_failed || !checks_done;
}

/* ---- numbers: deterministic; make_golden.py has the same generator ---- */

static uint64_t random_state = 1;

/* In [-0.5, 0.5), a multiple of 2^-16: exact in both types. */
static inline double random_number(void) {
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(random_state >> 48) / 65536 - 0.5;
}

static inline size_t size_of(fastrnn_dtype dtype) {
    return dtype == FASTRNN_F32 ? sizeof(float) : sizeof(double);
}

static inline double get(fastrnn_dtype dtype, const void *a, ptrdiff_t i) {
    return dtype == FASTRNN_F32 ? (double)((const float *)a)[i] : ((const double *)a)[i];
}

static inline void set(fastrnn_dtype dtype, void *a, ptrdiff_t i, double value) {
    if (dtype == FASTRNN_F32)
        ((float *)a)[i] = (float)value;
    else
        ((double *)a)[i] = value;
}

/* ---- memory: ends at an unreadable page, so reading or writing past it stops the program; what
 * lies before it is checked when it is freed; filled with NaN ---- */

#define MAX_BLOCKS 4096

static struct {
    unsigned char *base;
    size_t slack, size;
} memory_blocks[MAX_BLOCKS];
static int memory_block_count;

static inline void *new_bytes(size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (bytes + page - 1) / page * page;
    unsigned char *base =
        mmap(NULL, pages + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || memory_block_count == MAX_BLOCKS ||
        mprotect(base + pages, page, PROT_NONE) != 0) {
        printf("out of memory\n");
        exit(2);
    }
    memory_blocks[memory_block_count].base = base;
    memory_blocks[memory_block_count].slack = pages - bytes;
    memory_blocks[memory_block_count++].size = pages + page;
    memset(base, 0xff, pages);
    return base + pages - bytes;
}

static inline void free_all(void) {
    while (memory_block_count > 0) {
        memory_block_count--;
        unsigned char *base = memory_blocks[memory_block_count].base;
        size_t slack = memory_blocks[memory_block_count].slack, clean = 0;
        while (clean < slack && base[clean] == 0xff) clean++;
        CHECK(clean == slack, "something wrote before the start of an array");
        munmap(base, memory_blocks[memory_block_count].size);
    }
}

static inline void *new_array(fastrnn_dtype dtype, ptrdiff_t n) {
    return new_bytes((size_t)n * size_of(dtype));
}

static inline void *random_array(fastrnn_dtype dtype, ptrdiff_t n, double scale) {
    void *a = new_array(dtype, n);
    for (ptrdiff_t i = 0; i < n; i++) set(dtype, a, i, scale * random_number());
    return a;
}

static inline void *copy_array(fastrnn_dtype dtype, const void *from, ptrdiff_t n) {
    return memcpy(new_array(dtype, n), from, (size_t)n * size_of(dtype));
}

static inline int same_bytes(fastrnn_dtype dtype, const void *a, const void *b, ptrdiff_t n) {
    return memcmp(a, b, (size_t)n * size_of(dtype)) == 0;
}

/* The largest |a - b| / (1 + |b|); infinite where one is NaN. */
static inline double distance(fastrnn_dtype dtype, const void *a, const void *b, ptrdiff_t n) {
    double worst = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        double d = fabs(get(dtype, a, i) - get(dtype, b, i)) / (1 + fabs(get(dtype, b, i)));
        if (!(d <= worst)) worst = isnan(d) ? HUGE_VAL : d;
    }
    return worst;
}

/* ---- the tables this machine can run ---- */

#define FOR_EACH_DTYPE(dtype) for (fastrnn_dtype dtype = FASTRNN_F32; dtype <= FASTRNN_F64; dtype++)

#define FOR_EACH_KERNELS(kernels, dtype)                                                          \
    for (fastrnn_isa isa_ = FASTRNN_ISA_SCALAR; isa_ <= FASTRNN_ISA_AVX512; isa_++)               \
        for (const fastrnn_kernels *kernels = fastrnn_kernels_get(isa_, dtype), *once_ = kernels; \
             once_; once_ = NULL)

static inline const char *kernels_name(const fastrnn_kernels *kernels) {
    static char name[32];
    snprintf(name, sizeof name, "%s %s", fastrnn_isa_name(kernels->isa),
             kernels->dtype == FASTRNN_F32 ? "f32" : "f64");
    return name;
}

#endif
