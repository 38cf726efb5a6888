"""The states of hearing: each change is told once, to everybody."""

import logging

import pytest

from edge.runtime.microphone_state import MicrophoneState


@pytest.fixture
def kept():
    return []


@pytest.fixture
def hearing(kept, caplog):
    caplog.set_level(logging.INFO)
    return MicrophoneState(lambda state, detail: kept.append((state, detail)))


def states(kept):
    return [state for state, _ in kept]


def test_a_stall_and_its_recovery(hearing, kept, caplog):
    hearing.tries()
    hearing.heard("USB")
    hearing.fell_silent("nothing came")
    hearing.tries()
    hearing.failed("no microphone")
    hearing.tries()
    hearing.heard("USB")
    assert states(kept) == ["healthy", "stalled", "recovering", "lost", "healthy"]
    assert kept[0] == ("healthy", "hearing USB")
    assert kept[-1][1].startswith("hearing USB, after ") and kept[-1][1].endswith(" and 2 attempts")
    assert [record.getMessage().split(":")[0] for record in caplog.records] == states(kept)
    assert hearing.recoveries == 1


def test_a_stream_that_broke_off_is_recovering_at_once(hearing, kept):
    hearing.heard("USB")
    hearing.broke_off("unplugged")
    hearing.tries()
    hearing.heard("USB")
    assert states(kept) == ["healthy", "recovering", "healthy"]


def test_each_reason_is_said_once_however_often_it_is_tried(hearing, kept):
    for reason in ["none", "busy"] * 100:
        hearing.tries()
        hearing.failed(reason)
    assert kept == [("lost", "none"), ("lost", "busy")]
    hearing.heard("USB")
    hearing.broke_off("unplugged")
    hearing.failed("none")
    assert states(kept)[2:] == ["healthy", "recovering", "lost"]


def test_the_time_in_each_state_is_summed_up(hearing, monkeypatch):
    now_s = [100.0]
    monkeypatch.setattr("edge.runtime.microphone_state.time.monotonic", lambda: now_s[0])
    hearing = MicrophoneState(lambda *_: None)
    for change, lasts_s in (
        (lambda: hearing.heard("USB"), 50.0),
        (lambda: hearing.fell_silent(""), 0.5),
        (hearing.tries, 2.0),
        (lambda: hearing.failed("none"), 7.0),
        (lambda: hearing.heard("USB"), 10.0),
    ):
        change()
        now_s[0] += lasts_s
    assert hearing.summary() == ("healthy 60.0 s, stalled 0.5 s, recovering 2.0 s, lost 7.0 s, 1 recoveries")


def test_what_is_wrong_with_the_sound_is_told_and_hearing_goes_on(hearing, kept, caplog):
    hearing.heard("USB")
    hearing.notice("silent", "digital silence")
    assert hearing.state == "healthy"
    assert kept[-1] == ("silent", "digital silence")
    assert "silent: digital silence" in caplog.text
