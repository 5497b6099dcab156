# SPDX-License-Identifier: Apache-2.0
"""Options and fixtures of all tests: dtype, cell, threads, a random generator."""

import numpy as np
import pytest
from hypothesis import settings

import fastrnn
import plan
from fastrnn._common import oldnames

# Tests whose own arithmetic divides by zero or underflows: not run under --seterr.
_COMPUTING_THEMSELVES = ("test_symbolic_operators_have_the_shapes_of_numpy",
                         "test_sigmoid_is_stable", "test_a_cast_that_fails_changes_nothing")


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the tests marked slow too")
    parser.addoption("--seterr", choices=("raise", "warn", "call"),
                     help="run all tests under np.seterr(all=...)")


def pytest_configure(config):
    config.pluginmanager.register(Several(config))
    if config.getoption("--slow") and config.option.markexpr == "not slow":
        config.option.markexpr = ""
    # The normal run tries the same examples each time; --slow draws new ones.
    settings.register_profile("normal", deadline=None, derandomize=True, database=None)
    settings.register_profile("slow", deadline=None)
    settings.load_profile("slow" if config.getoption("--slow") else "normal")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: plan.place(item.nodeid))


def pytest_report_collectionfinish(items):
    return plan.announcement([item.nodeid for item in items])


class Several:
    """The same for several processes of pytest-xdist, which collect in those."""

    def __init__(self, config):
        self.config, self.said = config, False

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids):
        if not self.said:
            self.said = True
            report = self.config.pluginmanager.getplugin("terminalreporter")
            report.write_line("\n" + plan.announcement(ids, self.config.getvalue("numprocesses")))


@pytest.fixture(autouse=True)
def floating_point_errors(request):
    """The settings of a program that looks for its own floating-point errors (--seterr)."""
    mode = request.config.getoption("--seterr")
    if mode is None or request.node.originalname in _COMPUTING_THEMSELVES:
        yield
        return
    with np.errstate(all=mode, call=_refuse):
        before = np.geterr()
        yield
        assert np.geterr() == before


def _refuse(kind, flag):
    raise FloatingPointError(kind)


@pytest.fixture
def rng():
    return np.random.default_rng(20260719)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture(params=["RNN", "LSTM", "GRU"])
def cell(request):
    """One of the three engine classes."""
    return getattr(fastrnn, request.param)


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    """The number of threads set for the test."""
    before = fastrnn.get_num_threads()
    fastrnn.set_num_threads(request.param)
    yield request.param
    fastrnn.set_num_threads(before)


@pytest.fixture
def untold(monkeypatch):
    """A test begins as a process does, with no warning of an old name given yet."""
    monkeypatch.setattr(oldnames, "_told", set())
