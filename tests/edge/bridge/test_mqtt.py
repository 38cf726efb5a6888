"""Home Assistant's side, with a real broker: what stands in the topics, whatever happens to the connection."""

import json
import shutil
import subprocess
import sys
import time

import pytest
from monitor_messages import alert, event, frame, status
from receivers import Mosquitto, Subscriber, free_port, make_certificates, until

from edge.bridge.home_assistant import Device, availability_topic
from edge.bridge.house import House
from edge.bridge.mqtt import Broker
from edge.bridge.push_rules import PushSettings
from edge.bridge.trial import BROKER_PATIENCE_S, connect
from edge.errors import UserError
from edge.following.sensors import Loudness, Sensors, State

pytest.importorskip("paho.mqtt.client")

PREFIX = "cry-monitor"
BASE = PREFIX + "/nursery"
CAUSES = ["hungry", "tired"]


def broker_at(port, user="", password="", ca_file="", scheme="mqtt"):
    return Broker(
        "{}://127.0.0.1:{}".format(scheme, port),
        user,
        password,
        ca_file,
        "cry-monitor-test",
        availability_topic("cry-monitor", "nursery"),
        births="homeassistant/status",
    )


def house_with(broker):
    sensors = {"nursery": Sensors("nursery", Loudness(-30.0, 0.0))}
    device = Device("nursery", "cry-monitor", "homeassistant", CAUSES)
    return House(sensors, [], PushSettings(), {"nursery": device}, broker)


@pytest.fixture
def mosquitto(tmp_path):
    broker = Mosquitto(tmp_path)
    yield broker
    broker.kill()


@pytest.fixture
def told(mosquitto):
    """(House, Subscriber) over a broker, connected."""
    broker, subscriber = broker_at(mosquitto.port), Subscriber(mosquitto.port)
    house = house_with(broker)
    broker.start()
    until(lambda: broker.is_connected)
    yield house, subscriber
    house.close()
    subscriber.close()


def stands(subscriber, key, payload):
    return until(lambda: subscriber.topics.get("{}/{}".format(BASE, key)) == payload)


def test_the_device_is_found_with_every_entity(told):
    house, subscriber = told
    house.take("nursery", status())
    document = json.loads(until(lambda: subscriber.topics.get("homeassistant/device/cry_monitor_nursery/config")))
    assert set(document["components"]) == {
        "crying", "loud", "hearing", "microphone", "probability", "level", "cause", "last_cry", "today", "cry",
        "mark_cry", "mark_other",
    }  # fmt: skip
    assert document["origin"]["name"] == "cry-monitor" and document["device"]["sw_version"] == "0.1.0"
    for entity in document["components"].values():
        assert entity["unique_id"].startswith("cry_monitor_nursery_") and entity["availability_mode"] == "all"
    assert len(document["components"]["crying"]["availability"]) == 2
    assert len(document["components"]["hearing"]["availability"]) == 1
    assert document["components"]["crying"]["expire_after"] == 90
    assert "device_class" not in document["components"]["level"]


def test_crying_is_on_off_and_off_with_hearing(told):
    house, subscriber = told
    house.take("nursery", status())
    stands(subscriber, "hearing", "ON")
    stands(subscriber, "crying", "OFF")
    house.take("nursery", alert())
    stands(subscriber, "crying", "ON")
    house.take("nursery", event(90.0, posterior={"hungry": 1.0}))
    stands(subscriber, "crying", "OFF")
    stands(subscriber, "cause", "uncertain")
    stands(subscriber, "today", "1.5")
    house.take("nursery", alert())
    stands(subscriber, "crying", "ON")
    house.take("nursery", status("lost", "unplugged"))
    stands(subscriber, "hearing", "OFF")
    stands(subscriber, "crying", "OFF")
    stands(subscriber, "microphone", "lost")


def test_events_are_told_and_never_kept(told):
    house, subscriber = told
    house.take("nursery", status())
    house.take("nursery", alert())
    house.take("nursery", event())
    kinds = until(lambda: [json.loads(p)["event_type"] for t, p, _ in subscriber.all if t == BASE + "/event"][:2] or 0)
    until(lambda: len([1 for t, _, _ in subscriber.all if t == BASE + "/event"]) == 2)
    assert kinds[0] == "began"
    assert not any(retained for t, _, retained in subscriber.all if t == BASE + "/event")


def test_level_and_probability_are_told_while_it_hears(told):
    house, subscriber = told
    house.take("nursery", status())
    house.take("nursery", frame(-41.6, 0.256))
    house.tick()
    fields = json.loads(until(lambda: subscriber.topics.get(BASE + "/measurements")))
    assert fields == {"level_dbfs": -42, "cry_percent": 26}


def test_a_restarted_home_assistant_is_told_everything(told, mosquitto):
    house, subscriber = told
    house.take("nursery", status())
    stands(subscriber, "hearing", "ON")
    del subscriber.all[:]
    subscriber.client.publish("homeassistant/status", "online")
    until(lambda: {BASE + "/crying", BASE + "/hearing"} <= {topic for topic, _, _ in subscriber.all})


def test_a_restarted_broker_is_told_everything_and_nothing_queues(told, mosquitto):
    house, subscriber = told
    house.take("nursery", status())
    stands(subscriber, "hearing", "ON")
    mosquitto.kill()
    until(lambda: not house._broker.is_connected)
    for _ in range(1000):
        house.take("nursery", alert())
        house.take("nursery", event())
    house.take("nursery", alert())
    subscriber.topics.clear()
    del subscriber.all[:]
    mosquitto.start()
    stands(subscriber, "crying", "ON")
    assert len([1 for topic, _, _ in subscriber.all if topic == BASE + "/event"]) == 0


def test_the_last_will_says_that_the_bridge_is_gone(told, mosquitto):
    house, subscriber = told
    house.take("nursery", status())
    availability = availability_topic("cry-monitor", "nursery")
    until(lambda: subscriber.topics.get(availability) == "online")
    house._broker._client._sock_close()  # as if it had been killed
    house._broker._client.loop_stop()
    until(lambda: subscriber.topics.get(availability) == "offline", 60.0)


def test_a_bridge_that_dies_says_nothing_of_another_ones_monitors(told, mosquitto):
    """Two boards at one broker: neither speaks for the other, living or dead."""
    house, subscriber = told
    other = Broker(
        "mqtt://127.0.0.1:{}".format(mosquitto.port), "", "", "", "attic", availability_topic(PREFIX, "attic")
    )
    other.start()
    ours, theirs = availability_topic(PREFIX, "nursery"), availability_topic(PREFIX, "attic")
    until(lambda: subscriber.topics.get(theirs) == "online")
    other.close()
    until(lambda: subscriber.topics.get(theirs) == "offline")
    assert subscriber.topics[ours] == "online"
    house.take("nursery", status())
    document = json.loads(until(lambda: subscriber.topics.get("homeassistant/device/cry_monitor_nursery/config")))
    assert document["components"]["crying"]["availability"][0]["topic"] == ours


def test_a_cause_of_another_bundle_is_found_too(told):
    house, subscriber = told
    house.take("nursery", status())
    house.take("nursery", event(60.0, cause="lonely", posterior={"lonely": 1.0}))
    stands(subscriber, "cause", "lonely")
    config = "homeassistant/device/cry_monitor_nursery/config"
    until(lambda: "lonely" in json.loads(subscriber.topics[config])["components"]["cause"]["options"])


def test_goodbye_is_said(told):
    house, subscriber = told
    house.take("nursery", status())
    house.close()
    until(lambda: subscriber.topics.get(availability_topic("cry-monitor", "nursery")) == "offline")


def trouble_of(broker):
    broker.start()
    trouble = until(lambda: broker.trouble if "not connected yet" not in broker.trouble else "")
    broker.close()
    return trouble


def test_nobody_listens():
    assert "nobody listens there" in trouble_of(broker_at(free_port()))


def test_no_such_host():
    broker = Broker("mqtt://no-such-host.invalid", "", "", "", "test", "a/b")
    assert "no such host" in trouble_of(broker)


def test_a_wrong_password_is_said(tmp_path):
    password_file, port = tmp_path / "passwords", free_port()
    if not shutil.which("mosquitto_passwd"):
        pytest.skip("no mosquitto_passwd here")
    subprocess.check_call(["mosquitto_passwd", "-b", "-c", str(password_file), "nursery", "right"])
    extra = "listener {} 127.0.0.1\npassword_file {}\nallow_anonymous false\n".format(port, password_file)
    broker = Mosquitto(tmp_path, extra, port)
    try:
        assert "password is wrong" in trouble_of(broker_at(port, "nursery", "wrong"))
        right = broker_at(port, "nursery", "right")
        right.start()
        until(lambda: right.is_connected)
        right.close()
    finally:
        broker.kill()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def tls_mosquitto(folder, certificates, name):
    """A broker that shows that certificate."""
    port = free_port()
    extra = "listener {0} 127.0.0.1\nallow_anonymous true\ncertfile {1}/{2}.crt\nkeyfile {1}/{2}.key\n"
    return Mosquitto(folder, extra.format(port, certificates, name), port)


def test_tls_is_checked(tmp_path, certificates):
    broker = tls_mosquitto(tmp_path, certificates, "server")
    try:
        good = broker_at(broker.port, ca_file=str(certificates / "ca.crt"), scheme="mqtts")
        good.start()
        until(lambda: good.is_connected)
        good.close()
        bad = trouble_of(broker_at(broker.port, ca_file=str(certificates / "another.crt"), scheme="mqtts"))
        assert "certificate is not trusted" in bad
    finally:
        broker.kill()


def test_a_certificate_of_another_name_is_refused(tmp_path, certificates):
    broker = tls_mosquitto(tmp_path, certificates, "elsewhere")
    try:
        bad = trouble_of(broker_at(broker.port, ca_file=str(certificates / "ca.crt"), scheme="mqtts"))
        assert "certificate is not trusted" in bad and "127.0.0.1" in bad
    finally:
        broker.kill()


def test_a_broker_that_accepts_and_never_answers_is_never_waited_for(tmp_path):
    import socket

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        broker = broker_at(listening.getsockname()[1])
        house, started = house_with(broker), time.monotonic()
        broker.start()
        for _ in range(100):
            house.take("nursery", status())
            house.take("nursery", frame())
            house.tick()
        assert time.monotonic() - started < BROKER_PATIENCE_S  # a hundred times asked, and not once waited
        assert broker.trouble
        broker._client.loop_stop()


def test_connecting_says_so_as_soon_as_it_is(mosquitto):
    began = time.monotonic()
    assert connect(broker_at(mosquitto.port)) == "connected"
    assert time.monotonic() - began < BROKER_PATIENCE_S


def test_without_paho_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(UserError, match="pip install 'paho-mqtt"):
        broker_at(1)


@pytest.mark.parametrize("loud", [True, False])
@pytest.mark.parametrize("hearing", [True, False])
def test_loud_and_crying_are_on_only_while_it_hears(hearing, loud):
    topics = Device("nursery", "cry-monitor", "homeassistant", CAUSES).topics(
        State(hearing=hearing, loud=loud, crying=loud)
    )
    wanted = "ON" if hearing and loud else "OFF"
    assert (topics["loud"].payload, topics["crying"].payload) == (wanted, wanted)
    assert topics["hearing"].payload == ("ON" if hearing else "OFF")
