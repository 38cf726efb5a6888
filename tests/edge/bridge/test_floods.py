"""Ten thousand messages a second, from the monitor's socket and from the broker: the rest goes on."""

import json
import os
import socket
import threading
import time
from contextlib import suppress

import pytest
from monitor_messages import alert, frame, status
from receivers import Mosquitto, Subscriber, until

from edge.bridge.channels import Webhook
from edge.bridge.home_assistant import Device, availability_topic
from edge.bridge.house import House, run
from edge.bridge.mqtt import Broker
from edge.bridge.orders import Orders
from edge.bridge.push_rules import PushSettings
from edge.following.reader import MOST_MESSAGES, Readers
from edge.following.sensors import Sensors

FLOOD = 30000


class Flood:
    """A socket that says that it hears, then FLOOD frames as quickly as they are taken, then an alert."""

    def __init__(self, folder):
        self.path = os.path.join(str(folder), "s")
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(self.path)
        self._listening.listen(1)
        self.took_s = None
        self._ended = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def close(self):
        self._ended.set()
        self._listening.close()

    def _run(self):
        with suppress(OSError):
            connection, _ = self._listening.accept()
            started_s = time.monotonic()
            connection.sendall(line(status()) + line(frame()) * FLOOD)
            self.took_s = time.monotonic() - started_s
            connection.sendall(line(status()) + line(alert()))
            while not self._ended.wait(0.5):
                connection.sendall(line(frame()))


def line(message):
    return (json.dumps(message) + "\n").encode("ascii")


@pytest.fixture
def flood(tmp_path):
    flood = Flood(tmp_path)
    yield flood
    flood.close()


def test_an_alert_is_told_through_a_flood_of_frames(flood, receiver):
    house = House({"nursery": Sensors("nursery")}, [Webhook(receiver.url)], PushSettings(), {}, None)
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(house, {"nursery": flood.path}, stop))
    thread.start()
    until(lambda: [body for _, _, _, body in receiver.requests if b"Crying" in body])
    stop.set()
    thread.join()


def test_what_nobody_takes_is_dropped_and_not_kept(flood):
    readers = Readers({"nursery": flood.path})
    until(lambda: flood.took_s is not None)
    assert readers._messages.qsize() <= MOST_MESSAGES
    kinds = []
    until(lambda: kinds.extend(message["type"] for _, message in readers.messages(0.2)) or "alert" in kinds)
    assert len(kinds) <= 2 * MOST_MESSAGES
    readers.close()


def test_a_flood_of_the_broker_stops_nothing(tmp_path):
    pytest.importorskip("paho.mqtt.client")
    mosquitto = Mosquitto(tmp_path)
    subscriber = Subscriber(mosquitto.port)
    orders = Orders({"nursery": str(tmp_path / "nobody")}, "cry-monitor", True)
    url = "mqtt://127.0.0.1:{}".format(mosquitto.port)
    broker = Broker(
        url, "", "", "", "test", availability_topic("cry-monitor", "nursery"), None, orders.topics, orders.take
    )
    house = House(
        {"nursery": Sensors("nursery")}, [], PushSettings(), {"nursery": Device("nursery", "cry-monitor", "ha")}, broker
    )
    broker.start()
    until(lambda: broker.is_connected)
    house.take("nursery", status())
    until(lambda: subscriber.client.publish("cry-monitor/nursery/set/pause", "OFF") and orders.refused)
    for _ in range(10000):
        subscriber.client.publish("cry-monitor/nursery/set/pause", "ON")
    house.take("nursery", alert())
    until(lambda: subscriber.topics.get("cry-monitor/nursery/crying") == "ON")
    assert broker.is_connected
    house.close()
    subscriber.close()
    mosquitto.kill()
