"""What no room sounds like is said, once, and not again for an hour."""

import numpy as np
import pytest

from edge.audio.signal_watch import CLIPPING, SILENT, SOUNDING, SignalWatch

RATE = 16000


@pytest.fixture
def watch():
    return SignalWatch()


def hear(watch, second, seconds):
    """What was noticed while one second of audio was heard so many times: (when, what)."""
    noticed = [(number, watch.push(second)) for number in range(1, seconds + 1)]
    return [(number, notice[0]) for number, notice in noticed if notice]


def noise(level=0.01):
    return (level * np.random.RandomState(0).standard_normal(RATE)).astype(np.float32)


ZEROS = np.zeros(RATE, np.float32)


def test_a_room_is_nothing_to_speak_of(watch):
    assert hear(watch, noise(), 200) == []


def test_the_quietest_hiss_is_no_silence(watch):
    second = ZEROS.copy()
    second[::1000] = 1 / 32768
    assert hear(watch, second, 200) == []


def test_digital_silence_is_said_after_half_a_minute_and_once(watch):
    assert hear(watch, ZEROS, 29) == []
    assert hear(watch, ZEROS, 200) == [(1, SILENT)]


def test_its_end_is_said_too(watch):
    hear(watch, ZEROS, 40)
    assert watch.push(noise()) == (SOUNDING, "after 40 s of digital silence")
    assert hear(watch, noise(), 10) == []


def test_a_microphone_that_goes_silent_all_the_time_is_said_once_an_hour(watch):
    said = [what for _ in range(60) for second in (ZEROS, noise()) for _, what in hear(watch, second, 60)]
    assert said == [SILENT, SOUNDING] * 2


def test_clipping_is_said(watch):
    loud = np.clip(noise(1.0), -1, 1)
    assert hear(watch, loud, 9) == []
    noticed = watch.push(loud)
    assert noticed[0] == CLIPPING
    assert "31% of the last 10 s is cut off at full scale" in noticed[1]
    assert hear(watch, loud, 1000) == []


def test_a_peak_now_and_then_is_no_clipping(watch):
    second = noise()
    second[:100] = 1.0
    assert hear(watch, second, 200) == []
