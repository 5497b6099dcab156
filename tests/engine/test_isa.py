# SPDX-License-Identifier: Apache-2.0
"""Every instruction set and product of the machine: against the oracle, and the same results."""

import os

import numpy as np
import pytest

import fastrnn
from configs import Config, assert_agree, reference_results, run
from processes import run_python
from tolerances import ACROSS_ISAS

CODE = "import test_isa; test_isa.write_results({path!r})"

OPTIONS = [
    ("RNN", {"nonlinearity": "tanh", "num_layers": 2}),
    ("RNN", {"nonlinearity": "sigmoid", "bias": False, "bidirectional": True}),
    ("LSTM", {"num_layers": 2, "bidirectional": True}),
    ("LSTM", {"proj_size": 3, "batch_first": True}),
    ("GRU", {"num_layers": 2, "bidirectional": True}),
    ("GRU", {"bias": False}),
]
SIZES = [(1, 1, 3, 4), (6, 2, 5, 16), (9, 7, 17, 33), (20, 40, 48, 70)]


def configs(dtype):
    """The runs that each instruction set makes, small and large, with and without lengths."""
    for cell, options in OPTIONS:
        for steps, rows, input_size, hidden_size in SIZES:
            lengths = tuple(n % (steps + 1) for n in range(rows)) if rows == 7 else None
            yield Config(cell, steps, rows, input_size, hidden_size, dtype, lengths=lengths,
                         state=rows > 1, options=options)


def write_results(path):
    """Print the configuration of this process; write the results of all runs to `path`."""
    import json

    arrays = {}
    for dtype in ("float32", "float64"):
        for k, config in enumerate(configs(dtype)):
            results = run(config.model(), config)
            arrays |= {f"{dtype}/{k}/{name}": value for name, value in results.items()}
    np.savez(path, **arrays)
    print(json.dumps(fastrnn.show_config(mode="dicts")))


def results_of(path, **environment):
    """(configuration, results by dtype, run and name) of a new process."""
    config = run_python(CODE.format(path=str(path)), **environment)
    with np.load(path) as file:
        return config, dict(file)


def grouped(arrays, dtype):
    """The results of each run of this dtype, by name."""
    groups = {}
    for key, value in arrays.items():
        own, k, name = key.split("/")
        if own == dtype:
            groups.setdefault(int(k), {})[name] = value
    return groups


@pytest.fixture(scope="module")
def oracle():
    return {
        dtype: [reference_results(c, c.model().state_dict()) for c in configs(dtype)]
        for dtype in ("float32", "float64")
    }


@pytest.fixture(scope="module")
def scalar(tmp_path_factory):
    return results_of(tmp_path_factory.mktemp("scalar") / "results.npz", FASTRNN_ISA="scalar")[1]


@pytest.mark.parametrize("gemm", ["native", "blas"])
@pytest.mark.parametrize("isa", ["scalar", "avx2", "avx512", "neon"])
def test_agreement(isa, gemm, oracle, scalar, tmp_path):
    if isa not in fastrnn.show_config(mode="dicts")["isas"]:
        pytest.skip(f"this machine has no {isa}")
    if gemm == "blas":
        pytest.importorskip("scipy", reason="BLAS is SciPy's")
    config, arrays = results_of(tmp_path / "r.npz", FASTRNN_ISA=isa, FASTRNN_GEMM=gemm)
    assert config["isa"] == isa
    assert config["gemm"] == gemm
    for dtype, want in oracle.items():
        for k, results in grouped(arrays, dtype).items():
            assert_agree(results, want[k], dtype)
    want = grouped(scalar, "float32")
    for k, results in grouped(arrays, "float32").items():
        assert_agree(results, want[k], "float32", ACROSS_ISAS)


EVALUATION = """
import json
import numpy as np
import fastrnn

rng = np.random.default_rng(0)
different = []
for cell in ("RNN", "LSTM", "GRU"):
    for size in (3, 9, 17, 24, 32, 40, 70):
        for dtype in ("float32", "float64"):
            for rows in (1, 2, 9):
                model = getattr(fastrnn, cell)(size, size, num_layers=3, dtype=dtype, seed=1)
                x = rng.standard_normal((5, rows, size)).astype(dtype)
                y = model.train()(x)[0].tobytes()
                if model.eval()(x)[0].tobytes() != y:
                    different.append([cell, size, dtype, rows])
print(json.dumps(different))
"""


@pytest.mark.parametrize("isa", ["scalar", "avx2", "avx512", "neon"])
def test_evaluation_gives_the_bits_of_training(isa):
    """Though its layers write where they read and may compute W x in the step."""
    if isa not in fastrnn.show_config(mode="dicts")["isas"]:
        pytest.skip(f"this machine has no {isa}")
    assert run_python(EVALUATION, FASTRNN_ISA=isa) == []


def test_same_bits_from_run_to_run(tmp_path):
    (_, first), (_, second) = (results_of(tmp_path / f"{k}.npz") for k in range(2))
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)


@pytest.mark.parametrize(("name", "value"), [("FASTRNN_ISA", "mmx"), ("FASTRNN_GEMM", "cuda")])
def test_unknown_choices_are_refused(name, value):
    out = run_python("""
import json
import numpy as np
import fastrnn
try:
    model = fastrnn.GRU(64, 128).train()
    y, _ = model(np.zeros((20, 8, 64), "f4"))
    model.backward(y)
    print(json.dumps("accepted"))
except RuntimeError as error:
    print(json.dumps(str(error)))
""", **{name: value})
    assert name in out
    assert value in out


def test_the_environment_of_this_process_is_honoured():
    forced = os.environ.get("FASTRNN_ISA")
    config = fastrnn.show_config(mode="dicts")
    assert config["isa"] == (forced or config["isas"][-1])


@pytest.mark.parametrize("threads", [1, 2])
def test_automatic_choice_does_not_hang_on_time(threads):
    """A vector instruction set does products of any size itself, so their bits are its own."""
    code = f"""
import hashlib, json, sys
import numpy as np
import fastrnn

fastrnn.set_num_threads({threads})
model = fastrnn.LSTM(256, 256, seed=1).train()
x = np.random.default_rng(0).standard_normal((64, 64, 256), dtype=np.float32)
y, _ = model(x)
dx, _ = model.backward(y)
bits = hashlib.sha256(b"".join(a.tobytes() for a in (y, dx, *model.grads.values())))
print(json.dumps([bits.hexdigest(), "scipy" in sys.modules]))
"""
    if fastrnn.show_config(mode="dicts")["isa"] == "scalar":
        pytest.skip("plain C leaves large products to BLAS")
    (native, _), (auto, imported) = (run_python(code, FASTRNN_GEMM=g) for g in ("native", "auto"))
    assert native == auto
    assert not imported
