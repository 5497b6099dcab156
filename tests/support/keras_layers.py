# SPDX-License-Identifier: Apache-2.0
"""One layer of the core beside the same layer of Keras, the third opinion."""

import numpy as np

from keras_oracle import keras_or_skip
from layer_cases import GATES, run_core

CLASSES = {"rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}
# What the constructors do not have in common.
OWN = {
    "rnn": (),
    "lstm": ("recurrent_activation", "unit_forget_bias"),
    "gru": ("recurrent_activation", "reset_after"),
}


def in_keras_order(cell, weight):
    """A weight, or biases, as Keras has them: transposed, a GRU's gates z r n."""
    gates = np.split(weight, GATES[cell])
    if cell == "gru":
        gates[:2] = gates[1::-1]
    return np.concatenate(gates).T


def keras_weights(case, weights):
    """Kernel, recurrent kernel and bias: two rows where the reset is after the product."""
    ordered = [in_keras_order(case.cell, weights[role]) for role in ("w_ih", "w_hh", "b_ih")]
    if case.cell == "gru" and case.reset_after:
        ordered[2] = np.stack([ordered[2], in_keras_order(case.cell, weights["b_hh"])])
    return ordered


def keras_layer(keras, case, recurrent_activation, dropout_masks):
    """The layer with the weights of `case`."""
    options = {"recurrent_activation": recurrent_activation, "unit_forget_bias": False,
               "reset_after": case.reset_after}
    layer = getattr(keras.layers, CLASSES[case.cell])(
        case.hidden_size, activation=(case.activations or ("tanh",))[0], return_sequences=True,
        recurrent_dropout=case.dropout, **{name: options[name] for name in OWN[case.cell]},
    )
    layer.build((case.rows, case.steps, case.input_size))
    layer.set_weights(keras_weights(case, case.weights()))
    if dropout_masks is not None:
        layer.cell.get_recurrent_dropout_mask = lambda state: dropout_masks
    return layer


def masks_in_keras_order(torch, case, masks):
    """The factors of the state as Keras' cells take them: a list, or the RNN's only one."""
    if masks is None:
        return None
    order = (1, 0, 2) if case.cell == "gru" else range(GATES[case.cell])
    tensors = [torch.from_numpy(masks[gate]) for gate in order]
    return tensors[0] if case.cell == "rnn" else tensors


def check_against_keras(case, recurrent_activation="sigmoid"):
    """Compare outputs and gradients of x and of the weights; `case` has the biases of Keras."""
    keras = keras_or_skip()
    import torch

    given = case.arguments()
    masks = masks_in_keras_order(torch, case, given["masks"])
    layer = keras_layer(keras, case, recurrent_activation, masks)
    x = torch.from_numpy(given["x"].swapaxes(0, 1).copy()).requires_grad_()
    y = layer(x, training=True)
    y.backward(torch.from_numpy(given["dy"].swapaxes(0, 1).copy()))

    got = run_core(case, dfinal=(None, None))
    want = {"y": y, "dx": x.grad}
    want = {name: part.detach().numpy().swapaxes(0, 1) for name, part in want.items()}
    weights = keras_weights(case, got)
    for weight, variable in zip(weights, layer.trainable_variables, strict=True):
        got[variable.path] = weight
        want[variable.path] = variable.value.grad.numpy()
    for name, value in want.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-4, atol=2e-5, err_msg=name)
