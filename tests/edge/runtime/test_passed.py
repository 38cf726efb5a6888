"""Every second that passes is heard or counted: what never comes is lost, what is late is not, nor is a crystal."""

import random
import time

import pytest

from edge.runtime.passed import LOST_S, StreamClock, since_boot_s

BLOCK_S = 0.2
LATENCY_S = 0.15


class Stream:
    """A live source that a StreamClock watches; time is the test's own."""

    def __init__(self, drift=0.0, jitter_s=0.08, seed=1):
        self._rng = random.Random(seed)
        self._drift = drift
        self._jitter_s = jitter_s
        self.now_s = 1000.0
        self.arrived_s = 0.0
        self.found_s = 0.0
        self.clock = StreamClock(self.now_s, self.now_s)
        self._began_s = self.now_s

    def play(self, seconds):
        for _ in range(int(round(seconds / BLOCK_S))):
            self.now_s += BLOCK_S
            self.arrived_s += BLOCK_S * (1.0 + self._drift)
            self._push(self.now_s + LATENCY_S + self._rng.random() * self._jitter_s)

    def lose(self, seconds):
        self.now_s += seconds

    def come_late(self, seconds):
        """Nothing for so long, then all of it at once."""
        self.now_s += seconds
        for _ in range(int(round(seconds / BLOCK_S))):
            self.arrived_s += BLOCK_S
            self._push(self.now_s + LATENCY_S)

    def finish(self):
        """Heard and lost, against what passed."""
        self.found_s += self.clock.finish(self.arrived_s, self.now_s)
        return self.arrived_s + self.found_s, self.now_s - self._began_s

    def _push(self, at_s):
        self.found_s += self.clock.push(self.arrived_s, at_s)


@pytest.mark.parametrize("lost_s", [0.5, 1.0, 28.0, 3600.0])
@pytest.mark.parametrize("before_s, after_s", [(3.0, 30.0), (100.0, 30.0), (100.0, 3.0), (100.0, 0.2)])
def test_what_never_comes_is_lost(lost_s, before_s, after_s):
    stream = Stream()
    stream.play(before_s)
    stream.lose(lost_s)
    stream.play(after_s)
    assert stream.found_s in (0.0, pytest.approx(lost_s, abs=0.1))
    if after_s > 15.0:
        assert stream.found_s > 0.0  # it is not only at the end that it is found
    heard_and_lost_s, passed_s = stream.finish()
    assert heard_and_lost_s == pytest.approx(passed_s, abs=0.25)


@pytest.mark.parametrize("late_s", [1.0, 4.0, 30.0])
def test_what_comes_late_is_not(late_s):
    stream = Stream()
    for _ in range(20):
        stream.play(20.0)
        stream.come_late(late_s)
    assert stream.found_s == 0.0


def test_a_part_of_it_that_comes_late_is_not_lost_and_the_rest_is():
    """Stopped for 30 s: what the pipe and the sound server had room for comes after."""
    stream = Stream()
    stream.play(10.0)
    stream.lose(26.0)
    stream.come_late(4.0)
    stream.play(30.0)
    assert stream.found_s == pytest.approx(26.0, abs=0.1)


@pytest.mark.parametrize("drift", [2e-4, -2e-4])
def test_a_crystal_is_no_loss_however_long_the_night(drift):
    stream = Stream(drift)
    stream.play(8 * 3600.0)
    assert stream.found_s == 0.0


def test_many_small_losses_add_up():
    stream = Stream()
    for _ in range(60):
        stream.play(20.0)
        stream.lose(0.2)
    assert stream.found_s == pytest.approx(12.0, abs=0.6)


def test_a_loss_after_hours_of_drift_is_found_whole():
    stream = Stream(drift=2e-4)
    stream.play(4 * 3600.0)
    stream.lose(2.0)
    stream.play(30.0)
    assert stream.found_s == pytest.approx(2.0, abs=LOST_S)


@pytest.mark.parametrize(
    "arrived_s, passed_s, is_faster",
    [
        (24.0, 5.0, True),
        (24.0, 12.0, True),
        (4.0, 0.1, True),
        (2.0, 0.1, False),
        (10.0, 9.0, False),
        (3603, 3600, False),
    ],
)
def test_more_than_there_was_time_for_is_no_microphone(arrived_s, passed_s, is_faster):
    assert StreamClock(100.0, 103.0).is_faster(arrived_s, 100.0 + passed_s) == is_faster


def test_the_clock_goes_on_while_the_machine_sleeps():
    """The one that does not: this machine may have slept, and then they differ."""
    assert since_boot_s() >= time.monotonic() - 1e-3
    before_s = since_boot_s()
    time.sleep(0.01)
    assert since_boot_s() - before_s >= 0.01
