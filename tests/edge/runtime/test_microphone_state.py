"""The states of hearing: each change is told once, to everybody."""

import logging

import pytest

from edge.runtime.microphone_state import MicrophoneState
from edge.status import Status


@pytest.fixture
def kept():
    return []


@pytest.fixture
def microphone(kept, caplog):
    caplog.set_level(logging.INFO)
    status = Status()
    status.begin(lambda state, detail: kept.append((state, detail)), lambda: None)
    return MicrophoneState(status)


def states(kept):
    return [state for state, _ in kept]


def test_a_stall_and_its_recovery(microphone, kept, caplog):
    microphone.opening()
    microphone.receiving("USB")
    microphone.stalled("nothing came")
    microphone.opening()
    microphone.open_failed("no microphone")
    microphone.opening()
    microphone.receiving("USB")
    assert states(kept) == ["healthy", "stalled", "recovering", "lost", "healthy"]
    assert kept[0] == ("healthy", "hearing USB")
    assert kept[-1][1].startswith("hearing USB, after ") and kept[-1][1].endswith(" and 2 attempts")
    assert [record.getMessage().split(":")[0] for record in caplog.records] == states(kept)
    assert microphone.recoveries == 1


def test_a_stream_that_broke_off_is_recovering_at_once(microphone, kept):
    microphone.receiving("USB")
    microphone.stream_ended("unplugged")
    microphone.opening()
    microphone.receiving("USB")
    assert states(kept) == ["healthy", "recovering", "healthy"]


def test_each_reason_is_said_once_however_often_it_is_tried(microphone, kept):
    for reason in ["none", "busy"] * 100:
        microphone.opening()
        microphone.open_failed(reason)
    assert kept == [("lost", "none"), ("lost", "busy")]
    microphone.receiving("USB")
    microphone.stream_ended("unplugged")
    microphone.open_failed("none")
    assert states(kept)[2:] == ["healthy", "recovering", "lost"]


def test_the_time_in_each_state_is_summed_up(microphone, monkeypatch):
    now_s = [100.0]
    monkeypatch.setattr("edge.runtime.microphone_state.since_boot_s", lambda: now_s[0])
    microphone = MicrophoneState(Status())
    for change, lasts_s in (
        (lambda: microphone.receiving("USB"), 50.0),
        (lambda: microphone.stalled(""), 0.5),
        (microphone.opening, 2.0),
        (lambda: microphone.open_failed("none"), 7.0),
        (lambda: microphone.receiving("USB"), 10.0),
    ):
        change()
        now_s[0] += lasts_s
    assert microphone.summary() == ("healthy 60.0 s, stalled 0.5 s, recovering 2.0 s, lost 7.0 s, 1 recoveries")
