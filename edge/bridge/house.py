"""All of the bridge together: monitors' sockets in, Home Assistant and people out."""

import threading
import time
from typing import Dict, List

from edge.bridge import home_assistant
from edge.bridge.channels import Channel
from edge.bridge.home_assistant import Device
from edge.bridge.outbox import Outbox
from edge.bridge.push_rules import CRY, PushRules, PushSettings
from edge.following.reader import Readers
from edge.following.sensors import Sensors
from edge.log import log

TICK_S = 0.5


class House(object):
    """Follows every monitor; tells whoever is to be told."""

    def __init__(
        self,
        monitors: Dict[str, Sensors],
        channels: List[Channel],
        rules: PushSettings,
        devices: Dict[str, Device],
        broker=None,
        report=None,
    ):
        """monitors, devices: by the source's name. broker: edge.bridge.mqtt.Broker, None for no MQTT. report: of
        edge.bridge.reports."""
        self._monitors, self._devices, self._broker = monitors, devices, broker
        self._rules = {name: PushRules(rules, name) for name in monitors}
        self.outboxes = [Outbox(channel, report=report) for channel in channels]
        self._versions = {}
        self._repeated_s = self._measured_s = 0.0

    @property
    def frames_flow(self) -> bool:
        """Whether every monitor processes frames now."""
        return all(sensors.frames_flow for sensors in self._monitors.values())

    def take(self, name: str, message: dict) -> None:
        """A message of one monitor."""
        sensors, kind = self._monitors[name], message.get("type")
        try:
            if kind == "gone":
                sensors.gone(message["reason"])
            else:
                sensors.take(message)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("%s says what this version does not understand (%s: %s)", name, kind, error)
            return
        if kind in ("alert", "event"):
            self._event(name, kind, message)
        if kind != "frame":
            self._follow(name)

    def tick(self) -> None:
        """Time has passed."""
        now_s = time.monotonic()
        for name, sensors in self._monitors.items():
            sensors.tick()
            self._follow(name)
        if not self._broker:
            return
        if now_s - self._measured_s >= home_assistant.LEVEL_EVERY_S:
            self._measured_s = now_s
            for name, sensors in self._monitors.items():
                if sensors.state.hearing:
                    self._broker.tell(self._devices[name].measurements(sensors.state))
        if now_s - self._repeated_s >= home_assistant.REPEAT_S:
            self._repeated_s = now_s
            self._repeat()

    def close(self) -> None:
        """End; what could not be told is said."""
        for outbox in self.outboxes:
            outbox.close()
        if self._broker:
            self._broker.close()

    def _repeat(self):
        """What expires, fed by processed frames: a pipeline that hangs lets it expire."""
        for name, sensors in self._monitors.items():
            if sensors.frames_flow:
                for key in ("crying", "loud"):
                    self._broker.repeat("{}/{}".format(self._devices[name].base, key))

    def _push(self, messages):
        for message in messages:
            for outbox in self.outboxes:
                outbox.put(message)

    def _follow(self, name):
        sensors = self._monitors[name]
        self._push(self._rules[name].follow(sensors.state))
        if not self._broker:
            return
        device = self._devices[name]
        if device.learn(sensors.state.cause) or self._versions.get(name) != sensors.version:
            self._versions[name] = sensors.version
            self._broker.keep(device.discovery(sensors.version or "unknown"))
        for topic in device.topics(sensors.state).values():
            self._broker.keep(topic)

    def _event(self, name, kind, message):
        if kind == "event":
            length_s = message["end_s"] - message["start_s"]
            self._push(self._rules[name].ended(length_s, message.get("cause")))
        if not self._broker:
            return
        if kind == "alert":
            topic = self._devices[name].event("began", {"at_utc": message["at_utc"]})
        else:
            fields = {"start_utc": message["start_utc"], "end_utc": message["end_utc"]}
            topic = self._devices[name].event("ended", fields)
        if not self._broker.tell(topic):
            log.warning("not told to Home Assistant, as there is no connection: a %s %s", CRY, kind)


def run(house: House, sockets: Dict[str, str], stop: threading.Event) -> None:
    """Read every socket until `stop` is set. sockets: {source's name: path}."""
    readers, next_tick_s = Readers(sockets), 0.0
    try:
        while not stop.is_set():
            for name, message in readers.messages(TICK_S):
                house.take(name, message)
            if time.monotonic() >= next_tick_s:
                next_tick_s = time.monotonic() + TICK_S
                house.tick()
    finally:
        readers.close()
        house.close()
