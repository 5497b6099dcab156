# SPDX-License-Identifier: Apache-2.0
"""SimpleRNN, LSTM and GRU with Keras' arguments."""

from typing import Any

import numpy as np

from ... import activations
from ..._common import checks
from ..base import Named
from .base import Recurrent


class SimpleRNN(Recurrent):
    """h = act(x W + h' U + b) (Elman, 1990), with Keras' arguments.

    Parameters
    ----------
    units, activation, use_bias, ...
        As for `LSTM`; there is no recurrent_activation.

    Attributes
    ----------
    kernel : Variable (I, H)
        W.
    recurrent_kernel : Variable (H, H)
        U.
    bias : Variable (H,) or None
        b.
    """

    kind = "rnn"


class _Gated(Recurrent):
    """What LSTM and GRU share: gates, and so a second activation."""

    arguments: tuple[str, ...] = ("recurrent_activation", *Recurrent.arguments)

    def __init__(self, units: int, activation: Named | None = "tanh",
                 recurrent_activation: Named | None = "sigmoid", use_bias: bool = True,
                 kernel_initializer: Named = "glorot_uniform",
                 recurrent_initializer: Named = "orthogonal", bias_initializer: Named = "zeros",
                 **options: Any) -> None:
        super().__init__(units, activation, use_bias, kernel_initializer, recurrent_initializer,
                         bias_initializer, **options)
        self.recurrent_activation = activations.get(recurrent_activation)


class LSTM(_Gated):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997), with Keras' arguments::

        i = rec(x W_i + h' U_i + b_i)       f, o likewise
        c = f c' + i act(x W_c + h' U_c + b_c)
        h = o act(c)

    Inputs are (N, T, I); outputs (N, H), or (N, T, H) with `return_sequences`; with
    `return_state` a list of the output, h and c, each (N, H). Steps that a mask leaves out keep
    the state and repeat the last output.

    Parameters
    ----------
    units : int
        H.
    activation, recurrent_activation : str, Activation, or layer of an activation
        act and rec: any of `fastrnn.activations`, or an Activation of your own with forward and
        backward; None is linear. With tanh and sigmoid the fused kernels run. relu, relu6, linear,
        hard_sigmoid, elu, selu, softplus, softsign and exponential have kernels of their own, which
        are slower; with any other, and with options such as ``ReLU(max_value=1)``, the steps run
        in Python, several times slower still.
    use_bias : bool
    kernel_initializer, recurrent_initializer, bias_initializer
        Names or objects of `fastrnn.initializers`.
    unit_forget_bias : bool
        Whether b_f begins as ones.
    kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer
        Names or objects of `fastrnn.regularizers`.
    kernel_constraint, recurrent_constraint, bias_constraint
        Names or objects of `fastrnn.constraints`.
    dropout, recurrent_dropout : float
        Shares of x and of h' that training sets to zero; one draw serves a whole sequence, for
        h' one for each gate. (Keras draws one for each gate for x too where both are given; here
        the gates share it.)
    seed : int, optional
        Of the dropout.
    return_sequences, return_state, go_backwards : bool
        With go_backwards, sequences are read from their end, and outputs are in that order.
    stateful : bool
        Whether a batch begins with the states the last one left; needs a fixed batch size.
    unroll, use_cudnn, implementation
        Accepted; they change nothing here.
    zero_output_for_mask : bool
        Whether outputs of masked steps are zeros.

    Attributes
    ----------
    kernel : Variable (I, 4H)
        W, the gates in the order i f c o.
    recurrent_kernel : Variable (H, 4H)
        U.
    bias : Variable (4H,) or None
        b.

    Raises
    ------
    TypeError, ValueError
        For an argument of the wrong kind or out of its range; when called, for inputs that are
        not (N, T, I), and states or masks that do not fit them.
    """

    arguments = ("unit_forget_bias", *_Gated.arguments)
    kind = "lstm"

    def __init__(self, units: int, *arguments: Any, unit_forget_bias: bool = True,
                 **options: Any) -> None:
        super().__init__(units, *arguments, **options)
        self.unit_forget_bias = checks.flag("unit_forget_bias", unit_forget_bias)

    def _bias_values(self, shape, dtype):
        if not self.unit_forget_bias:
            return self.bias_initializer(shape, dtype)
        H = self.units
        return np.concatenate([
            self.bias_initializer((H,), dtype), np.ones(H, dtype),
            self.bias_initializer((2 * H,), dtype),
        ])


class GRU(_Gated):
    """Gated recurrent unit (Cho et al., 2014), with Keras' arguments::

        z = rec(x W_z + h' U_z + b_z)       r likewise
        n = act(x W_h + b_h + r (h' U_h + b_rh))        reset_after=True, as cuDNN and torch
        n = act(x W_h + b_h + (r h') U_h)               reset_after=False, as the paper
        h = z h' + (1 - z) n

    Parameters
    ----------
    units, activation, recurrent_activation, use_bias, ...
        As for `LSTM`, but for unit_forget_bias.
    reset_after : bool
        Where the reset gate acts.

    Attributes
    ----------
    kernel : Variable (I, 3H)
        W, the gates in the order z r h.
    recurrent_kernel : Variable (H, 3H)
        U.
    bias : Variable (2, 3H), (3H,) without reset_after, or None
        Of the input and of the recurrent side.
    """

    arguments = ("reset_after", *_Gated.arguments)
    kind = "gru"
    gate_order = (1, 0, 2)

    def __init__(self, units: int, *arguments: Any, reset_after: bool = True,
                 **options: Any) -> None:
        super().__init__(units, *arguments, **options)
        self.reset_after = checks.flag("reset_after", reset_after)

    def _bias_shape(self):
        columns = 3 * self.units
        return (2, columns) if self.reset_after else (columns,)

    def _biases(self, array):
        if array is None or not self.reset_after:
            return array, None
        return array[0], array[1]
