# SPDX-License-Identifier: Apache-2.0
"""Write the results of the NumPy reference that C programs expect.

    python src_c/tests/make_golden.py

writes golden.h and golden_onnx.h, which test_golden.c reads, and cortex-m/golden.h. Of the first
two, weights and inputs are not stored: `numbers` draws the same as random_number in check.h, and
all of them are exact in float32, so that one set of float64 results serves both types.
"""

from itertools import count
from pathlib import Path
from textwrap import fill

import numpy as np

from fastrnn.reference import Layer, forward
from fastrnn.reference.onnx import NUMBERED, Numbered

I, H, P = 3, 5, 2
T, N = 4, 2  # of test_golden.c
BOARD_T = 8
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
BOTH = {"bidirectional": 1}

# Cases: name, cell, fields of fastrnn_spec, and whether there are biases. An activation is the name
# of its kind, then alpha and beta where it has them; all are exact in float32.
TORCH = [
    ("rnn_tanh", "RNN", {}, True),
    ("rnn_relu", "RNN", {"f": ("RELU",)}, True),
    ("rnn_sigmoid_layers", "RNN", {"f": ("SIGMOID",), "num_layers": 2}, True),
    ("rnn_both_ways", "RNN", {"num_layers": 2, **BOTH}, True),
    ("lstm", "LSTM", {}, True),
    ("lstm_no_bias", "LSTM", {"num_layers": 2}, False),
    ("lstm_projected", "LSTM", {"proj_size": P, "num_layers": 2}, True),
    ("lstm_both_ways", "LSTM", {"num_layers": 3, **BOTH}, True),
    ("lstm_both_ways_projected", "LSTM", {"proj_size": P, "num_layers": 2, **BOTH}, True),
    ("gru", "GRU", {}, True),
    ("gru_no_bias", "GRU", {}, False),
    ("gru_layers", "GRU", {"num_layers": 3}, True),
    ("gru_both_ways", "GRU", {"num_layers": 2, **BOTH}, True),
]

HARD = ("HARD_SIGMOID_AB", 0.375, 0.5)
PEEP, COUPLED, BEFORE = {"peepholes": 1}, {"input_forget": 1}, {"reset_before": 1}
ONNX = [
    ("rnn_affine_clip", "RNN", {"f": ("AFFINE", 0.75, 0.125), "clip": 0.5}, True),
    ("rnn_scaled_tanh", "RNN", {"f": ("SCALED_TANH", 1.25, 0.5), "num_layers": 2}, True),
    ("rnn_thresholded", "RNN", {"f": ("THRESHOLDED_RELU", 0.125), **BOTH}, True),
    ("lstm_numbers", "LSTM",
     {"f": HARD, "g": ("LEAKY_RELU", 0.25), "h": ("ELU_ALPHA", 0.75)}, True),
    ("lstm_hard", "LSTM", {"f": ("HARD_SIGMOID",), "g": ("SOFTSIGN",), "h": ("SOFTPLUS",)}, True),
    ("lstm_units", "LSTM", {"f": ("SIGMOID",), "g": ("SELU",), "h": ("EXPONENTIAL",)}, False),
    ("lstm_clip", "LSTM", {"clip": 0.25}, True),
    ("lstm_peepholes", "LSTM", PEEP, True),
    ("lstm_peepholes_no_bias", "LSTM", PEEP, False),
    ("lstm_peepholes_projected", "LSTM", {**PEEP, "proj_size": P, "num_layers": 2}, True),
    ("lstm_coupled", "LSTM", COUPLED, True),
    ("lstm_coupled_peepholes", "LSTM", {**COUPLED, **PEEP, **BOTH}, True),
    ("lstm_mixed", "LSTM",
     {**PEEP, **BOTH, "f": HARD, "g": ("SCALED_TANH", 0.875, 1.25), "h": ("LINEAR",), "clip": 0.5,
      "num_layers": 2, "proj_size": P}, True),
    ("gru_numbers", "GRU", {"f": HARD, "g": ("LEAKY_RELU", 0.25)}, True),
    ("gru_units", "GRU", {"f": ("RELU6",), "g": ("ELU",)}, True),
    ("gru_clip", "GRU", {"clip": 0.25}, True),
    ("gru_before", "GRU", BEFORE, True),
    ("gru_before_no_bias", "GRU", BEFORE, False),
    ("gru_before_mixed", "GRU",
     {**BEFORE, **BOTH, "f": HARD, "g": ("AFFINE", 0.75, 0.125), "clip": 0.5, "num_layers": 2},
     True),
]


def numbers(seed):
    """Yield float64 numbers in [-0.5, 0.5), multiples of 2^-16, of a linear congruence."""
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield (state >> 48) / 65536 - 0.5


def activation(given):
    """Return an activation of a case as a `Layer` takes it."""
    if given is None:
        return None
    name = given[0].lower()
    return Numbered(name, *given[1:]) if name in NUMBERED else name


def layer_options(cell, fields):
    """Return the arguments of a `Layer` beside cell and weights."""
    f, g, h = (activation(fields.get(place)) for place in "fgh")
    return {
        "activations": (f,) * 2 if cell == "RNN" else (g or "tanh", f, h or "tanh"),
        "clip": fields.get("clip"),
        "input_forget": bool(fields.get("input_forget")),
        "reset_after": not fields.get("reset_before"),
    }


class Example:
    """A case with random weights, its x, and its results y, h_n and (LSTM) c_n."""

    def __init__(self, seed, cell, fields, bias, T, N):
        self._draw = numbers(seed)
        D, L = 1 + fields.get("bidirectional", 0), fields.get("num_layers", 1)
        out = fields.get("proj_size", H)
        options = layer_options(cell, fields)
        self.layers = [
            Layer(cell.lower(), **self._weights(cell, fields, bias, I if k < D else D * out),
                  **options)
            for k in range(L * D)
        ]
        self.x = self._array((T, N, I), 2.0)
        initial = [self._array((L * D, N, out))]
        if cell == "LSTM":
            initial.append(self._array((L * D, N, H)))
        self.y, final = self.x, []
        for k in range(0, L * D, D):
            outputs = [
                forward(self.layers[k + d], self.y, *(part[k + d] for part in initial),
                        reverse=d == 1)[:3]
                for d in range(D)
            ]
            self.y = np.concatenate([y for y, *_ in outputs], axis=2)
            final += [parts for _, *parts in outputs]
        self.final = [np.stack(part) for part in zip(*final, strict=True) if part[0] is not None]
        self.initial = initial

    def _array(self, shape, scale=1.0):
        return scale * np.fromiter(self._draw, float, count=int(np.prod(shape))).reshape(shape)

    def _weights(self, cell, fields, bias, inputs):
        """Draw the weights of one layer in the order of random_weights in model.h."""
        GH, P = GATES[cell] * H, fields.get("proj_size", 0)
        shapes = {"w_ih": (GH, inputs), "w_hh": (GH, P or H)}
        if bias:
            shapes |= {"b_ih": (GH,), "b_hh": (GH,)}
        if P:
            shapes |= {"w_hr": (P, H)}
        if fields.get("peepholes"):
            shapes |= {"peepholes": (3 * H,)}
        return {role: self._array(shape) for role, shape in shapes.items()}


def c_array(kind, name, words, across):
    lines = [", ".join(words[i : i + across]) for i in range(0, len(words), across)]
    return f"static const {kind} {name}[] = {{\n    " + ",\n    ".join(lines) + "};\n"


def short(value):
    """15 digits after the point, ten times finer than test_golden.c looks."""
    return f"{value:.15f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.14f}"


def c_field(name, value):
    if name in "fgh":
        kind, *given = (*value, 0, 0)[:3]
        value = "{FASTRNN_" + ", ".join([kind, *map(str, given)]) + "}"
    return f".{name} = {value}"


HEAD = "/* SPDX-License-Identifier: Apache-2.0 */\n/* Written by {}make_golden.py. */\n" \
       "/* clang-format off */\n"


def golden(table, cases, seeds):
    """Return the text of a header with results of cases and a table of the cases."""
    text, rows = HEAD.format(""), []
    for name, cell, fields, bias in cases:
        seed = next(seeds)
        example = Example(seed, cell, fields, bias, T, N)
        values = np.concatenate([a.ravel() for a in (example.y, *example.final)])
        text += c_array("double", name, [short(v) for v in values], 5)
        given = {"num_layers": 1, **fields}
        spec = ", ".join(c_field(*field) for field in given.items())
        row = f'{{"{name}", {seed}, BIAS_{"BOTH" if bias else "NONE"}, {name}, '
        rows.append(fill(f"{row}SPEC({cell}, {spec})}},", 100, initial_indent=" " * 4,
                         subsequent_indent=" " * 5) + "\n")
    return text + f"\nstatic const golden_case {table}[] = {{\n" + "".join(rows) + "};\n"


def board():
    """Return the text of the header of a microcontroller: weights, inputs, outputs in float."""
    text = HEAD.format("tests/")
    text += f"enum {{ STEPS = {BOARD_T}, INPUTS = {I}, HIDDEN = {H} }};\n\n"
    for seed, cell in enumerate(("LSTM", "GRU"), 1):
        example = Example(seed, cell, {}, True, BOARD_T, 1)
        (layer,) = example.layers
        arrays = {role: getattr(layer, role) for role in ("w_ih", "w_hh", "b_ih", "b_hh")}
        arrays |= {"x": example.x, "h0": example.initial[0], "y": example.y}
        if cell == "LSTM":
            arrays["c0"] = example.initial[1]
        for name, values in arrays.items():
            words = [f"{v:#.9g}f" for v in values.ravel()]
            text += c_array("float", f"{cell.lower()}_{name}", words, 6)
    return text


def main():
    tests, seeds = Path(__file__).parent, count(1)
    sizes = f"enum {{ GOLDEN_T = {T}, GOLDEN_N = {N}, GOLDEN_I = {I}, GOLDEN_H = {H} }};\n"
    (tests / "golden.h").write_text(golden("golden", TORCH, seeds).replace(
        "off */\n", f"off */\n{sizes}\n", 1))
    (tests / "golden_onnx.h").write_text(golden("golden_onnx", ONNX, seeds))
    (tests.parent / "cortex-m" / "golden.h").write_text(board())


if __name__ == "__main__":
    main()
