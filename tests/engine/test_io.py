# SPDX-License-Identifier: Apache-2.0
"""Files: what is saved comes back; anything else is refused with the path and the reason."""

import json
import os
import pickle
import stat
import sys

import numpy as np
import pytest

import fastrnn
from fastrnn import io

safetensors_numpy = pytest.importorskip("safetensors.numpy", reason="the format of the files")

X = np.random.default_rng(0).standard_normal((4, 3, 5))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def saved(path):
    fastrnn.LSTM(5, 7, num_layers=2, seed=1).save(path)
    return path


def test_round_trip(cell, dtype, path):
    options = {"num_layers": 2, "bias": False, "batch_first": True, "dropout": 0.25,
               "bidirectional": True, "dtype": dtype, "seed": 1}
    if cell is fastrnn.RNN:
        options["nonlinearity"] = "relu"
    if cell is fastrnn.LSTM:
        options["proj_size"] = 3
    model = cell(5, 7, **options)
    model.train().save(path)
    twin = fastrnn.load(path)
    assert type(twin) is cell
    assert repr(twin) == repr(model)
    assert not twin.training
    x = X.astype(dtype)
    assert twin(x)[0].tobytes() == model.eval()(x)[0].tobytes()


def test_values_that_are_not_finite_come_back(path):
    model = fastrnn.GRU(5, 7, seed=1)
    odd = model.bias_ih_l0.copy()
    odd[:4] = np.nan, np.inf, -np.inf, -0.0
    model.bias_ih_l0 = odd
    model.save(path)
    assert fastrnn.load(path).bias_ih_l0.tobytes() == odd.tobytes()


def test_any_reader_of_safetensors_can_open_it(saved):
    model = fastrnn.load(saved)
    arrays = safetensors_numpy.load_file(saved)
    assert arrays.keys() == model.state_dict().keys()
    assert all((arrays[name] == value).all() for name, value in model.state_dict().items())


def test_arrays_of_any_layout_and_dtype(path):
    a = np.arange(12).reshape(3, 4)
    arrays = {"t": a.T, "step": a[:, ::2], "none": np.zeros((0, 3)), "scalar": np.float64(2.5),
              "bytes": np.arange(3, dtype=np.uint8), "bool": a > 3}
    io.write(path, arrays, {"kind": "test", "words": ["ä", 1, None]})
    got, header = io.read(path, "test")
    assert got.keys() == arrays.keys()
    for name, array in arrays.items():
        assert got[name].dtype == array.dtype
        assert got[name].shape == array.shape
        assert (got[name] == array).all()
    assert header["kind"] == "test"
    assert header["words"] == ["ä", 1, None]


def test_a_failed_write_leaves_the_old_file(saved, monkeypatch):
    before = saved.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        fastrnn.GRU(2, 3).save(saved)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]


def test_overwriting(saved):
    fastrnn.GRU(2, 3).save(saved)
    assert isinstance(fastrnn.load(saved), fastrnn.GRU)
    assert os.listdir(saved.parent) == [saved.name]


@pytest.mark.skipif(sys.platform == "win32", reason="file modes are POSIX's")
def test_the_file_has_the_mode_the_umask_gives(saved):
    plain = saved.parent / "plain"
    plain.write_bytes(b"")
    assert stat.S_IMODE(saved.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_missing_places(tmp_path):
    with pytest.raises(FileNotFoundError):
        fastrnn.load(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        fastrnn.GRU(2, 3).save(tmp_path / "none" / "model")
    with pytest.raises(OSError, match="directory"):
        fastrnn.load(tmp_path)


def refused(path, *words):
    with pytest.raises(io.FileFormatError) as caught:
        fastrnn.load(path)
    for word in (str(path), *words):
        assert word in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("share", [0, 0.0005, 0.01, 0.3, 0.9, 0.9999])
def test_truncated(saved, share):
    contents = saved.read_bytes()
    saved.write_bytes(contents[:int(share * len(contents))])
    refused(saved, "not a safetensors file, or truncated")


def test_too_long(saved):
    saved.write_bytes(saved.read_bytes() + b"more")
    refused(saved)


def test_one_flipped_bit_anywhere_is_noticed(saved, rng):
    contents = saved.read_bytes()
    size = int.from_bytes(contents[:8], "little")
    places = [*rng.integers(0, 8 + size, 60), *rng.integers(8 + size, len(contents), 60)]
    model = fastrnn.load(saved)
    for place in places:
        damaged = bytearray(contents)
        damaged[place] ^= 1 << int(rng.integers(8))
        saved.write_bytes(damaged)
        try:
            got = fastrnn.load(saved)
        except io.FileFormatError:
            assert place >= 0
        else:  # in a place that says nothing, such as blanks after the JSON text
            assert place < 8 + size
            assert repr(got) == repr(model)
            assert all((got.state_dict()[n] == v).all() for n, v in model.state_dict().items())


@pytest.mark.parametrize(("before", "after"), [
    (b'dropout\\": 0.5', b'dropout\\": 0.1'), (b'batch_first\\": false', b'batch_first\\":  true'),
])
def test_a_changed_header_is_noticed(path, before, after):
    fastrnn.LSTM(5, 7, num_layers=2, dropout=0.5, seed=1).save(path)
    contents = path.read_bytes()
    assert contents.count(before) == 1
    path.write_bytes(contents.replace(before, after))
    refused(path, "the checksum of its header is wrong")


def test_a_header_without_its_sum(saved):
    arrays, header = io.read(saved)
    del header[io.HEADER_SUM]
    safetensors_numpy.save_file(arrays, saved, {"fastrnn": json.dumps(header)})
    refused(saved, "the checksum of its header is wrong")


def test_headers_that_json_writes_in_another_way(path):
    header = {"kind": "test", "odd": {1: "\ud83d\ude00", "none": float("inf")}, "pair": (1, 2.5)}
    io.write(path, {"a": np.zeros(2)}, header)
    assert io.read(path, "test")[1]["odd"] == {"1": "\U0001f600", "none": float("inf")}


def test_lack_of_memory_is_the_fault_of_the_file(saved, monkeypatch):
    def fail(*_):
        raise MemoryError("none left")

    monkeypatch.setattr(fastrnn.LSTM, "load_state_dict", fail)
    refused(saved, "MemoryError: none left")


def test_foreign_files(path):
    path.write_text("Call me Ishmael. " * 100)
    refused(path, "not a safetensors file")
    path.write_bytes(b"")
    refused(path, "not a safetensors file")
    np.savez(path.with_suffix(".npz"), a=np.zeros(3))
    refused(path.with_suffix(".npz"), "not a safetensors file")
    safetensors_numpy.save_file({"a": np.zeros(3)}, path)
    refused(path, "not one of fastrnn")
    safetensors_numpy.save_file({"a": np.zeros(3)}, path, {"fastrnn": "{"})
    refused(path)
    safetensors_numpy.save_file({"a": np.zeros(3)}, path, {"fastrnn": "[]"})
    refused(path, "header")


def rewritten(path, change):
    """Write the file at `path` again with a changed header and the sum that belongs to it."""
    arrays, header = io.read(path)
    change(header, arrays)
    header[io.HEADER_SUM] = io.header_sum(header)
    safetensors_numpy.save_file(arrays, path, {"fastrnn": json.dumps(header)})


@pytest.mark.parametrize(("change", "words"), [
    (lambda h, a: h.update(version=99), ["format version 99", "reads up to 1"]),
    (lambda h, a: h.pop("version"), ["version"]),
    (lambda h, a: h.update(kind="charmodel"), ["'charmodel'", "'engine'"]),
    (lambda h, a: h.pop("kind"), ["None", "'engine'"]),
    (lambda h, a: h.pop("crc32"), ["different parameters"]),
    (lambda h, a: h["crc32"].update(weight_ih_l0=1), ["checksum of weight_ih_l0"]),
    (lambda h, a: h.update({"class": "Transformer"}), ["Transformer"]),
    (lambda h, a: h.pop("class"), ["class"]),
    (lambda h, a: h["arguments"].update(hidden_size=8), ["weight_ih_l0", "expected shape"]),
    (lambda h, a: h["arguments"].update(hidden_size="x"), ["hidden_size must be an int"]),
    (lambda h, a: h["arguments"].update(hidden_size=2**40), ["hidden_size is too large"]),
    (lambda h, a: h["arguments"].update(hidden_size=200_000), ["weight_ih_l0", "expected shape"]),
    (lambda h, a: h["arguments"].update(num_layers=3), ["missing: weight_ih_l2"]),
    (lambda h, a: h["arguments"].update(num_layers=1), ["unexpected: ", "weight_ih_l1"]),
    (lambda h, a: h["arguments"].update(colour="red"), ["colour"]),
    (lambda h, a: h.update(arguments=[1]), ["do not make sense"]),
    (lambda h, a: (a.pop("bias_ih_l0"), h["crc32"].pop("bias_ih_l0")), ["missing: bias_ih_l0"]),
])
def test_headers_that_do_not_fit(saved, change, words):
    rewritten(saved, change)
    refused(saved, *words)
