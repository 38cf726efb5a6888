"""Whom `cry-monitor bridge` tells, with the very words that are sent: from the configuration, nobody is asked."""

from typing import Iterator, List

from edge.bridge.channels import Pushover, channels_of
from edge.bridge.heartbeat import Heartbeat
from edge.bridge.home_assistant import Device
from edge.bridge.mqtt import checked_prefix, parsed
from edge.bridge.push_rules import samples
from edge.bridge.setup import CAUSES, push_rules_of
from edge.doctor.finding import OK, WRONG, Finding
from edge.errors import UserError
from edge.following.sensors import State
from edge.following.sources import sockets_of

NAME = "told"
ADVICE = "correct the configuration: until then the bridge does not start"
SHOWN = State(hearing=True, state="healthy", detail="hearing USB microphone", level_dbfs=-52.0, cry_probability=0.02)


def destination_findings(settings) -> List[Finding]:
    """One finding for each destination; one that says so where there is none. settings: edge.config.Settings."""
    try:
        found = list(_pushes(settings)) + list(_broker(settings)) + list(_heartbeat(settings))
    except UserError as error:
        return [Finding(NAME, WRONG, str(error), ADVICE)]
    return found or [Finding(NAME, OK, "nobody: the configuration names no address, so nothing is sent")]


def _pushes(settings) -> Iterator[Finding]:
    """The same whether their secrets can be read or not: these are not shown."""
    push = settings.push
    without_secrets = push._replace(
        ntfy_token_file="", webhook_token_file="", pushover_user_file="", pushover_token_file=""
    )
    channels = channels_of(without_secrets)
    if push.pushover_user_file or push.pushover_token_file:
        channels.append(Pushover("", "", push.pushover_url))
    name = next(iter(sockets_of(settings)))
    for channel in channels:
        words = tuple(channel.words(message) for message in samples(push_rules_of(settings), name))
        yield Finding(
            NAME, OK, "{} {}, each of these when it happens".format(channel.name, channel.destination), "", words
        )


def _broker(settings) -> Iterator[Finding]:
    mqtt = settings.mqtt
    if not mqtt.broker:
        return
    prefix = checked_prefix("mqtt.prefix", mqtt.prefix)
    lines = []
    for name in sockets_of(settings):
        device = Device(
            name, prefix, mqtt.discovery_prefix, CAUSES, settings.loudness.enabled, settings.bridge.allow_pause
        )
        topics = [device.discovery("VERSION")] + list(device.topics(SHOWN).values())
        topics += [device.measurements(SHOWN), device.event("began", {"at_utc": "TIME"})]
        lines += ["{} {}".format(topic.topic, topic.payload) for topic in topics]
    where = "mqtt {}, whoever listens there, such a state at every change".format(parsed(mqtt.broker)[0])
    yield Finding(NAME, OK, where, "", tuple(lines))
    if settings.bridge.allow_pause:
        said = "whoever may publish at {} may pause the hearing ([bridge] allow_pause)".format(parsed(mqtt.broker)[0])
        yield Finding("asked", OK, said)


def _heartbeat(settings) -> Iterator[Finding]:
    heartbeat = settings.heartbeat
    if heartbeat.url:
        destination = Heartbeat(heartbeat.url, heartbeat.every_s, lambda: False).destination
        where = "heartbeat {}, every {:g} s while frames are processed".format(destination, heartbeat.every_s)
        yield Finding(NAME, OK, where, "", ("GET, without a word",))
