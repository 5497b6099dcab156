# SPDX-License-Identifier: Apache-2.0
"""The installed package: what importing it loads, what it needs, which version it says it is."""

import importlib.metadata
import importlib.resources
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fastrnn

ROOT = Path(__file__).resolve().parents[2]

HEAVY = ("scipy", "tqdm", "safetensors", "torch", "tensorflow", "keras", "jax", "onnx",
         "onnxruntime", "openvino", "h5py", "matplotlib", "sklearn", "pandas")

BLOCK = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"{{name}} is blocked", name=name)

sys.meta_path.insert(0, Blocked())
"""

# The bits of one training step of each cell: small, bidirectional and of unequal lengths; and
# large enough that BLAS is looked for.
TRAIN = """
import hashlib, json, sys
import numpy as np
import fastrnn

def train(cell, sizes, lengths=None, **kind):
    T, N, I, H = sizes
    model = cell(I, H, seed=3, **kind)
    x = np.random.default_rng(0).standard_normal((T, N, I), dtype=np.float32)
    model.train()
    y, _ = model(x, lengths=lengths)
    dx, _ = model.backward(np.ones_like(y))
    bits = hashlib.sha256()
    for array in (y, dx, *(model.grads[name] for name in sorted(model.state_dict()))):
        bits.update(np.ascontiguousarray(array).tobytes())
    return bits.hexdigest()

cells = (fastrnn.RNN, fastrnn.LSTM, fastrnn.GRU)
bits = [train(c, (6, 4, 5, 7), [6, 2, 5, 1], num_layers=2, bidirectional=True) for c in cells]
bits.append(train(fastrnn.GRU, (64, 64, 256, 256)))
print(json.dumps({"bits": bits, "loaded": sorted(sys.modules)}))
"""


def run(code, **env):
    """Run code in a new interpreter and return what it printed, parsed as JSON."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env=os.environ | env, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_import_loads_nothing_heavy():
    loaded = run("import sys, json, fastrnn; print(json.dumps(list(sys.modules)))")
    assert "numpy" in loaded
    assert [name for name in loaded if name.partition(".")[0] in HEAVY] == []


def test_every_public_name_exists():
    assert [name for name in fastrnn.__all__ if not hasattr(fastrnn, name)] == []


def test_config_is_told_without_scipy():
    out = run(BLOCK.format(names={"scipy"}) + "import json, fastrnn, contextlib, sys\n"
              "with contextlib.redirect_stdout(sys.stderr): fastrnn.show_config()\n"
              "print(json.dumps('scipy' in sys.modules))")
    assert out is False


@pytest.mark.parametrize("blocked", [{"scipy"}, set(HEAVY)], ids=["scipy", "all"])
def test_trains_with_packages_blocked(blocked):
    without = run(BLOCK.format(names=sorted(blocked)) + TRAIN, FASTRNN_GEMM="auto")
    assert [name for name in without["loaded"] if name.partition(".")[0] in blocked] == []
    assert without["bits"] == run(TRAIN, FASTRNN_GEMM="native")["bits"]


def test_asking_for_blas_without_scipy_says_so():
    code = BLOCK.format(names=["scipy"]) + TRAIN.replace("bits = [", """
try:
    train(cells[0], (64, 64, 256, 256))
except RuntimeError as error:
    print(json.dumps(str(error)))
    sys.exit()
bits = [""", 1)
    message = run(code, FASTRNN_GEMM="blas")
    assert "FASTRNN_GEMM" in message
    assert "SciPy" in message


def test_version_is_the_same_everywhere():
    version = fastrnn.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|rc\d+)?", version)
    assert importlib.metadata.version("fastrnn") == version


@pytest.mark.skipif(not (ROOT / "src_c/fastrnn.h").exists(), reason="not in a source checkout")
def test_c_header_has_the_version():
    header = (ROOT / "src_c/fastrnn.h").read_text()
    assert re.search(r'#define FASTRNN_VERSION\w*\s+"([^"]+)"', header)[1] == fastrnn.__version__


@pytest.mark.skipif(not (ROOT / "CHANGELOG.md").exists(), reason="not in a source checkout")
def test_changelog_has_the_version():
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(rf"^## \[{re.escape(fastrnn.__version__)}\]", changes, re.MULTILINE)


def test_demo_text_is_in_the_package():
    data = importlib.resources.files("fastrnn.demo.text")
    assert [f.name for f in data.iterdir() if f.name.endswith(".xz")]


def test_console_script_is_declared():
    scripts = importlib.metadata.entry_points(group="console_scripts", name="fastrnn")
    assert [s.value for s in scripts] == ["fastrnn.cli:main"]
