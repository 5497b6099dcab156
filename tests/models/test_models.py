# SPDX-License-Identifier: Apache-2.0
"""Models: how they are put together, trained, described and saved."""

import copy
import pickle
import threading
from typing import NamedTuple

import numpy as np
import pytest

import fastrnn
from fastrnn import layers, models, tape
from fastrnn.io import FileFormatError

RNG = np.random.default_rng(0)


def sequences(rows=12, steps=5, features=3):
    return RNG.standard_normal((rows, steps, features), np.float32)


def targets(rows=12, columns=2):
    return RNG.standard_normal((rows, columns), np.float32)


def small(units=4, columns=2, **options):
    return models.Sequential([
        layers.Input((5, 3)), layers.LSTM(units, return_sequences=True, **options),
        layers.GRU(units), layers.Dense(columns),
    ])


class States(models.Model):
    """Outputs and states, as in the tutorials."""

    def __init__(self, units=4, columns=3, **options):
        super().__init__(**options)
        self.units, self.columns = units, columns
        self.lstm = layers.LSTM(units, return_sequences=True, return_state=True)
        self.dense = layers.Dense(columns, activation="softmax")

    def call(self, inputs, states=None):
        x, h, c = self.lstm(inputs, initial_state=states)
        return self.dense(x), [h, c]

    def get_config(self):
        return {**super().get_config(), "units": self.units, "columns": self.columns}


# -- putting together ----------------------------------------------------------------------------


def test_a_sequential_is_built_by_its_first_shape():
    model = models.Sequential([layers.LSTM(4, input_shape=(5, 3)), layers.Dense(2)])
    assert model.built
    assert model.output_shape == (None, 2)
    assert model.count_params() == 4 * 4 * (3 + 4 + 1) + 4 * 2 + 2


def test_a_sequential_without_a_shape_is_built_by_data():
    model = models.Sequential([layers.LSTM(4), layers.Dense(2)])
    assert not model.built
    assert model.predict(sequences()).shape == (12, 2)
    assert [w.shape for w in model.get_weights()] == [(3, 16), (4, 16), (16,), (4, 2), (2,)]


def test_layers_that_do_not_follow_leave_the_model_as_it_was():
    model = models.Sequential([layers.LSTM(4, input_shape=(5, 3))])
    with pytest.raises(ValueError, match="3-D"):
        model.add(layers.LSTM(4))
    assert len(model.layers) == 1
    with pytest.raises(ValueError, match="named"):
        model.add(layers.Dense(2, name=model.layers[0].name))
    with pytest.raises(TypeError, match="layers, got int"):
        model.add(3)
    model.add(layers.Dense(2))
    assert model.predict(sequences()).shape == (12, 2)
    assert isinstance(model.pop(), layers.Dense)
    assert model.output_shape == (None, 4)


def test_a_graph_that_lacks_an_input_is_named():
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    both = layers.Add()([a, b])
    with pytest.raises(ValueError, match="'b'"):
        models.Model(a, both)


def test_a_shared_layer_has_the_gradients_of_all_its_calls():
    dense = layers.Dense(3, use_bias=False)
    x = layers.Input((3,))
    model = models.Model(x, dense(dense(x)))
    data = RNG.standard_normal((4, 3), np.float32)
    call = model.run(data, True, keep=True)
    dy = RNG.standard_normal((4, 3), np.float32)
    call.backward([dy])
    w = dense.kernel.numpy()
    expected = (data @ w).T @ dy + data.T @ (dy @ w.T)
    np.testing.assert_allclose(dense.kernel.form.show(dense.kernel.gradient), expected,
                               rtol=1e-5, atol=1e-5)
    assert len(model.weights) == 1


def test_inputs_and_targets_by_name():
    a, b = layers.Input((5, 3), name="a"), layers.Input((2,), name="b")
    joined = layers.Concatenate()([layers.GRU(4)(a), b])
    outputs = {"p": layers.Dense(1, name="first")(joined), "q": layers.Dense(2)(joined)}
    model = models.Model({"a": a, "b": b}, outputs)
    model.compile("sgd", {"p": "mse", "q": "mae"}, loss_weights={"p": 2.0, "q": 0.5},
                  metrics={"q": ["mse"]})
    data = {"b": RNG.standard_normal((12, 2), np.float32), "a": sequences()}
    history = model.fit(data, {"q": targets(), "p": targets(columns=1)}, verbose=0).history
    assert {"loss", "p_loss", "q_loss", "q_mse"} == set(history)
    assert history["loss"][0] == pytest.approx(
        2 * history["p_loss"][0] + 0.5 * history["q_loss"][0], rel=1e-5)
    assert {key: value.shape for key, value in model.predict(data).items()} == {
        "p": (12, 1), "q": (12, 2)}
    with pytest.raises(ValueError, match="missing: b"):
        model.predict({"a": data["a"]})


def test_a_nested_model_trains_its_layers():
    inner = models.Sequential([layers.Input((5, 3)), layers.GRU(4)])
    x = layers.Input((5, 3))
    model = models.Model(x, layers.Dense(1)(inner(x)))
    model.compile("adam", "mse")
    before = [w.copy() for w in inner.get_weights()]
    model.fit(sequences(), targets(columns=1), verbose=0)
    assert all((a != b).any() for a, b in zip(before, inner.get_weights(), strict=True))
    assert len(model.weights) == 5


def test_frozen_layers_keep_their_weights():
    model = small()
    model.layers[0].trainable = False
    model.compile("adam", "mse")
    before = model.get_weights()
    model.fit(sequences(), targets(), verbose=0)
    after = model.get_weights()
    assert all((a == b).all() for a, b in zip(before[:3], after[:3], strict=True))
    assert (before[3] != after[3]).any()


# -- subclassed ----------------------------------------------------------------------------------


def test_a_subclassed_model_gives_outputs_and_states():
    model = States()
    y, (h, c) = model.predict(sequences())
    assert y.shape == (12, 5, 3)
    assert h.shape == c.shape == (12, 4)
    later, _ = model(sequences(), states=[h, c])
    assert later.shape == (12, 5, 3)
    assert [layer.name for layer in model.layers] == [model.lstm.name, model.dense.name]


def test_a_subclassed_model_takes_training_and_operators():
    class Residual(models.Model):
        def __init__(self):
            super().__init__()
            self.rnn = layers.SimpleRNN(3, return_sequences=True)
            self.drop = layers.Dropout(0.5, seed=1)

        def call(self, inputs, training=False):
            seen.append(training)
            return (inputs + 0.5 * self.drop(self.rnn(inputs)))[:, -1]

    seen = []
    model = Residual()
    x, y = sequences(), targets(columns=3)
    model.compile("sgd", "mse")
    before = model.evaluate(x, y)
    model.fit(x, y, epochs=30, verbose=0)
    assert model.evaluate(x, y) < before
    assert set(seen) == {True, False}


def test_numpy_inside_a_call_is_refused_while_gradients_are_recorded():
    class Wrong(models.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, inputs):
            return layers.Dense(1)(np.exp(np.asarray(self.dense(inputs))))

    model = Wrong()
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match="stop them silently"):
        model.fit(targets(), targets(columns=1), verbose=0)


def test_layers_in_lists_and_dicts_are_found_whenever_they_are_put_there():
    class Stack(models.Model):
        def __init__(self):
            super().__init__()
            self.rnns, self.heads = [], {}
            for _ in range(2):
                self.rnns.append(layers.GRU(3, return_sequences=True))
            self.heads["out"] = layers.Dense(1)

        def call(self, inputs):
            for rnn in self.rnns:
                inputs = rnn(inputs)
            return self.heads["out"](inputs[:, -1])

    model = Stack()
    model.compile("sgd", "mse")
    model.fit(sequences(), targets(columns=1), verbose=0)
    assert len(model.layers) == 3
    assert len(model.trainable_weights) == 3 + 3 + 2


def test_steps_of_ones_own_are_refused_rather_than_ignored():
    class Own(models.Model):
        def train_step(self, data):
            raise AssertionError("never called")

    model = Own()
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match=r"Own\.train_step"):
        model.fit(sequences(), targets(), verbose=0)
    with pytest.raises(TypeError, match=r"subclass of fastrnn\.Model"):
        type("Block", (layers.Layer,), {"call": lambda self, x: x})


class Dropped(models.Model):
    """A model whose call has a mode of its own by default."""

    def __init__(self, **options):
        super().__init__(**options)
        self.drop = layers.Dropout(0.5, seed=1)

    def call(self, inputs, training=False):
        return self.drop(inputs, training=training)


def test_a_subclassed_model_inside_a_graph_trains_and_predicts_in_its_mode():
    x = layers.Input((5, 3))
    model = models.Model(x, Dropped()(x))
    data = sequences()
    np.testing.assert_array_equal(model.predict(data), data)
    assert (model(data, training=True).numpy() == 0).any()


def test_a_subclassed_model_inside_a_graph_gives_its_structure():
    x = layers.Input((5, 3))
    y, (h, c) = States()(x)
    assert (y.shape, h.shape, c.shape) == ((None, 5, 3), (None, 4), (None, 4))
    model = models.Model(x, [y, h])
    assert [out.shape for out in model.predict(sequences())] == [(12, 5, 3), (12, 4)]


def test_time_distributed_takes_a_subclassed_model():
    class Summary(models.Model):
        def __init__(self):
            super().__init__()
            self.rnn = layers.GRU(2)

        def call(self, inputs):
            return self.rnn(inputs)

    model = models.Sequential([
        layers.Input((4, 5, 3)), layers.TimeDistributed(Summary()), layers.GRU(2),
    ])
    model.compile("sgd", "mse")
    x = RNG.standard_normal((6, 4, 5, 3), np.float32)
    before = model.get_weights()
    model.fit(x, targets(6), verbose=0)
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


def test_layers_know_what_they_were_called_on():
    model = small()
    features = models.Model(model.input, model.layers[0].output)
    np.testing.assert_array_equal(features.predict(sequences()[:2]).shape, (2, 5, 4))
    assert model.layers[1].input_shape == (None, 5, 4)
    with pytest.raises(AttributeError, match="not called"):
        _ = layers.Dense(2).output


def test_models_that_refer_to_each_other_are_walked_once():
    class Child(models.Model):
        def __init__(self, parent):
            super().__init__()
            self.parent, self.me = parent, [self]
            self.dense = layers.Dense(1)
            self.words = {str(k): k for k in range(10_000)}

        def call(self, inputs):
            return self.dense(inputs)

    class Parent(models.Model):
        def __init__(self):
            super().__init__()
            self.child = Child(self)

        def call(self, inputs):
            return self.child(inputs)

    model = Parent()
    model.compile("sgd", "mse")
    model.fit(targets(), targets(columns=1), verbose=0)
    assert len(model.trainable_weights) == len(model.get_weights()) == 2
    model.trainable = False
    assert model.trainable_weights == []


def test_names_of_layers_must_differ_in_a_graph():
    x = layers.Input((3,))
    y = layers.Dense(2, name="a")(layers.Dense(2, name="a")(x))
    with pytest.raises(ValueError, match="more than one is named a"):
        models.Model(x, y)


def test_layers_are_found_by_name_and_place():
    model = small()
    assert model.get_layer(index=1) is model.layers[1]
    assert model.get_layer(model.layers[2].name) is model.layers[2]
    with pytest.raises(ValueError, match="no layer is named 'x'"):
        model.get_layer("x")
    assert model.layers[0].state_size == [4, 4]
    assert [s.shape for s in model.layers[0].get_initial_state(3)] == [(3, 4), (3, 4)]


def test_a_call_may_return_a_named_tuple():
    class Out(NamedTuple):
        y: object
        h: object

    class Named(models.Model):
        def __init__(self):
            super().__init__()
            self.rnn = layers.GRU(4, return_state=True)

        def call(self, inputs):
            return Out(*self.rnn(inputs))

    out = Named().predict(sequences())
    assert type(out) is Out
    np.testing.assert_array_equal(out.y, out.h)


def test_a_model_without_weights_says_so():
    model = models.Sequential([layers.Input((2,)), layers.Activation("tanh")])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="no weights to train"):
        model.fit(targets(), targets(), verbose=0)


def test_a_long_sequential_is_put_together_quickly():
    model = models.Sequential([layers.Input((2,))])
    for _ in range(400):
        model.add(layers.Activation("linear"))
    assert len(model.layers) == 400
    np.testing.assert_array_equal(model.predict(np.eye(2, dtype=np.float32)), np.eye(2))


def test_one_tensor_in_a_list_is_the_tensor():
    x = layers.Input((3,))
    model = models.Model([x], [layers.Dense(2)(x)])
    assert model.predict(targets(columns=3)).shape == (12, 2)


# -- training ------------------------------------------------------------------------------------


def test_a_seed_repeats_a_run_bit_for_bit():
    x, y = sequences(40), targets(40)

    def run():
        fastrnn.utils.set_random_seed(3)
        model = small(dropout=0.2, recurrent_dropout=0.1)
        model.compile("adam", "mse")
        return model.fit(x, y, epochs=2, verbose=0).history["loss"], model.get_weights()

    (losses, weights), (again, others) = run(), run()
    assert losses == again
    assert all((a == b).all() for a, b in zip(weights, others, strict=True))


def test_targets_of_another_shape_are_an_error_that_names_both():
    model = models.Sequential([layers.LSTM(4, input_shape=(10, 1)), layers.Dense(1)])
    model.compile("adam", "mse")
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"\(100, 10, 1\).*\(100, 1\)"):
        model.fit(sequences(100, 10, 1), sequences(100, 10, 1), verbose=0)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_ids_into_a_recurrent_layer_name_embedding():
    model = models.Sequential([layers.SimpleRNN(4), layers.Dense(1)])
    model.compile("adam", "mse")
    with pytest.raises(ValueError, match="Embedding"):
        model.fit(RNG.integers(9, size=(12, 5)), targets(columns=1), verbose=0)


def test_a_missing_value_is_named_with_its_place():
    model, x = small(), sequences()
    model.compile("adam", "mse")
    x[7, 2, 1] = np.nan
    for use in (lambda: model.fit(x, targets(), verbose=0), lambda: model.predict(x[5:9]),
                lambda: model.predict(x, batch_size=2)):
        with pytest.raises(ValueError, match=r"NaN.*\((7|2), 2, 1\)"):
            use()


def test_masking_takes_missing_values_as_steps_that_do_not_count():
    x = sequences()
    x[:, 3] = np.nan
    masked = models.Sequential([layers.Input((5, 3)), layers.Masking(nan=True), layers.GRU(4)])
    plain = models.Sequential([layers.Input((4, 3)), layers.GRU(4)])
    plain.set_weights(masked.get_weights())
    np.testing.assert_array_equal(masked.predict(x), plain.predict(np.delete(x, 3, axis=1)))


def test_a_loss_that_is_no_number_stops_with_the_weights_before_it():
    model = small()
    model.compile("sgd", "mse")
    x, y = sequences(), targets()
    y[4] = np.nan
    before = model.get_weights()
    with pytest.raises(FloatingPointError, match=r"epoch 1, batch 1.*targets"):
        model.fit(x, y, verbose=0)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_terminate_on_nan_stops_instead():
    model = small()
    model.compile("sgd", "mse")
    y = targets()
    y[4] = np.nan
    history = model.fit(sequences(), y, epochs=3, verbose=0,
                        callbacks=[fastrnn.callbacks.TerminateOnNaN()])
    assert len(history.epoch) == 1


def test_fit_needs_a_compiled_model_with_a_loss():
    model = small()
    with pytest.raises(ValueError, match="compile"):
        model.fit(sequences(), targets(), verbose=0)
    model.compile("adam")
    with pytest.raises(ValueError, match="loss"):
        model.fit(sequences(), targets(), verbose=0)
    with pytest.raises(ValueError, match="no_such"):
        model.compile("adam", "no_such")


def test_evaluate_lists_metrics_as_they_were_given():
    model = small()
    model.compile("sgd", "mae", metrics=["mse", "mae"])
    x, y = sequences(), targets()
    named = model.evaluate(x, y, return_dict=True)
    assert model.evaluate(x, y) == [named["loss"], named["mse"], named["mae"]]


def test_a_generator_validates_on_the_same_batches_every_time():
    def endless():
        value = 0.0
        while True:
            value += 1
            yield sequences(4), np.full((4, 2), value, np.float32)

    model = small()
    model.compile(fastrnn.optimizers.SGD(0.0), "mse")
    history = model.fit(sequences(), targets(), epochs=3, validation_data=endless(),
                        validation_steps=2, verbose=0).history
    assert len(set(history["val_loss"])) == 1


def test_fit_needs_targets():
    model = small()
    model.compile("adam", "mse")
    with pytest.raises(ValueError, match="targets"):
        model.fit(sequences(), verbose=0)


def test_floatx_is_the_dtype_of_new_layers_and_models():
    fastrnn.backend.set_floatx("float64")
    try:
        model = small()
    finally:
        fastrnn.backend.set_floatx("float32")
    x = sequences().astype(np.float64)
    assert model.predict(x).dtype == np.float64
    model.compile("adam", "mse")
    model.fit(x, targets(), verbose=0)
    assert {w.dtype for w in model.get_weights()} == {np.dtype(np.float64)}
    assert small().predict(x).dtype == np.float32


def test_batches_come_from_generators_and_anything_iterable():
    x, y = sequences(24), targets(24)

    def endless():
        while True:
            for first in range(0, 24, 8):
                yield x[first:first + 8], y[first:first + 8]

    reference = small()
    start = reference.get_weights()
    reference.compile("sgd", "mse")
    expected = reference.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
    for source, steps in ((endless(), 3), ([(x[:8], y[:8])] * 0 or _Batches(x, y), None)):
        model = small()
        model.set_weights(start)
        model.compile("sgd", "mse")
        history = model.fit(source, epochs=2, steps_per_epoch=steps, verbose=0).history
        assert history == expected
    with pytest.raises(ValueError, match="y must not be given"):
        reference.fit(_Batches(x, y), y, verbose=0)


class _Batches:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return 3

    def __iter__(self):
        for first in range(0, 24, 8):
            yield self.x[first:first + 8], self.y[first:first + 8]


class Windows(fastrnn.utils.PyDataset):
    """Twelve batches, each of its own number."""

    def __init__(self):
        super().__init__()
        self.order, self.hooks = [], []

    def __len__(self):
        return 12

    def __getitem__(self, index):
        self.order.append(index)
        return sequences(2), targets(2)

    def on_epoch_begin(self):
        self.hooks.append("begin")

    def on_epoch_end(self):
        self.hooks.append("end")


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_data_set_is_read_in_another_order_in_each_epoch(shuffle):
    data, model = Windows(), small()
    model.compile("sgd", "mse")
    model.fit(data, epochs=2, shuffle=shuffle, verbose=0)
    first, second = data.order[:12], data.order[12:]
    assert sorted(first) == sorted(second) == list(range(12))
    assert (first == list(range(12))) is (first == second) is not shuffle
    assert data.hooks == ["begin", "end"] * 2


def test_batches_with_weights_need_no_class_weight():
    model = models.Sequential([layers.GRU(3), layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    batch = sequences(4), np.array([0, 1, 0, 1]), np.ones(4, np.float32)
    with pytest.raises(ValueError, match="class_weight"):
        model.fit(iter([batch]), class_weight={0: 2.0}, verbose=0)


def test_numbers_of_rows_must_agree():
    model = small()
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="x: 12, y: 11"):
        model.fit(sequences(12), targets(11), verbose=0)


def test_stateful_layers_carry_states_until_they_are_reset():
    model = models.Sequential([layers.GRU(4, stateful=True, batch_input_shape=(2, 5, 3))])
    x = sequences(2)
    first = model.predict(x)
    second = model.predict(x)
    assert (first != second).any()
    model.reset_states()
    np.testing.assert_array_equal(model.predict(x), first)
    with pytest.raises(ValueError, match="batches of 2 rows; got 3"):
        model.predict(sequences(3))


def test_any_number_of_threads_may_predict_at_once():
    model, x = small(16), sequences(8)
    expected = model.predict(x)
    wrong = []

    def use():
        for _ in range(50):
            if (model.predict(x) != expected).any():
                wrong.append(1)

    workers = [threading.Thread(target=use) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_the_tape_is_per_thread_and_ends_with_the_call():
    assert tape.current.tape is None
    model = small()
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="shape"):
        model.fit(sequences(), targets(columns=5), verbose=0)
    assert tape.current.tape is None
    assert tape.current.penalties is None


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_train_by_themselves(duplicate):
    model, x, y = small(), sequences(), targets()
    model.compile("adam", "mse")
    model.fit(x, y, verbose=0)
    other = duplicate(model)
    np.testing.assert_array_equal(model.predict(x), other.predict(x))
    histories = [m.fit(x, y, epochs=2, shuffle=False, verbose=0).history["loss"]
                 for m in (model, other)]
    assert histories[0] == histories[1]
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    other.fit(x, y, verbose=0)
    assert (model.get_weights()[-1] != other.get_weights()[-1]).any()


def test_predictions_are_arrays_of_their_own():
    x = sequences()
    kept = x.copy()
    model = models.Sequential([layers.Input((5, 3)), layers.Dropout(0.5)])
    model.predict(x)[:] = 7
    np.testing.assert_array_equal(x, kept)
    x = layers.Input((5, 3))
    y, h = layers.GRU(4, return_state=True)(x)
    y, h = models.Model(x, [y, h]).predict(kept)
    h[:] = 7
    assert (y != 7).all()


def test_a_sequential_reads_sequences_of_any_length():
    model = models.Sequential([layers.GRU(4), layers.Dense(1)])
    assert model.predict(sequences(steps=5)).shape == (12, 1)
    assert model.predict(sequences(steps=9)).shape == (12, 1)


@pytest.mark.parametrize(("x", "error", "words"), [
    (np.zeros((0, 5, 3), np.float32), ValueError, "one row|x: 0, y: 4"),
    (np.zeros((4, 5, 3), np.complex64), TypeError, "complex64"),
    (np.full((4, 5, 3), "a"), TypeError, "x must be numbers"),
    ([np.zeros((4, 5, 3)), np.zeros((4, 5, 3))], ValueError, "one input|1 inputs"),
    (None, ValueError, "None"),
])
def test_data_that_cannot_be_read_are_named(x, error, words):
    model = small()
    model.compile("sgd", "mse")
    for use in (lambda: model.fit(x, targets(4), verbose=0), lambda: model.predict(x)):
        with pytest.raises(error, match=words):
            use()


def test_what_a_call_returns_must_be_tensors():
    class Wrong(models.Model):
        def call(self, inputs):
            return inputs.numpy()

    with pytest.raises(TypeError, match="ndarray"):
        Wrong().predict(sequences())


# -- files ---------------------------------------------------------------------------------------


def test_a_saved_model_goes_on_as_if_it_had_never_stopped(tmp_path):
    x, y = sequences(), targets()
    model = small()
    model.compile(fastrnn.optimizers.Adam(0.01, clipnorm=1.0), "mse", metrics=["mae"])
    model.fit(x, y, epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "m.keras")
    other = models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(model.predict(x), other.predict(x))
    histories = [m.fit(x, y, epochs=2, shuffle=False, verbose=0).history for m in (model, other)]
    assert histories[0] == histories[1]
    assert [layer.name for layer in other.layers] == [layer.name for layer in model.layers]


def spread(y_true, y_pred):
    return np.abs(y_pred - y_true).max(axis=-1)


def test_a_metric_of_ones_own_is_saved_by_its_name(tmp_path):
    model, x, y = small(), sequences(), targets()
    model.compile("adam", "mse", metrics=[spread, "mae"])
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "m")
    with pytest.raises(FileFormatError, match=r"custom_objects=\{'spread'"):
        models.load_model(tmp_path / "m")
    other = models.load_model(tmp_path / "m", custom_objects={"spread": spread})
    assert other.evaluate(x, y) == model.evaluate(x, y)


def test_functional_models_are_saved_with_their_graph(tmp_path):
    a, b = layers.Input((5, 3), name="a"), layers.Input((5, 3), name="b")
    shared = layers.Bidirectional(layers.LSTM(3, return_sequences=True))
    attended = layers.Attention()([shared(a), shared(b)])
    model = models.Model([a, b], {"y": layers.Dense(1)(attended[:, -1] * 2.0)})
    model.save(tmp_path / "m")
    other = models.load_model(tmp_path / "m")
    data = [sequences(), sequences()]
    np.testing.assert_array_equal(model.predict(data)["y"], other.predict(data)["y"])


def test_subclassed_models_are_loaded_by_their_class(tmp_path):
    model, x = States(), sequences()
    expected = model.predict(x)[0]
    model.save(tmp_path / "m")
    with pytest.raises(FileFormatError, match="custom_objects"):
        models.load_model(tmp_path / "m")
    other = models.load_model(tmp_path / "m", custom_objects={"States": States})
    np.testing.assert_array_equal(other.predict(x)[0], expected)


def test_weights_of_another_model_are_refused(tmp_path):
    model = small()
    model.save_weights(tmp_path / "w")
    other = small(units=5)
    before = other.get_weights()
    with pytest.raises(FileFormatError, match="its weights are"):
        other.load_weights(tmp_path / "w")
    assert all((a == b).all() for a, b in zip(before, other.get_weights(), strict=True))
    with pytest.raises(ValueError, match="weights"):
        other.set_weights(model.get_weights()[:-1])


def test_files_of_keras_itself_are_named(tmp_path):
    (tmp_path / "m.keras").write_bytes(b"PK\x03\x04 and more")
    with pytest.raises(FileFormatError, match="Keras itself"):
        models.load_model(tmp_path / "m.keras")


def test_the_summary_lists_layers_shapes_and_numbers():
    printed = []
    small().summary(print_fn=printed.append)
    text = "\n".join(printed)
    assert "(None, 5, 4)" in text
    assert "Total params: 258" in text


@pytest.mark.parametrize("make", [small, lambda: models.clone_model(small())])
def test_json_describes_a_model(make):
    model = make()
    other = models.model_from_json(model.to_json())
    other.set_weights(model.get_weights())
    x = sequences()
    np.testing.assert_array_equal(model.predict(x), other.predict(x))
