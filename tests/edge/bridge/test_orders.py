"""What is asked over a real broker reaches a real socket: marks, and a pause that ends when the bridge does."""

import json
import threading

import pytest
from patience import PATIENCE_S
from receivers import Mosquitto, Subscriber, until

from edge.bridge.home_assistant import availability_topic
from edge.bridge.mqtt import Broker
from edge.bridge.orders import LONGEST_PAYLOAD, MOST_WAITING, Orders, mark_of, pause_seconds
from edge.errors import UserError
from edge.records import Event
from edge.runtime.pause import Pause
from edge.sinks.client import Client
from edge.sinks.local_socket import LocalSocketSink
from edge.sinks.place import listen
from edge.status import HEALTHY, PAUSED, Status
from edge.store import Store
from edge.store.marks import mark_requests

pytest.importorskip("paho.mqtt.client")

ASKED = "cry-monitor/nursery/set/"


class Monitor:
    """A real socket with a real pause and database behind it, and nobody who hears."""

    def __init__(self, folder):
        self.path, self.database = str(folder / "s"), str(folder / "night.db")
        self.pause, self.status = Pause(), Status()
        with Store(self.database) as store:
            store.add_event(Event(0, 5, 0.9), 1.8e9)
        self.look()
        requests = dict(self.pause.requests(), **mark_requests(lambda: self.database))
        self._sink = LocalSocketSink(listen(self.path), self.status.snapshot, requests, self.path, self.pause.left)
        self.status.begin(lambda *row: None, lambda: self._sink.status(self.status.snapshot()))

    def look(self):
        """As the listening thread does with every block."""
        state = PAUSED if self.pause.is_on else HEALTHY
        if self.status.state != state:
            self.status.enter(state, "")
        return self.pause.is_on

    @property
    def mark(self):
        with Store(self.database, read_only=True) as store:
            return store.events()[0].mark

    def close(self):
        self._sink.close()


@pytest.fixture
def monitor(tmp_path):
    monitor = Monitor(tmp_path)
    yield monitor
    monitor.close()


@pytest.fixture
def asked(tmp_path, monitor):
    """asked(allow_pause) -> (Orders, publish) over a broker, connected."""
    mosquitto = Mosquitto(tmp_path)
    subscriber, brokers = Subscriber(mosquitto.port), []

    def asked(allow_pause=True):
        orders = Orders({"nursery": monitor.path}, "cry-monitor", allow_pause)
        broker = Broker(
            "mqtt://127.0.0.1:{}".format(mosquitto.port), "", "", "", "cry-monitor-test",
            availability_topic("cry-monitor", "nursery"), commands=orders.topics, on_command=orders.take,
        )  # fmt: skip
        brokers.append(broker)
        broker.start()
        until(lambda: broker.is_connected)
        return orders, subscriber.client.publish

    yield asked
    for broker in brokers:
        broker.close()
    subscriber.close()
    mosquitto.kill()


def ask_until(publish, topic, payload, condition):
    """The subscription may come later than the connection: QoS 0 is asked again, as a person would press again."""
    until(lambda: condition() or (publish(ASKED + topic, payload) and False) or condition())


def test_a_pause_and_its_end(asked, monitor):
    _, publish = asked()
    ask_until(publish, "pause", "30", monitor.look)
    ask_until(publish, "pause", "OFF", lambda: not monitor.look())


def test_a_pause_is_refused_unless_it_is_allowed(asked, monitor, caplog):
    orders, publish = asked(allow_pause=False)
    ask_until(publish, "pause", "ON", lambda: orders.refused)
    assert not monitor.look() and "allow_pause" in caplog.text


def test_marks(asked, monitor):
    _, publish = asked()
    ask_until(publish, "mark", "cry", lambda: monitor.mark == "cry")
    ask_until(publish, "mark", json.dumps({"event": 1, "mark": "other"}), lambda: monitor.mark == "other")


def test_what_is_retained_is_not_asked_again(asked, monitor):
    orders, publish = asked()
    publish(ASKED + "pause", "ON", retain=True)
    until(monitor.look)
    publish(ASKED + "pause", "OFF")
    until(lambda: not monitor.look())
    again, publish = asked()  # a connection that finds it
    ask_until(publish, "mark", "cry", lambda: monitor.mark == "cry")
    assert not monitor.look()


def test_hearing_goes_on_when_whoever_paused_it_is_gone(monitor):
    with Client(monitor.path) as client:
        client.request("pause", seconds=3600, while_connected=True)
        assert monitor.look()
    until(lambda: not monitor.look())
    assert "gone" in monitor.pause.why_over


def test_a_later_pause_outlives_whoever_asked_for_the_one_before(monitor):
    with Client(monitor.path) as client:
        client.request("pause", seconds=3600, while_connected=True)
        with Client(monitor.path) as other:
            other.request("pause", seconds=600)
    with Client(monitor.path) as client:
        client.request("status")
    assert monitor.look()


def test_a_flood_is_passed_over_and_said_once(monitor, caplog):
    orders = Orders({"nursery": monitor.path}, "cry-monitor", False)
    for _ in range(10000):
        orders.take(ASKED + "pause", b"ON")
    until(lambda: orders.refused == 10000, 60.0)
    assert caplog.text.count("more is asked") <= 10000 // MOST_WAITING
    orders.take(ASKED + "mark", b"cry")
    until(lambda: monitor.mark == "cry")


@pytest.mark.parametrize(
    "topic, payload, said",
    [
        (ASKED + "pause", b"for ever", "1 to 120 minutes"),
        (ASKED + "pause", b"nan", "1 to 120 minutes"),
        (ASKED + "pause", b"\xff\x00", "1 to 120 minutes"),
        (ASKED + "pause", b"9" * (LONGEST_PAYLOAD + 1), "201 bytes are asked, at most 200"),
        (ASKED + "pause", b"9" * LONGEST_PAYLOAD, "1 to 120 minutes"),
        (ASKED + "mark", b"nothing", "mark is"),
        (ASKED + "mark", b'{"event": 1}', "use cry, other"),
        (ASKED + "mark", b"[" * 100, "mark is"),
        (ASKED + "mark", b"{", "use cry, other"),
        (ASKED + "mark", b"[1]", "mark is"),
        (ASKED + "mark", b'{"event": 99, "mark": "cry"}', "no event 99"),
        (ASKED + "mark", b'{"event": "1; DROP TABLE events", "mark": "cry"}', "event is"),
        (ASKED + "reboot", b"now", "no such request"),
    ],
)
def test_what_cannot_be_is_one_line(monitor, caplog, topic, payload, said):
    orders = Orders({"nursery": monitor.path}, "cry-monitor", True)
    orders.take(topic, payload)
    until(lambda: orders.refused)
    (record,) = caplog.records
    assert said in record.getMessage() and "\n" not in record.getMessage() and len(record.getMessage()) < 300
    assert not monitor.pause.is_on


def test_a_pause_is_held_until_it_is_over_and_does_not_hinder_what_is_asked_meanwhile(monitor, caplog):
    orders, others = Orders({"nursery": monitor.path}, "cry-monitor", True), holders()
    orders.take(ASKED + "pause", b"30")
    until(monitor.look)
    orders.take(ASKED + "mark", b"cry")
    until(lambda: monitor.mark == "cry")
    assert orders.refused == 0 and monitor.look()
    (holder,) = set(holders()) - set(others)
    orders.take(ASKED + "pause", b"OFF")
    until(lambda: not monitor.look())
    holder.join(PATIENCE_S)
    assert not holder.is_alive() and orders.refused == 0
    assert caplog.text.count("nursery is paused over MQTT until ") == 1


def holders():
    """The threads that hold a pause."""
    return [thread for thread in threading.enumerate() if thread.name == "pause of nursery"]


def test_another_bridges_monitor_is_passed_over(monitor, caplog):
    orders = Orders({"nursery": monitor.path}, "cry-monitor", True)
    orders.take("cry-monitor/attic/set/mark", b"other")
    orders.take(ASKED + "mark", b"cry")
    until(lambda: monitor.mark == "cry")
    assert orders.refused == 0 and "attic" not in caplog.text


def test_words_and_lengths():
    assert [pause_seconds(text) for text in ("ON", "OFF", "1", "120")] == [1800.0, 0.0, 60.0, 7200.0]
    assert mark_of("other") == ("last", "other")
    for text in ("", "0", "0.99", "120.1", "121", "-5", "inf", "on", "1e2x"):
        with pytest.raises(UserError):
            pause_seconds(text)
