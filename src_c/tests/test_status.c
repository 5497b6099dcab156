/* SPDX-License-Identifier: Apache-2.0 */
/* Every misuse gets its status and changes nothing; a good call afterwards succeeds. */
#include "model.h"

#define GIVES(wanted, call)                                               \
    do {                                                                  \
        fastrnn_status got_ = (call);                                     \
        CHECK(got_ == (wanted), "got \"%s\"", fastrnn_status_text(got_)); \
    } while (0)

static const size_t UNTOUCHED = 12345;

/* Both functions that take a spec agree, and leave what they would have written. */
static void bad_spec(fastrnn_status wanted, fastrnn_spec spec) {
    static const double array[64] = {0};
    const fastrnn_weights weights[2] = {{sizeof *weights, array, array, NULL, NULL, NULL, NULL}};
    size_t bytes = UNTOUCHED;
    fastrnn_stack *stack = NULL;
    unsigned char *memory = new_bytes(4096);
    GIVES(wanted, fastrnn_stack_bytes(&spec, &bytes));
    GIVES(wanted, fastrnn_stack_init(memory, 4096, &spec, weights, &stack));
    CHECK(bytes == UNTOUCHED && !stack && memory[0] == 0xff && memory[4095] == 0xff,
          "written to after \"%s\"", fastrnn_status_text(wanted));
    free_all();
}

static void specs(void) {
    const fastrnn_spec rnn = {.size = sizeof rnn,
                              .cell = FASTRNN_RNN,
                              .input_size = 2,
                              .hidden_size = 3,
                              .num_layers = 1};
    const fastrnn_spec lstm = {.size = sizeof lstm,
                               .cell = FASTRNN_LSTM,
                               .input_size = 2,
                               .hidden_size = 3,
                               .num_layers = 1};
    const ptrdiff_t huge = PTRDIFF_MAX;
    const fastrnn_spec wide = {.size = sizeof wide,
                               .cell = FASTRNN_LSTM,
                               .input_size = 2,
                               .hidden_size = 64,
                               .num_layers = 1};
    fastrnn_spec s = {.size = sizeof s};
#define BAD(wanted, good, field, value) (s = good, s.field = value, bad_spec(wanted, s))
    BAD(FASTRNN_ERROR_ENUM, rnn, cell, 3);
    BAD(FASTRNN_ERROR_ENUM, rnn, cell, -1);
    BAD(FASTRNN_ERROR_ENUM, rnn, f.kind, FASTRNN_ELU_ALPHA + 1);
    BAD(FASTRNN_ERROR_ENUM, rnn, dtype, 2);
    BAD(FASTRNN_ERROR_ENUM, rnn, isa, 5);
    BAD(FASTRNN_ERROR_SIZE, rnn, input_size, 0);
    BAD(FASTRNN_ERROR_SIZE, rnn, hidden_size, -1);
    BAD(FASTRNN_ERROR_SIZE, rnn, num_layers, 0);
    BAD(FASTRNN_ERROR_SIZE, lstm, proj_size, -1);
    BAD(FASTRNN_ERROR_PROJECTION, rnn, proj_size, 1);
    BAD(FASTRNN_ERROR_PROJECTION, lstm, proj_size, 3);
    BAD(FASTRNN_ERROR_OVERFLOW, lstm, input_size, huge);
    BAD(FASTRNN_ERROR_OVERFLOW, lstm, hidden_size, huge);
    BAD(FASTRNN_ERROR_OVERFLOW, lstm, num_layers, huge);
    BAD(FASTRNN_ERROR_OVERFLOW, wide, input_size, huge / 64);
    BAD(FASTRNN_ERROR_OVERFLOW, lstm, hidden_size, (ptrdiff_t)1 << (sizeof huge * 4 - 1));
    BAD(FASTRNN_ERROR_OVERFLOW, lstm, num_layers, huge / 256);
    for (fastrnn_isa isa = FASTRNN_ISA_SCALAR; isa <= FASTRNN_ISA_AVX512; isa++)
        if (!fastrnn_cpu_has(isa)) BAD(FASTRNN_ERROR_ISA, rnn, isa, isa);
#undef BAD

    setenv("FASTRNN_ISA", "abacus", 1);
    bad_spec(FASTRNN_ERROR_ISA, rnn);
    setenv("FASTRNN_ISA", "scalar", 1);
    fastrnn_stack *stack = random_stack(&lstm, BIAS_BOTH);
    s.size = sizeof s;
    GIVES(FASTRNN_OK, fastrnn_stack_spec(stack, &s));
    CHECK(s.isa == FASTRNN_ISA_SCALAR && s.cell == FASTRNN_LSTM, "forced by the environment");
    unsetenv("FASTRNN_ISA");
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stack_spec(NULL, &s));
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stack_spec(stack, NULL));
}

static void stacks(void) {
    const fastrnn_spec plain = {.size = sizeof plain,
                                .cell = FASTRNN_LSTM,
                                .input_size = 2,
                                .hidden_size = 3,
                                .num_layers = 1,
                                .bidirectional = 1};
    fastrnn_spec projected = plain;
    projected.proj_size = 2;
    fastrnn_weights good[2], w[2], good_projected[2];
    random_weights(&plain, BIAS_BOTH, good);
    random_weights(&projected, BIAS_BOTH, good_projected);
    size_t bytes = 0;
    fastrnn_stack *stack = NULL;
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stack_bytes(NULL, &bytes));
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stack_bytes(&plain, NULL));
    GIVES(FASTRNN_OK, fastrnn_stack_bytes(&projected, &bytes));
    char *memory = new_bytes(bytes + 64);

    const struct {
        fastrnn_status wanted;
        const fastrnn_spec *spec;
        const fastrnn_weights *from;
        size_t field;
        const void *value;
    } bad[] = {
        {FASTRNN_ERROR_NULL, &plain, good, offsetof(fastrnn_weights, w_ih), NULL},
        {FASTRNN_ERROR_NULL, &plain, good, offsetof(fastrnn_weights, w_hh), NULL},
        {FASTRNN_ERROR_NULL, &projected, good_projected, offsetof(fastrnn_weights, w_hr), NULL},
        {FASTRNN_ERROR_UNUSED, &plain, good, offsetof(fastrnn_weights, w_hr), good[0].w_ih},
        {FASTRNN_ERROR_ALIGNMENT, &plain, good, offsetof(fastrnn_weights, b_hh), memory + 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memcpy(w, bad[i].from, sizeof w);
        memcpy((char *)&w[1] + bad[i].field, &bad[i].value, sizeof bad[i].value);
        GIVES(bad[i].wanted, fastrnn_stack_init(memory, bytes + 64, bad[i].spec, w, &stack));
    }
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stack_init(NULL, bytes, &projected, good_projected, &stack));
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stack_init(memory, bytes, NULL, good_projected, &stack));
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stack_init(memory, bytes, &projected, NULL, &stack));
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stack_init(memory, bytes, &projected, good_projected, NULL));
    GIVES(FASTRNN_ERROR_MEMORY,
          fastrnn_stack_init(memory, bytes - 1, &projected, good_projected, &stack));
    GIVES(FASTRNN_ERROR_ALIGNMENT,
          fastrnn_stack_init(memory + 32, bytes, &projected, good_projected, &stack));
    CHECK(!stack && memory[0] == (char)0xff, "written to after an error");
    GIVES(FASTRNN_OK, fastrnn_stack_init(memory + 64, bytes, &projected, good_projected, &stack));
    CHECK(stack, "made");
    free_all();
}

static void streams(void) {
    const ptrdiff_t N = 2;
    fastrnn_spec spec = {.size = sizeof spec,
                         .cell = FASTRNN_GRU,
                         .input_size = 2,
                         .hidden_size = 3,
                         .num_layers = 2};
    fastrnn_stack *stack = random_stack(&spec, BIAS_BOTH);
    size_t bytes = UNTOUCHED;
    fastrnn_stream *stream = NULL;
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stream_bytes(NULL, N, &bytes));
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stream_bytes(stack, N, NULL));
    GIVES(FASTRNN_ERROR_SIZE, fastrnn_stream_bytes(stack, 0, &bytes));
    GIVES(FASTRNN_ERROR_SIZE, fastrnn_stream_bytes(stack, -3, &bytes));
    GIVES(FASTRNN_ERROR_OVERFLOW, fastrnn_stream_bytes(stack, PTRDIFF_MAX, &bytes));
    GIVES(FASTRNN_ERROR_OVERFLOW, fastrnn_stream_bytes(stack, PTRDIFF_MAX / 16, &bytes));
    CHECK(bytes == UNTOUCHED, "written to after an error");
    spec.bidirectional = 1;
    fastrnn_stack *both = random_stack(&spec, BIAS_BOTH);
    GIVES(FASTRNN_ERROR_BIDIRECTIONAL, fastrnn_stream_bytes(both, N, &bytes));

    GIVES(FASTRNN_OK, fastrnn_stream_bytes(stack, N, &bytes));
    char *memory = new_bytes(bytes + 64);
    GIVES(FASTRNN_ERROR_BIDIRECTIONAL, fastrnn_stream_init(memory, bytes, both, N, &stream));
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stream_init(NULL, bytes, stack, N, &stream));
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stream_init(memory, bytes, NULL, N, &stream));
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stream_init(memory, bytes, stack, N, NULL));
    GIVES(FASTRNN_ERROR_SIZE, fastrnn_stream_init(memory, bytes, stack, 0, &stream));
    GIVES(FASTRNN_ERROR_MEMORY, fastrnn_stream_init(memory, bytes - 1, stack, N, &stream));
    GIVES(FASTRNN_ERROR_ALIGNMENT, fastrnn_stream_init(memory + 8, bytes, stack, N, &stream));
    CHECK(!stream && memory[0] == (char)0xff, "written to after an error");
    GIVES(FASTRNN_OK, fastrnn_stream_init(memory + 64, bytes, stack, N, &stream));

    float *x = random_array(FASTRNN_F32, N * 2 + 1, 1), *y = new_array(FASTRNN_F32, N * 3 + 1);
    float *h = random_array(FASTRNN_F32, 2 * N * 3, 1), *after = new_array(FASTRNN_F32, 2 * N * 3);
    GIVES(FASTRNN_OK, fastrnn_stream_set_state(stream, h, NULL));
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stream_step(NULL, x, y));
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stream_step(stream, NULL, y));
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stream_step(stream, x, NULL));
    GIVES(FASTRNN_ERROR_ALIGNMENT, fastrnn_stream_step(stream, (char *)x + 1, y));
    GIVES(FASTRNN_ERROR_ALIGNMENT, fastrnn_stream_step(stream, x, (char *)y + 2));
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stream_reset(NULL));
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stream_reset_row(NULL, 0));
    GIVES(FASTRNN_ERROR_ROW, fastrnn_stream_reset_row(stream, -1));
    GIVES(FASTRNN_ERROR_ROW, fastrnn_stream_reset_row(stream, N));
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stream_get_state(NULL, h, NULL));
    GIVES(FASTRNN_ERROR_NULL, fastrnn_stream_set_state(NULL, h, NULL));
    GIVES(FASTRNN_ERROR_UNUSED, fastrnn_stream_get_state(stream, NULL, y));
    GIVES(FASTRNN_ERROR_UNUSED, fastrnn_stream_set_state(stream, x, x));
    GIVES(FASTRNN_ERROR_ALIGNMENT, fastrnn_stream_set_state(stream, (char *)x + 1, NULL));
    GIVES(FASTRNN_OK, fastrnn_stream_get_state(stream, after, NULL));
    CHECK(same_bytes(FASTRNN_F32, h, after, 2 * N * 3), "errors leave the state as it was");
    CHECK(isnan(y[0]), "errors leave the output as it was");
    GIVES(FASTRNN_OK, fastrnn_stream_step(stream, x, y));
    CHECK(!isnan(y[0]), "a good step succeeds afterwards");
    free_all();
}

static void runs(void) {
    const ptrdiff_t T = 2, N = 2;
    const fastrnn_spec spec = {.size = sizeof spec,
                               .cell = FASTRNN_RNN,
                               .input_size = 2,
                               .hidden_size = 3,
                               .num_layers = 2,
                               .bidirectional = 1};
    fastrnn_stack *stack = random_stack(&spec, BIAS_BOTH);
    size_t bytes = UNTOUCHED;
    GIVES(FASTRNN_ERROR_NULL, fastrnn_run_bytes(NULL, T, N, &bytes));
    GIVES(FASTRNN_ERROR_NULL, fastrnn_run_bytes(stack, T, N, NULL));
    GIVES(FASTRNN_ERROR_SIZE, fastrnn_run_bytes(stack, 0, N, &bytes));
    GIVES(FASTRNN_ERROR_SIZE, fastrnn_run_bytes(stack, T, -1, &bytes));
    GIVES(FASTRNN_ERROR_OVERFLOW, fastrnn_run_bytes(stack, PTRDIFF_MAX, 1, &bytes));
    GIVES(FASTRNN_ERROR_OVERFLOW, fastrnn_run_bytes(stack, 1, PTRDIFF_MAX, &bytes));
    GIVES(FASTRNN_ERROR_OVERFLOW, fastrnn_run_bytes(stack, PTRDIFF_MAX / 8, 8, &bytes));
    CHECK(bytes == UNTOUCHED, "written to after an error");
    GIVES(FASTRNN_OK, fastrnn_run_bytes(stack, T, N, &bytes));

    sequence q = random_sequence(&spec, T, N);
    float *h0 = q.h0, *h_n = q.h_n, *y = q.y;
    char *x = q.x, *scratch = new_bytes(bytes + 64);
#define RUN(wanted, T_, N_, x_, y_, h0_, c0_, h_n_, c_n_, scratch_, bytes_) \
    GIVES(wanted, fastrnn_run(stack, T_, N_, x_, y_, h0_, c0_, h_n_, c_n_, scratch_, bytes_))
    GIVES(FASTRNN_ERROR_NULL, fastrnn_run(NULL, T, N, x, y, h0, NULL, h_n, NULL, scratch, bytes));
    RUN(FASTRNN_ERROR_NULL, T, N, NULL, y, h0, NULL, h_n, NULL, scratch, bytes);
    RUN(FASTRNN_ERROR_NULL, T, N, x, NULL, h0, NULL, h_n, NULL, scratch, bytes);
    RUN(FASTRNN_ERROR_NULL, T, N, x, y, h0, NULL, h_n, NULL, NULL, bytes);
    RUN(FASTRNN_ERROR_SIZE, 0, N, x, y, h0, NULL, h_n, NULL, scratch, bytes);
    RUN(FASTRNN_ERROR_UNUSED, T, N, x, y, h0, h0, h_n, NULL, scratch, bytes);
    RUN(FASTRNN_ERROR_UNUSED, T, N, x, y, h0, NULL, h_n, h_n, scratch, bytes);
    RUN(FASTRNN_ERROR_ALIGNMENT, T, N, x + 1, y, h0, NULL, h_n, NULL, scratch, bytes);
    RUN(FASTRNN_ERROR_ALIGNMENT, T, N, x, x + 2, h0, NULL, h_n, NULL, scratch, bytes);
    RUN(FASTRNN_ERROR_ALIGNMENT, T, N, x, y, x + 1, NULL, h_n, NULL, scratch, bytes);
    RUN(FASTRNN_ERROR_ALIGNMENT, T, N, x, y, h0, NULL, x + 1, NULL, scratch, bytes);
    RUN(FASTRNN_ERROR_ALIGNMENT, T, N, x, y, h0, NULL, h_n, NULL, scratch + 4, bytes);
    RUN(FASTRNN_ERROR_MEMORY, T, N, x, y, h0, NULL, h_n, NULL, scratch, bytes - 1);
    RUN(FASTRNN_ERROR_MEMORY, T + 9, N, x, y, h0, NULL, h_n, NULL, scratch, bytes);
    CHECK(isnan(y[0]) && isnan(h_n[0]) && scratch[0] == (char)0xff, "written to after an error");
    RUN(FASTRNN_OK, T, N, x, y, h0, NULL, h_n, NULL, scratch + 64, bytes);
    CHECK(!isnan(y[0]), "a good run succeeds afterwards");
#undef RUN
    free_all();
}

static void names(void) {
    for (int i = FASTRNN_OK; i <= FASTRNN_ERROR_FORMAT; i++)
        for (int j = 0; j < i; j++) {
            const char *text = fastrnn_status_text((fastrnn_status)i);
            CHECK(*text && strcmp(text, fastrnn_status_text((fastrnn_status)j)), "%d, %d", i, j);
            CHECK(strcmp(text, fastrnn_status_text((fastrnn_status)99)), "%d", i);
        }
    CHECK(!strcmp(fastrnn_version(), FASTRNN_VERSION), "%s", fastrnn_version());
    CHECK(!strcmp(fastrnn_isa_name(FASTRNN_ISA_AVX2), "avx2"), "name");
    CHECK(!strcmp(fastrnn_isa_name((fastrnn_isa)99), "unknown"), "name");
}

int main(void) {
    specs();
    stacks();
    streams();
    runs();
    names();
    free_all();
    return report("misuse gets a status and changes nothing");
}
