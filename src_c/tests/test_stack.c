/* SPDX-License-Identifier: Apache-2.0 */
/* A stack is a block without addresses: copied, mapped and read only it gives the same bits; whatever
 * a block holds, opening it reads nothing outside. */
#include "model.h"

#include "../stack.h"

static size_t stack_size(const fastrnn_stack *stack) { return (size_t)stack->bytes; }

static void same_results(const variant *v, const fastrnn_stack *a, const fastrnn_stack *b,
                         const fastrnn_spec *spec) {
    sequence first = random_sequence(spec, 3, 2), second = first;
    run(a, &first);
    new_results(spec, &second);
    run(b, &second);
    CHECK(same_bytes(spec->dtype, first.y, second.y, first.y_size), "%s", v->name);
    if (spec->bidirectional) return;
    ptrdiff_t n = 2 * outputs_of(spec);
    void *y = new_array(spec->dtype, n);
    fastrnn_stream *stream = new_stream(b, 2);
    CHECK(!fastrnn_stream_set_state(stream, first.h0, first.c0), "%s", v->name);
    CHECK(!fastrnn_stream_step(stream, first.x, y), "%s", v->name);
    CHECK(same_bytes(spec->dtype, first.y, y, n), "%s: stream", v->name);
}

/* Copied to other places, in memory that can only be read, the first stack gone. */
static void moved(const variant *v, fastrnn_dtype dtype, fastrnn_isa isa) {
    fastrnn_spec spec = spec_of(v, dtype, 3, 17, 2, v->projected), got = {.size = sizeof got};
    spec.isa = isa;
    fastrnn_stack *made = random_stack(&spec, BIAS_BOTH);
    const size_t bytes = stack_size(made);
    void *copy = memcpy(new_bytes(bytes), made, bytes);
    char *read_only = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(read_only, made, bytes);
    mprotect(read_only, bytes, PROT_READ);
    memset(made, 0xff, bytes);

    const fastrnn_stack *a = NULL, *b = NULL;
    CHECK(!fastrnn_stack_open(copy, bytes, &a), "%s", v->name);
    CHECK(!fastrnn_stack_open(read_only, bytes, &b), "%s", v->name);
    same_results(v, a, b, &spec);
    CHECK(!fastrnn_stack_spec(b, &got), "%s", v->name);
    CHECK(got.isa == (int32_t)isa && got.cell == spec.cell && got.clip == spec.clip &&
              got.peepholes == spec.peepholes && got.f.kind != FASTRNN_DEFAULT,
          "%s", v->name);
    munmap(read_only, bytes);
    free_all();
}

/* Equal weights make equal bytes. */
static void deterministic(const variant *v) {
    fastrnn_spec spec = spec_of(v, FASTRNN_F32, 3, 5, 2, 0);
    fastrnn_weights weights[MAX_LAYERS];
    random_weights(&spec, BIAS_BOTH, weights);
    fastrnn_stack *a = new_stack(&spec, weights), *b = new_stack(&spec, weights);
    CHECK(stack_size(a) == stack_size(b) && !memcmp(a, b, stack_size(a)), "%s", v->name);
    free_all();
}

static void gives(fastrnn_status wanted, const void *memory, size_t bytes, const char *what) {
    const fastrnn_stack *stack = NULL;
    fastrnn_status got = fastrnn_stack_open(memory, bytes, &stack);
    CHECK(got == wanted, "%s: \"%s\"", what, fastrnn_status_text(got));
    CHECK((stack == NULL) == (wanted != FASTRNN_OK), "%s", what);
}

static void misuse(void) {
    fastrnn_spec spec = spec_of(&variants[0], FASTRNN_F32, 3, 5, 2, 0);
    fastrnn_stack *stack = random_stack(&spec, BIAS_BOTH);
    const size_t bytes = stack_size(stack);
    char *memory = memcpy((char *)new_bytes(bytes + 64), stack, bytes);
    CHECK(fastrnn_stack_open(memory, bytes, NULL) == FASTRNN_ERROR_NULL, "no place");
    gives(FASTRNN_OK, memory, bytes, "good");
    gives(FASTRNN_OK, memory, bytes + 64, "more memory");
    gives(FASTRNN_ERROR_NULL, NULL, bytes, "no memory");
    gives(FASTRNN_ERROR_ALIGNMENT, memory + 8, bytes, "not aligned");
    gives(FASTRNN_ERROR_MEMORY, memory, bytes - 1, "cut");
    gives(FASTRNN_ERROR_MEMORY, memory, 0, "empty");
    for (fastrnn_isa isa = FASTRNN_ISA_SCALAR; isa <= FASTRNN_ISA_AVX512; isa++) {
        ((fastrnn_stack *)memory)->spec.isa = (int32_t)isa;
        if (!fastrnn_cpu_has(isa)) gives(FASTRNN_ERROR_ISA, memory, bytes, "other machine's");
    }
    memset(memory, 0, bytes);
    gives(FASTRNN_ERROR_FORMAT, memory, bytes, "zeros");
    free_all();
}

/* Sets one byte of the header to each of its values; what opens then runs inside its memory. */
static void mutated(const variant *v) {
    fastrnn_spec spec = spec_of(v, FASTRNN_F32, 3, 5, 2, 0);
    fastrnn_stack *made = random_stack(&spec, BIAS_BOTH);
    const size_t bytes = stack_size(made);
    unsigned char *memory = memcpy(new_bytes(bytes), made, bytes);
    float *x = random_array(FASTRNN_F32, 1 << 12, 1), *y = new_array(FASTRNN_F32, 1 << 12);
    char *scratch = new_bytes(1 << 16);
    int opened = 0;
    for (size_t i = 0; i < sizeof(fastrnn_stack); i++) {
        const unsigned char kept = memory[i];
        for (int value = 0; value < 256; value++) {
            const fastrnn_stack *stack;
            fastrnn_stream *stream;
            memory[i] = (unsigned char)value;
            if (fastrnn_stack_open(memory, bytes, &stack)) continue;
            opened++;
            CHECK(stack->spec.input_size < 64 && stack->spec.hidden_size < 64, "%s: byte %zu",
                  v->name, i);
            if (!fastrnn_stream_init(scratch, 1 << 16, stack, 1, &stream))
                CHECK(!fastrnn_stream_step(stream, x, y), "%s: byte %zu", v->name, i);
        }
        memory[i] = kept;
    }
    CHECK(opened > 0 && opened < 4096, "%s: %d opened", v->name, opened);
    free_all();
}

/* Headers of random fields, now and then with a valid frame. */
static void random_headers(const variant *v) {
    fastrnn_spec spec = spec_of(v, FASTRNN_F32, 3, 5, 1, 0);
    fastrnn_stack *made = random_stack(&spec, BIAS_BOTH);
    const size_t bytes = stack_size(made);
    unsigned char *memory = memcpy(new_bytes(bytes), made, bytes);
    for (int round = 0; round < 20000; round++) {
        const fastrnn_stack *stack;
        memcpy(memory, made, sizeof *made);
        for (int k = 0; k < 3; k++) {
            const double at = random_number() + 0.5, value = random_number() + 0.5;
            memory[(size_t)(at * sizeof *made)] = (unsigned char)(value * 256);
        }
        if (!fastrnn_stack_open(memory, bytes, &stack))
            CHECK(fastrnn_layer_count(stack) < 64, "%s", v->name);
    }
    free_all();
}

int main(void) {
    FOR_EACH_DTYPE(dtype) {
        FOR_EACH_KERNELS(kernels, dtype) {
            FOR_EACH_VARIANT(v) { moved(v, dtype, kernels->isa); }
        }
    }
    FOR_EACH_VARIANT(v) {
        deterministic(v);
        mutated(v);
        random_headers(v);
    }
    misuse();
    return report("stacks hold no addresses and are opened safely");
}
