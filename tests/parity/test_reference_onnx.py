# SPDX-License-Identifier: Apache-2.0
"""The oracle with what ONNX's RNN, LSTM and GRU can do: ONNX Runtime is the third opinion on its
forward, finite differences check its backward."""

from dataclasses import dataclass

import numpy as np
import pytest

from fastrnn import reference
from fastrnn.reference.onnx import NUMBERED, Numbered
from test_reference import central_differences
from tolerances import FINITE_DIFFERENCES, RELATIVE, relative_error

T, N, I, H = 5, 3, 2, 4
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
# order[k]: our gate in ONNX's place k. LSTM i f g o -> i o f c, GRU r z n -> z r h,
# peepholes i f o -> i o f
ORDERS = {"RNN": [0], "LSTM": [0, 3, 1, 2], "GRU": [1, 0, 2]}
PEEPHOLE_ORDER = [0, 2, 1]

# ONNX's name -> ours, and how many of alpha, beta it has. ONNX Runtime takes alpha and beta from a
# node's lists only for the functions that have them, whereas ONNX's text can be read as one entry
# for each function.
NAMES = {
    "Tanh": ("tanh", 0),
    "Sigmoid": ("sigmoid", 0),
    "Relu": ("relu", 0),
    "Softsign": ("softsign", 0),
    "Softplus": ("softplus", 0),
    "Affine": ("affine", 2),
    "LeakyRelu": ("leaky_relu", 1),
    "ThresholdedRelu": ("thresholded_relu", 1),
    "ScaledTanh": ("scaled_tanh", 2),
    "HardSigmoid": ("hard_sigmoid_ab", 2),
    "Elu": ("elu_alpha", 1),
}
NUMBERS = {"Affine": (0.7, 0.2), "LeakyRelu": (0.3,), "ThresholdedRelu": (0.15,),
           "ScaledTanh": (1.3, 0.6), "HardSigmoid": (0.25, 0.45), "Elu": (0.8,)}


def ours(name):
    known, count = NAMES[name]
    return Numbered(known, *NUMBERS[name]) if count else known


@dataclass(frozen=True)
class Case:
    """A node; `activations` are ONNX's f, g, h, or None for the defaults."""

    cell: str
    activations: tuple | None = None
    clip: float | None = None
    peepholes: bool = False
    input_forget: bool = False
    reset_after: bool = True
    bias: bool = True
    direction: str = "forward"
    lengths: tuple | None = None

    @property
    def readings(self):
        """For each direction whether it reads from the end."""
        return {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[
            self.direction
        ]

    def layer_options(self):
        options = {"clip": self.clip, "reset_after": self.reset_after,
                   "input_forget": self.input_forget}
        if self.activations is None:
            return options | {"activations": None}
        given = [ours(name) for name in self.activations]
        order = {"RNN": (0,), "LSTM": (1, 0, 2), "GRU": (1, 0)}[self.cell]
        placed = tuple(given[k] for k in order)
        return options | {"activations": placed if len(placed) > 1 else (*placed, None)}

    def weights(self, rng):
        """Weights of one direction by role, exact in float32."""
        GH = GATES[self.cell] * H
        roles = {"w_ih": (GH, I), "w_hh": (GH, H)}
        if self.bias:
            roles |= {"b_ih": (GH,), "b_hh": (GH,)}
        if self.peepholes:
            roles |= {"peepholes": (3 * H,)}
        return {role: exact(rng, shape) for role, shape in roles.items()}

    def arguments(self):
        """(weights of each direction, x, initial states of each direction)."""
        rng = np.random.default_rng(3)
        weights = [self.weights(rng) for _ in self.readings]
        x = 2 * exact(rng, (T, N, I))
        parts = 2 if self.cell == "LSTM" else 1
        states = [[exact(rng, (N, H)) for _ in range(parts)] for _ in self.readings]
        return weights, x, states


def exact(rng, shape):
    return rng.uniform(-1, 1, shape).astype(np.float32).astype(np.float64)


def run_oracle(case):
    """[y (T, D, N, H), final h (D, N, H), LSTM: final c]."""
    results = []
    for weights, state, reverse in zip(*_by_direction(case), case.readings, strict=True):
        layer = reference.Layer(case.cell.lower(), **weights, **case.layer_options())
        x = case.arguments()[1]
        results.append(reference.forward(layer, x, *state, lengths=case.lengths,
                                         reverse=reverse)[:3])
    y, *final = zip(*results, strict=True)
    final = [np.stack(part) for part in final if part[0] is not None]
    return [np.stack(y, axis=1), *final]


def _by_direction(case):
    weights, _, states = case.arguments()
    return weights, states


# -- ONNX Runtime --------------------------------------------------------------------------------


def in_order(array, order):
    """The blocks of H rows of an array in ONNX's order."""
    return np.concatenate([array[k * H : (k + 1) * H] for k in order])


def onnx_inputs(case):
    """The inputs of the node in its order; None for those left out."""
    weights, x, states = case.arguments()
    order = ORDERS[case.cell]

    def joined(role, order=order):
        return np.stack([in_order(w[role], order) for w in weights])

    biases = [joined("b_ih"), joined("b_hh")] if case.bias else None
    inputs = {
        "X": x,
        "W": joined("w_ih"),
        "R": joined("w_hh"),
        "B": np.concatenate(biases, axis=1) if biases else None,
        "sequence_lens": case.lengths and np.array(case.lengths, np.int32),
        "initial_h": np.stack([state[0] for state in states]),
    }
    if case.cell == "LSTM":
        inputs["initial_c"] = np.stack([state[1] for state in states])
        inputs["P"] = joined("peepholes", PEEPHOLE_ORDER) if case.peepholes else None
    return {name: a if a is None or a.dtype == np.int32 else a.astype(np.float32)
            for name, a in inputs.items()}


def onnx_attributes(case):
    attributes = {"hidden_size": H, "direction": case.direction}
    if case.activations:
        names = list(case.activations) * len(case.readings)
        numbers = [NUMBERS[name] for name in names if NAMES[name][1]]
        attributes["activations"] = names
        if numbers:
            attributes["activation_alpha"] = [given[0] for given in numbers]
            attributes["activation_beta"] = [given[1] for given in numbers if len(given) > 1]
    if case.clip is not None:
        attributes["clip"] = case.clip
    if case.input_forget:
        attributes["input_forget"] = 1
    if case.cell == "GRU":
        attributes["linear_before_reset"] = int(case.reset_after)
    return {name: value for name, value in attributes.items() if value != []}


def run_onnxruntime(case):
    """Like `run_oracle`, by ONNX Runtime in float32: its LSTM has no float64."""
    onnx = pytest.importorskip("onnx", reason="ONNX Runtime needs onnx to be given a node")
    runtime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is the third opinion")
    inputs = onnx_inputs(case)
    outputs = ["Y", "Y_h", "Y_c"][: 2 + (case.cell == "LSTM")]
    helper = onnx.helper
    names = [name if a is not None else "" for name, a in inputs.items()]
    node = helper.make_node(case.cell, names, outputs, **onnx_attributes(case))
    given = {name: a for name, a in inputs.items() if a is not None}
    graph = helper.make_graph(
        [node], "node",
        [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
         for name, a in given.items()],
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = runtime.InferenceSession(model.SerializeToString(),
                                       providers=["CPUExecutionProvider"])
    return session.run(outputs, given)


def check_against_onnxruntime(case):
    for got, want in zip(run_oracle(case), run_onnxruntime(case), strict=True):
        error = relative_error(got, want)
        assert error < RELATIVE["float32"], f"relative error {error:.2e}"


CASES = {
    "rnn": Case("RNN"),
    "rnn-clip": Case("RNN", clip=0.4),
    "rnn-affine-clip": Case("RNN", ("Affine",), clip=0.4),
    "lstm": Case("LSTM"),
    "lstm-f-g-h": Case("LSTM", ("HardSigmoid", "Softsign", "Affine")),
    "lstm-clip": Case("LSTM", clip=0.3),
    "lstm-peepholes": Case("LSTM", peepholes=True),
    "lstm-peepholes-no-bias": Case("LSTM", peepholes=True, bias=False),
    "lstm-coupled": Case("LSTM", input_forget=True),
    "lstm-coupled-peepholes": Case("LSTM", input_forget=True, peepholes=True),
    "lstm-everything": Case("LSTM", ("HardSigmoid", "ScaledTanh", "Elu"), clip=0.6, peepholes=True),
    "gru": Case("GRU"),
    "gru-f-g": Case("GRU", ("HardSigmoid", "LeakyRelu")),
    "gru-clip": Case("GRU", clip=0.4),
    "gru-before": Case("GRU", reset_after=False),
    "gru-before-no-bias": Case("GRU", reset_after=False, bias=False),
    "gru-before-f-g-clip": Case("GRU", ("HardSigmoid", "Elu"), reset_after=False, clip=0.6),
}


def of(case, **changed):
    return Case(**{**vars(case), **changed})


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("lengths", [None, (2, 5, 1)], ids=["full", "uneven"])
@pytest.mark.parametrize("name", CASES)
def test_onnxruntime_agrees(name, direction, lengths):
    check_against_onnxruntime(of(CASES[name], direction=direction, lengths=lengths))


DEFAULTS = {"RNN": ("Tanh",), "LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh")}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cell", GATES)
def test_onnxruntime_agrees_on_every_activation(cell, name):
    given = DEFAULTS[cell]
    for place in range(len(given)):
        check_against_onnxruntime(Case(cell, (*given[:place], name, *given[place + 1 :])))


def test_thresholded_relu_is_zero_at_alpha():
    value, _ = NUMBERED["thresholded_relu"]
    np.testing.assert_array_equal(value(np.array([0.25, 0.5, 0.75]), 0.5), [0, 0, 0.75])


# -- finite differences --------------------------------------------------------------------------


def check_gradients(case):
    """Compare every gradient with central differences of a random linear loss of all results."""
    rng = np.random.default_rng(5)
    (weights,), x, (state,) = case.arguments()
    dy, dfinal = exact(rng, (T, N, H)), [exact(rng, (N, H)) for _ in state]

    def run():
        layer = reference.Layer(case.cell.lower(), **weights, **case.layer_options())
        return reference.forward(layer, x, *state, lengths=case.lengths)

    def loss():
        y, *final, _ = run()
        return np.sum(dy * y) + sum(map(np.vdot, dfinal, final))

    dx, *dinitial, grads = reference.backward(run()[-1], dy, *dfinal)
    got = {"x": dx, **dict(zip(("h0", "c0"), dinitial, strict=True)), **grads}
    arrays = {"x": x, **dict(zip(("h0", "c0"), state, strict=False)), **weights}
    for name, array in arrays.items():
        error = relative_error(got[name], central_differences(loss, array))
        assert error < FINITE_DIFFERENCES, f"{name}: relative error {error:.2e}"


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_finite_differences(name):
    check_gradients(of(CASES[name], lengths=(2, 0, 4)))


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("name", [name for name in NAMES if NAMES[name][1]])
def test_gradients_through_activations_with_numbers(cell, name):
    check_gradients(Case(cell, (name,) * len(DEFAULTS[cell]), clip=0.9))


@pytest.mark.parametrize("name", NUMBERED)
def test_values_with_numbers_keep_the_dtype(name):
    count = next(count for known, count in NAMES.values() if known == name)
    activation = Numbered(name, *(0.5, 0.25)[:count])
    a = np.linspace(-2, 2, 9, dtype=np.float32)
    y, kept = activation.forward(a)
    assert y.dtype == activation.backward(kept, y).dtype == np.float32
