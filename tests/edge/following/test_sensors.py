"""What a household knows of a monitor: never "clear" while nobody hears."""

import pytest
from monitor_messages import Clock, alert, event, frame, status

from edge.following.sensors import GONE, LOUD_HOLD_S, STALE_S, Loudness, Sensors

OPEN = {"alert_utc": "2026-11-21T20:00:01.000Z", "cry_probability": 0.9}


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sensors(clock):
    return Sensors("nursery", Loudness(-30.0, 2.0), clock, lambda: 1.7e9)


def test_nothing_is_heard_before_the_first_word(sensors):
    sensors.tick()
    assert (sensors.state.hearing, sensors.state.state) == (False, GONE)


def test_a_healthy_monitor_with_fresh_frames_hears(sensors):
    sensors.take(status())
    assert sensors.state.hearing and sensors.version == "0.1.0"


@pytest.mark.parametrize("state", ["stalled", "recovering", "lost", "starting", "stopped", "paused"])
def test_any_other_state_does_not(sensors, state):
    sensors.take(status())
    sensors.take(status(state))
    assert not sensors.state.hearing and sensors.state.state == state


def test_a_pipeline_that_hangs_does_not_hear_whatever_it_says(sensors, clock):
    sensors.take(status())
    for _ in range(3):
        clock.now_s += STALE_S / 2
        sensors.take(status(age_s=clock.now_s - 1000.0))
    assert not sensors.state.hearing


def test_crying_ends_with_the_event_and_with_hearing(sensors):
    sensors.take(status())
    sensors.take(alert())
    assert sensors.state.crying
    sensors.take(event(90.0, cause=None, posterior={"hungry": 0.5, "tired": 0.5}))
    assert not sensors.state.crying
    assert (sensors.state.cause, sensors.state.cry_minutes_today) == ("uncertain", 1.5)
    sensors.take(alert())
    sensors.take(status("lost", episode=OPEN))
    assert not sensors.state.crying


def test_who_comes_in_the_middle_of_a_cry_knows_of_it(sensors):
    sensors.take(status(episode=OPEN))
    assert sensors.state.crying


def test_of_a_monitor_that_is_gone_nothing_is_known(sensors):
    sensors.take(status(episode=OPEN))
    sensors.gone("no monitor answers")
    assert (sensors.state.hearing, sensors.state.crying, sensors.state.level_dbfs) == (False, False, None)


def test_loud_is_loud_for_so_long_and_over_after_a_while(sensors, clock):
    sensors.take(status())
    sensors.take(frame(-20.0))
    assert not sensors.state.loud
    clock.now_s += 2.0
    sensors.take(frame(-20.0))
    assert sensors.state.loud
    clock.now_s += LOUD_HOLD_S - 0.1
    sensors.take(frame(-60.0))
    assert sensors.state.loud
    clock.now_s += 0.2
    sensors.take(frame(-60.0))
    assert not sensors.state.loud


def test_a_new_day_begins_with_no_minutes(clock):
    now = [1.7e9]
    sensors = Sensors("nursery", None, clock, lambda: now[0])
    sensors.take(status())
    sensors.take(event(120.0))
    assert sensors.state.cry_minutes_today == 2.0
    now[0] += 86400
    sensors.tick()
    assert sensors.state.cry_minutes_today == 0.0


def test_the_day_is_the_monitors_whenever_this_began(sensors):
    sensors.take(dict(status(), cry_today_s=600.0))
    assert sensors.state.cry_minutes_today == 10.0


def test_unknown_messages_change_nothing(sensors):
    sensors.take(status())
    before = sensors.state
    sensors.take({"type": "from the future", "x": 1})
    assert sensors.state == before
