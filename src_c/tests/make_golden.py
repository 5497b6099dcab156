# SPDX-License-Identifier: Apache-2.0
"""Write golden.h, the results of the NumPy reference that test_golden.c expects.

    python src_c/tests/make_golden.py > src_c/tests/golden.h

Weights and inputs are not stored: `numbers` draws the same as random_number in check.h, and all of
them are exact in float32, so that one set of float64 results serves both types.
"""

import numpy as np

from fastrnn import reference

T, N, I, H, P = 4, 3, 3, 5, 2

#        name                cell    options of the reference's class
CASES = [
    ("rnn_tanh", "RNN", {}),
    ("rnn_relu", "RNN", {"nonlinearity": "relu"}),
    ("rnn_sigmoid_layers", "RNN", {"nonlinearity": "sigmoid", "num_layers": 2}),
    ("rnn_both_ways", "RNN", {"num_layers": 2, "bidirectional": True}),
    ("lstm", "LSTM", {}),
    ("lstm_no_bias", "LSTM", {"bias": False, "num_layers": 2}),
    ("lstm_projected", "LSTM", {"proj_size": P, "num_layers": 2}),
    ("lstm_both_ways", "LSTM", {"num_layers": 3, "bidirectional": True}),
    ("lstm_both_ways_projected", "LSTM", {"proj_size": P, "num_layers": 2, "bidirectional": True}),
    ("gru", "GRU", {}),
    ("gru_no_bias", "GRU", {"bias": False}),
    ("gru_layers", "GRU", {"num_layers": 3}),
    ("gru_both_ways", "GRU", {"num_layers": 2, "bidirectional": True}),
]


def numbers(seed):
    """Yield float64 numbers in [-0.5, 0.5), multiples of 2^-16, of a linear congruence."""
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield (state >> 48) / 65536 - 0.5


def results(seed, cell, options):
    """Return the model, and its y, h_n and (LSTM) c_n in a list."""
    draw = numbers(seed)

    def array(shape, scale=1.0):
        return scale * np.fromiter(draw, float, count=int(np.prod(shape))).reshape(shape)

    model = getattr(reference, cell)(I, H, **options)
    model.load_state_dict({name: array(w.shape) for name, w in model.state_dict().items()})
    x = array((T, N, I), 2.0)
    rows = model.num_layers * (2 if model.bidirectional else 1)
    state = array((rows, N, model.proj_size or H))
    if cell == "LSTM":
        y, (h, c) = model(x, (state, array((rows, N, H))))
        return model, [y, h, c]
    return model, list(model(x, state))


def c_array(name, values):
    words = [f"{v:.17g}" for v in values.ravel()]
    lines = [", ".join(words[i : i + 4]) for i in range(0, len(words), 4)]
    return f"static const double {name}[] = {{\n    " + ",\n    ".join(lines) + "};\n"


def main():
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* Written by make_golden.py. */")
    print("/* clang-format off */")
    print(f"enum {{ GOLDEN_T = {T}, GOLDEN_N = {N} }};\n")
    rows = []
    for seed, (name, cell, options) in enumerate(CASES, 1):
        model, arrays = results(seed, cell, options)
        keys = [f"{name}_{part}" for part in ("y", "h", "c")[: len(arrays)]]
        for key, values in zip(keys, arrays, strict=True):
            print(c_array(key, values))
        bias = "BIAS_BOTH" if model.bias else "BIAS_NONE"
        activation = (model.nonlinearity or "default").upper()
        rows.append(
            f'    {{"{name}", {seed}, {bias},\n'
            f"     {{.size = sizeof(fastrnn_spec), .cell = FASTRNN_{cell}, "
            f".f = {{FASTRNN_{activation}, 0, 0}},\n"
            f"      .input_size = {I}, .hidden_size = {H},\n"
            f"      .proj_size = {model.proj_size}, .num_layers = {model.num_layers}, "
            f".bidirectional = {int(model.bidirectional)}}},\n"
            f"     {', '.join(keys + ['NULL'] * (3 - len(keys)))}}},"
        )
    print(
        "static const struct {\n    const char *name;\n    uint64_t seed;\n    int bias;\n"
        "    fastrnn_spec spec;\n    const double *y, *h_n, *c_n;\n} golden[] = {"
    )
    print("\n".join(rows))
    print("};")


if __name__ == "__main__":
    main()
