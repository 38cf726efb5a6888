"""What events are like waits for a day, of fifty of them, and is gone then."""

import numpy as np
import pytest

from edge.infant.waiting import LONGEST_S, MOST, WaitingCries

DAY_S = 86400.0


class Clock:
    now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def waiting(clock):
    return WaitingCries(clock)


def starts(waiting):
    return [cry.start_utc for cry in waiting.all()]


def test_fifty_wait_and_the_oldest_makes_room(waiting):
    assert MOST == 50
    for number in range(MOST + 3):
        waiting.add(float(number), np.zeros(2), 1)
    assert starts(waiting) == [float(number) for number in range(3, MOST + 3)]


def test_after_a_day_they_are_gone_though_nobody_asks(waiting, clock):
    assert LONGEST_S == DAY_S
    waiting.add(1.0, np.zeros(2), 1)
    clock.now_s += 3600.0
    waiting.add(2.0, np.zeros(2), 1)
    clock.now_s += DAY_S - 3601.0
    assert starts(waiting) == [1.0, 2.0]
    clock.now_s += 1.0
    waiting.forget_old()
    assert [cry.start_utc for cry in waiting._cries] == [2.0]
    clock.now_s += 3600.0
    assert starts(waiting) == []


def test_some_are_forgotten_or_all(waiting):
    for number in range(4):
        waiting.add(float(number), np.zeros(2), 1)
    waiting.forget(waiting.all()[1:3])
    assert starts(waiting) == [0.0, 3.0]
    waiting.forget()
    assert starts(waiting) == []
