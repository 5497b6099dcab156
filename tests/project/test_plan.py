# SPDX-License-Identifier: Apache-2.0
"""The plan of a run of the tests: quick folders first, and a line that says what comes."""

from pathlib import Path

import plan

TESTS = Path(__file__).resolve().parents[1]


def test_every_folder_of_tests_has_its_place():
    folders = {path.parent.name for path in TESTS.glob("*/test_*.py")}
    assert folders == set(plan.SECONDS)
    assert not list(TESTS.glob("test_*.py"))


def test_quick_folders_come_first():
    tests = [f"tests/{name}/test_it.py::test_{name}" for name in ("parity", "engine", "project")]
    places = [plan.place(test) for test in tests]
    assert places[1] < places[2] < places[0]
    assert max(places) < plan.place("bench/test_speed.py::test_speed")


def test_the_line_says_how_many_and_how_long():
    tests = [f"tests/models/test_it.py::test_it[{k}/a::b]" for k in range(30_000)]
    one, two = plan.announcement(tests), plan.announcement(tests, 2)
    assert "30000 tests (30000 models)" in one
    minutes = [int(text.partition("about ")[2].partition(" min")[0]) for text in (one, two)]
    assert minutes[0] > minutes[1] > 0
    assert plan.announcement([]) == ""


def test_this_run_is_in_this_order(request):
    places = [plan.place(item.nodeid) for item in request.session.items]
    assert places == sorted(places)
