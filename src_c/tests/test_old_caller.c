/* SPDX-License-Identifier: Apache-2.0 */
/* A program that was compiled with smaller structs, and one compiled with larger ones. */
#include "model.h"
#include "old_spec.h"

/* The structs as this library has them, and something that a later one may add. */
typedef struct {
    fastrnn_spec known;
    int64_t later[3];
} later_spec;

typedef struct {
    fastrnn_weights known;
    const void *later;
} later_weights;

enum { I = 3, H = 7, L = 2, N = 2 };

static const fastrnn_spec plain = {.size = sizeof plain,
                                   .cell = FASTRNN_LSTM,
                                   .dtype = FASTRNN_F64,
                                   .input_size = I,
                                   .hidden_size = H,
                                   .num_layers = L};

/* A struct at the end of its memory, so that reading past `size` stops the program. */
static const void *at_the_end(const void *from, size_t bytes) {
    return memcpy(new_bytes(bytes), from, bytes);
}

static const void *run_of(const void *spec, const void *weights) {
    fastrnn_stack *stack = new_stack(spec, weights);
    sequence q = {.T = 1, .N = N, .x = new_array(FASTRNN_F64, N * I)};
    for (ptrdiff_t i = 0; i < N * I; i++) set(FASTRNN_F64, q.x, i, 0.25 * (double)i);
    q.y = new_array(FASTRNN_F64, N * H);
    run(stack, &q);
    return q.y;
}

static void old_caller(const fastrnn_weights *weights, const void *wanted) {
    const old_spec spec = {.size = sizeof spec,
                           .cell = FASTRNN_LSTM,
                           .dtype = FASTRNN_F64,
                           .input_size = I,
                           .hidden_size = H,
                           .num_layers = L};
    old_weights w[L];
    for (int k = 0; k < L; k++) {
        w[k].size = sizeof w[k];
        w[k].w_ih = weights[k].w_ih;
        w[k].w_hh = weights[k].w_hh;
        w[k].b_ih = weights[k].b_ih;
        w[k].b_hh = weights[k].b_hh;
        w[k].w_hr = NULL;
    }
    CHECK(sizeof spec == FASTRNN_SPEC_SIZE_1 && sizeof w[0] == FASTRNN_WEIGHTS_SIZE_1, "sizes");
    const void *y = run_of(at_the_end(&spec, sizeof spec), at_the_end(w, sizeof w));
    CHECK(same_bytes(FASTRNN_F64, y, wanted, N * H), "old structs");

    old_spec *got = new_bytes(sizeof *got);
    got->size = sizeof *got;
    fastrnn_stack *stack = new_stack((const fastrnn_spec *)(const void *)&spec,
                                     (const fastrnn_weights *)(const void *)w);
    CHECK(!fastrnn_stack_spec(stack, (fastrnn_spec *)(void *)got), "spec");
    CHECK(got->size == sizeof *got && got->hidden_size == H && got->num_layers == L, "spec");
    got->size--;
    CHECK(fastrnn_stack_spec(stack, (fastrnn_spec *)(void *)got) == FASTRNN_ERROR_VERSION, "size");
}

static fastrnn_status bytes_of(const void *spec) {
    size_t bytes;
    return fastrnn_stack_bytes(spec, &bytes);
}

static void later_caller(const fastrnn_weights *weights, const void *wanted) {
    later_spec spec = {plain, {0}};
    later_weights w[L];
    spec.known.size = sizeof spec;
    for (int k = 0; k < L; k++) {
        w[k].known = weights[k];
        w[k].known.size = sizeof w[k];
        w[k].later = NULL;
    }
    const void *y = run_of(&spec, w);
    CHECK(same_bytes(FASTRNN_F64, y, wanted, N * H), "larger structs");
    spec.later[2] = 1;
    CHECK(bytes_of(&spec) == FASTRNN_ERROR_VERSION, "a field of a later spec is in use");
    spec.later[2] = 0;

    fastrnn_stack *stack;
    char *memory = new_bytes(1 << 16);
    w[1].later = w;
    CHECK(fastrnn_stack_init(memory, 1 << 16, &spec.known, &w[0].known, &stack) ==
              FASTRNN_ERROR_VERSION,
          "a field of later weights is in use");
    w[1].later = NULL;
    w[1].known.size -= sizeof(void *);
    CHECK(fastrnn_stack_init(memory, 1 << 16, &spec.known, &w[0].known, &stack) ==
              FASTRNN_ERROR_VERSION,
          "sizes that differ");

    memset(&spec, 0xff, sizeof spec);
    spec.known.size = sizeof spec;
    CHECK(!fastrnn_stack_spec(new_stack(&plain, weights), &spec.known), "spec");
    CHECK(spec.known.size == sizeof spec && spec.later[0] == 0 && spec.later[2] == 0, "spec");
}

static void sizes_not_set(void) {
    fastrnn_spec spec = plain;
    for (size_t size = 0; size < FASTRNN_SPEC_SIZE_1; size++) {
        spec.size = size;
        CHECK(bytes_of(&spec) == FASTRNN_ERROR_VERSION, "size %zu", size);
    }
    spec.size = SIZE_MAX;
    CHECK(bytes_of(&spec) == FASTRNN_ERROR_VERSION, "size without end");
}

int main(void) {
    fastrnn_weights weights[L];
    random_weights(&plain, BIAS_BOTH, weights);
    const void *wanted = run_of(&plain, weights);
    old_caller(weights, wanted);
    later_caller(weights, wanted);
    sizes_not_set();
    free_all();
    return report("callers with smaller and with larger structs are served");
}
