# SPDX-License-Identifier: Apache-2.0
"""Padding, labels, windows of series, data sets and seeds, against Keras and plain loops."""

import itertools
import random

import numpy as np
import pytest

import fastrnn.random
from fastrnn import utils
from keras_oracle import keras_or_skip


def assert_same(got, want):
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    assert np.array_equal(got, want)


# -- padding -------------------------------------------------------------------------------------


def unequal(vector=(), seed=0):
    rng = np.random.default_rng(seed)
    return [rng.uniform(0, 9, (steps, *vector)) for steps in (3, 0, 7, 1, 4)]


@pytest.mark.parametrize("vector", [(), (2,), (2, 3)])
@pytest.mark.parametrize("maxlen", [None, 1, 4, 9])
def test_padding_as_keras(maxlen, vector):
    keras = keras_or_skip()
    sides = ("pre", "post")
    dtypes = ("int32", "float32")
    cases = itertools.product(sides, sides, (0.0, -1, 2.5), dtypes, (False, True))
    for padding, truncating, value, dtype, as_lists in cases:
        sequences = unequal(vector)
        if as_lists:
            sequences = [steps.tolist() for steps in sequences]
        arguments = {"maxlen": maxlen, "padding": padding, "truncating": truncating,
                     "value": value, "dtype": dtype}
        assert_same(utils.pad_sequences(sequences, **arguments),
                    keras.utils.pad_sequences(sequences, **arguments))


def test_padding():
    sequences = [[1], [2, 3], [4, 5, 6], []]
    got = utils.pad_sequences(sequences)
    assert got.dtype == np.int32
    assert got.tolist() == [[0, 0, 1], [0, 2, 3], [4, 5, 6], [0, 0, 0]]
    got = utils.pad_sequences(sequences, 2, padding="post", truncating="post", value=9)
    assert got.tolist() == [[1, 9], [2, 3], [4, 5], [9, 9]]
    got = utils.pad_sequences([["a", "longer"], ["b"]], dtype=object, value="pad")
    assert got.tolist() == [["a", "longer"], ["pad", "b"]]
    assert utils.pad_sequences([[], []]).shape == (2, 0)
    assert utils.pad_sequences([], 3).shape == (0, 3)


BAD_PADDING = [
    (lambda: utils.pad_sequences(5), "must be a sequence of sequences, got int"),
    (lambda: utils.pad_sequences([[1], 2]), "must hold sequences, got 2 at 1"),
    (lambda: utils.pad_sequences([[1], np.float32(2)]), "must hold sequences, got .*at 1"),
    (lambda: utils.pad_sequences([np.array(1)]), "must hold sequences, got .*at 0"),
    (lambda: utils.pad_sequences(["one", "two"]), "must hold sequences, got 'one' at 0"),
    (lambda: utils.pad_sequences([]), "maxlen must be given"),
    (lambda: utils.pad_sequences([[1]], maxlen=0), "maxlen must be at least 1"),
    (lambda: utils.pad_sequences([[1]], padding="left"), "padding must be one of pre, post"),
    (lambda: utils.pad_sequences([[1]], truncating=0), "truncating must be one of pre, post"),
    (lambda: utils.pad_sequences([[1]], value="x"), "dtype int32 does not hold strings"),
    (lambda: utils.pad_sequences([[1, 2], [[1], [2]]]), r"sequences\[1\] .* shape \(\)"),
    (lambda: utils.pad_sequences([[[1], [2]], [3]]), r"sequences\[1\] .* shape \(1,\)"),
    (lambda: utils.pad_sequences([[1], [1, [2]]]), r"sequences\[1\] is not an array of int32"),
]


@pytest.mark.parametrize(("call", "message"), BAD_PADDING)
def test_padding_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# -- labels and lengths --------------------------------------------------------------------------

LABELS = [[0, 2, 1], [[0], [2]], [[0, 1]], [[[1], [0]]], 2, [2.0, 1.0], ["1", "2"], [True, False]]


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("num_classes", [None, 3, 5])
def test_categories_as_keras(labels, num_classes):
    keras = keras_or_skip()
    assert_same(utils.to_categorical(labels, num_classes),
                keras.utils.to_categorical(labels, num_classes))


def test_categories():
    assert utils.to_categorical([0, 2]).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert utils.to_categorical(np.array([[1], [0]], np.uint8), 2).tolist() == [[0, 1], [1, 0]]
    assert utils.to_categorical([], 3).shape == (0, 3)
    assert utils.np_utils.to_categorical is utils.to_categorical


BAD_LABELS = [
    (lambda: utils.to_categorical([0, 3], 3), IndexError, r"\[0, 3\), got 3 at \[1\]"),
    (lambda: utils.to_categorical([[0], [-1]], 3), IndexError, r"got -1 at \[1, 0\]"),
    (lambda: utils.to_categorical([-1]), IndexError, r"got -1 at \[0\]"),
    (lambda: utils.to_categorical([1.0, 0.5]), ValueError, r"whole numbers, got 0.5 at \[1\]"),
    (lambda: utils.to_categorical([np.nan]), ValueError, "whole numbers, got nan"),
    (lambda: utils.to_categorical([]), ValueError, "num_classes must be given"),
    (lambda: utils.to_categorical([0], 0), ValueError, "num_classes must be at least 1"),
    (lambda: utils.to_categorical([[0], [1, 2]]), TypeError, "x must be an array"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD_LABELS)
def test_label_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("order", [1, 2, np.inf])
@pytest.mark.parametrize(("shape", "axis"), [((4,), -1), ((3, 4), -1), ((3, 4), 1),
                                             ((2, 3, 4), 1), ((2, 3, 4), 2)])
def test_normalising_as_keras(shape, axis, order):
    keras = keras_or_skip()
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    x[0] = 0
    assert_same(utils.normalize(x, axis, order), keras.utils.normalize(x, axis, order))


def test_normalising_the_first_axis():
    """Keras divides rows by the columns' norms there."""
    x = np.random.default_rng(0).standard_normal((3, 4))
    got = utils.normalize(x, axis=0)
    assert np.allclose((got**2).sum(axis=0), 1, rtol=1e-12)
    assert np.allclose(got * np.sqrt((x**2).sum(axis=0)), x, rtol=1e-12)


# -- windows -------------------------------------------------------------------------------------

STEPS = 31


def arguments_of(case):
    length, stride, rate, start, end, kind = case
    rng = np.random.default_rng(length)
    data = rng.standard_normal((STEPS, 2)).astype(np.float32)
    size = {None: None, "as long": STEPS, "shorter": STEPS - 8}[kind]
    targets = None if size is None else rng.standard_normal((size, 3))
    return data, targets, length, {"sequence_stride": stride, "sampling_rate": rate,
                                   "start_index": start, "end_index": end}


def by_hand(data, targets, length, sequence_stride, sampling_rate, start_index, end_index):
    start, end = start_index or 0, end_index or len(data)
    found = []
    for first in range(start, end, sequence_stride):
        steps = [first + k * sampling_rate for k in range(length)]
        if steps[-1] < end and (targets is None or first < len(targets)):
            found.append((data[steps], None if targets is None else targets[first]))
    return found


@pytest.mark.parametrize("kind", [None, "as long", "shorter"])
@pytest.mark.parametrize("length", [1, 4, 9])
@pytest.mark.parametrize("batch_size", [1, 4, 128])
def test_windows_by_hand(length, kind, batch_size):
    for options in itertools.product([1, 3], [1, 2, 5], [None, 0, 3], [None, 20]):
        data, targets, _, options = arguments_of((length, *options, kind))
        want = by_hand(data, targets, length, **options)
        made = utils.timeseries_dataset_from_array(data, targets, length, batch_size=batch_size,
                                                   **options)
        assert len(made) == -(-len(want) // batch_size)
        for _ in range(2):
            batches = list(made)
            if targets is None:
                batches = [(batch, [None] * len(batch)) for batch in batches]
            assert [len(x) for x, _ in batches[:-1]] == [batch_size] * (len(made) - 1)
            got = [pair for batch in batches for pair in zip(*batch, strict=True)]
            assert len(got) == len(want)
            for (x, y), (want_x, want_y) in zip(got, want, strict=True):
                assert_same(x, want_x)
                assert targets is None or np.array_equal(y, want_y)


@pytest.mark.parametrize("case", [(4, 3, 2, 3, 20, "as long"), (9, 1, 2, None, None, "shorter"),
                                  (4, 1, 5, None, 20, None)])
@pytest.mark.parametrize("batch_size", [None, 4])
def test_windows_as_keras(case, batch_size):
    keras = keras_or_skip()
    pytest.importorskip("grain", reason="what makes windows for Keras without TensorFlow")
    data, targets, length, options = arguments_of(case)
    options["batch_size"] = batch_size
    want = list(keras.utils.timeseries_dataset_from_array(data, targets, length, format="grain",
                                                          **options))
    got = list(utils.timeseries_dataset_from_array(data, targets, length, **options))
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        pairs = zip([a], [b], strict=True) if targets is None else zip(a, b, strict=True)
        for x, y in pairs:
            y = np.asarray(y)
            assert np.array_equal(x.astype(y.dtype), y)


def test_single_windows():
    made = utils.timeseries_dataset_from_array(np.arange(5), np.arange(5) * 2, 3, batch_size=None)
    assert [(x.tolist(), y) for x, y in made] == [([0, 1, 2], 0), ([1, 2, 3], 2), ([2, 3, 4], 4)]
    assert len(made) == 3


def test_batches_are_views_that_cannot_be_written_to():
    data = np.arange(20.0)
    for batch in utils.timeseries_dataset_from_array(data, None, 4, batch_size=8):
        assert np.shares_memory(batch, data)
        with pytest.raises(ValueError, match="read-only"):
            batch[0] = 1


def test_shuffled_windows():
    data, targets = np.arange(60), 10 * np.arange(60)

    def passes(seed, count=3):
        made = utils.timeseries_dataset_from_array(data, targets, 4, batch_size=8, shuffle=True,
                                                   seed=seed)
        return [[np.concatenate(part) for part in zip(*made, strict=True)] for _ in range(count)]

    orders = []
    for x, y in passes(1):
        assert np.array_equal(x, x[:, :1] + np.arange(4))
        assert np.array_equal(y, 10 * x[:, 0])
        assert sorted(x[:, 0]) == list(range(57))
        orders.append(x[:, 0].tolist())
    assert orders[0] != orders[1] != orders[2]
    assert [x[:, 0].tolist() for x, _ in passes(1)] == orders
    assert passes(2)[0][1].tolist() != passes(1)[0][1].tolist()
    drawn = []
    for _ in range(2):
        utils.set_random_seed(4)
        drawn.append(passes(None)[0][1].tolist())
    assert drawn[0] == drawn[1]


def test_a_series_too_short_for_a_window_gives_no_batch():
    made = utils.timeseries_dataset_from_array(np.arange(5), np.arange(5), 9)
    assert len(made) == 0
    assert list(made) == []


BAD_WINDOWS = [
    ({"start_index": -1}, "start_index must be at least 0"),
    ({"start_index": STEPS}, f"start_index must be less than the {STEPS} steps of data, got"),
    ({"end_index": STEPS}, f"end_index must be greater .* {STEPS} steps of data, got {STEPS}"),
    ({"end_index": 0}, "end_index must be at least 1"),
    ({"start_index": 5, "end_index": 5}, "end_index must be greater than start_index = 5"),
    ({"sampling_rate": 0}, "sampling_rate must be at least 1"),
    ({"sampling_rate": STEPS}, "sampling_rate must be less than"),
    ({"sequence_stride": 0}, "sequence_stride must be at least 1"),
    ({"sequence_stride": STEPS}, "sequence_stride must be less than"),
    ({"sequence_length": 0}, "sequence_length must be at least 1"),
    ({"batch_size": 0}, "batch_size must be at least 1"),
    ({"format": "list"}, "format must be one of"),
    ({"data": 5}, "data must have a time axis, got a int"),
    ({"shuffle": True, "seed": -1}, "seed must be"),
]


@pytest.mark.parametrize(("options", "message"), BAD_WINDOWS)
def test_window_refusals(options, message):
    arguments = {"data": np.zeros(STEPS), "targets": None, "sequence_length": 3, **options}
    with pytest.raises(ValueError, match=message):
        utils.timeseries_dataset_from_array(**arguments)


# -- data sets and seeds -------------------------------------------------------------------------


class Squares(utils.Sequence):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return index * index


class Endless(Squares):
    num_batches = None


def test_data_sets():
    squares = Squares(workers=4, use_multiprocessing=True, max_queue_size=2)
    assert list(squares) == list(squares) == [0, 1, 4]
    assert squares.num_batches == 3
    assert (squares.workers, squares.use_multiprocessing, squares.max_queue_size) == (4, True, 2)
    squares.on_epoch_begin()
    squares.on_epoch_end()
    assert utils.PyDataset is utils.Sequence
    assert list(itertools.islice(Endless(), 5)) == [0, 1, 4, 9, 16]


def test_a_data_set_without_its_methods():
    with pytest.raises(NotImplementedError, match="PyDataset must define __len__"):
        len(utils.PyDataset())
    with pytest.raises(NotImplementedError, match="PyDataset must define __getitem__"):
        utils.PyDataset()[0]


def draws():
    return (random.random(), np.random.rand(),  # noqa: NPY002 -- what programs use
            fastrnn.random.generator().random())


def test_one_seed_for_all():
    runs = []
    for seed in (3, np.int64(3), 4):
        utils.set_random_seed(seed)
        runs.append(draws())
    assert runs[0] == runs[1]
    assert not set(runs[0]) & set(runs[2])


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, None, "1", True])
def test_bad_seeds_seed_nothing(seed):
    utils.set_random_seed(5)
    want = draws()
    utils.set_random_seed(5)
    with pytest.raises(ValueError, match="seed must be an int in"):
        utils.set_random_seed(seed)
    assert draws() == want
