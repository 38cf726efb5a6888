"""Whether the wall clock is believed: synchronised, not before what was written, not set of late."""

import pytest

from edge.clock import STEADY_S, WatchedClock, boot_id, is_synchronised

NIGHT_UTC = 1.8e9


class Machine:
    """A wall clock that can be set, and one that cannot."""

    def __init__(self):
        self.monotonic_s = 5000.0
        self.ahead_s = NIGHT_UTC - self.monotonic_s
        self.synchronised = True

    def clock(self):
        return WatchedClock(
            lambda: self.monotonic_s + self.ahead_s, lambda: self.monotonic_s, lambda: self.synchronised
        )


@pytest.fixture
def machine():
    return Machine()


def test_a_synchronised_clock_that_goes_on_is_believed(machine):
    clock = machine.clock()
    for _ in range(10):
        machine.monotonic_s += 3600
        machine.ahead_s += 0.05  # as a crystal drifts
        assert clock.distrust(NIGHT_UTC) == ""


@pytest.mark.parametrize("synchronised, said", [(False, "not synchronised"), (None, "nothing says")])
def test_one_that_nobody_keeps_is_not(machine, synchronised, said):
    machine.synchronised = synchronised
    assert said in machine.clock().distrust(NIGHT_UTC - 1e6)


def test_nor_one_that_is_before_what_was_written_last(machine):
    assert "before what was written last" in machine.clock().distrust(NIGHT_UTC + 3600)
    assert machine.clock().distrust(NIGHT_UTC + 30) == ""  # slewed


@pytest.mark.parametrize("moved_s", [120 * 86400.0, -3600.0, 10.0])
def test_one_that_was_set_is_believed_again_when_it_went_on_for_a_day(machine, moved_s):
    clock = machine.clock()
    machine.monotonic_s += 60
    machine.ahead_s += moved_s
    assert "set less than a day ago" in clock.distrust(0.0)
    machine.monotonic_s += STEADY_S - 10
    assert "set less than a day ago" in clock.distrust(0.0)
    machine.monotonic_s += 20
    assert clock.distrust(0.0) == ""


def test_the_machine_answers():
    assert is_synchronised() in (True, False, None)
    assert boot_id() == boot_id()
