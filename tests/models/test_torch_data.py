# SPDX-License-Identifier: Apache-2.0
"""Tensors and DataLoaders of torch as data."""

import numpy as np
import pytest

import fastrnn
from data_cases import X, Y, pieces, small, twins, two_inputs


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


class Samples:
    """A data set of torch need be no subclass of its own."""

    def __init__(self, kind):
        self.kind = kind

    def __len__(self):
        return len(X)

    def __getitem__(self, k):
        return {
            "pair": lambda: (X[k], Y[k]),
            "single": lambda: X[k],
            "weighted": lambda: (X[k], Y[k], np.float64(k)),
            "nested": lambda: ([X[k], -X[k]], (Y[k], Y[k, :1])),
            "named": lambda: ({"a": X[k], "b": -X[k]}, {"o": Y[k], "p": Y[k, :1]}),
            "flat": lambda: {"a": X[k], "b": -X[k], "o": Y[k], "p": Y[k, :1]},
        }[self.kind]()


def loader(torch, kind="pair", **options):
    return torch.utils.data.DataLoader(Samples(kind), batch_size=8, **options)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_loader_is_as_its_arrays(torch, workers):
    model, other = twins()
    data = loader(torch, num_workers=workers)
    got = model.fit(data, epochs=2, validation_data=data, verbose=0).history
    want = other.fit(X, Y, batch_size=8, epochs=2, shuffle=False, validation_data=(X, Y),
                     verbose=0).history
    assert got == want
    assert model.evaluate(data, verbose=0) == other.evaluate(X, Y, batch_size=8, verbose=0)
    np.testing.assert_array_equal(model.predict(data, verbose=0), other.predict(X, batch_size=8))


@pytest.mark.parametrize("kind", ["single", "tensors", "single tensor"])
def test_a_data_loader_of_inputs_alone(torch, kind):
    data = {"single": lambda: Samples("single"),
            "tensors": lambda: torch.utils.data.TensorDataset(torch.from_numpy(X)),
            "single tensor": lambda: torch.from_numpy(X)}[kind]()
    model = small()
    got = model.predict(torch.utils.data.DataLoader(data, batch_size=8), verbose=0)
    np.testing.assert_array_equal(got, model.predict(X, batch_size=8))


@pytest.mark.parametrize("kind", ["nested", "named", "flat"])
def test_a_data_loader_of_several_inputs_and_outputs(torch, kind):
    model = two_inputs()
    start = model.get_weights()
    want = model.fit([X, -X], [Y, Y[:, :1]], batch_size=8, shuffle=False, verbose=0).history
    model.set_weights(start)
    assert model.fit(loader(torch, kind), verbose=0).history == want
    for got, part in zip(model.predict(loader(torch, kind), verbose=0),
                         model.predict([X, -X], batch_size=8, verbose=0), strict=True):
        np.testing.assert_array_equal(got, part)


def test_a_data_loader_with_weights(torch):
    model, other = twins()
    want = other.fit(X, Y, sample_weight=np.arange(20.0), batch_size=8, shuffle=False,
                     verbose=0).history
    assert model.fit(loader(torch, "weighted"), verbose=0).history == want
    with pytest.raises(ValueError, match="class_weight"):
        model.fit(loader(torch, "weighted"), class_weight={0: 2.0}, verbose=0)


def test_a_data_loader_shuffles_and_counts_by_itself(torch):
    seen, rows = [], []

    class Params(fastrnn.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append(self.params["steps"])

    class Noted(Samples):
        def __getitem__(self, k):
            rows.append(k)
            return super().__getitem__(k)

    data = torch.utils.data.DataLoader(Noted("pair"), batch_size=8, shuffle=True)
    small().fit(data, epochs=2, callbacks=[Params()], verbose=0)
    assert seen == [3]
    assert sorted(rows[:20]) == sorted(rows[20:]) == list(range(20))
    assert list(range(20)) != rows[:20] != rows[20:]


def test_a_data_loader_of_an_iterable_data_set(torch):
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return zip(X, Y, strict=True)

    model, other = twins()
    data = torch.utils.data.DataLoader(Stream(), batch_size=8)
    got = model.fit(data, epochs=2, verbose=0).history
    assert got == other.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0).history


def test_a_data_set_of_torch_is_told_of_the_data_loader(torch):
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return pieces(5)

    model, other = twins()
    got = model.fit(Stream(), verbose=0).history
    assert got == other.fit(pieces(5), verbose=0).history
    with pytest.raises(TypeError, match="DataLoader"):
        model.fit(torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y)),
                  verbose=0)


def test_tensors_are_arrays_without_a_copy(torch):
    model, other = twins()
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    assert fastrnn.models.arrays.as_arrays("x", x).ctypes.data == x.data_ptr()
    got = model.fit(x, y, sample_weight=torch.ones(20), batch_size=8, shuffle=False,
                    validation_split=0.2, verbose=0).history
    assert got == other.fit(X, Y, sample_weight=np.ones(20), batch_size=8, shuffle=False,
                            validation_split=0.2, verbose=0).history
    assert model.evaluate(x, y, verbose=0) == other.evaluate(X, Y, verbose=0)
    assert model.train_on_batch(x, y) == other.train_on_batch(X, Y)
    np.testing.assert_array_equal(model.predict(x), other.predict(X))


def test_tensors_that_cannot_be_read_are_named(torch):
    model = small()
    recorded = torch.zeros(4, 5, 3, requires_grad=True)
    elsewhere = torch.zeros(4, 5, 3, device="meta")
    for use in (lambda t: model.predict(t), lambda t: model.fit(t, Y[:4], verbose=0),
                lambda t: model.fit(iter([(t, Y[:4])]), verbose=0)):
        with pytest.raises(TypeError, match=r"x must be an array.*requires grad"):
            use(recorded)
        with pytest.raises(TypeError, match=r"x must be an array.*meta device"):
            use(elsewhere)
