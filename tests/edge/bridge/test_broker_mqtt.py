"""The broker's connection without a broker: which address it has, what it sends, and what it makes of answers."""

import pytest

from edge.bridge.home_assistant import Topic, availability_topic
from edge.bridge.mqtt import Broker, checked_prefix, parsed
from edge.errors import UserError

pytest.importorskip("paho.mqtt.client")


@pytest.mark.parametrize(
    "url", ["", "host", "http://host", "mqtt://", "mqtt://h:x", "mqtt://u:p@h", "mqtt://h/topic", "mqtt:// h"]
)
def test_a_broker_that_cannot_be_is_refused(url):
    with pytest.raises(UserError, match="mqtt.broker"):
        parsed(url)


@pytest.mark.parametrize("prefix", ["", "a/+", "#", "/a", "a/", "a//b", "$SYS", "a b"])
def test_a_prefix_with_wildcards_is_refused(prefix):
    with pytest.raises(UserError, match="mqtt.prefix"):
        checked_prefix("mqtt.prefix", prefix)


@pytest.mark.parametrize(
    "url, found",
    [
        ("mqtt://h", ("mqtt://h:1883", "h", 1883, False)),
        ("mqtts://h", ("mqtts://h:8883", "h", 8883, True)),
        ("mqtt://10.0.0.2:1/", ("mqtt://10.0.0.2:1", "10.0.0.2", 1, False)),
        ("mqtts://[::1]:65535", ("mqtts://::1:65535", "::1", 65535, True)),
    ],
)
def test_a_broker_has_the_port_that_is_named_or_its_kinds(url, found):
    assert parsed(url) == found


class Client:
    """What paho is told."""

    def __init__(self):
        self.published, self.subscribed = [], []

    def publish(self, topic, payload, qos, retain):
        self.published.append((topic, payload, qos, retain))

    def subscribe(self, topic, qos):
        self.subscribed.append((topic, qos))


@pytest.fixture
def unconnected():
    """A broker with a client that only notes what it is told."""
    broker = Broker(
        "mqtt://127.0.0.1",
        "",
        "",
        "",
        "test",
        availability_topic("cry-monitor", "nursery"),
        births="homeassistant/status",
    )
    broker._client = Client()
    return broker


def test_without_a_connection_nothing_is_sent_and_that_is_known(unconnected):
    assert unconnected.tell(Topic("a", "b", False)) is False
    unconnected.keep(Topic("a", "b", True))
    unconnected.repeat("a")
    assert unconnected._client.published == []
    unconnected._connected(unconnected._client, None, None, 0)
    assert unconnected._client.published == [
        ("cry-monitor/bridge/nursery/availability", "online", 1, True),
        ("a", "b", 1, True),
    ]
    assert unconnected._client.subscribed == [("homeassistant/status", 1)]


def test_what_stands_is_sent_with_qos_1_once_and_again_when_that_is_asked(unconnected):
    unconnected._connected(unconnected._client, None, None, 0)
    del unconnected._client.published[:]
    assert unconnected.tell(Topic("a", "event", False)) is True
    for payload in ("b", "b", "c", "b"):
        unconnected.keep(Topic("a", payload, True))
    unconnected.repeat("a")
    unconnected.repeat("never kept")
    sent = [(payload, qos, retain) for _, payload, qos, retain in unconnected._client.published]
    assert sent == [("event", 0, False)] + [(payload, 1, True) for payload in "bcbb"]


@pytest.mark.parametrize("code, said", [(4, "password is wrong"), (5, "password is wrong"), (134, "password is wrong")]
                         + [(135, "password is wrong"), (3, "refuses: 3")])  # fmt: skip
def test_a_refusal_is_said_once_and_is_no_connection(unconnected, caplog, code, said):
    for _ in range(2):
        unconnected._connected(unconnected._client, None, None, code)
    assert not unconnected.is_connected and said in unconnected.trouble
    assert len(caplog.records) == 1 and caplog.records[0].getMessage().endswith("; trying again")
    assert unconnected._client.published == unconnected._client.subscribed == []


def test_a_connection_that_is_lost_is_said_and_one_that_never_was_is_not(unconnected, caplog):
    unconnected._disconnected(unconnected._client, None, 1)
    assert unconnected.trouble == "not connected yet" and caplog.text == ""
    unconnected._connected(unconnected._client, None, None, 0)
    assert unconnected.is_connected and unconnected.trouble == ""
    unconnected._disconnected(unconnected._client, None, 1)
    assert not unconnected.is_connected and "the connection is lost" in unconnected.trouble


class Message:
    def __init__(self, topic, payload, retain=False):
        self.topic, self.payload, self.retain = topic, payload, retain


def test_what_comes_from_the_broker_is_an_order_or_the_birth_of_home_assistant(unconnected):
    orders = []
    unconnected._on_command = lambda topic, payload: orders.append((topic, payload))
    unconnected._connected(unconnected._client, None, None, 0)
    del unconnected._client.published[:]
    for message in (
        Message("homeassistant/status", b"offline"),
        Message("cry-monitor/nursery/set/pause", b"ON", retain=True),
        Message("cry-monitor/nursery/set/pause", b"OFF"),
    ):
        unconnected._message(None, None, message)
    assert orders == [("cry-monitor/nursery/set/pause", b"OFF")] and unconnected._client.published == []
    unconnected._message(None, None, Message("homeassistant/status", b"online", retain=True))
    assert len(unconnected._client.published) == 1 and len(orders) == 1
