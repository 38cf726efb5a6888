"""A device as Home Assistant finds it, and what stands in its topics, without a broker."""

import json
import re

import pytest
from monitor_messages import Clock, alert, event, frame, status

from edge.bridge.home_assistant import CRYING_EXPIRES_S, LEVEL_EVERY_S, REPEAT_S, Device, Topic, availability_topic
from edge.bridge.house import House
from edge.bridge.push_rules import PushSettings
from edge.following.sensors import Loudness, Sensors, State

BASE = "cry-monitor/cot-2"
HEARING = State(hearing=True, state="healthy", detail="hearing a microphone")


def device(**more):
    return Device("cot-2", "cry-monitor", "ha", ["hungry"], **more)


def payloads(state):
    return {key: topic.payload for key, topic in device().topics(state).items()}


def test_the_device_names_itself_and_the_version():
    topic = device().discovery("1.2")
    assert (topic.topic, topic.retain) == ("ha/device/cry_monitor_cot-2/config", True)
    document = json.loads(topic.payload)
    assert document["device"] == {
        "identifiers": ["cry_monitor_cot-2"],
        "name": "Cot 2",
        "manufacturer": "cry-monitor",
        "model": "Cry monitor",
        "sw_version": "1.2",
        "serial_number": "cot-2",
    }
    assert document["origin"] == {"name": "cry-monitor", "sw_version": "1.2"} and document["qos"] == 1


def test_every_entity_has_a_topic_that_something_stands_in():
    told = {topic.topic for topic in device().topics(HEARING._replace(last_cry_utc="t")).values()}
    told |= {device().measurements(HEARING).topic, device().event("began", {}).topic}
    components = json.loads(device(with_pause=True).discovery("1").payload)["components"]
    asked = {entity["state_topic"] for entity in components.values() if "state_topic" in entity}
    assert asked <= told
    commands = {key: entity["command_topic"] for key, entity in components.items() if "command_topic" in entity}
    assert commands == {
        "mark_cry": BASE + "/set/mark",
        "mark_other": BASE + "/set/mark",
        "pause": BASE + "/set/pause",
    }
    assert [components["mark_" + mark]["payload_press"] for mark in ("cry", "other")] == ["cry", "other"]
    assert set(components["microphone"]["options"]) >= {"healthy", "lost", "paused", "gone", "stopped", "starting"}


def test_what_tells_of_the_monitor_is_there_while_it_does_not_hear_and_what_tells_of_sound_is_not():
    components = device(with_pause=True)._components()
    alone = {key for key, entity in components.items() if len(entity["availability"]) == 1}
    of_monitor = {"hearing", "microphone", "last_cry", "today", "mark_cry", "mark_other", "pause"}
    assert alone == of_monitor
    for key, entity in components.items():
        assert entity["availability"][0] == {"topic": "cry-monitor/bridge/cot-2/availability"}
        if key not in of_monitor:
            assert entity["availability"][1] == {
                "topic": BASE + "/hearing",
                "payload_available": "ON",
                "payload_not_available": "OFF",
            }
        assert entity["unique_id"].startswith("cry_monitor_cot-2_")
        assert entity["default_entity_id"].startswith(entity["platform"] + ".cot_2_")


@pytest.mark.parametrize("name", ["nursery", "Cot-2", "_a__b-"])
def test_an_entity_s_id_is_the_one_that_home_assistant_makes_of_the_names(name):
    """Versions before 2026 make one of the names of device and entity, later ones take ours."""
    document = json.loads(Device(name, "cry-monitor", "homeassistant", (), True, True).discovery("1.0").payload)
    for entity in document["components"].values():
        words = re.findall("[a-z0-9]+", (document["device"]["name"] + " " + entity["name"]).lower())
        assert entity["default_entity_id"] == entity["platform"] + "." + "_".join(words)


def test_what_goes_on_unsaid_expires_well_after_it_was_due():
    components = device()._components()
    assert components["crying"]["expire_after"] == components["loud"]["expire_after"] == CRYING_EXPIRES_S
    assert 2 * REPEAT_S < CRYING_EXPIRES_S <= 5 * REPEAT_S
    for key in ("probability", "level"):
        assert 10 * LEVEL_EVERY_S < components[key]["expire_after"] <= 60
        assert components[key]["state_class"] == "measurement"


def test_each_topic_says_what_is_known():
    state = HEARING._replace(cry_minutes_today=12.34, last_cry_utc="2026-11-21T20:00:00.000Z", cause="hungry")
    assert payloads(state) == {
        "hearing": "ON",
        "crying": "OFF",
        "loud": "OFF",
        "microphone": "healthy",
        "paused": "OFF",
        "detail": "hearing a microphone",
        "cause": "hungry",
        "today": "12.3",
        "last_cry": "2026-11-21T20:00:00.000Z",
    }
    assert "last_cry" not in payloads(HEARING) and payloads(HEARING)["cause"] == "uncertain"
    assert payloads(State(state="paused"))["paused"] == "ON"
    assert all(topic.retain for topic in device().topics(state).values())


@pytest.mark.parametrize(
    "level_dbfs, probability, said",
    [(-41.6, 0.256, (-42, 26)), (-41.4, 0.254, (-41, 25)), (None, 0.0, (None, 0)), (0.0, 1.0, (0, 100))],
)
def test_level_and_probability_are_whole_numbers_and_not_retained(level_dbfs, probability, said):
    topic = device().measurements(HEARING._replace(level_dbfs=level_dbfs, cry_probability=probability))
    fields = json.loads(topic.payload)
    assert (fields.get("level_dbfs"), fields["cry_percent"]) == said
    assert topic.topic == BASE + "/measurements" and not topic.retain


def test_an_event_is_never_retained():
    topic = device().event("began", {"at_utc": "t"})
    assert (topic.topic, topic.retain) == (BASE + "/event", False)
    assert json.loads(topic.payload) == {"event_type": "began", "at_utc": "t"}


def test_a_cause_is_learnt_once():
    one = device()
    assert [one.learn(cause) for cause in ("hungry", None, "", "uncertain", "lonely", "lonely")] == [
        False, False, False, False, True, False,
    ]  # fmt: skip
    assert one._components()["cause"]["options"] == ["uncertain", "hungry", "lonely"]


def test_bridges_speak_for_themselves_alone():
    assert availability_topic("a", "b") == "a/bridge/b/availability"
    assert device(bridge="both").availability == "cry-monitor/bridge/both/availability"
    assert device().availability == "cry-monitor/bridge/cot-2/availability"


class Broker:
    """Keeps what it is told to."""

    def __init__(self, is_connected=True):
        self.is_connected = is_connected
        self.kept, self.told, self.repeated, self.closed = [], [], [], 0

    def keep(self, topic):
        self.kept.append(topic)

    def tell(self, topic):
        self.told.append(topic)
        return self.is_connected

    def repeat(self, topic):
        self.repeated.append(topic)

    def close(self):
        self.closed += 1


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("edge.bridge.house.time.monotonic", clock)
    return clock


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
def house(clock, broker):
    """Of one monitor, that hears."""
    sensors = Sensors("cot-2", Loudness(-30.0, 0.0), clock)
    house = House({"cot-2": sensors}, [], PushSettings(), {"cot-2": device()}, broker)
    house.take("cot-2", status())
    house.take("cot-2", frame(-40.0, 0.5))
    return house


def test_level_and_probability_are_told_every_two_seconds_while_it_hears(house, clock, broker):
    for _ in range(20):
        clock.now_s += 0.5
        house.take("cot-2", frame(-40.0, 0.5))
        house.tick()
    assert len(broker.told) == 5
    house.take("cot-2", status("lost"))
    clock.now_s += 5.0
    house.tick()
    assert len(broker.told) == 5


def test_what_expires_is_repeated_every_half_minute_while_frames_are_processed(house, clock, broker):
    house.tick()
    del broker.repeated[:]
    for half_seconds in range(1, 131):
        clock.now_s += 0.5
        house.take("cot-2", frame())
        house.tick()
        assert broker.repeated == [BASE + "/crying", BASE + "/loud"] * (half_seconds // 60)
    clock.now_s += 60.0  # no frame: it hangs
    house.tick()
    assert len(broker.repeated) == 4


def test_the_device_is_told_anew_when_its_version_or_a_cause_is(house, broker):
    def discoveries():
        return [json.loads(topic.payload) for topic in broker.kept if topic.topic.endswith("/config")]

    assert [document["device"]["sw_version"] for document in discoveries()] == ["0.1.0"]
    house.take("cot-2", dict(status(), monitor={"version": "0.2.0"}))
    house.take("cot-2", status(detail="another"))
    assert [document["device"]["sw_version"] for document in discoveries()] == ["0.1.0", "0.2.0", "0.1.0"]
    house.take("cot-2", event(cause="lonely", posterior={"lonely": 1.0}))
    assert len(discoveries()) == 4


def test_a_cry_that_home_assistant_did_not_hear_of_is_said(house, broker, caplog):
    house.take("cot-2", alert())
    assert caplog.text == ""
    broker.is_connected = False
    house.take("cot-2", alert())
    house.take("cot-2", event())
    assert [record.getMessage() for record in caplog.records] == [
        "not told to Home Assistant, as there is no connection: a cry alert",
        "not told to Home Assistant, as there is no connection: a cry event",
    ]
    kinds = [json.loads(topic.payload)["event_type"] for topic in broker.told if topic.topic == BASE + "/event"]
    assert kinds == ["began", "began", "ended"]
    assert json.loads(broker.told[-1].payload)["end_utc"] == "2026-11-21T20:01:00.000Z"


@pytest.mark.parametrize(
    "message", [{"type": "status"}, {"type": "alert"}, {"type": "event", "end_s": "x"}, {"type": "gone"}]
)
def test_what_is_not_understood_is_said_and_changes_nothing(house, broker, caplog, message):
    kept, before = len(broker.kept), house._monitors["cot-2"].state
    house.take("cot-2", message)
    assert "cot-2 says what this version does not understand" in caplog.text
    assert len(broker.kept) == kept and house._monitors["cot-2"].state == before


def test_a_monitor_that_is_gone_does_not_hear(house, broker):
    house.take("cot-2", {"type": "gone", "reason": "nobody answers"})
    newest = {topic.topic: topic for topic in broker.kept}
    assert newest[BASE + "/hearing"] == Topic(BASE + "/hearing", "OFF", True)
    assert newest[BASE + "/detail"].payload == "nobody answers"
    house.close()
    assert broker.closed == 1
