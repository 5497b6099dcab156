# SPDX-License-Identifier: Apache-2.0
"""Training of models: seeds, data, losses, states, threads, copies."""

import copy
import pickle
import threading

import numpy as np
import pytest

import fastrnn
from fastrnn import layers, models
from fastrnn.graph import tape
from model_cases import RNG, sequences, small, targets


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
