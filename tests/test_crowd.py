# SPDX-License-Identifier: Apache-2.0
"""When other programs hold the cores, calls work alone; the clock here is made up."""

import pytest

from fastrnn._core.crowd import Crowd

WORK, USUAL = 1e7, 1e-4


@pytest.fixture
def crowd():
    crowd = Crowd()
    for k in range(5):
        assert not crowd.told(0.001 * k, WORK, USUAL * (1 + 0.1 * k))
    return crowd


def test_the_usual_spread_of_times_changes_nothing(crowd):
    assert not crowd.told(1.0, WORK, 5 * USUAL)
    assert not crowd.told(1.1, 100 * WORK, 400 * USUAL)


def test_a_call_that_was_held_up_is_followed_by_a_pause(crowd):
    assert crowd.told(1.0, WORK, 4e-3)
    assert crowd.alone(1.04)
    assert not crowd.alone(1.06)


def test_pauses_grow_until_the_cores_are_free_again(crowd):
    now, pauses = 1.0, []
    for _ in range(8):
        assert crowd.told(now, WORK, 4e-3)
        pause = next(p for p in (0.05, 0.1, 0.2, 0.4, 0.8, 1.6) if not crowd.alone(now + p + 1e-6))
        pauses.append(pause)
        now += pause + 1e-3
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6]
    assert not crowd.told(now, WORK, USUAL)
    assert crowd.told(now + 1, WORK, 4e-3)
    assert not crowd.alone(now + 1.06)


def test_a_slow_machine_is_not_a_busy_one():
    crowd = Crowd()
    for k in range(20):
        assert not crowd.told(0.1 * k, WORK, 50 * USUAL)
