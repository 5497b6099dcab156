/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The element type of a table, and the table's name. The file of a table defines REAL_IS_DOUBLE if
 * it is of double, and includes its vec_<isa>.h and the template of its kind: inference.h,
 * training.h or arrays.h. A vec_<isa>.h defines ISA and ISA_NAME, or NOT_BUILT where this build has
 * no such table.
 */

#include "../array_kernels.h"
#include "../training_kernels.h"

/* A product and a sum stay two roundings unless v_fma says otherwise, with every compiler; gcc
 * does so under -std=c11. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

#ifdef REAL_IS_DOUBLE
typedef double real;
#define REAL_DTYPE FASTRNN_F64
#define REAL_NAME f64
#else
typedef float real;
#define REAL_DTYPE FASTRNN_F32
#define REAL_NAME f32
#endif

#if defined(REAL_IS_DOUBLE) && defined(FASTRNN_NO_DOUBLE)
#define NOT_BUILT
#endif

#define TABLE(kind) TABLE_NAME(kind, ISA_NAME, REAL_NAME)
#define TABLE_NAME(kind, isa, type) JOIN_NAMES(kind, isa, type)
#define JOIN_NAMES(kind, isa, type) fastrnn_##kind##_##isa##_##type
