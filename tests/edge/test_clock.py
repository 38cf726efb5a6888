"""Whether the wall clock is believed: synchronised, not before what was written, not set of late."""

import pytest

from edge.clock import WatchedClock, boot_id, is_synchronised

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
    assert machine.clock().distrust(NIGHT_UTC + 60) == ""  # slewed by a minute at most
    assert "before what was written last" in machine.clock().distrust(NIGHT_UTC + 60.5)


@pytest.mark.parametrize("moved_s", [120 * 86400.0, -3600.0, 2.5, -2.5])
def test_one_that_was_set_is_believed_again_when_it_went_on_for_a_day(machine, moved_s):
    clock = machine.clock()
    machine.monotonic_s += 60
    machine.ahead_s += moved_s
    assert "set less than a day ago" in clock.distrust(0.0)
    machine.monotonic_s += 86399.5
    assert "set less than a day ago" in clock.distrust(0.0)
    machine.monotonic_s += 0.5
    assert clock.distrust(0.0) == ""


@pytest.mark.parametrize("moved_s", [2.0, -2.0])
def test_two_seconds_are_no_setting_of_the_clock(machine, moved_s):
    clock = machine.clock()
    machine.ahead_s += moved_s
    assert clock.distrust(0.0) == ""


def test_what_the_caller_saw_of_a_clock_that_was_set_counts_too(machine):
    clock = machine.clock()
    clock.compare(2.0)
    assert clock.distrust(0.0) == ""
    clock.compare(-120.0)
    assert "set less than a day ago" in clock.distrust(0.0)


def test_each_setting_of_the_clock_begins_its_day_anew(machine):
    clock = machine.clock()
    for _ in range(3):
        machine.ahead_s += 100.0
        clock.note()
        machine.monotonic_s += 80000.0
    assert "set less than a day ago" in clock.distrust(0.0)
    machine.monotonic_s += 6400.0
    assert clock.distrust(0.0) == ""


def test_the_machine_answers():
    assert is_synchronised() in (True, False, None)
    with open("/proc/sys/kernel/random/boot_id") as file:
        assert boot_id() == file.read().strip() != ""


def test_where_the_machine_does_not_say_which_start_it_is_that_is_empty(monkeypatch, tmp_path):
    monkeypatch.setattr("edge.clock.BOOT_ID", str(tmp_path / "none"))
    assert boot_id() == ""


class Kernel:
    """A C library whose adjtimex() answers so."""

    def __init__(self, state):
        self.adjtimex = lambda timex: state


def no_library(name):
    raise OSError("no C library")


@pytest.mark.parametrize(
    "library, answer",
    [
        (lambda name: Kernel(0), True),  # TIME_OK
        (lambda name: Kernel(4), True),  # TIME_WAIT: of a leap second
        (lambda name: Kernel(5), False),  # TIME_ERROR: nobody keeps it
        (lambda name: Kernel(-1), None),  # it may not be asked
        (lambda name: object(), None),  # of another system
        (no_library, None),
    ],
)
def test_the_kernel_is_asked_where_timesyncd_says_nothing(monkeypatch, tmp_path, library, answer):
    said = tmp_path / "synchronized"
    monkeypatch.setattr("edge.clock.TIMESYNCD_SAYS", str(said))
    monkeypatch.setattr("edge.clock.ctypes.CDLL", library)
    assert is_synchronised() is answer
    said.write_text("")
    assert is_synchronised() is True
