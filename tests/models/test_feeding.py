# SPDX-License-Identifier: Apache-2.0
"""How arrays come to a model: read and cast by batch, whatever they are and wherever they lie."""

import tracemalloc

import numpy as np
import pytest

import fastrnn
from fastrnn import layers, models
from fastrnn.models.arrays import Stored, missing

RNG = np.random.default_rng(5)
ROWS, STEPS, FEATURES, WIDTH = 600, 5, 40, 400


def model_of(width=WIDTH, loss="mse", activation=None, **options):
    model = models.Sequential([
        layers.Input((STEPS, FEATURES), **options), layers.LSTM(2),
        layers.Dense(width, activation),
    ])
    model.compile("sgd", loss)
    return model


def inputs(rows=ROWS, dtype="float32"):
    return (RNG.standard_normal((rows, STEPS, FEATURES)) * 3).astype(dtype)


def one_hot(rows=ROWS, dtype=bool):
    return np.eye(WIDTH, dtype=dtype)[RNG.integers(WIDTH, size=rows)]


def peak(use):
    """The most bytes that `use` holds at once beyond those held before it."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        use()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


# -- memory --------------------------------------------------------------------------------------

# What ran before as whole copies; 8 rows in float64, with what a step makes of them, are the
# share of ROWS that is allowed.
USES = {
    "fit": lambda m, x, y, w: m.fit(x, y, sample_weight=w, batch_size=4, verbose=0),
    "fit in order": lambda m, x, y, w: m.fit(x, y, batch_size=4, shuffle=False, verbose=0),
    "fit some steps": lambda m, x, y, w: m.fit(x, y, batch_size=4, steps_per_epoch=9, epochs=2,
                                               verbose=0),
    "validation_data": lambda m, x, y, w: m.fit(x[:4], y[:4], validation_data=(x, y, w),
                                                validation_batch_size=4, verbose=0),
    "validation_split": lambda m, x, y, w: m.fit(x, y, validation_split=0.5, batch_size=4,
                                                 verbose=0),
    "evaluate": lambda m, x, y, w: m.evaluate(x, y, sample_weight=w, batch_size=4, verbose=0),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int32", "int64", "float16", "float32",
                                   "float64"])
def test_targets_are_cast_by_batch(use, dtype):
    model = model_of(activation="softmax", loss="categorical_crossentropy")
    x, y, weight = inputs(), one_hot(dtype=dtype), np.ones((ROWS, 1))
    USES[use](model, x[:80], y[:80], weight[:80])
    held = peak(lambda: USES[use](model, x, y, weight))
    assert held < one_hot(dtype=bool).nbytes


@pytest.mark.parametrize("use", [*USES, "predict"])
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int64", "float16", "float32",
                                   "float64"])
def test_inputs_are_cast_by_batch(use, dtype):
    model = model_of(1)
    uses = USES | {"predict": lambda m, x, y, w: m.predict(x, batch_size=4, verbose=0)}
    x, y, weight = inputs(dtype=dtype), RNG.standard_normal((ROWS, 1)), np.ones(ROWS)
    uses[use](model, x[:80], y[:80], weight[:80])
    held = peak(lambda: uses[use](model, x, y, weight))
    assert held < x.size


@pytest.mark.parametrize("dtype", ["float64", "float16", "int32", "bool"])
def test_sample_weights_are_cast_by_batch(dtype):
    model = models.Sequential([layers.Input((1, 1)), layers.GRU(1, return_sequences=True)])
    model.compile("sgd", "mse")
    rows = 20_000
    x, y, weight = np.ones((rows, 1, 1), "f"), np.ones((rows, 1), "f"), np.ones(rows, dtype)
    model.fit(x[:9], y[:9], sample_weight=weight[:9], verbose=0)
    # The order of the rows is the one array of their number.
    for use in (lambda: model.fit(x, y, sample_weight=weight, batch_size=100, shuffle=False,
                                  verbose=0),
                lambda: model.evaluate(x, y, sample_weight=weight, batch_size=100, verbose=0)):
        assert peak(use) < 4 * rows


def test_outputs_are_written_where_they_belong():
    model = model_of()
    x = inputs()
    whole = ROWS * WIDTH * 4
    held = peak(lambda: model.predict(x, batch_size=4, verbose=0))
    assert whole <= held < 1.5 * whole


def test_validation_batches_that_are_remembered_are_not_cast():
    model = model_of(activation="softmax", loss="categorical_crossentropy")
    x, y = inputs(), one_hot()

    def batches():
        for first in range(0, ROWS, 4):
            yield x[first:first + 4], y[first:first + 4]

    model.fit(x[:8], y[:8], verbose=0)
    held = peak(lambda: model.fit(x[:4], y[:4], validation_data=batches(), epochs=2, verbose=0))
    assert held < y.nbytes


def test_missing_values_are_looked_for_in_pieces():
    x = np.zeros((3000, 10, 100))
    x[2999, 9, 99] = x[17, 3, 5] = x[17, 3, 6] = np.nan
    assert peak(lambda: missing(x)) < x.size / 4
    assert missing(x) == (3, (17, 3, 5))
    assert missing(np.asfortranarray(x)) == (3, (17, 3, 5))
    assert missing(x[::-1, :, ::2]) == (1, (2982, 3, 3))
    assert missing(np.zeros((0, 4))) is None
    assert missing(np.zeros((2, 0, 4))) is None


# -- values --------------------------------------------------------------------------------------


def layouts(array, folder):
    """The same numbers, laid out in other ways."""
    wide = np.empty((array.shape[0] * 2, *array.shape[1:]), array.dtype)
    wide[::2] = array
    frozen = array.copy()
    frozen.flags.writeable = False
    mapped = np.lib.format.open_memmap(folder / "a.npy", "w+", array.dtype, array.shape)
    mapped[:] = array
    mapped.flush()
    return {
        "strided": wide[::2],
        "backwards": array[::-1].copy()[::-1],
        "fortran": np.asfortranarray(array),
        "read-only": frozen,
        "foreign byte order": array.astype(array.dtype.newbyteorder()),
        "memory-mapped": np.load(folder / "a.npy", mmap_mode="r"),
        "list": array.tolist(),
    }


def results(model, start, x, y, weight, **options):
    """Everything that fit, evaluate and predict give."""
    fastrnn.utils.set_random_seed(3)
    model.set_weights(start)
    history = model.fit(x, y, sample_weight=weight, batch_size=8, epochs=2, verbose=0,
                        **options).history
    return (history, model.evaluate(x, y, sample_weight=weight, batch_size=8, verbose=0),
            model.predict(x, batch_size=8, verbose=0).tolist(),
            [w.tolist() for w in model.get_weights()])


@pytest.mark.parametrize("kind", ["strided", "backwards", "fortran", "read-only",
                                  "foreign byte order", "memory-mapped", "list"])
def test_every_layout_gives_the_same(kind, tmp_path):
    model = model_of(3)
    start = model.get_weights()
    x, y, weight = inputs(30), RNG.standard_normal((30, 3), np.float32), RNG.random(30, np.float32)
    want = results(model, start, x, y, weight, validation_split=0.3)
    for name, array in (("x", x), ("y", y), ("w", weight)):
        (tmp_path / name).mkdir()
        given = {"x": x, "y": y, "w": weight} | {name: layouts(array, tmp_path / name)[kind]}
        got = results(model, start, *given.values(), validation_split=0.3)
        assert got == want


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "int32", "uint32", "int64",
                                   "uint64", "float16", "float64"])
def test_every_dtype_gives_what_float32_gives(dtype):
    model = model_of(3)
    start = model.get_weights()
    x, y = inputs(30, dtype), (RNG.random((30, 3)) * 4).astype(dtype)
    weight = np.asarray(RNG.integers(1, 4, 30), dtype)
    want = results(model, start, *(part.astype(np.float32) for part in (x, y, weight)))
    assert results(model, start, x, y, weight) == want


def test_floats_for_an_integer_input_are_cut_as_ever():
    model = models.Sequential([layers.Input((4,), dtype="int32"), layers.Embedding(9, 2),
                               layers.GRU(2)])
    ids = RNG.integers(9, size=(20, 4))
    want = model.predict(ids, batch_size=8, verbose=0)
    np.testing.assert_array_equal(model.predict(ids + 0.25, batch_size=8, verbose=0), want)
    missing_id = np.where(ids == ids[3, 2], np.nan, ids)
    with pytest.raises(ValueError, match="NaN"):
        model.predict(missing_id, batch_size=8, verbose=0)


def test_bool_targets_for_every_kind_of_loss_and_metric():
    y = RNG.random((30, 1)) < 0.5
    for loss, columns, targets in (("binary_crossentropy", 1, y), ("mse", 1, y), ("hinge", 1, y),
                                   ("sparse_categorical_crossentropy", 2, y[:, 0]),
                                   ("categorical_crossentropy", 2, np.hstack([y, ~y]))):
        activation = "softmax" if columns == 2 else "sigmoid"
        model = model_of(columns, loss, activation)
        seen = []

        def difference(y_true, y_pred, seen=seen):
            seen.append(y_true.dtype)
            return y_true - y_true.mean() - 0 * y_pred.sum()

        model.compile("sgd", loss, metrics=["accuracy", difference])
        x = inputs(30)
        got = model.evaluate(x, targets, batch_size=8, return_dict=True, verbose=0)
        want = model.evaluate(x, targets.astype(np.float32), batch_size=8, return_dict=True,
                              verbose=0)
        assert got == want
        assert {dtype.kind for dtype in seen} == {"f"}


def test_objects_are_refused_as_ever():
    model = model_of(1)
    with pytest.raises(TypeError, match="x must be numbers, got dtype object"):
        model.predict(inputs(4).astype(object))
    with pytest.raises(TypeError, match="y must be numbers, got dtype object"):
        model.fit(inputs(4), np.array([1, None, 2, 3]), verbose=0)


def test_errors_name_arrays_before_anything_is_trained():
    model = model_of(3)
    start = model.get_weights()
    x = inputs(30, "float64")
    x[21, 2, 1] = np.nan
    with pytest.raises(ValueError, match=r"1 missing values .*\(21, 2, 1\)"):
        model.fit(x, np.zeros((30, 3)), batch_size=4, verbose=0)
    with pytest.raises(ValueError, match=r"\(30, 5\).*\(30, 3\)"):
        model.fit(inputs(30, "float64"), np.zeros((30, 5), bool), batch_size=4, verbose=0)
    with pytest.raises(ValueError, match=r"1 missing values .*\(21, 2, 1\)"):
        model.fit(inputs(30), np.zeros((30, 3)), validation_data=(x, np.zeros((30, 3))), verbose=0)
    assert all((a == b).all() for a, b in zip(start, model.get_weights(), strict=True))


# -- arrays that are not in memory ---------------------------------------------------------------


class InFile:
    """An array of a file: a shape, a dtype and an index that wants ascending rows, as HDF5."""

    def __init__(self, array):
        self._array, self.read = array, []
        self.shape, self.dtype = array.shape, array.dtype

    def __len__(self):
        return len(self._array)

    def __getitem__(self, rows):
        got = self._array[rows]
        if not isinstance(rows, slice):
            assert (np.diff(rows) > 0).all()
        self.read.append(len(got))
        return got

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("it was read as a whole")


@pytest.mark.parametrize("options", [{}, {"shuffle": False}, {"validation_split": 0.3},
                                     {"steps_per_epoch": 2}])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_arrays_of_a_file_are_read_by_batch(dtype, options):
    model = model_of(3)
    start = model.get_weights()
    x, y, weight = inputs(30, dtype), RNG.random((30, 3)), RNG.random(30)
    want = results(model, start, x, y, weight, **options)
    files = [InFile(part) for part in (x, y, weight)]
    assert results(model, start, *files, **options) == want
    for file in files:
        assert max(file.read) <= 8


def test_arrays_of_an_hdf5_file(tmp_path):
    h5py = pytest.importorskip("h5py")
    model = model_of(3)
    start = model.get_weights()
    x, y = inputs(30), RNG.standard_normal((30, 3))
    want = results(model, start, x, y, None, validation_data=(x, y))
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"], file["y"] = x, y
        got = results(model, start, file["x"], file["y"], None,
                      validation_data=(file["x"], file["y"]))
        assert got == want
        named = model.predict({model.input_names[0]: file["x"]}, verbose=0)
        np.testing.assert_array_equal(named, model.predict(x, verbose=0))


def test_rows_of_stored_arrays():
    array = RNG.random((20, 2))
    part = Stored(InFile(array)).part(slice(5, 17))
    assert (len(part), part.shape, part.ndim) == (12, (12, 2), 2)
    rows = RNG.permutation(12)
    np.testing.assert_array_equal(part[rows], array[5:17][rows])
    np.testing.assert_array_equal(part[3:99], array[8:17])
    np.testing.assert_array_equal(part.part(slice(2, None))[:], array[7:17])


def test_sparse_rows_become_dense_by_batch():
    sparse = pytest.importorskip("scipy.sparse")
    x = np.where(RNG.random((30, 6)) < 0.3, RNG.random((30, 6)), 0)
    model = models.Sequential([layers.Input((6,)), layers.Dense(2)])
    model.compile("sgd", "mse")
    start = model.get_weights()
    y = RNG.random((30, 2))
    assert results(model, start, sparse.csr_matrix(x), y, None) == results(model, start, x, y,
                                                                           None)


def test_a_missing_value_in_a_file_is_found_with_its_batch():
    model = model_of(1)
    x = inputs(30)
    x[21, 2, 1] = np.nan
    with pytest.raises(ValueError, match=r"NaN.*\(5, 2, 1\)"):
        model.predict(InFile(x), batch_size=8, verbose=0)


def test_outputs_that_differ_in_shape_are_an_error_and_in_rows_are_joined():
    class Cut(models.Model):
        """Gives a row less for each batch of four."""

        def call(self, inputs):
            return inputs[1:]

    x = inputs(10)
    want = np.concatenate([x[1:4], x[5:8], x[9:]])
    np.testing.assert_array_equal(Cut().predict(x, batch_size=4, verbose=0), want)

    class Grown(models.Model):
        """Has fewer steps where the first number is negative."""

        def call(self, inputs):
            return inputs[:, 1:] if float(inputs.array[0, 0, 0]) < 0 else inputs

    x[0, 0, 0], x[4, 0, 0] = 1, -1
    with pytest.raises(ValueError, match="dimension"):
        Grown().predict(x, batch_size=4, verbose=0)
