"""One monitor as a device of Home Assistant: what it is found by, its topics, and what stands in them.

MQTT discovery of a whole device (homeassistant/device/ID/config). Every entity but those that tell of the monitor
itself is unavailable while the monitor does not hear: `crying` is never "clear" while nobody listens.
"""

import json
import re
from typing import Any, Dict, Iterable, NamedTuple, Optional

from edge.following.sensors import State
from edge.status import PAUSED

ALIVE, NOT_ALIVE = "online", "offline"
ON, OFF = "ON", "OFF"
CRYING_EXPIRES_S = 90  # without a word for so long it is unknown
REPEAT_S = 30.0
LEVEL_EVERY_S = 2.0  # level and probability: a history of five a second is of no use
MARK_BUTTONS = (
    ("cry", "Mark as crying", "mdi:emoticon-cry"),
    ("other", "Mark as something else", "mdi:volume-off"),
)
STATES = ["healthy", "stalled", "recovering", "lost", "starting", "paused", "stopped", "gone"]


class Topic(NamedTuple):
    """What is to stand in a topic."""

    topic: str
    payload: str
    retain: bool


def bridge_name(names: Iterable[str]) -> str:
    """What the bridge of these monitors is called at the broker, which may have several bridges."""
    return "-".join(names)


def availability_topic(prefix: str, bridge: str) -> str:
    """Where that bridge says that it lives, and the broker when it no longer does."""
    return "{}/bridge/{}/availability".format(prefix, bridge)


def _slug(words):
    return re.sub("[^a-z0-9]+", "_", words.lower()).strip("_")


class Device(object):
    """The topics of one monitor. prefix: above its name; discovery: Home Assistant's own prefix. with_pause: whether
    Home Assistant may pause it. bridge: which one tells of it; empty for one of its own.

    availability: of the bridge, all of whose devices have one last will.
    """

    def __init__(
        self,
        name: str,
        prefix: str,
        discovery: str,
        causes=(),
        with_loudness: bool = True,
        with_pause: bool = False,
        bridge: str = "",
    ):
        self.name = name
        self.base = "{}/{}".format(prefix, name)
        self.availability = availability_topic(prefix, bridge or name)
        self._id = "cry_monitor_" + name
        self._discovery_topic = "{}/device/{}/config".format(discovery, self._id)
        self._causes = list(causes)
        self._with_loudness = with_loudness
        self._with_pause = with_pause

    def discovery(self, version: str) -> Topic:
        """What Home Assistant finds the device by."""
        title = self.name.replace("_", " ").replace("-", " ").capitalize()
        document = {
            "device": {
                "identifiers": [self._id],
                "name": title,
                "manufacturer": "cry-monitor",
                "model": "Cry monitor",
                "sw_version": version,
                "serial_number": self.name,
            },
            "origin": {"name": "cry-monitor", "sw_version": version},
            "qos": 1,
            "components": self._components(),
        }
        return Topic(self._discovery_topic, json.dumps(document), True)

    def learn(self, cause: Optional[str]) -> bool:
        """Whether this cause is a new one, of a bundle with others: discovery() names it from now on."""
        is_new = bool(cause) and cause not in ["uncertain"] + self._causes
        if is_new:
            self._causes.append(cause)
        return is_new

    def topics(self, state: State) -> Dict[str, Topic]:
        """{topic: Topic} of everything that stands still between changes."""
        values = {
            "hearing": ON if state.hearing else OFF,
            # Retained, an ON would come back with the microphone: what is not heard is off, and unavailable.
            "crying": ON if state.crying and state.hearing else OFF,
            "loud": ON if state.loud and state.hearing else OFF,
            "microphone": state.state,
            "paused": ON if state.state == PAUSED else OFF,
            "detail": state.detail,
            "cause": state.cause or "uncertain",
            "today": "{:.1f}".format(state.cry_minutes_today),
        }
        if state.last_cry_utc:
            values["last_cry"] = state.last_cry_utc
        return {key: Topic("{}/{}".format(self.base, key), value, True) for key, value in values.items()}

    def measurements(self, state: State) -> Topic:
        """Level and probability, which pass."""
        level = None if state.level_dbfs is None else round(state.level_dbfs)
        fields = {"level_dbfs": level, "cry_percent": round(100 * state.cry_probability)}
        return Topic(self.base + "/measurements", json.dumps(fields), False)

    def event(self, kind: str, fields: Dict[str, Any]) -> Topic:
        """A cry began or ended. Never retained: an old one would come again with every connection."""
        return Topic(self.base + "/event", json.dumps(dict(fields, event_type=kind)), False)

    def _components(self):
        state = lambda key: "{}/{}".format(self.base, key)  # noqa: E731
        measurement = {"state_topic": state("measurements"), "state_class": "measurement", "expire_after": 60}
        entities = {
            "crying": self._entity(
                "binary_sensor", "crying", "Crying", device_class="sound", icon="mdi:emoticon-cry-outline",
                state_topic=state("crying"), expire_after=CRYING_EXPIRES_S),
            "hearing": self._entity(
                "binary_sensor", "hearing", "Hearing", True, device_class="connectivity",
                entity_category="diagnostic", state_topic=state("hearing")),
            "microphone": self._entity(
                "sensor", "microphone", "Microphone", True, device_class="enum", options=STATES,
                entity_category="diagnostic", state_topic=state("microphone")),
            "probability": self._entity(
                "sensor", "cry_probability", "Cry probability", unit_of_measurement="%",
                suggested_display_precision=0, value_template="{{ value_json.cry_percent }}", **measurement),
            # Without a device class: Home Assistant has none that takes dBFS.
            "level": self._entity(
                "sensor", "sound_level", "Sound level", unit_of_measurement="dBFS", suggested_display_precision=0,
                value_template="{{ value_json.level_dbfs }}", **measurement),
            "cause": self._entity(
                "sensor", "cause", "Cause", device_class="enum", options=["uncertain"] + self._causes,
                state_topic=state("cause")),
            "last_cry": self._entity(
                "sensor", "last_cry", "Last cry", True, device_class="timestamp", state_topic=state("last_cry")),
            "today": self._entity(
                "sensor", "crying_today", "Crying today", True, device_class="duration",
                unit_of_measurement="min", state_class="total_increasing", state_topic=state("today")),
            "cry": self._entity("event", "cry", "Cry", event_types=["began", "ended"], state_topic=state("event")),
        }  # fmt: skip
        for mark, title, icon in MARK_BUTTONS:
            entities["mark_" + mark] = self._entity(
                "button", "mark_" + mark, title, True, icon=icon, entity_category="config",
                command_topic=state("set/mark"), payload_press=mark)  # fmt: skip
        if self._with_pause:
            entities["pause"] = self._entity(
                "switch", "pause", "Pause", True, icon="mdi:microphone-off", state_topic=state("paused"),
                command_topic=state("set/pause"))  # fmt: skip
        if self._with_loudness:
            entities["loud"] = self._entity(
                "binary_sensor", "loud", "Loud", device_class="sound", state_topic=state("loud"),
                expire_after=CRYING_EXPIRES_S)  # fmt: skip
        return entities

    def _entity(self, platform, key, name, of_the_monitor=False, **more):
        availability = [{"topic": self.availability}]
        if not of_the_monitor:
            availability.append(
                {"topic": self.base + "/hearing", "payload_available": ON, "payload_not_available": OFF}
            )
        return dict(
            more,
            platform=platform,
            unique_id="{}_{}".format(self._id, key),
            name=name,
            # As Home Assistant makes one of the names: earlier versions do, whatever stands here.
            default_entity_id="{}.{}".format(platform, _slug("{} {}".format(self.name, name))),
            availability=availability,
            availability_mode="all",
        )
