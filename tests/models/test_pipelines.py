# SPDX-License-Identifier: Apache-2.0
"""The steps between a data set and a model, and the batches that have ``numpy()``."""

import copy
import itertools
import pickle

import numpy as np
import pytest

from fastrnn import layers, models, utils
from fastrnn.utils.pipelines import Dataset
from fastrnn.utils.values import Values

RNG = np.random.default_rng(2)


class Numbers(Dataset):
    """The first of the natural numbers."""

    def __init__(self, count):
        self.count, self.passes = count, 0

    def number(self):
        return self.count

    def elements(self):
        self.passes += 1
        return map(np.int64, range(self.count))


def windows(batch_size=8, **options):
    series = np.arange(40.0)
    return utils.timeseries_dataset_from_array(series[:, None], 2 * series, 4,
                                               batch_size=batch_size, **options)


def listed(data):
    return [np.asarray(element).tolist() for element in data]


# -- batches that have numpy() -------------------------------------------------------------------


def test_batches_are_arrays_that_have_numpy():
    x, y = next(iter(windows()))
    for part, shape in ((x, (8, 4, 1)), (y, (8,))):
        assert part.numpy().shape == part.shape == shape
        assert type(part.numpy()) is np.ndarray
        assert np.shares_memory(part.numpy(), part)
        assert isinstance(part, np.ndarray)
        assert repr(part) == repr(part.numpy())
    assert x[2].numpy().shape == (4, 1)
    element, target = next(iter(windows(None)))
    assert element.numpy().shape == (4, 1)
    assert target.numpy() == 0.0
    assert isinstance(target.numpy(), np.float64)
    assert f"{target:.1f}" == "0.0"


def test_a_number_of_a_batch_has_numpy():
    x, y = next(iter(windows()))
    want = y.numpy()
    assert isinstance(y[3].numpy(), np.float64)
    assert isinstance(x[2, 1, 0].numpy(), np.float64)
    assert [target.numpy() for target in y] == want.tolist()
    assert y[3] == want[3]
    assert f"{y[3]:.2f}, {y[3]}" == f"{want[3]:.2f}, {want[3]}"
    assert set(y) == set(want)
    assert {want[3]: "third"}[y[3]] == "third"
    assert list("abcdefgh")[(y / 2).astype(int).view(Values)[2]] == "c"
    with pytest.raises(TypeError, match="unhashable"):
        hash(x)


def test_what_is_computed_or_stored_is_a_plain_array():
    x, y = next(iter(windows()))
    for made in (x + 1, 1 - x, -x, x * x, np.exp(x), x == 2, x @ np.ones((1, 2)), x.sum(axis=1),
                 x.mean(axis=0), np.stack([x, x]) * 1, pickle.loads(pickle.dumps(x)),
                 np.asarray(x), np.array(x)):
        assert type(made) is np.ndarray
    assert type(y.sum()) is np.float64
    assert type(y[3] + 1) is np.float64
    np.testing.assert_array_equal(x + 1, x.numpy() + 1)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(x)), x.numpy())
    np.testing.assert_array_equal(copy.deepcopy(x), x.numpy())
    own = np.arange(3.0).view(Values)
    own += 1
    np.testing.assert_array_equal(own, [1, 2, 3])


def test_a_model_is_fed_plain_arrays(monkeypatch):
    model = models.Sequential([layers.Input((4, 1)), layers.GRU(2), layers.Dense(1)])
    model.compile("sgd", "mse")

    def refused(structure):
        raise AssertionError("a view was made")

    monkeypatch.setattr("fastrnn.utils.pipelines.as_values", refused)
    model.fit(windows().take(2), verbose=0)
    model.predict(windows().skip(1), verbose=0)


# -- steps ---------------------------------------------------------------------------------------


STEPS = [
    (lambda d: d.take(3), [0, 1, 2]),
    (lambda d: d.take(9), [0, 1, 2, 3, 4, 5, 6]),
    (lambda d: d.take(0), []),
    (lambda d: d.take(-1), [0, 1, 2, 3, 4, 5, 6]),
    (lambda d: d.skip(5), [5, 6]),
    (lambda d: d.skip(9), []),
    (lambda d: d.skip(0), [0, 1, 2, 3, 4, 5, 6]),
    (lambda d: d.skip(-1), []),
    (lambda d: d.skip(2).take(2), [2, 3]),
    (lambda d: d.take(4).skip(3), [3]),
    (lambda d: d.batch(3), [[0, 1, 2], [3, 4, 5], [6]]),
    (lambda d: d.batch(3, drop_remainder=True), [[0, 1, 2], [3, 4, 5]]),
    (lambda d: d.batch(2).batch(3), [[[0, 1], [2, 3], [4, 5]], [[6]]]),
    (lambda d: d.map(lambda x: x * x), [0, 1, 4, 9, 16, 25, 36]),
    (lambda d: d.map(lambda x: x.numpy() + 1, num_parallel_calls=-1), [1, 2, 3, 4, 5, 6, 7]),
    (lambda d: d.repeat(2), [0, 1, 2, 3, 4, 5, 6] * 2),
    (lambda d: d.repeat(0), []),
    (lambda d: d.repeat().take(10), [0, 1, 2, 3, 4, 5, 6, 0, 1, 2]),
    (lambda d: d.take(2).repeat(-1).skip(1).take(4), [1, 0, 1, 0]),
    (lambda d: d.take(0).repeat(), []),
    (lambda d: d.prefetch(2), [0, 1, 2, 3, 4, 5, 6]),
    (lambda d: d.cache(), [0, 1, 2, 3, 4, 5, 6]),
    (lambda d: d.shuffle(1), [0, 1, 2, 3, 4, 5, 6]),
]


@pytest.mark.parametrize("k", range(len(STEPS)))
def test_steps(k):
    step, want = STEPS[k]
    data = step(Numbers(7))
    assert len(data) == len(want)
    assert data.cardinality().numpy() == len(want)
    for _ in range(2):
        if k != 11:
            assert listed(data) == want
            assert [np.asarray(e).tolist() for e in data.as_numpy_iterator()] == want


def test_steps_whose_number_is_not_known():
    data = Numbers(7)
    even = data.filter(lambda x: x % 2 == 0)
    assert listed(even) == [0, 2, 4, 6]
    assert listed(data.batch(3).unbatch()) == [0, 1, 2, 3, 4, 5, 6]
    for unknown in (even, data.batch(3).unbatch(), even.batch(2), even.take(2), even.repeat(2)):
        assert unknown.cardinality() == -2
        with pytest.raises(TypeError, match="not known"):
            len(unknown)
    assert data.repeat().cardinality() == data.repeat().map(abs).batch(2).cardinality() == -1
    with pytest.raises(TypeError, match="infinite"):
        len(data.repeat().shuffle(3))


def test_elements_of_several_parts():
    data = windows(None).map(lambda x, y: ({"a": x, "b": -x}, (y, y + 1)))
    batched = data.batch(5)
    x, (y, z) = next(iter(batched))
    assert x["a"].numpy().shape == (5, 4, 1)
    np.testing.assert_array_equal(x["a"], -x["b"])
    np.testing.assert_array_equal(z.numpy() - y.numpy(), np.ones(5))
    back = batched.unbatch()
    for (a, (b, _)), (want, target) in itertools.islice(zip(back, windows(None), strict=True), 12):
        np.testing.assert_array_equal(a["a"], want)
        assert b == target
    kept = windows(None).filter(lambda x, y: y > 60)
    assert [float(y) for _, y in kept] == [62.0, 64.0, 66.0, 68.0, 70.0, 72.0]
    numbered = [(int(k), x.numpy().shape) for k, (x, _) in windows().enumerate(3)]
    assert numbered == [(k, (8 if k < 7 else 5, 4, 1)) for k in range(3, 8)]


def test_rows_in_batches_are_those_of_the_series():
    whole, again = windows(16), windows(None).batch(16)
    assert len(whole) == len(again)
    for (x, y), (a, b) in zip(whole, again, strict=True):
        np.testing.assert_array_equal(x, a)
        np.testing.assert_array_equal(y, b)


def test_shuffling_draws_from_the_next_elements():
    data = Numbers(50)
    for buffer in (2, 10, 50, 99):
        order = listed(data.shuffle(buffer, seed=1))
        assert sorted(order) == list(range(50))
        assert order != list(range(50))
        # The place k is drawn from the first k + buffer elements.
        assert all(value < k + buffer for k, value in enumerate(order))
    full = [listed(data.shuffle(50, seed=seed))[0] for seed in range(60)]
    assert len(set(full)) > 20


def test_the_orders_of_passes():
    data = Numbers(20)

    def passes(**options):
        shuffled = data.shuffle(20, **options)
        return [listed(shuffled) for _ in range(3)]

    first, second, third = passes(seed=3)
    assert first != second != third
    assert passes(seed=3) == [first, second, third]
    first, second, third = passes(seed=3, reshuffle_each_iteration=False)
    assert first == second == third
    drawn = []
    for _ in range(2):
        utils.set_random_seed(8)
        drawn.append(passes())
    assert drawn[0] == drawn[1]


def test_a_cache_reads_once_and_whole():
    source = Numbers(5)
    calls = []
    data = source.map(lambda x: calls.append(int(x)) or x).cache()
    assert next(iter(data)) == 0
    assert listed(data) == listed(data) == [0, 1, 2, 3, 4]
    assert source.passes == 2
    assert calls == [0, 0, 1, 2, 3, 4]


def test_refusals():
    data = Numbers(7)
    for bad, error, message in (
        (lambda: data.take(-2), ValueError, "count"),
        (lambda: data.take(1.5), TypeError, "count"),
        (lambda: data.skip("1"), TypeError, "count"),
        (lambda: data.batch(0), ValueError, "batch_size"),
        (lambda: data.batch(2, drop_remainder=1), TypeError, "drop_remainder"),
        (lambda: data.shuffle(0), ValueError, "buffer_size"),
        (lambda: data.shuffle(3, seed=-1), ValueError, "seed"),
        (lambda: data.map(3), TypeError, "map_func"),
        (lambda: data.filter(None), TypeError, "predicate"),
        (lambda: data.repeat(-2), ValueError, "count"),
        (lambda: data.enumerate(-1), ValueError, "start"),
        (lambda: list(Dataset()), NotImplementedError, "elements"),
    ):
        with pytest.raises(error, match=message):
            bad()


# -- in a model ----------------------------------------------------------------------------------


def test_a_model_reads_the_steps():
    model = models.Sequential([layers.Input((4, 1)), layers.GRU(2), layers.Dense(1)])
    model.compile("sgd", "mse")
    start = model.get_weights()
    series = np.arange(40.0)
    x = np.lib.stride_tricks.sliding_window_view(series, 4)[..., None] / 40
    y = 2 * series[:37] / 40
    data = windows().map(lambda a, b: (a / 40, b / 40))
    train, test = data.take(3), data.skip(3)
    assert (len(train), len(test)) == (3, 2)

    want = model.fit(x[:24], y[:24], batch_size=8, epochs=3, shuffle=False, verbose=0,
                     validation_data=(x[24:], y[24:]), validation_batch_size=8).history
    model.set_weights(start)
    got = model.fit(train, epochs=3, validation_data=test, verbose=0).history
    np.testing.assert_allclose(got["loss"], want["loss"], rtol=1e-6)
    np.testing.assert_allclose(got["val_loss"], want["val_loss"], rtol=1e-6)
    model.set_weights(start)
    got = model.fit(train.cache().repeat().prefetch(1), epochs=3, steps_per_epoch=3,
                    validation_data=test, verbose=0).history
    np.testing.assert_allclose(got["loss"], want["loss"], rtol=1e-6)
    np.testing.assert_allclose(model.predict(data, verbose=0),
                               model.predict(x, batch_size=8, verbose=0), rtol=1e-5)
    with pytest.raises(ValueError, match=r"no end.*steps_per_epoch"):
        model.fit(train.repeat(), verbose=0)
    with pytest.raises(ValueError, match="no end"):
        model.predict(train.repeat(), verbose=0)


def test_a_batch_of_a_data_set_is_data():
    model = models.Sequential([layers.Input((4, 1)), layers.GRU(2), layers.Dense(1)])
    model.compile("sgd", "mse")
    for x, y in windows().take(1):
        made = model.predict(x)
        assert type(made) is np.ndarray
        np.testing.assert_array_equal(made, model.predict(x.numpy()))
        assert np.isfinite(model.train_on_batch(x, y))
