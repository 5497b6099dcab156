/* SPDX-License-Identifier: Apache-2.0 */
#include "spec.h"

#include <float.h>
#include <string.h>

/* Sizes up to here can be added to each other and multiplied by the number of gates. */
#define MAX_SIZE (PTRDIFF_MAX / 64)

/* A struct that grew to more than this is taken for one whose size was never set. */
#define MAX_STRUCT 4096

/* Old structs must end where a field ends: bytes of padding have no value. */
_Static_assert(FASTRNN_SPEC_SIZE_1 == sizeof(size_t) + 4 * sizeof(int32_t) + 4 * sizeof(ptrdiff_t),
               "padding inside the first fastrnn_spec");
_Static_assert(sizeof(fastrnn_spec) == FASTRNN_SPEC_SIZE_1 + 14 * sizeof(int32_t),
               "padding inside or after fastrnn_spec");

/* Copies a struct of `size` bytes to one of `known`, whose first `least` it must have. */
static fastrnn_status read_struct(const void *given, size_t size, size_t least, void *to,
                                  size_t known) {
    const unsigned char *bytes = given;
    if (size < least || size > MAX_STRUCT) return FASTRNN_ERROR_VERSION;
    for (size_t i = known; i < size; i++)
        if (bytes[i]) return FASTRNN_ERROR_VERSION;
    memset(to, 0, known);
    memcpy(to, given, size < known ? size : known);
    return FASTRNN_OK;
}

fastrnn_status fastrnn_weights_read(const fastrnn_weights *given, ptrdiff_t index,
                                    fastrnn_weights *weights) {
    const size_t size = given->size;
    if (size < FASTRNN_WEIGHTS_SIZE_1 || size > MAX_STRUCT) return FASTRNN_ERROR_VERSION;
    const void *at = (const char *)given + (size_t)index * size;
    fastrnn_status status = read_struct(at, size, FASTRNN_WEIGHTS_SIZE_1, weights, sizeof *weights);
    return !status && weights->size != size ? FASTRNN_ERROR_VERSION : status;
}

static int in_enum(int32_t value, int32_t last) { return value >= 0 && value <= last; }

static int has_alpha(int32_t kind) { return kind >= FASTRNN_AFFINE && kind <= FASTRNN_ELU_ALPHA; }

static int has_beta(int32_t kind) {
    return kind == FASTRNN_AFFINE || kind == FASTRNN_SCALED_TANH || kind == FASTRNN_HARD_SIGMOID_AB;
}

static int is_finite(float x) { return x >= -FLT_MAX && x <= FLT_MAX; }

static fastrnn_status check_activation(const fastrnn_activation *a) {
    if (!in_enum(a->kind, FASTRNN_ELU_ALPHA)) return FASTRNN_ERROR_ENUM;
    if (!is_finite(a->alpha) || !is_finite(a->beta)) return FASTRNN_ERROR_VALUE;
    if ((!has_alpha(a->kind) && a->alpha != 0) || (!has_beta(a->kind) && a->beta != 0))
        return FASTRNN_ERROR_UNUSED;
    return FASTRNN_OK;
}

static fastrnn_status check_enums(const fastrnn_spec *s) {
    const fastrnn_activation *activations[] = {&s->f, &s->g, &s->h};
    if (!in_enum(s->cell, FASTRNN_FUSED_CELLS - 1) || !in_enum(s->dtype, FASTRNN_F64) ||
        !in_enum(s->isa, FASTRNN_ISA_AVX512) ||
        !in_enum(s->weight_type, FASTRNN_WEIGHTS_AS_ARITHMETIC))
        return FASTRNN_ERROR_ENUM;
    for (int i = 0; i < 3; i++) {
        fastrnn_status status = check_activation(activations[i]);
        if (status) return status;
    }
    return FASTRNN_OK;
}

static fastrnn_status check_sizes(const fastrnn_spec *s) {
    if (s->input_size <= 0 || s->hidden_size <= 0 || s->num_layers <= 0 || s->proj_size < 0)
        return FASTRNN_ERROR_SIZE;
    if (s->proj_size > 0 &&
        (!fastrnn_describe(s->cell)->can_project || s->proj_size >= s->hidden_size))
        return FASTRNN_ERROR_PROJECTION;
    if (s->input_size > MAX_SIZE || s->hidden_size > MAX_SIZE) return FASTRNN_ERROR_OVERFLOW;
    return FASTRNN_OK;
}

/* Whether the spec has what its cell has not. */
static int has_unused(const fastrnn_spec *s) {
    const fastrnn_description *cell = fastrnn_describe(s->cell);
    return (s->g.kind && !cell->has_gate_activation) || (s->h.kind && !cell->has_h_activation) ||
           (s->peepholes && !cell->has_c) || (s->input_forget && !cell->has_c) ||
           (s->reset_before && s->cell != FASTRNN_GRU);
}

static void put_default(fastrnn_activation *a, int32_t kind) {
    if (a->kind == FASTRNN_DEFAULT) a->kind = kind;
}

static void put_defaults(fastrnn_spec *s) {
    const fastrnn_description *cell = fastrnn_describe(s->cell);
    put_default(&s->f, cell->has_gate_activation ? FASTRNN_SIGMOID : FASTRNN_TANH);
    if (cell->has_gate_activation) put_default(&s->g, FASTRNN_TANH);
    if (cell->has_h_activation) put_default(&s->h, FASTRNN_TANH);
    s->bidirectional = s->bidirectional != 0;
    s->peepholes = s->peepholes != 0;
    s->input_forget = s->input_forget != 0;
    s->reset_before = s->reset_before != 0;
}

fastrnn_status fastrnn_spec_read(const fastrnn_spec *given, fastrnn_spec *spec) {
    fastrnn_status status =
        read_struct(given, given->size, FASTRNN_SPEC_SIZE_1, spec, sizeof *spec);
    if (status) return status;
    spec->size = sizeof *spec;
    status = check_enums(spec);
    if (!status && !(spec->clip >= 0)) status = FASTRNN_ERROR_VALUE;
    if (!status && has_unused(spec)) status = FASTRNN_ERROR_UNUSED;
    if (!status) status = check_sizes(spec);
    if (!status) put_defaults(spec);
    return status;
}

fastrnn_status fastrnn_spec_write(const fastrnn_spec *spec, fastrnn_spec *to) {
    const size_t size = to->size;
    if (size < FASTRNN_SPEC_SIZE_1 || size > MAX_STRUCT) return FASTRNN_ERROR_VERSION;
    memset(to, 0, size);
    memcpy(to, spec, size < sizeof *spec ? size : sizeof *spec);
    to->size = size;
    return FASTRNN_OK;
}

int fastrnn_spec_cell(const fastrnn_spec *spec) {
    return spec->reset_before ? FASTRNN_GRU_BEFORE : spec->cell;
}
