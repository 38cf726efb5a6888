"""What a real Home Assistant shows of a real monitor, and asks of it: crying on, off, and unavailable whenever nobody
listens; broker, bridge and monitor killed; marks and a pause."""

import os
import signal

from receivers import until
from whole_house import CRYING, MICROPHONE, PATIENCE_S, PAUSE

CRY_S, LONG_CRY_S = 8.0, 40.0
ENTITIES = {
    CRYING,
    "binary_sensor.nursery_hearing",
    "binary_sensor.nursery_loud",
    MICROPHONE,
    "sensor.nursery_cry_probability",
    "sensor.nursery_sound_level",
    "sensor.nursery_cause",
    "sensor.nursery_last_cry",
    "sensor.nursery_crying_today",
    "event.nursery_cry",
    "button.nursery_mark_as_crying",
    "button.nursery_mark_as_something_else",
    PAUSE,
}


def test_every_entity_is_found(house):
    states = house.wait_for(crying="off", microphone="healthy", pause="off")
    assert {entity for entity in states if ".nursery" in entity} == ENTITIES


def test_crying_is_on_and_off_again_and_told_as_an_event(house):
    house.play_cry(CRY_S)
    house.wait_for(crying="on")
    states = house.wait_for(crying="off")
    assert states["event.nursery_cry"]["attributes"]["event_type"] == "ended"
    assert states["sensor.nursery_last_cry"]["state"].startswith("20")
    assert states["sensor.nursery_cause"]["state"] == "uncertain"


def test_a_mark_from_home_assistant_is_kept_with_the_cry(house):
    house.home.call("button/press", "button.nursery_mark_as_crying")
    until(lambda: house.stored()[0][-1].mark == "cry", PATIENCE_S)


def test_a_pause_is_shown_as_one_and_ends_when_it_is_switched_off(house):
    house.home.call("switch/turn_on", PAUSE)
    house.wait_for(pause="on", microphone="paused", crying="unavailable")
    house.home.call("switch/turn_off", PAUSE)
    house.wait_for(pause="off", microphone="healthy", crying="off")
    assert "paused" in [row.state for row in house.stored()[1]]


def test_a_killed_bridge_is_unavailable_and_ends_its_pause(house):
    house.home.call("switch/turn_on", PAUSE)
    house.wait_for(pause="on", crying="unavailable")
    house.bridge.kill()
    house.bridge.wait()
    house.wait_for(crying="unavailable", microphone="unavailable", pause="unavailable")
    until(lambda: "gone" in house.stored()[1][-1].detail, PATIENCE_S)
    house.start_bridge()
    house.wait_for(crying="off", microphone="healthy", pause="off")


def test_a_microphone_that_goes_in_a_cry_leaves_it_unavailable_and_comes_back_as_off(house):
    house.play_cry(LONG_CRY_S, seed=2)
    house.wait_for(crying="on")
    house.microphone.kill()
    states = house.wait_for(crying="unavailable")
    assert states[MICROPHONE]["state"] in ("stalled", "recovering", "lost")
    house.microphone.start()
    house.wait_for(microphone="healthy", crying="off")


def test_a_restarted_broker_is_told_everything(house):
    house.mosquitto.kill()
    house.wait_for(crying="unavailable", microphone="unavailable")
    house.mosquitto.start()
    house.wait_for(crying="off", microphone="healthy", pause="off")


def test_a_killed_monitor_is_unavailable_and_never_clear(house):
    house.play_cry(LONG_CRY_S, seed=3)
    house.wait_for(crying="on")
    house.monitor.kill()
    house.monitor.wait()
    house.wait_for(crying="unavailable", microphone="gone")
    house.start_monitor()
    house.wait_for(microphone="healthy")


def test_a_bridge_that_hangs_is_not_believed_for_ever(house):
    """The broker gives its connection up, or what is not repeated expires: it is not believed for ever."""
    os.kill(house.bridge.pid, signal.SIGSTOP)
    try:
        house.wait_for(crying="unavailable")
    finally:
        os.kill(house.bridge.pid, signal.SIGCONT)
    house.wait_for(microphone="healthy")
