# SPDX-License-Identifier: Apache-2.0
"""Python's operators on tensors, eager and symbolic: values, dtypes, gradients, files."""

import copy
import operator

import numpy as np
import pytest

import fastrnn
from fastrnn import layers, models
from fastrnn.graph.tape import Tape, Tensor, calling
from gradient_check import central_differences
from keras_oracle import keras_or_skip
from tolerances import FINITE_DIFFERENCES, RELATIVE, relative_error

N, T, F = 4, 5, 3

BINARY = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "truediv": operator.truediv,
    "pow": operator.pow, "floordiv": operator.floordiv, "mod": operator.mod,
    "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
    "eq": operator.eq, "ne": operator.ne,
}
LOGIC = {"and": operator.and_, "or": operator.or_, "xor": operator.xor}
UNARY = {"neg": operator.neg, "abs": abs, "round":
         lambda x: round(x) if isinstance(x, Tensor) else np.round(x), "pos": operator.pos}


def positive(rng, *shape):
    """Numbers that are no integers and have logarithms."""
    return rng.uniform(0.3, 2.7, shape)


def gradients(expression, arrays, constants=()):
    """Return the value of an expression, dy, and the gradients of `arrays` from the tape."""
    tensors = [Tensor(a, tracked=True) for a in arrays]
    tape = Tape()
    with calling(tape, True):
        y = expression(*tensors, *constants)
    y.gradient = dy = np.random.default_rng(7).standard_normal(y.shape)
    tape.backward()
    return y.array, dy, [t.gradient for t in tensors]


def assert_gradients(expression, arrays, constants=()):
    """Compare values with NumPy's and gradients with central differences."""
    y, dy, found = gradients(expression, arrays, constants)
    assert relative_error(y, expression(*arrays, *constants)) < RELATIVE["float64"]
    for array, gradient in zip(arrays, found, strict=True):
        want = central_differences(lambda: np.sum(expression(*arrays, *constants) * dy), array)
        got = np.zeros_like(array) if gradient is None else gradient
        assert relative_error(got, want) < FINITE_DIFFERENCES


# -- gradients -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow", "mod", "floordiv"])
@pytest.mark.parametrize("shapes", [((N, T, F), (N, T, F)), ((N, T, F), (N, 1, F)),
                                    ((N, T, 1), (N, 1, F)), ((N, T, F), (1, T, 1))], ids=str)
def test_gradients_of_two_tensors(name, shapes, rng):
    assert_gradients(BINARY[name], [positive(rng, *shape) for shape in shapes])


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow", "mod", "floordiv"])
@pytest.mark.parametrize("shape", [(), (F,), (T, 1), (1, T, F)], ids=str)
def test_gradients_beside_a_constant_on_either_side(name, shape, rng):
    x, constant = positive(rng, N, T, F), positive(rng, *shape)
    assert_gradients(lambda x: BINARY[name](x, constant), [x])
    assert_gradients(lambda x: BINARY[name](constant, x), [x])


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, -1, -2, 0.5, 2.0])
def test_gradients_of_powers(exponent, rng):
    assert_gradients(lambda x: x ** exponent, [positive(rng, N, F)])
    if exponent == int(exponent):
        assert_gradients(lambda x: x ** float(exponent), [-positive(rng, N, F)])


def test_powers_of_zero_have_the_gradients_of_torch():
    torch = pytest.importorskip("torch")
    base, exponent = np.array([0.0, 0, 0, 2, 0]), np.array([0.0, 1, 2, 0, 3])
    _, dy, ours = gradients(operator.pow, [base, exponent])
    theirs = [torch.tensor(a, requires_grad=True) for a in (base, exponent)]
    (theirs[0] ** theirs[1]).backward(torch.tensor(dy))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b.grad.numpy())


@pytest.mark.parametrize("name", UNARY)
def test_gradients_of_one_operand(name, rng):
    assert_gradients(UNARY[name], [rng.standard_normal((N, T, F)) * 3])


@pytest.mark.parametrize(("a", "b"), [
    ((N, T, F), (N, F, 2)), ((N, 2, T, F), (N, 2, F, 3)), ((N, 1, T, F), (N, 2, F, 3)),
], ids=str)
def test_gradients_of_products(a, b, rng):
    assert_gradients(operator.matmul, [rng.standard_normal(a), rng.standard_normal(b)])


@pytest.mark.parametrize(("first", "x", "last"), [
    (None, (N, F), (F, 2)), (None, (N, T, F), (F, 2)), (None, (N, T, F), (F,)),
    (None, (N, F), (F,)),
    (None, (N, T, F), (1, F, 2)), ((2, T), (N, T, F), None), ((T,), (N, T, F), None),
    ((1, 2, T), (N, T, F), None), (None, (N, 2, T, F), (2, F, 4)),
], ids=str)
def test_gradients_of_products_with_a_constant(first, x, last, rng):
    constant = rng.standard_normal(first or last)
    if first:
        assert_gradients(lambda x: constant @ x, [rng.standard_normal(x)])
    else:
        assert_gradients(lambda x: x @ constant, [rng.standard_normal(x)])


def test_a_product_of_many_rows_is_that_of_numpy(rng):
    x, w = rng.standard_normal((40, 50, 64)), rng.standard_normal((64, 96))
    y, dy, (dx,) = gradients(lambda x: x @ w, [x])
    assert relative_error(y, x @ w) < RELATIVE["float64"]
    assert relative_error(dx, dy @ w.T) < RELATIVE["float64"]
    _, dy, (da, db) = gradients(operator.matmul, [x, x.swapaxes(1, 2).copy()])
    assert relative_error(da, dy @ x) < RELATIVE["float64"]
    assert relative_error(db, x.swapaxes(1, 2) @ dy) < RELATIVE["float64"]


@pytest.mark.parametrize("key", [
    0, -1, slice(1, 3), (0, 1), None, (slice(None), [0, 2, 0]), [3, 3, 0], np.array([1, 1]),
    (slice(None), np.array([True, False, True, True, False])), (slice(None), [0, 1], [2, 2]),
    (Ellipsis, 0), (slice(None), slice(None, None, -2)), (0, slice(None), 1),
], ids=str)
def test_gradients_of_every_index_numpy_has(key, rng):
    assert_gradients(lambda x: x[key], [rng.standard_normal((N, T, F))])


def test_comparisons_choose_and_have_no_gradient(rng):
    x = rng.standard_normal((N, T, F))
    assert_gradients(lambda x: x * (x > 0) + 0.1 * x * (x <= 0), [x])
    assert_gradients(lambda x: x * ((x > 0) & ~(x > 1)) ** 1.0, [x])
    tape = Tape()
    with calling(tape, True):
        y = Tensor(x, tracked=True) > 0
    assert y.dtype == bool
    assert not y.tracked


def test_rows_are_unpacked(rng):
    def expression(x):
        a, b, *_ = x
        return a * b

    assert_gradients(expression, [rng.standard_normal((N, T))])


# -- eager ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*BINARY, *LOGIC])
def test_values_are_those_of_numpy_on_both_sides(name, rng):
    function = (BINARY | LOGIC)[name]
    a, b = positive(rng, N, F) * 3, positive(rng, N, F) * 3
    if name in LOGIC:
        a, b = a > 4, b > 4
    want = function(a, b)
    for x, y in ((Tensor(a), Tensor(b)), (Tensor(a), b), (a, Tensor(b)), (Tensor(a), b.tolist())):
        got = function(x, y)
        assert type(got) is Tensor
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got.array, want)


def test_tensors_are_true_or_false_and_numbers_where_they_are_one():
    one = Tensor(np.array([3]))
    assert one == 3
    assert (int(one), float(one), len(one), bool(one)) == (3, 3.0, 1, True)
    with pytest.raises(ValueError, match="ambiguous"):
        bool(Tensor(np.arange(3)))
    with pytest.raises(TypeError, match=r"len\(\) of a tensor with no axes"):
        len(Tensor(np.array(1.0)))


def test_tensors_and_weights_are_found_in_sets_and_lists(rng):
    a, b = Tensor(rng.standard_normal(3)), Tensor(rng.standard_normal(3))
    dense = layers.Dense(2)
    dense.build((None, 3))
    assert len({a, b, a, dense.kernel, dense.bias, dense.kernel}) == 4
    assert (a == None) is False  # noqa: E711
    assert (a != None) is True  # noqa: E711
    x, y, z = layers.Input((3,)), layers.Input((3,)), layers.Input((4,))
    assert x in [y, x]
    assert x in [z, x]
    assert x not in [y, z]
    assert [y, z, x].index(x) == 2


def test_weights_are_computed_with_like_arrays(rng):
    dense = layers.Dense(2)
    dense.build((None, 3))
    w = dense.kernel.numpy()
    np.testing.assert_array_equal(dense.kernel ** 2, w ** 2)
    np.testing.assert_array_equal(1 - dense.kernel, 1 - w)
    np.testing.assert_array_equal(np.ones((4, 3), "f") @ dense.kernel,
                                  np.ones((4, 3), "f") @ w)
    np.testing.assert_array_equal(dense.kernel[0], w[0])
    assert np.sum(dense.kernel ** 2) == np.sum(w ** 2)
    assert len(dense.kernel) == 3


class Tied(fastrnn.Model):
    """Reads a weight a second time, transposed by the product."""

    def __init__(self):
        super().__init__()
        self.embedding = layers.Embedding(7, F)
        self.rnn = layers.GRU(7)
        self.out = layers.Dense(F)

    def call(self, x):
        return self.out(self.rnn(self.embedding(x)) @ self.embedding.embeddings) + self.out.bias


def test_a_weight_that_an_operator_reads_is_trained(rng):
    fastrnn.utils.set_random_seed(1)
    model = Tied()
    x, y = rng.integers(0, 7, (N, T)), rng.standard_normal((N, F))
    model.predict(x)
    model.compile(fastrnn.optimizers.SGD(1.0), "mse")
    weights = [w.astype(np.float64) for w in model.get_weights()]
    model.set_weights(weights)
    index = next(k for k, v in enumerate(model.weights) if v is model.embedding.embeddings)
    model.train_on_batch(x, y)
    moved = weights[index] - model.get_weights()[index]
    numbers, step = np.zeros_like(moved), 1e-2
    for place in np.ndindex(moved.shape):
        for sign in (1, -1):
            changed = [w.copy() for w in weights]
            changed[index][place] += sign * step
            model.set_weights(changed)
            numbers[place] += sign * np.mean((model.predict(x) - y) ** 2) / (2 * step)
    np.testing.assert_allclose(moved, numbers, rtol=2e-2, atol=2e-3)


# -- symbolic ------------------------------------------------------------------------------------

EXPRESSIONS = {
    "power": lambda x, i: x ** 2, "power_of": lambda x, i: 2 ** x, "minus": lambda x, i: -x,
    "one_minus": lambda x, i: 1 - x, "floor": lambda x, i: x // 0.5, "mod": lambda x, i: x % 0.7,
    "absolute": lambda x, i: abs(x), "round": lambda x, i: round(x), "less": lambda x, i: x < 0.3,
    "both": lambda x, i: (x > -1) & (x <= 0.5), "either": lambda x, i: (x > 1) | (x < -1),
    "not": lambda x, i: ~(x > 0), "unlike": lambda x, i: i != 2, "one_of": lambda x, i:
    (x > 0) ^ (x < 1), "masked": lambda x, i: x * (x > 0), "array": lambda x, i:
    x + np.arange(3, dtype="f"), "product": lambda x, i: x @ np.arange(12, dtype="f").reshape(3, 4),
    "integers": lambda x, i: i * 2 + 1, "integers_power": lambda x, i: i ** 2,
    "integers_mod": lambda x, i: i % 2, "integers_floor": lambda x, i: i // 2,
    "integers_over": lambda x, i: i / 2, "integers_and_float": lambda x, i: i + 0.5,
    "integers_and_true": lambda x, i: i + True, "integers_negative": lambda x, i: -i,
    "truth_times": lambda x, i: (i > 2) * 3, "truth_sum": lambda x, i: (i > 2) + (i < 1),
    "truth_times_float": lambda x, i: (i > 2) * 0.5, "mixed": lambda x, i: x[:, :, 0] * i,
    "compared": lambda x, i: x[:, :, 0] >= i, "truth_minus": lambda x, i: 1 - (i > 2),
    "index": lambda x, i: x[:, 1:, ::2], "index_new": lambda x, i: x[..., None, 1],
    "one_row": lambda x, i: x[:, -1] ** np.ones(3, "f"),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_values_and_dtypes_are_those_of_keras(name, rng):
    keras = keras_or_skip()
    data = [rng.standard_normal((N, T, F)).astype(np.float32),
            rng.integers(0, 5, (N, T)).astype(np.int32)]
    results = []
    for k in (keras, fastrnn):
        inputs = k.layers.Input((T, F)), k.layers.Input((T,), dtype="int32")
        made = EXPRESSIONS[name](*inputs)
        y = k.Model(list(inputs), made).predict(data, verbose=0)
        assert str(made.dtype) == y.dtype
        results.append(y)
        assert tuple(made.shape[1:]) == y.shape[1:]
    theirs, ours = results
    assert ours.dtype == theirs.dtype
    assert relative_error(ours, theirs) < RELATIVE["float32"]


def everything(x, i):
    """A graph with every operator in it."""
    return {name: made(x, i) for name, made in EXPRESSIONS.items()} | {
        "equal": i == 2, "equal_two": x == x ** 1}


def graph_of_everything():
    inputs = layers.Input((T, F)), layers.Input((T,), dtype="int32")
    return models.Model(list(inputs), everything(*inputs))


@pytest.mark.parametrize("how", ["file", "json", "config", "deepcopy"])
def test_graphs_of_operators_are_saved(how, rng, tmp_path):
    model = graph_of_everything()
    data = [rng.standard_normal((N, T, F)).astype(np.float32), rng.integers(0, 5, (N, T))]
    if how == "file":
        model.save(tmp_path / "model")
        again = models.load_model(tmp_path / "model")
    elif how == "json":
        again = models.model_from_json(model.to_json())
    else:
        again = models.clone_model(model) if how == "config" else copy.deepcopy(model)
    want = model.predict(data)
    got = again.predict(data)
    assert got.keys() == want.keys()
    for name, value in want.items():
        assert got[name].dtype == value.dtype, name
        np.testing.assert_array_equal(got[name], value, err_msg=name)


def test_a_graph_and_a_call_give_the_same(rng):
    class Same(fastrnn.Model):
        def call(self, inputs):
            return everything(*inputs)

    data = [rng.standard_normal((N, T, F)).astype(np.float32),
            rng.integers(0, 5, (N, T)).astype(np.int32)]
    want, got = graph_of_everything().predict(data), Same().predict(data)
    for name, value in want.items():
        assert got[name].dtype == value.dtype, name
        np.testing.assert_array_equal(got[name], value, err_msg=name)


def x_of(*shape):
    return layers.Input(batch_shape=(None, *shape))


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda: bool(x_of(3)), TypeError, "neither true nor false"),
    (lambda: bool(x_of(3) > 0), TypeError, "neither true nor false"),
    (lambda: len(x_of(3)), TypeError, r"the batch, of any size: its shape is \(None, 3\)"),
    (lambda: list(x_of(3)), TypeError, "cannot be iterated over"),
    (lambda: x_of(4, 3) @ x_of(4, 2), ValueError, "do not fit"),
    (lambda: x_of(3) @ layers.Input(batch_shape=(3, 2)), ValueError, "leave the batch axis"),
    (lambda: np.ones((2, 4)) @ x_of(3), ValueError, "leave the batch axis"),
    (lambda: x_of(5, 3) @ np.ones((4, 2)), ValueError, r"\(None, 5, 3\) @ \(4, 2\) do not fit"),
    (lambda: x_of(3) @ 2, ValueError, "must be an array, got one number"),
    (lambda: x_of(3) ** None, TypeError, "got None"),
    (lambda: x_of(3) < "a", TypeError, "an array of numbers"),
    (lambda: x_of(3) ** Tensor(np.ones((1, 3))), TypeError, "symbolic tensor and a value"),
    (lambda: np.exp(x_of(3)), TypeError, "a symbolic tensor has no values"),
    (lambda: Tensor(np.ones((2, 3))) @ Tensor(np.ones((2, 3))), ValueError, "do not fit"),
    (lambda: Tensor(np.ones((2, 3))) < Tensor(np.ones((2, 4))), ValueError, "do not fit"),
])
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_len_of_a_symbolic_tensor_with_a_batch():
    assert len(layers.Input(batch_shape=(6, 3))) == 6
