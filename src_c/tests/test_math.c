/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tanh and sigmoid of every kernel table against the C library in wider arithmetic: the error, the
 * special values, the range and the symmetry, with denormals flushed and without.
 *
 * With --all: every f32 there is (some minutes), many more f64, and a table of the largest errors.
 */
#include "check.h"

#define BOUND 4.0 /* ULP */
#define CHUNK 4096

typedef enum { TANH, SIGMOID } function;

#define FOR_EACH_FUNCTION(f) for (function f = TANH; f <= SIGMOID; f++)

static const char *const names[] = {"tanh", "sigmoid"};
static int all;

/* An exact enough value, and the ULP of the element type there. */
typedef struct {
    long double y[CHUNK];
    double ulp[CHUNK];
} reference;

static struct {
    double ulp, x;
} worst[FASTRNN_ISA_AVX512 + 1][2][2]; /* by ISA, element type, function */

static void apply(const fastrnn_kernels *kernels, function f, const void *x, void *y, ptrdiff_t n,
                  int flush) {
    uint64_t mode = flush ? fastrnn_denormals_flush() : 0;
    if (f == TANH)
        fastrnn_arrays_of(kernels)->tanh_array(x, y, n);
    else
        fastrnn_arrays_of(kernels)->sigmoid_array(x, y, n);
    if (flush) fastrnn_denormals_restore(mode);
}

static double smallest_normal(fastrnn_dtype dtype) {
    return dtype == FASTRNN_F32 ? (double)FLT_MIN : DBL_MIN;
}

static long double exact_value(fastrnn_dtype dtype, function f, double x) {
    if (dtype == FASTRNN_F64) return f == TANH ? tanhl(x) : 1 / (1 + expl(-(long double)x));
    return f == TANH ? tanh(x) : 1 / (1 + exp(-x));
}

static void make_reference(fastrnn_dtype dtype, function f, const void *x, reference *r) {
    int digits = dtype == FASTRNN_F32 ? FLT_MANT_DIG : DBL_MANT_DIG, exponent;
    for (ptrdiff_t i = 0; i < CHUNK; i++) {
        r->y[i] = exact_value(dtype, f, get(dtype, x, i));
        frexp((double)r->y[i], &exponent);
        r->ulp[i] = ldexp(1, exponent - digits);
    }
}

/* In ULP; a value below the normal numbers may be zero, or anything down there. */
static double error_of(fastrnn_dtype dtype, double y, const reference *r, ptrdiff_t i) {
    double smallest = smallest_normal(dtype);
    if (fabsl(r->y[i]) < (long double)smallest) return fabs(y) <= smallest ? 0 : HUGE_VAL;
    double error = (double)fabsl(y - r->y[i]) / r->ulp[i];
    return isnan(error) ? HUGE_VAL : error;
}

static void check_chunk(const fastrnn_kernels *kernels, function f, int flush, const void *x,
                        const reference *r) {
    static union {
        float f32[CHUNK];
        double f64[CHUNK];
    } result;
    fastrnn_dtype dtype = kernels->dtype;
    double least = f == TANH ? -1 : 0, ulp = 0, at = 0;
    int in_range = 1, nan_kept = 1;
    apply(kernels, f, x, &result, CHUNK, flush);
    for (ptrdiff_t i = 0; i < CHUNK; i++) {
        double a = get(dtype, x, i), y = get(dtype, &result, i);
        if (isnan(a)) {
            nan_kept &= isnan(y);
            continue;
        }
        in_range &= least <= y && y <= 1;
        double error = error_of(dtype, y, r, i);
        if (error > ulp) ulp = error, at = a;
    }
    CHECK(ulp <= BOUND, "%s %s(%.17g): %g ULP", kernels_name(kernels), names[f], at, ulp);
    CHECK(in_range, "%s %s leaves [%g, 1]", kernels_name(kernels), names[f], least);
    CHECK(nan_kept, "%s %s loses NaN", kernels_name(kernels), names[f]);
    if (ulp > worst[kernels->isa][dtype][f].ulp) {
        worst[kernels->isa][dtype][f].ulp = ulp;
        worst[kernels->isa][dtype][f].x = at;
    }
}

static void check_arguments(fastrnn_dtype dtype, const void *x) {
    static reference r;
    FOR_EACH_FUNCTION(f) {
        make_reference(dtype, f, x, &r);
        FOR_EACH_KERNELS(kernels, dtype) {
            check_chunk(kernels, f, 1, x, &r);
            check_chunk(kernels, f, 0, x, &r);
        }
    }
}

static void check_f32_values(void) {
    static float x[CHUNK];
    uint64_t step = all ? 1 : 1999;
    for (uint64_t first = 0; first <= UINT32_MAX; first += CHUNK * step) {
        for (uint64_t i = 0; i < CHUNK; i++) {
            uint32_t bits = (uint32_t)(first + i * step);
            memcpy(&x[i], &bits, sizeof bits);
        }
        check_arguments(FASTRNN_F32, x);
    }
}

/* Of either sign: any magnitude, or evenly in the range where something happens. */
static void check_f64_values(void) {
    static const double ranges[] = {1, 3, 22, 720};
    static double x[CHUNK];
    for (int chunk = 0; chunk < (all ? 2000 : 40); chunk++) {
        for (ptrdiff_t i = 0; i < CHUNK; i++) {
            double fine = random_number() + ldexp(random_number(), -16);
            x[i] = 2 * fine * ranges[chunk % 4];
            if (chunk % 5 == 4) x[i] = ldexp(x[i], (int)(2000 * random_number()));
        }
        check_arguments(FASTRNN_F64, x);
    }
}

/* False under valgrind, which computes long double in double, and where it is double. */
static int long_double_is_wider(void) {
    volatile long double one = 1, tiny = 0x1p-60L;
    return one + tiny != one;
}

/* Of the zeros -0 alone has to have its sign: valgrind's vfnmadd makes -0 of +0. */
static void check_special_values(const fastrnn_kernels *kernels, int flush) {
    static const struct {
        double x, tanh, sigmoid;
    } cases[] = {{0.0, 0.0, 0.5}, {-0.0, -0.0, 0.5}, {HUGE_VAL, 1, 1}, {-HUGE_VAL, -1, 0},
                 {NAN, NAN, NAN}, {-NAN, NAN, NAN},  {1e4, 1, 1},      {-1e4, -1, 0},
                 {FLT_MAX, 1, 1}, {-FLT_MAX, -1, 0}};
    fastrnn_dtype dtype = kernels->dtype;
    ptrdiff_t n = sizeof cases / sizeof cases[0];
    void *x = new_array(dtype, n), *y = new_array(dtype, n);
    for (ptrdiff_t i = 0; i < n; i++) set(dtype, x, i, cases[i].x);
    FOR_EACH_FUNCTION(f) {
        apply(kernels, f, x, y, n, flush);
        for (ptrdiff_t i = 0; i < n; i++) {
            double wanted = f == TANH ? cases[i].tanh : cases[i].sigmoid, got = get(dtype, y, i);
            int same =
                isnan(wanted) ? isnan(got) : got == wanted && !signbit(got) <= !signbit(wanted);
            CHECK(same, "%s %s(%g) is %.17g, wanted %g", kernels_name(kernels), names[f],
                  cases[i].x, got, wanted);
        }
    }
    free_all();
}

static void check_tanh_is_odd(const fastrnn_kernels *kernels) {
    fastrnn_dtype dtype = kernels->dtype;
    void *x = random_array(dtype, CHUNK, 44), *minus_x = new_array(dtype, CHUNK);
    void *y = new_array(dtype, CHUNK), *minus_y = new_array(dtype, CHUNK);
    for (ptrdiff_t i = 0; i < CHUNK; i++) set(dtype, minus_x, i, -get(dtype, x, i));
    apply(kernels, TANH, x, y, CHUNK, 0);
    apply(kernels, TANH, minus_x, minus_y, CHUNK, 0);
    for (ptrdiff_t i = 0; i < CHUNK; i++) set(dtype, minus_y, i, -get(dtype, minus_y, i));
    CHECK(same_bytes(dtype, y, minus_y, CHUNK), "%s", kernels_name(kernels));
    free_all();
}

static void print_worst(void) {
    FOR_EACH_DTYPE(dtype)
    FOR_EACH_KERNELS(kernels, dtype)
    FOR_EACH_FUNCTION(f)
    printf("%-12s %-8s %.3f ULP at %.17g\n", kernels_name(kernels), names[f],
           worst[kernels->isa][dtype][f].ulp, worst[kernels->isa][dtype][f].x);
}

int main(int argc, char **argv) {
    all = argc > 1 && strcmp(argv[1], "--all") == 0;
    FOR_EACH_DTYPE(dtype)
    FOR_EACH_KERNELS(kernels, dtype) {
        check_special_values(kernels, 0);
        check_special_values(kernels, 1);
        check_tanh_is_odd(kernels);
    }
    check_f32_values();
    if (long_double_is_wider())
        check_f64_values();
    else
        printf("skipped: f64 errors, long double is no wider than double here\n");
    if (all) print_worst();
    return report("tanh and sigmoid are within 4 ULP");
}
