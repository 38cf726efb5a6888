"""From the configuration to the parts of a bridge. Nothing is sent, and no connection is made, before start()."""

import re
from typing import List, Optional

from edge.bridge.channels import channels_of
from edge.bridge.heartbeat import Heartbeat
from edge.bridge.home_assistant import Device, availability_topic, bridge_name
from edge.bridge.house import House
from edge.bridge.mqtt import Broker, checked_prefix
from edge.bridge.orders import Orders
from edge.bridge.push_rules import PushSettings
from edge.bridge.reports import reporter
from edge.credentials import read_secret
from edge.errors import UserError
from edge.following.sensors import Loudness, Sensors
from edge.following.sources import sockets_of

CAUSES = ("belly_pain", "burping", "discomfort", "hungry", "tired")
MINUTE_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)$")


class Parts(object):
    """What is to be told, and where what is told comes from. sockets: {source's name: path}."""

    def __init__(self, settings):
        """Raises UserError for what cannot be."""
        self.sockets = sockets_of(settings)
        loudness = settings.loudness
        self._loudness = Loudness(loudness.threshold_dbfs, loudness.for_s) if loudness.enabled else None
        self.channels = channels_of(settings.push)  # type: List[Channel]
        self.rules = push_rules_of(settings)
        self.broker = broker_of(settings, self.sockets)  # type: Optional[Broker]
        self._mqtt = settings.mqtt
        self._allow_pause = settings.bridge.allow_pause
        self._heartbeat_settings = settings.heartbeat
        self.heartbeat = None  # type: Optional[Heartbeat]
        self.house = None  # type: Optional[House]
        if settings.heartbeat.url:
            self.heartbeat = Heartbeat(
                settings.heartbeat.url,
                settings.heartbeat.every_s,
                lambda: self.house is not None and self.house.frames_flow,
            )

    def destinations(self) -> List[str]:
        """Every place that is told something, without secrets."""
        places = [self.broker.destination] if self.broker else []
        places += [channel.destination for channel in self.channels]
        return places + ([self.heartbeat.destination] if self.heartbeat else [])

    def start(self) -> House:
        """Connect and begin."""
        monitors = {name: Sensors(name, self._loudness) for name in self.sockets}
        devices = {
            name: Device(
                name,
                self._mqtt.prefix,
                self._mqtt.discovery_prefix,
                CAUSES,
                self._loudness is not None,
                self._allow_pause,
                bridge_name(self.sockets),
            )
            for name in self.sockets
        }
        self.house = House(monitors, self.channels, self.rules, devices, self.broker, reporter(self.sockets))
        if self.broker:
            self.broker.start()
        if self.heartbeat:
            self.heartbeat.start()
        return self.house

    def close(self) -> None:
        """End what start() began beside the house."""
        if self.heartbeat:
            self.heartbeat.close()


def bridge_of(settings) -> Parts:
    """The Parts of a bridge with these settings (edge.config.Settings). Raises UserError."""
    return Parts(settings)


def push_rules_of(settings) -> PushSettings:
    """The rules of the [push] settings. Raises UserError."""
    push = settings.push
    quiet = None
    if push.quiet_from or push.quiet_to:
        quiet = (minute_of_day("push.quiet_from", push.quiet_from), minute_of_day("push.quiet_to", push.quiet_to))
    return PushSettings(
        min_length_s=push.min_length_s,
        min_gap_s=push.min_gap_s,
        repeat_s=push.repeat_s,
        deaf_after_s=push.deaf_after_s,
        quiet=quiet,
        tell_loud=settings.loudness.enabled and settings.loudness.push,
        tell_name=push.tell_name,
        tell_cause=push.tell_cause,
        tell_end=push.tell_end,
    )


def minute_of_day(key: str, text: str) -> int:
    """Minutes since midnight of "22:30". Raises UserError."""
    match = MINUTE_OF_DAY.match(text)
    if not match:
        raise UserError("{} is {!r}: use a time of day such as 22:30, for both ends".format(key, text))
    return 60 * int(match.group(1)) + int(match.group(2))


def broker_of(settings, sockets) -> Optional[Broker]:
    """The connection of the [mqtt] settings, not yet begun; None without a broker. Raises UserError."""
    mqtt = settings.mqtt
    if not mqtt.broker:
        return None
    prefix = checked_prefix("mqtt.prefix", mqtt.prefix)
    discovery = checked_prefix("mqtt.discovery_prefix", mqtt.discovery_prefix)
    orders = Orders(sockets, prefix, settings.bridge.allow_pause)
    return Broker(
        mqtt.broker,
        mqtt.user,
        read_secret("mqtt.password_file", mqtt.password_file),
        mqtt.ca_file,
        client_id="cry-monitor-" + bridge_name(sockets),
        availability=availability_topic(prefix, bridge_name(sockets)),
        births=discovery + "/status",
        commands=orders.topics,
        on_command=orders.take,
    )
