# SPDX-License-Identifier: Apache-2.0
"""When other programs hold the cores, calls use fewer threads; the system is made up here."""

import os
import sys

import pytest

from fastrnn._core.contention import Contention
from processes import run_python

CORES = 2
on_linux = sys.platform.startswith("linux")
linux = pytest.mark.skipif(not on_linux, reason="reads /proc")
two_cores = pytest.mark.skipif(on_linux and len(os.sched_getaffinity(0)) < 2,
                               reason="wants two cores")


@pytest.fixture
def contention():
    return Contention()


def held_up(contention, now, running, team=2, cores=CORES):
    contention.ended(team, now, True, running, cores)


def begins(contention, now, running, team=2, cores=CORES):
    return contention.begins(team, now, running, cores)


def test_a_thread_that_only_began_late_changes_nothing(contention):
    """The system says that nobody else wants its core: it came from its sleep."""
    for k in range(20):
        held_up(contention, 0.1 * k, running=2)
        assert begins(contention, 0.1 * k + 0.01, running=1) == 2


def test_a_thread_whose_core_is_taken_is_done_without(contention):
    held_up(contention, 1.0, running=3)
    assert [begins(contention, 1.0 + 1e-3 * k, running=2) for k in range(1, 9)] == [1] * 8


def test_cores_are_used_again_from_the_second_call_on(contention):
    held_up(contention, 1.0, running=3)
    assert begins(contention, 1.001, running=2) == 1
    assert [begins(contention, 1.002 + 1e-3 * k, running=1) for k in range(3)] == [1, 2, 2]


def test_looks_must_find_room_in_a_row(contention):
    held_up(contention, 1.0, running=3)
    found = [begins(contention, 1.001 + 1e-3 * k, running=1 + k % 2) for k in range(8)]
    assert found == [1] * 8


def test_more_looks_are_wanted_where_room_does_not_last(contention):
    now = 1.0
    wanted = []
    for _ in range(7):
        held_up(contention, now, running=3)
        looks = 1
        while begins(contention, now + 1e-4 * looks, running=1) == 1:
            looks += 1
        wanted.append(looks)
        now += 0.01
    assert wanted == [2, 4, 8, 16, 32, 64, 64]
    for k in range(200):
        contention.ended(2, now + k, False)
    held_up(contention, now + 300, running=3)
    assert [begins(contention, now + 300.001, running=1) for _ in range(2)] == [1, 2]


def test_pauses_grow_while_sharing_is_held_up(contention):
    """Also where the system always says that there is no room."""
    now, pauses = 1.0, []
    for _ in range(8):
        held_up(contention, now, running=3)
        pauses.append(next(p for p in (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
                           if begins(contention, now + p + 1e-6, running=2) == 2))
        now += 10
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6]


def test_a_larger_team_leaves_out_as_many_as_found_no_core():
    contention = Contention()
    held_up(contention, 1.0, running=9, team=8, cores=8)
    assert begins(contention, 1.001, running=9, team=8, cores=8) == 7
    assert begins(contention, 1.001, running=9, team=4, cores=8) == 4
    held_up(contention, 1.002, running=10, team=7, cores=8)
    assert begins(contention, 1.003, running=10, team=8, cores=8) == 5


def test_three_in_a_row_where_the_system_cannot_tell(contention):
    for k in range(2):
        held_up(contention, 1.0 + k, running=0, cores=0)
        assert begins(contention, 1.1 + k, running=0, cores=0) == 2
    contention.ended(2, 3.0, False)
    for k in range(3):
        assert begins(contention, 4.0 + k, running=0, cores=0) == 2
        held_up(contention, 4.1 + k, running=0, cores=0)
    assert begins(contention, 6.11, running=0, cores=0) == 1
    assert begins(contention, 6.11 + 0.06, running=0, cores=0) == 2


BESIDE_A_PROGRAM = """
import json, os, subprocess, sys, time
import numpy as np
import fastrnn

before = os.sched_getaffinity(0)
rng = np.random.default_rng(0)
models = [cls(64, 96, seed=1) for cls in (fastrnn.LSTM, fastrnn.GRU, fastrnn.RNN)]
models += [fastrnn.LSTM(24, 32, bidirectional=True, seed=1),
           fastrnn.LSTM(64, 96, proj_size=40, seed=1)]
inputs = [rng.standard_normal((40, n, m.input_size), dtype=np.float32)
          for m in models for n in (1, 2, 40)]
models = [m for m in models for _ in range(3)]

def work(threads):
    fastrnn.set_num_threads(threads)
    found = []
    for model, x in zip(models, inputs):
        y, _ = model.eval()(x)
        model.train().zero_grad()
        model(x)
        dx, _ = model.backward(y)
        found += [a.tobytes() for a in (y, dx, *model.grads.values())]
    return found

want = work(1)
spin = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
try:
    same = all(work(threads) == want for threads in (2, 3, 8) for _ in range(4))
finally:
    for other in spin:
        other.kill()
        other.wait()
for rest in (0.01, 0.06):
    time.sleep(rest)
    same &= work(2) == want
print(json.dumps([same, before == os.sched_getaffinity(0)]))
"""


@linux
def test_threads_that_are_late_or_held_up_do_not_show_in_the_bits():
    assert run_python(BESIDE_A_PROGRAM) == [True, True]


@linux
@two_cores
def test_the_others_of_a_team_stay_off_the_callers_core():
    """Else a kernel may wake them there, and the caller waits for its own core."""
    found = run_python("""
import json, os, threading
import numpy as np
import fastrnn
fastrnn.set_num_threads(2)
model, x = fastrnn.LSTM(64, 128, seed=1), np.ones((50, 32, 64), np.float32)
alone = os.sched_getaffinity(0)
for _ in range(50):
    model(x)
tasks = [int(t) for t in os.listdir("/proc/self/task")]
masks = [os.sched_getaffinity(t) for t in tasks if t != threading.get_native_id()]
print(json.dumps([os.sched_getaffinity(0) == alone,
                  any(len(mask) == len(alone) - 1 for mask in masks)]))
""")
    assert found == [True, True]


WHILE_ANOTHER_HAS_THE_LOCK = """
import json, sys, threading, time
import numpy as np
import fastrnn
from fastrnn._core.contention import seconds_waited

fastrnn.set_num_threads(2)
sys.setswitchinterval(30)
model = fastrnn.LSTM(96, 128, bidirectional=BOTH, seed=1)
x = np.ones((200, ROWS, 96), np.float32)
ready, found = threading.Event(), []

def work():
    model(x)                            # makes the team and packs the weights
    ready.set()
    model(x)
    found.append(seconds_waited())

def hold():
    \"\"\"Python code that does not give the lock away.\"\"\"
    until = time.perf_counter() + 1.5
    while time.perf_counter() < until:
        pass

thread = threading.Thread(target=work)
thread.start()
ready.wait()
hold()
thread.join()
print(json.dumps(found))
"""


@pytest.mark.parametrize(("rows", "both"), [(1, False), (1, True), (40, False)])
def test_the_wait_for_pythons_lock_is_no_wait_for_a_thread(rows, both):
    """Else a program with threads in Python looks like a machine without free cores."""
    program = WHILE_ANOTHER_HAS_THE_LOCK.replace("ROWS", str(rows)).replace("BOTH", str(both))
    found = run_python(program)
    assert len(found) == 1
    assert max(found) < 1


@linux
def test_both_directions_of_a_call_after_a_rest_have_one_answer():
    """The first one finds that waking a team is not worth it; so does the second."""
    found = run_python("""
import json, os
import numpy as np
import fastrnn
fastrnn.set_num_threads(2)
model = fastrnn.LSTM(45, 40, bidirectional=True, seed=1)
before = len(os.listdir("/proc/self/task"))
model(np.ones((10, 8, 45), np.float32))
print(json.dumps(len(os.listdir("/proc/self/task")) - before))
""")
    assert found == 0
