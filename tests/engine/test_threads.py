# SPDX-License-Identifier: Apache-2.0
"""Threads of the caller and of the engine: same bits, no leaks, no idle spinning, fork."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastrnn
from configs import Config, assert_same_bits, run
from processes import run_python

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")

# One sequence of steps large enough for a team of threads, in every way to share its work.
TEAM = """
import json, os, sys, time
import numpy as np
import fastrnn

fastrnn.set_num_threads(2)
models = [cls(64, 256, seed=1) for cls in (fastrnn.RNN, fastrnn.LSTM, fastrnn.GRU)]
inputs = [np.random.default_rng(0).standard_normal((30, n, 64), dtype=np.float32) for n in (1, 40)]

def work():
    results = []
    for model in models:
        for x in inputs:
            y, _ = model.eval()(x)
            model.train().zero_grad()
            model(x)
            dx, _ = model.backward(y)
            results += [y, dx, *map(np.copy, model.grads.values())]
    return [a.tobytes() for a in results]
"""


@pytest.fixture
def restored():
    before = fastrnn.get_num_threads()
    yield
    fastrnn.set_num_threads(before)


def test_number_of_threads(threads):
    assert fastrnn.get_num_threads() == threads


def test_layers_that_write_where_they_read_share_their_units(cell, rng, restored):
    """In evaluation all layers of one direction use the array of the outputs; in training none."""
    fastrnn.set_num_threads(2)
    model = cell(256, 256, num_layers=3, seed=1)
    x = rng.standard_normal((40, 1, 256)).astype(np.float32)
    want = model.train()(x)[0].tobytes()
    model.eval()
    for _ in range(20):
        assert model(x)[0].tobytes() == want


@pytest.mark.parametrize("lengths", [None, (200, 120)])
def test_two_directions_side_by_side(cell, rng, restored, lengths):
    """Two rows are too few to share and 32 units too few for a barrier a step."""
    model = cell(24, 32, num_layers=2, bidirectional=True, seed=1)
    x = rng.standard_normal((200, 2, 24)).astype(np.float32)
    got = []
    for threads in (1, 2):
        fastrnn.set_num_threads(threads)
        y, state = model.eval()(x, lengths=lengths)
        kept, _ = model.train()(x, lengths=lengths)
        model.zero_grad()
        dx, _ = model.backward(y)
        got.append([a.tobytes() for a in (y, kept, dx, *np.atleast_1d(*state))])
    assert got[0] == got[1]


def test_eight_threads_on_one_model(cell, dtype, rng):
    model = cell(16, 48, num_layers=2, bidirectional=True, dtype=dtype, seed=1)
    inputs = [rng.standard_normal((12, n, 16)).astype(dtype) for n in range(1, 9)]
    want = [model(x)[0].tobytes() for x in inputs]
    model.weight_ih_l0 = model.weight_ih_l0  # the threads meet packs that are out of date
    start = threading.Barrier(8)

    def call(x):
        start.wait()
        return [model(x)[0].tobytes() for _ in range(25)]

    with ThreadPoolExecutor(8) as pool:
        for results, one in zip(pool.map(call, inputs), want, strict=True):
            assert set(results) == {one}


def test_eight_threads_with_models_and_streams_of_their_own(cell):
    config = Config(cell.__name__, steps=9, rows=4, input_size=16, hidden_size=40)
    want = run(config.model(), config)
    shared = config.model()
    x = config.arguments()[0]
    stream = shared.stream(4)
    want_steps = [stream.step(x_t).tobytes() for x_t in x]
    start = threading.Barrier(8)

    def call(_):
        start.wait()
        for _ in range(10):
            assert_same_bits(run(config.model(), config), want)
            stream = shared.stream(4)
            assert [stream.step(x_t).tobytes() for x_t in x] == want_steps

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(8)))


def test_calls_while_weights_change_see_whole_states_only(cell):
    model, other = cell(5, 40, seed=1), cell(5, 40, seed=2)
    x = np.ones((3, 2, 5), np.float32)
    states = [{k: v.copy() for k, v in m.state_dict().items()} for m in (model, other)]
    allowed = {m(x)[0].tobytes() for m in (model, other)}
    done = threading.Event()

    def change():
        for k in range(200):
            model.load_state_dict(states[k % 2])
        done.set()

    def call():
        seen = set()
        while not done.is_set():
            seen.add(model(x)[0].tobytes())
        return seen

    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(call) for _ in range(3)]
        pool.submit(change).result()
        assert set().union(*(one.result() for one in calls)) <= allowed


@pytest.mark.parametrize("sizes", [
    (20, 64, 48, 96), (20, 5, 32, 160), (25, 1, 64, 512), (7, 33, 130, 70), (40, 3, 300, 33),
], ids=str)
@pytest.mark.parametrize("lengths", [False, True])
def test_same_bits_for_any_number_of_threads(cell, dtype, sizes, lengths, restored):
    steps, rows, input_size, hidden_size = sizes
    own = tuple(int(n) for n in np.random.default_rng(1).integers(0, steps + 1, rows))
    config = Config(cell.__name__, steps, rows, input_size, hidden_size, dtype, state=True,
                    lengths=own if lengths and rows > 1 else None,
                    options={"bidirectional": True})
    fastrnn.set_num_threads(1)
    want = run(config.model(), config)
    assert_same_bits(run(config.model(), config), want)
    for threads in (2, 3, 4, 7):
        fastrnn.set_num_threads(threads)
        assert_same_bits(run(config.model(), config), want)
        y, _ = config.model()(*config.arguments()[:2], config.lengths)
        assert y.tobytes() == want["y"].tobytes()


@posix
def test_fork_after_use():
    out = run_python(TEAM + """
want = work()
child = os.fork()
if child == 0:
    ok = work() == want
    fastrnn.set_num_threads(3)
    os._exit(0 if ok and work() == want else 1)
deadline = time.monotonic() + 60
while True:
    done, status = os.waitpid(child, os.WNOHANG)
    if done:
        break
    if time.monotonic() > deadline:
        os.kill(child, 9)
        sys.exit("the child hangs")
    time.sleep(0.01)
print(json.dumps([os.waitstatus_to_exitcode(status), work() == want]))
""")
    assert out == [0, True]


@posix
def test_fork_before_use():
    out = run_python(TEAM + """
import multiprocessing
with multiprocessing.get_context("fork").Pool(2) as pool:
    results = pool.starmap_async(work, [(), ()]).get(60)
print(json.dumps(results == [work()] * 2))
""")
    assert out is True


def test_idle_threads_do_not_spin():
    used = run_python(TEAM + """
work()
before = time.process_time()
time.sleep(0.5)
print(json.dumps(time.process_time() - before))
""")
    # one spinning thread would use 0.5 s
    assert used < 0.1


@linux
def test_training_calls_do_not_grow_memory():
    growth = run_python("""
import json, os
import numpy as np
import fastrnn

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

fastrnn.set_num_threads(2)
models = [cls(8, 16, 2, bidirectional=True, dropout=0.1, seed=1).train()
          for cls in (fastrnn.RNN, fastrnn.LSTM, fastrnn.GRU)]
inputs = [np.random.default_rng(0).standard_normal((t, n, 8), dtype=np.float32)
          for t, n in ((5, 4), (20, 1), (3, 17))]

def train(calls):
    for k in range(calls):
        model, x = models[k % 3], inputs[k // 3 % 3]
        y, _ = model(x, lengths=[len(x) - n % 2 for n in range(x.shape[1])] if k % 2 else None)
        model.backward(y)
        if k % 5 == 0:
            with model._updating() as arrays:
                for name, array in arrays.items():
                    array -= 1e-5 * model.grads[name]
            model.zero_grad()

train(300)
before = resident()
train(3000)
print(json.dumps(resident() - before))
""")
    assert growth < 6e6


@linux
def test_calls_and_streams_from_new_threads_do_not_grow_memory():
    growth = run_python("""
import json, os, threading
import numpy as np
import fastrnn

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

model = fastrnn.LSTM(16, 64, seed=1)
x = np.zeros((10, 8, 16), np.float32)

def call():
    model(x)
    stream = model.stream(8)
    stream.step(x[0])

def calls(count):
    for _ in range(count):
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()

calls(100)
before = resident()
calls(1000)
print(json.dumps(resident() - before))
""")
    assert growth < 6e6


def test_number_of_threads_changes_during_calls():
    code = """
import sys, threading
import numpy as np
import fastrnn

sys.setswitchinterval(1e-6)
model = fastrnn.RNN(2, 32, seed=1).train()
x = np.random.default_rng(0).standard_normal((64, 256, 2), dtype=np.float32)
lengths = [63] + [64] * 255
want = None
done = threading.Event()

def change():
    while not done.is_set():
        fastrnn.set_num_threads(1)
        fastrnn.set_num_threads(64)

changer = threading.Thread(target=change)
changer.start()
try:
    for _ in range(300):
        y, _ = model(x, lengths=lengths)
        dx, _ = model.backward(y)
        got = y.tobytes() + dx.tobytes()
        want = want or got
        assert got == want
finally:
    done.set()
    changer.join()
print('"survived"')
"""
    assert run_python(code) == "survived"
