# SPDX-License-Identifier: Apache-2.0
"""What gives batches: generators that end, iterables, data sets with an index."""

import itertools
import warnings

import numpy as np
import pytest

import fastrnn
from data_cases import X, Y, pieces, small, twins, two_inputs
from fastrnn import layers, models
from keras_oracle import keras_or_skip


class Anew:
    """Batches that can be iterated over again; nothing else is known of them."""

    def __init__(self, number):
        self.number = number

    def __iter__(self):
        return pieces(self.number)


class Once(Anew):
    """Batches that can be iterated over once, which does not show."""

    def __init__(self, number):
        self.going = pieces(number)

    def __iter__(self):
        return self.going


class AnewItself(Anew):
    """Its own iterator, which begins anew whenever it is asked for one."""

    def __iter__(self):
        self.going = pieces(self.number)
        return self

    def __next__(self):
        return next(self.going)


class Hooks(fastrnn.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append(("begin", epoch))

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(("end", epoch))

    def on_train_end(self, logs=None):
        self.seen.append(("trained", logs))


def told(use):
    """What `use` returns, and the texts of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = use()
    return result, [str(warning.message) for warning in caught]


# -- sources that end ----------------------------------------------------------------------------


def test_warnings_of_data_point_at_the_program():
    model = small()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(pieces(3), steps_per_epoch=5, epochs=2, verbose=0)
        model.evaluate(pieces(3), steps=5, verbose=0)
        model.predict(pieces(3), batch_size=4, steps=5, verbose=0)
        model.trainable = False
        model.compile("sgd", "mse")
        model.train_on_batch(X, Y)
    assert len(caught) == 6
    assert {warning.filename for warning in caught} == {__file__}


@pytest.mark.parametrize("number", [3, 4])
@pytest.mark.parametrize("steps", [None, 2, 3, 5])
def test_an_iterator_that_begins_anew_is_an_iterable(number, steps):
    ours, wanted = twins()
    fit = {"epochs": 3, "steps_per_epoch": steps, "verbose": 0}
    got, _ = told(lambda: ours.fit(AnewItself(number), **fit))
    want, _ = told(lambda: wanted.fit(Anew(number), **fit))
    assert got.history == want.history
    assert len(got.epoch) == 3
    assert ours.evaluate(AnewItself(number), verbose=0) == wanted.evaluate(
        Anew(number), verbose=0)
    made = ours.predict(AnewItself(number).__iter__(), verbose=0)
    np.testing.assert_array_equal(made, wanted.predict(Anew(number), verbose=0))


# Source, steps_per_epoch, epochs; then the batches of each epoch that is trained, and how often a
# warning says that an epoch had fewer and that training ended.
ENDS = {
    "in the first epoch": (lambda: pieces(3), 5, 2, [3], 1, 1),
    "in the last epoch": (lambda: pieces(8), 5, 2, [5, 3], 1, 0),
    "in a later epoch": (lambda: pieces(8), 5, 4, [5, 3], 1, 1),
    "with the first epoch": (lambda: pieces(3), 3, 2, [3], 0, 1),
    "with a later epoch": (lambda: pieces(6), 3, 5, [3, 3], 0, 1),
    "with the last epoch": (lambda: pieces(6), 3, 2, [3, 3], 0, 0),
    "without steps": (lambda: pieces(3), None, 3, [3], 0, 1),
    "without steps in one epoch": (lambda: pieces(3), None, 1, [3], 0, 0),
    "an iterator": (lambda: iter(list(pieces(3))), 5, 2, [3], 1, 1),
    "a map": (lambda: map(lambda b: b, pieces(3)), 5, 2, [3], 1, 1),
    "iterable once": (lambda: Once(3), 3, 2, [3], 0, 1),
    "iterable once, without steps": (lambda: Once(3), None, 2, [3], 0, 1),
    "iterable anew": (lambda: Anew(3), 5, 2, [3, 3], 2, 0),
    "iterable anew, without steps": (lambda: Anew(3), None, 2, [3, 3], 0, 0),
    "iterable anew, exactly": (lambda: Anew(4), 2, 3, [2, 2, 2], 0, 0),
}


@pytest.mark.parametrize("case", ENDS)
def test_what_was_trained_is_returned(case):
    make, steps, epochs, trained, short, ended = ENDS[case]
    model, by_hand = twins()
    hooks = Hooks()
    history, texts = told(lambda: model.fit(
        make(), steps_per_epoch=steps, epochs=epochs, verbose=0, callbacks=[hooks],
        validation_data=(X, Y)))
    assert history is model.history
    assert history.epoch == list(range(len(trained)))
    assert {len(values) for values in history.history.values()} == {len(trained)}
    assert set(history.history) == {"loss", "mae", "val_loss", "val_mae"}
    assert sum("batches" in text and "data ended after" in text for text in texts) == short
    assert sum("training ended after epoch" in text for text in texts) == ended
    assert len(texts) == short + ended
    assert [seen for seen in hooks.seen if seen[0] == "end"] == [
        ("end", epoch) for epoch in range(len(trained))]
    name, logs = hooks.seen[-1]
    assert name == "trained"
    assert logs == {name: values[-1] for name, values in sorted(history.history.items())}
    # The same batches, one by one.
    source = pieces() if "anew" not in case or "exactly" in case else itertools.cycle(pieces(3))
    source = itertools.cycle(pieces(4)) if "exactly" in case else source
    losses = [np.mean([by_hand.train_on_batch(*next(source))[0] for _ in range(count)])
              for count in trained]
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-6)


def test_a_training_that_ended_can_go_on():
    model = small()
    told(lambda: model.fit(pieces(3), steps_per_epoch=5, epochs=2, verbose=0))
    assert len(model.fit(pieces(10), steps_per_epoch=5, epochs=2, verbose=0).epoch) == 2


def test_callbacks_end_with_a_training_that_ended(tmp_path):
    model = small()
    stopping = fastrnn.callbacks.EarlyStopping("loss", patience=9, restore_best_weights=True)
    logger = fastrnn.callbacks.CSVLogger(tmp_path / "log.csv")
    told(lambda: model.fit(pieces(6), steps_per_epoch=3, epochs=5, verbose=2,
                           callbacks=[stopping, logger]))
    assert (tmp_path / "log.csv").read_text().count("\n") == 3


def test_evaluate_and_predict_take_what_there_is():
    model, other = twins()
    want = other.evaluate(X[:12], Y[:12], verbose=0)
    for source in (pieces(3), Anew(3), Once(3)):
        got, texts = told(lambda source=source: model.evaluate(source, steps=5, verbose=0))
        np.testing.assert_allclose(got, want, rtol=1e-6)
        assert texts == ["the data ended after 3 of 5 batches"]
    for source in (pieces(3), Anew(3), Once(3)):
        got, texts = told(lambda source=source: model.predict(source, steps=5, verbose=0))
        np.testing.assert_allclose(got, other.predict(X[:12]), rtol=1e-6)
        assert texts == ["the data ended after 3 of 5 batches"]
    got, texts = told(lambda: model.predict(X, batch_size=8, steps=5, verbose=0))
    assert len(got) == 20
    assert texts == ["the data ended after 3 of 5 batches"]


@pytest.mark.parametrize("make", [lambda: pieces(3), lambda: Anew(3)])
def test_validation_takes_what_there_is(make):
    model, other = twins()
    history, texts = told(lambda: model.fit(
        X, Y, epochs=2, shuffle=False, validation_data=make(), validation_steps=5, verbose=0))
    want = other.fit(X, Y, epochs=2, shuffle=False, validation_data=(X[:12], Y[:12]),
                     verbose=0)
    np.testing.assert_allclose(history.history["val_loss"], want.history["val_loss"], rtol=1e-6)
    assert set(texts) == {"the data ended after 3 of 5 batches"}


def test_validation_data_that_are_used_up_leave_their_values_out():
    history, texts = told(lambda: small().fit(X, Y, epochs=3, validation_data=Once(3), verbose=0))
    assert len(history.history["loss"]) == 3
    assert len(history.history["val_loss"]) == 1
    assert len(texts) == 2
    assert "validation data gave no more batches" in texts[0]


def test_remembered_batches_do_not_change_with_the_generator():
    """A generator may fill the same arrays anew for each batch."""
    def refilled():
        x, y = np.empty_like(X[:4]), np.empty_like(Y[:4])
        for given_x, given_y in pieces(5):
            x[:], y[:] = given_x, given_y
            yield x, y

    model, other = twins()
    got = model.fit(X, Y, epochs=3, shuffle=False, validation_data=refilled(), verbose=0).history
    want = other.fit(X, Y, epochs=3, shuffle=False, validation_data=(X, Y),
                     validation_batch_size=4, verbose=0).history
    assert got == want


@pytest.mark.parametrize("source", [
    lambda: pieces(0), lambda: Anew(0), lambda: Once(0), lambda: iter(()),
    lambda: _Indexed(0), lambda: fastrnn.utils.timeseries_dataset_from_array(X, Y, 3).take(0),
])
def test_a_source_that_gives_nothing_is_refused(source):
    model = small()
    start = model.get_weights()
    for use in (lambda: model.fit(source(), verbose=0),
                lambda: model.fit(source(), steps_per_epoch=3, epochs=2, verbose=0),
                lambda: model.evaluate(source(), verbose=0),
                lambda: model.predict(source(), verbose=0),
                lambda: model.predict(source(), steps=2, verbose=0)):
        with pytest.raises(ValueError, match="the data gave no batch"):
            use()
    assert all((a == b).all() for a, b in zip(start, model.get_weights(), strict=True))


@pytest.mark.parametrize("source", [lambda: pieces(0), lambda: iter(()), lambda: _Indexed(0)])
def test_validation_data_that_give_nothing_are_refused_before_training(source):
    model = small()
    start = model.get_weights()
    with pytest.raises(ValueError, match="the data gave no batch"):
        model.fit(X, Y, validation_data=source(), verbose=0)
    assert all((a == b).all() for a, b in zip(start, model.get_weights(), strict=True))


class _OwnError(Exception):
    pass


@pytest.mark.parametrize("error", [_OwnError, ValueError, TypeError, KeyError, KeyboardInterrupt])
@pytest.mark.parametrize("after", [0, 2, 4])
def test_the_errors_of_a_generator_come_through(error, after):
    raised = error("of the generator")

    def failing():
        yield from pieces(after)
        raise raised

    model = small()
    for use in (lambda: model.fit(failing(), steps_per_epoch=3, epochs=3, verbose=0),
                lambda: model.fit(failing(), verbose=0),
                lambda: model.fit(X, Y, validation_data=failing(), verbose=0),
                lambda: model.evaluate(failing(), verbose=0),
                lambda: model.predict(failing(), verbose=0)):
        with pytest.raises(error) as caught:
            use()
        assert caught.value is raised


# -- sources with an index -----------------------------------------------------------------------


class _Indexed:
    """A data set as programs write it without a base class; an index past the end gives rows of
    nothing instead of an error."""

    def __init__(self, number=5):
        self.number, self.order, self.ends = number, [], 0

    def __len__(self):
        return self.number

    def __getitem__(self, index):
        self.order.append(index)
        return X[index * 4:index * 4 + 4], Y[index * 4:index * 4 + 4]

    def on_epoch_end(self):
        self.ends += 1


def test_an_index_and_a_length_are_enough():
    model, other = twins()
    data = _Indexed()
    got = model.fit(data, epochs=2, shuffle=False, validation_data=_Indexed(), verbose=0).history
    want = other.fit(X, Y, epochs=2, batch_size=4, shuffle=False, validation_data=(X, Y),
                     verbose=0).history
    assert got == want
    assert data.order == [0, 1, 2, 3, 4] * 2
    assert data.ends == 2
    np.testing.assert_array_equal(model.predict(_Indexed(), verbose=0), other.predict(X,
                                                                                      batch_size=4))
    shuffled = _Indexed()
    model.fit(shuffled, epochs=3, verbose=0)
    orders = [shuffled.order[k:k + 5] for k in (0, 5, 10)]
    assert all(sorted(order) == [0, 1, 2, 3, 4] for order in orders)
    assert orders != [[0, 1, 2, 3, 4]] * 3


def test_hooks_of_a_data_set_are_called_in_every_epoch_with_steps_too():
    data = _Indexed()
    small().fit(data, epochs=2, steps_per_epoch=5, verbose=0)
    assert data.ends == 2


def test_a_data_set_of_keras_itself():
    keras = keras_or_skip()

    class Data(keras.utils.PyDataset):
        def __init__(self, number):
            super().__init__()
            self.number, self.order = number, []

        @property
        def num_batches(self):
            return self.number

        def __getitem__(self, index):
            self.order.append(index)
            return X[index % 5 * 4:][:4], Y[index % 5 * 4:][:4]

    model, other = twins()
    data = Data(5)
    got = model.fit(data, shuffle=False, verbose=0).history
    assert got == other.fit(X, Y, batch_size=4, shuffle=False, verbose=0).history
    model.fit(data, verbose=0)
    assert sorted(data.order[5:]) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match=r"no end.*steps_per_epoch"):
        model.fit(Data(None), verbose=0)
    endless = Data(None)
    model.fit(endless, steps_per_epoch=7, epochs=2, verbose=0)
    assert endless.order == list(range(14))


# -- what a batch is -----------------------------------------------------------------------------


def test_a_list_is_a_batch_for_a_model_of_one_input():
    model, other = twins()
    want = other.fit(X, Y, batch_size=4, shuffle=False, verbose=0).history
    assert model.fit(([x, y] for x, y in pieces(5)), verbose=0).history == want
    np.testing.assert_array_equal(model.predict(([x, y] for x, y in pieces(5)), verbose=0),
                                  other.predict(X, batch_size=4))
    rows = models.Sequential([layers.Input((3,)), layers.Dense(2)])
    numbers = [X[0].tolist(), X[1].tolist()]
    np.testing.assert_array_equal(rows.predict(iter(numbers), verbose=0),
                                  rows.predict(np.concatenate(X[:2]), batch_size=5))


def test_a_list_is_the_inputs_of_a_model_of_several():
    model = two_inputs()
    want = model.predict([X, -X], batch_size=20)
    for got, part in zip(model.predict(iter([[X, -X]]), verbose=0), want, strict=True):
        np.testing.assert_array_equal(got, part)


def test_a_dict_has_inputs_and_targets_by_name():
    model, z = two_inputs(), Y[:, :1]
    start = model.get_weights()
    want = model.fit({"a": X, "b": -X}, {"o": Y, "p": z}, batch_size=20, shuffle=False,
                     verbose=0).history
    model.set_weights(start)
    whole = {"b": -X, "p": z, "a": X, "o": Y}
    assert model.fit(iter([whole]), verbose=0).history == want
    assert [part.shape for part in model.predict(iter([whole]), verbose=0)] == [(20, 2), (20, 1)]
    with pytest.raises(ValueError, match="a batch must be x"):
        model.fit(iter([(X, X, Y, z)]), verbose=0)


class Foreign:
    """A tensor of another library, which has no more than ``numpy()``."""

    def __init__(self, array):
        self._array = array

    def numpy(self):
        return self._array


def test_what_has_numpy_is_an_array():
    model, other = twins()
    want = other.fit(X, Y, batch_size=8, shuffle=False, verbose=0).history
    assert model.fit(Foreign(X), Foreign(Y), batch_size=8, shuffle=False, verbose=0).history == want
    got = model.fit(((Foreign(x), Foreign(y)) for x, y in pieces(5)), verbose=0).history
    assert got == other.fit(pieces(5), verbose=0).history
    np.testing.assert_array_equal(model.predict(Foreign(X)), other.predict(X))
