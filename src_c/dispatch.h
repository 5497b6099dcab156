/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of tables, by instruction set and element type. Each kind of kernels has its dispatch in
 * a file of its own, for a table pulls in all that it names.
 */
#ifndef FASTRNN_DISPATCH_H
#define FASTRNN_DISPATCH_H

#include "fastrnn.h"

#ifdef FASTRNN_NO_DOUBLE
#define DECLARE_TABLES(type, kind, isa) extern const type fastrnn_##kind##_##isa##_f32
#define TABLES(kind, isa) \
    { &fastrnn_##kind##_##isa##_f32, NULL }
#else
#define DECLARE_TABLES(type, kind, isa) \
    extern const type fastrnn_##kind##_##isa##_f32, fastrnn_##kind##_##isa##_f64
#define TABLES(kind, isa) \
    { &fastrnn_##kind##_##isa##_f32, &fastrnn_##kind##_##isa##_f64 }
#endif

/* Defines `kind`_tables[fastrnn_isa][fastrnn_dtype], NULL where this build has none. */
#if defined(__x86_64__)
#define DEFINE_DISPATCH(type, kind)                  \
    DECLARE_TABLES(type, kind, scalar);              \
    DECLARE_TABLES(type, kind, avx2);                \
    DECLARE_TABLES(type, kind, avx512);              \
    static const type *const kind##_tables[][2] = {  \
        [FASTRNN_ISA_SCALAR] = TABLES(kind, scalar), \
        [FASTRNN_ISA_AVX2] = TABLES(kind, avx2),     \
        [FASTRNN_ISA_AVX512] = TABLES(kind, avx512), \
    };
#elif defined(__aarch64__)
#define DEFINE_DISPATCH(type, kind)                  \
    DECLARE_TABLES(type, kind, scalar);              \
    DECLARE_TABLES(type, kind, neon);                \
    static const type *const kind##_tables[][2] = {  \
        [FASTRNN_ISA_SCALAR] = TABLES(kind, scalar), \
        [FASTRNN_ISA_NEON] = TABLES(kind, neon),     \
    };
#else
#define DEFINE_DISPATCH(type, kind)                  \
    DECLARE_TABLES(type, kind, scalar);              \
    static const type *const kind##_tables[][2] = {  \
        [FASTRNN_ISA_SCALAR] = TABLES(kind, scalar), \
    };
#endif

#endif
