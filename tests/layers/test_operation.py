# SPDX-License-Identifier: Apache-2.0
"""Operations: calls with a gradient and no weights, which layers build upon."""

import numpy as np
import pytest

import fastrnn
from fastrnn import layers, models
from fastrnn.graph.expressions import operate
from fastrnn.graph.operation import Operation
from fastrnn.graph.tape import Tape, Tensor, calling
from gradient_check import central_differences
from tolerances import FINITE_DIFFERENCES, relative_error


class Sine(Operation):
    def forward(self, inputs, mask, training, keep):
        return np.sin(inputs), mask, inputs

    def backward(self, inputs, doutputs):
        return doutputs * np.cos(inputs)


class Listed(Operation):
    """Takes and gives lists, whatever their length."""

    takes_list = True

    def compute_output_shape(self, input_shape):
        return list(input_shape)

    def forward(self, inputs, mask, training, keep):
        assert type(inputs) is list
        return [2 * x for x in inputs], mask, None

    def backward(self, kept, doutputs):
        assert type(doutputs) is list
        return [None if dy is None else 2 * dy for dy in doutputs]


def gradient(function, arrays, wanted):
    """Return the values that `function` gives for tensors, and the gradients of `arrays` where
    those of the values are `wanted`."""
    tensors = [Tensor(array, tracked=True) for array in arrays]
    tape = Tape()
    with calling(tape, True):
        made = function(tensors)
    for tensor, dy in zip(made, wanted, strict=True):
        tensor.gradient = dy
    tape.backward()
    return [tensor.array for tensor in made], [tensor.gradient for tensor in tensors]


def test_an_operation_is_two_functions(rng):
    x, dy = rng.standard_normal((2, 3, 4))
    (y,), (dx,) = gradient(lambda x: [operate(Sine, x)], [x], [dy])
    np.testing.assert_array_equal(y, np.sin(x))
    assert relative_error(dx, central_differences(lambda: np.sum(np.sin(x) * dy), x)) < (
        FINITE_DIFFERENCES)


def test_an_operation_is_part_of_a_model(rng, tmp_path):
    x = layers.Input((4,))
    model = models.Model(x, layers.Dense(1)(operate(Sine, [layers.Dense(3)(x)])))
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["InputLayer", "Dense", "Sine", "Dense"]
    sine = model.layers[2]
    assert (sine.weights, sine.count_params(), sine.losses) == ([], 0, [])
    assert (sine.built, sine.trainable) == (True, True)
    assert (sine.input_shape, sine.output_shape) == ((None, 3), (None, 3))
    assert sine.get_config() == {"name": sine.name, "trainable": True, "dtype": "float32"}

    data = rng.standard_normal((8, 4), dtype=np.float32)
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.train_on_batch(data, data[:, :1])
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))

    model.save(tmp_path / "model")
    again = models.load_model(tmp_path / "model", custom_objects={"Sine": Sine})
    np.testing.assert_array_equal(again(data).numpy(), model(data).numpy())
    with pytest.raises(ValueError, match="Sine"):
        models.load_model(tmp_path / "model")


def test_operations_stand_where_layers_do(rng):
    data = rng.standard_normal((2, 5, 3), dtype=np.float32)
    model = models.Sequential([Sine(input_shape=(5, 3)), layers.TimeDistributed(Sine())])
    np.testing.assert_allclose(model(data).numpy(), np.sin(np.sin(data)), rtol=1e-6)

    class Own(fastrnn.Model):
        def __init__(self):
            super().__init__()
            self.sine = Sine()

        def call(self, inputs):
            return self.sine(inputs)

    own = Own()
    np.testing.assert_array_equal(own(data).numpy(), np.sin(data))
    assert own.layers == [own.sine]


def test_layers_are_operations():
    assert issubclass(layers.Layer, Operation)
    assert not issubclass(layers.Arithmetic, layers.Layer)
    for name in ("Arithmetic", "MatMul", "GetItem"):
        assert issubclass(getattr(layers, name), Operation)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_lists_stay_lists(rng, count):
    arrays = list(rng.standard_normal((count, 2, 3)))
    wanted = list(rng.standard_normal((count, 2, 3)))
    wanted[1:2] = [None] * len(wanted[1:2])
    values, found = gradient(Listed(dtype="float64"), arrays, wanted)
    for x, y, dy, dx in zip(arrays, values, wanted, found, strict=True):
        np.testing.assert_array_equal(y, 2 * x)
        assert dx is None if dy is None else (dx == 2 * dy).all()
    symbols = [layers.Input((3,)) for _ in range(count)]
    made = Listed()(symbols)
    assert [tensor.shape for tensor in made] == [(None, 3)] * count
    node = made[0].node
    assert (node.inputs, node.outputs) == (tuple(symbols), tuple(made))
    assert (node.given(), node.made()) == (symbols, made)


def test_a_name_that_is_none_of_the_arguments_is_refused():
    with pytest.raises(TypeError, match="Sine has no argument units"):
        Sine(units=3)
    with pytest.raises(TypeError, match="takes one array or tensor, got a list of 2"):
        Sine()([np.zeros((2, 2)), np.zeros((2, 2))])
