# SPDX-License-Identifier: Apache-2.0
"""A case as an ONNX model in memory, for the rivals that read ONNX.

ONNX orders the gates i o f c (LSTM) and z r h (GRU) where torch has i f g o and r z n; torch's GRU
is ``linear_before_reset = 1``. B holds the two biases one after the other.
"""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET = 14
IR_VERSION = 8
ORDER = {"rnn": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}  # ONNX gate k is torch gate ORDER[k]
STATES = {"rnn": ("h",), "lstm": ("h", "c"), "gru": ("h",)}


def model_bytes(case, problem):
    """The serialised model.

    Inputs: x (T, N, I); seq_lens int32 (N,) when the rows have lengths; for a stream also h0, c0 of
    every layer, named as `state_names` says. Outputs: y (T, N, D*H); for a stream the new states.
    """
    nodes, initializers = [], [numpy_helper.from_array(np.array([0, 0, -1]), "merged_shape")]
    inputs = [_info("x", (case.T, case.N, case.I))]
    outputs = [_info("y", (case.T, case.N, case.directions * case.H))]
    if case.valid:
        inputs.append(helper.make_tensor_value_info("seq_lens", TensorProto.INT32, (case.N,)))
    for name_in, name_out in state_names(case):
        inputs.append(_info(name_in, (1, case.N, case.H)))
        outputs.append(_info(name_out, (1, case.N, case.H)))
    for k in range(case.layers):
        initializers += _initializers(case, problem, k)
        nodes += _layer(case, k)
    graph = helper.make_graph(nodes, "recurrent", inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    return model.SerializeToString()


def state_names(case):
    """(input name, output name) of every state of a stream, layer by layer; empty otherwise."""
    if case.mode != "stream":
        return []
    return [(f"{s}0_{k}", f"{s}1_{k}") for k in range(case.layers) for s in STATES[case.cell]]


def _info(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _onnx_order(case, array):
    gates = array.reshape(-1, case.H, *array.shape[1:])
    return gates[list(ORDER[case.cell])].reshape(array.shape)


def _initializers(case, problem, k):
    suffixes = [f"_l{k}", f"_l{k}_reverse"][: case.directions]

    def stacked(key):
        return np.stack([_onnx_order(case, problem.weights[key + s]) for s in suffixes])

    arrays = {
        f"W{k}": stacked("weight_ih"),
        f"R{k}": stacked("weight_hh"),
        f"B{k}": np.concatenate([stacked("bias_ih"), stacked("bias_hh")], axis=1),
    }
    return [numpy_helper.from_array(array, name) for name, array in arrays.items()]


def _layer(case, k):
    """The recurrent node of layer k, then Y (T, D, N, H) to (T, N, D*H)."""
    states = STATES[case.cell] if case.mode == "stream" else ()
    x, y = ("x" if k == 0 else f"y{k - 1}"), ("y" if k == case.layers - 1 else f"y{k}")
    attributes = {"hidden_size": case.H}
    attributes["direction"] = "bidirectional" if case.directions == 2 else "forward"
    if case.cell == "gru":
        attributes["linear_before_reset"] = 1
    seq_lens = "seq_lens" if case.valid else ""
    inputs = [x, f"W{k}", f"R{k}", f"B{k}", seq_lens, *(f"{s}0_{k}" for s in states)]
    outputs = [f"Y{k}", *(f"{s}1_{k}" for s in states)]
    return [
        helper.make_node(case.cell.upper(), inputs, outputs, **attributes),
        helper.make_node("Transpose", [f"Y{k}"], [f"Yt{k}"], perm=(0, 2, 1, 3)),
        helper.make_node("Reshape", [f"Yt{k}", "merged_shape"], [y]),
    ]
